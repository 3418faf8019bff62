package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
)

// smtp sends sign-in links through a mail server. It keeps nothing.
type smtp struct {
	client *mail.Client
	from   string
}

// newSMTP reads smtp://user:password@host:port (STARTTLS where offered) or
// smtps:// (TLS from the start).
func newSMTP(address, from string) (*smtp, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, fmt.Errorf("SMTP_URL must be smtp://user:password@host:port")
	}
	opts := []mail.Option{mail.WithTLSPolicy(mail.TLSMandatory), mail.WithTimeout(10 * time.Second)}
	if u.Scheme == "smtps" {
		opts = append(opts, mail.WithSSL())
	}
	if loopback(u.Hostname()) {
		opts = append(opts, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		opts = append(opts, mail.WithPort(port))
	}
	if password, ok := u.User.Password(); ok {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	client, err := mail.NewClient(u.Hostname(), opts...)
	return &smtp{client: client, from: from}, err
}

// SendSignInLink sends the mail; the link is written nowhere else.
func (s *smtp) SendSignInLink(ctx context.Context, to, name, link string, expires time.Time) error {
	return s.send(ctx, to, name, views.SignInMail(name, link, expires))
}

func (s *smtp) SendRequest(ctx context.Context, to, name, sender, what, url, code string) error {
	return s.send(ctx, to, name, views.RequestMail(name, sender, what, url, code))
}

func (s *smtp) SendTrialEnding(ctx context.Context, to string, m billing.TrialMail) error {
	return s.send(ctx, to, m.Name, views.TrialEndingMail(m))
}

func (s *smtp) send(ctx context.Context, to, name string, text views.Mail) error {
	m := mail.NewMsg()
	if err := m.From(s.from); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	if err := m.AddToFormat(name, to); err != nil {
		return fmt.Errorf("recipient: %w", err)
	}
	m.Subject(text.Subject)
	m.SetBodyString(mail.TypeTextPlain, text.Text)
	m.AddAlternativeString(mail.TypeTextHTML, text.HTML)
	return s.client.DialAndSendWithContext(ctx, m)
}

// noMail is the mailer of a server without one: it says so in the log, where
// the operator sees it, and never the link.
type noMail struct{ warn func() }

func (n noMail) SendSignInLink(context.Context, string, string, string, time.Time) error {
	n.warn()
	return nil
}

func (n noMail) SendRequest(context.Context, string, string, string, string, string, string) error {
	n.warn()
	return nil
}

func (n noMail) SendTrialEnding(context.Context, string, billing.TrialMail) error {
	n.warn()
	return nil
}

// mailbox keeps the demo's mails in memory, for its own page.
type mailbox struct {
	mu    sync.Mutex
	mails []letter
}

type letter struct {
	to, subject, text, link string
	at                      time.Time
}

const mailboxSize = 50

func (b *mailbox) SendSignInLink(_ context.Context, to, name, link string, expires time.Time) error {
	return b.keep(to, link, views.SignInMail(name, link, expires))
}

func (b *mailbox) SendRequest(_ context.Context, to, name, sender, what, url, code string) error {
	return b.keep(to, url, views.RequestMail(name, sender, what, url, code))
}

func (b *mailbox) SendTrialEnding(_ context.Context, to string, m billing.TrialMail) error {
	return b.keep(to, m.URL, views.TrialEndingMail(m))
}

func (b *mailbox) keep(to, link string, text views.Mail) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, letter{to: to, subject: text.Subject, text: text.Text, link: link, at: time.Now()})
	if len(b.mails) > mailboxSize {
		b.mails = b.mails[1:]
	}
	return nil
}
