package billing

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	mailLanes    = 4                // mails that are sent at the same time
	mailLease    = time.Minute      // longer than a try may take
	mailWithin   = 20 * time.Second // a try, with a server that is slow
	mailLook     = 2 * time.Second  // between two looks for mails that are due
	mailGiveUp   = 72 * time.Hour   // after the mail was written
	keepMails    = 30 * aDay        // after the end; longer than a fact is news (mailedLate)
	slowestRetry = 6 * time.Hour
)

// mailRetry is how long to wait after the n-th try (from 1) has failed.
func mailRetry(n int) time.Duration {
	steps := [...]time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, slowestRetry}
	return steps[min(max(n, 1), len(steps))-1]
}

// MailCounts are the mails of this process since the start.
type MailCounts struct{ Sent, Failed, Dropped int64 }

// mailCounter counts tries by how they ended.
type mailCounter struct{ sent, failed, dropped atomic.Int64 }

// MailCounts counts what was sent, the tries that failed, and what was given up.
func (s *Service) MailCounts() MailCounts {
	return MailCounts{s.mails.sent.Load(), s.mails.failed.Load(), s.mails.dropped.Load()}
}

// WaitingMails counts the mails that wait, and for how long the oldest has.
func (s *Service) WaitingMails(ctx context.Context) (n int, lag time.Duration, err error) {
	n, oldest, err := s.store.WaitingMails(ctx)
	if n > 0 {
		lag = max(0, s.Now().Sub(oldest))
	}
	return n, lag, err
}

// sendSignIn mails a sign-in link now or never.
func (s *Service) sendSignIn(ctx context.Context, to User, link SignIn) error {
	if s.mailer == nil {
		s.log.Error("SMTP_URL is not set: nobody can sign in by mail")
		return nil
	}
	return s.mailer.Send(ctx, Mail{To: to, Message: link, URL: link.URL, At: s.wallNow()})
}

// SendMail sends one mail that is due and writes down how that went. It reports
// whether there was one.
func (s *Service) SendMail(ctx context.Context) (bool, error) {
	m, found, err := s.takeMail(ctx)
	if !found {
		return false, err
	}
	return true, s.sendMail(ctx, m)
}

func (s *Service) takeMail(ctx context.Context) (StoredMail, bool, error) {
	if s.mailer == nil {
		return StoredMail{}, false, nil
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return StoredMail{}, false, err
	}
	m, err := s.store.TakeMail(ctx, now, now.Add(mailLease))
	if errors.Is(err, ErrNotFound) {
		return m, false, nil
	}
	return m, err == nil, err
}

// sendMail sends a mail that was taken. Nothing is locked meanwhile. A server
// that is shutting down finishes the try: cut off, it would be made again.
func (s *Service) sendMail(ctx context.Context, stored StoredMail) error {
	ctx = context.WithoutCancel(ctx)
	m, wanted, err := s.compose(ctx, stored)
	if err != nil {
		return err // the lease runs out, and somebody tries again
	}
	to := MailDropped
	if wanted {
		send, cancel := context.WithTimeout(ctx, mailWithin)
		defer cancel()
		err = s.mailer.Send(send, m)
		to = s.judgeMail(stored, err)
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	if to == MailPending {
		now = now.Add(mailRetry(stored.Tries))
	}
	_, err = s.store.SettleMail(ctx, stored, to, now)
	return err
}

// compose makes the mail; wanted is false for one that nobody needs any more.
func (s *Service) compose(ctx context.Context, stored StoredMail) (m Mail, wanted bool, err error) {
	m = Mail{ID: stored.id(), At: s.Now()}
	if m.Message, err = readMessage(stored.Kind, stored.Message); err != nil {
		s.log.Error("a mail cannot be read and is dropped", "kind", stored.Kind, "org", stored.OrgID, "error", err)
		s.mails.dropped.Add(1)
		return m, false, nil
	}
	m.URL = s.baseURL + m.Message.path()
	var role Role
	if m.To, role, err = s.store.Reader(ctx, stored.OrgID, stored.UserID); err != nil || !role.CanManage() {
		return m, false, err
	}
	if m.Org, err = s.store.Org(ctx, stored.OrgID); err != nil {
		return m, false, err
	}
	wanted, err = s.stillTrue(ctx, stored.OrgID, m.Message)
	return m, wanted, err
}

// stillTrue reports whether what a mail asks somebody to do is still to be done.
func (s *Service) stillTrue(ctx context.Context, orgID string, m Message) (bool, error) {
	switch m := m.(type) {
	case RequestWaits:
		a, err := s.store.Approval(ctx, orgID, m.Request)
		return a.At(s.Now()).State == ApprovalPending, err
	case PaymentFailed:
		sub, err := s.store.Subscription(ctx, orgID)
		if m.Ended {
			return !sub.Status.Live(), err
		}
		return owing(sub.Status) && sub.Action != nil && sub.Action.InvoiceID == m.Invoice, err
	case TrialEnding:
		sub, err := s.store.Subscription(ctx, orgID)
		return !sub.Status.Live() && sub.Trial.Active(s.Now()), err
	}
	return true, nil
}

// judgeMail decides what becomes of a mail after a try. The log never says to
// whom: an address is somebody's.
func (s *Service) judgeMail(m StoredMail, err error) MailState {
	if err == nil {
		s.mails.sent.Add(1)
		return MailSent
	}
	s.mails.failed.Add(1)
	facts := []any{"kind", m.Kind, "org", m.OrgID, "user", m.UserID, "tries", m.Tries, "error", err}
	if errors.Is(err, ErrMailRefused) || s.Now().Sub(m.CreatedAt) >= mailGiveUp {
		s.mails.dropped.Add(1)
		s.log.Error("a mail could not be sent and was given up", facts...)
		return MailDropped
	}
	s.log.Warn("a mail was not sent and will be tried again", facts...)
	return MailPending
}

// mailAll sends what falls due until ctx ends, several at a time, and then waits
// for the tries that are under way. Nothing else waits for it.
func (s *Service) mailAll(ctx context.Context) {
	if s.mailer == nil {
		return
	}
	lanes := make(chan struct{}, mailLanes)
	var busy sync.WaitGroup
	defer busy.Wait()
	for ctx.Err() == nil {
		lanes <- struct{}{}
		m, found, err := s.takeMail(ctx)
		s.must("mails", err)
		if !found {
			<-lanes
			pause(ctx, mailLook)
			continue
		}
		busy.Go(func() {
			s.must("mail", s.sendMail(ctx, m))
			<-lanes
		})
	}
}
