package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
)

// smtp sends mail through a mail server. It keeps nothing.
type smtp struct {
	client  *mail.Client
	from    string
	catalog *billing.Catalog
}

const smtpPatience = 10 * time.Second // with each answer of the server

// newSMTP reads smtp://user:password@host:port (STARTTLS, which a server on this
// machine may do without) or smtps:// (TLS from the start).
func newSMTP(address, from string, catalog *billing.Catalog) (*smtp, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, fmt.Errorf("SMTP_URL must be smtp://user:password@host:port")
	}
	opts := []mail.Option{mail.WithTLSPolicy(mail.TLSMandatory), mail.WithTimeout(smtpPatience)}
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
	return &smtp{client: client, from: from, catalog: catalog}, err
}

// Send implements billing.Mailer.
func (s *smtp) Send(ctx context.Context, m billing.Mail) error {
	text := views.NewMail(s.catalog, m)
	msg := mail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	if err := msg.AddToFormat(text.Name, m.To.Email); err != nil {
		return fmt.Errorf("recipient: %w", errors.Join(billing.ErrMailRefused, err))
	}
	if m.ID != "" {
		_, host, _ := strings.Cut(msg.GetFromString()[0], "@")
		msg.SetMessageIDWithValue(m.ID + "@" + strings.TrimRight(host, ">"))
	}
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office answers
	msg.Subject(text.Subject)
	msg.SetBodyString(mail.TypeTextPlain, text.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, text.HTML)
	return refusal(s.client.DialAndSendWithContext(ctx, msg))
}

// refusal marks an error that trying again does not mend: the server does not
// know the reader, or will not have the message.
func refusal(err error) error {
	const permanent = 500
	e, ok := errors.AsType[*mail.SendError](err)
	if ok && !e.IsTemp() && e.ErrorCode() >= permanent && (e.Reason == mail.ErrSMTPRcptTo || e.Reason == mail.ErrSMTPDataClose) {
		return errors.Join(billing.ErrMailRefused, err)
	}
	return err
}

// check connects and signs in, and sends nothing.
func (s *smtp) check(ctx context.Context) error {
	if err := s.client.DialWithContext(ctx); err != nil {
		return err
	}
	return s.client.Close()
}
