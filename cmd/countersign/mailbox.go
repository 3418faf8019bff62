package main

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
)

// mailbox keeps the demo's mails in memory, for its own page.
type mailbox struct {
	catalog *billing.Catalog
	mu      sync.Mutex
	count   int
	mails   []delivered
}

// delivered is a mail that would have been sent.
type delivered struct {
	id   string
	mail billing.Mail
	text views.Mail
	at   time.Time
}

const mailboxSize = 100

// Send implements billing.Mailer.
func (b *mailbox) Send(_ context.Context, m billing.Mail) error {
	text := views.NewMail(b.catalog, m)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	b.mails = append(b.mails, delivered{id: strconv.Itoa(b.count), mail: m, text: text, at: time.Now()})
	if len(b.mails) > mailboxSize {
		b.mails = b.mails[1:]
	}
	return nil
}

// list is what the mailbox page shows, newest first.
func (b *mailbox) list() (mails []views.MailboxMail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range slices.Backward(b.mails) {
		mails = append(mails, views.MailboxMail{
			ID: m.id, To: m.mail.To.Email, Subject: m.text.Subject, Text: m.text.Text, Link: m.mail.URL, At: views.Moment(m.at),
		})
	}
	return mails
}

// html is one mail as a mail program shows it.
func (b *mailbox) html(id string) (page string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.mails {
		if m.id == id {
			return m.text.HTML, true
		}
	}
	return "", false
}
