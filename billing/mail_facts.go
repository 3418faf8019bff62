package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The facts that people are told of by mail. Owners and billing admins are told;
// who has made the decision is not told of it.

const (
	// An agent cannot flood an inbox: so many of its requests are mailed, and the
	// others wait on the pages.
	asksMailedHour = 3
	asksMailedDay  = 10
	// answerPause is how long the mail about an approval waits for the one about what
	// came of it, which takes its place.
	answerPause = 2 * time.Minute
	// mailedLate is how old a fact of Stripe's may be: what a server that was away for
	// longer finds is history.
	mailedLate = 7 * aDay
	// paidLate is how long before the last reading a payment may lie that it has missed.
	paidLate = aDay
)

// notice is a mail to all who can decide, about one fact.
type notice struct {
	orgID   string
	key     string // of the fact
	message Message
	at      time.Time // of the fact; zero: now
	asker   string
	except  string
	pause   time.Duration
}

// mail writes a mail in the transaction of its fact. Without a mail server
// nothing is kept.
func (s *Service) mail(ctx context.Context, tx Tx, n notice) error {
	if s.mailer == nil {
		return nil
	}
	text, err := json.Marshal(n.message)
	if err != nil {
		return err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	if n.at.IsZero() {
		n.at = now
	}
	return tx.InsertMails(ctx, MailDraft{
		OrgID: n.orgID, Key: n.key, Kind: n.message.kind(), Message: string(text), Asker: n.asker, Except: n.except,
		FactAt: n.at, At: now, DueAt: now.Add(n.pause),
	})
}

// mailAsked tells of an agent's request that waits on the web. In chat the
// agent's own user is there to be asked.
func (s *Service) mailAsked(ctx context.Context, tx Tx, a Approval, now time.Time) error {
	if s.mailer == nil || a.Mode != ModeWeb {
		return nil
	}
	hour, err := tx.CountMails(ctx, a.OrgID, a.Actor.ID, now.Add(-time.Hour))
	if err != nil {
		return err
	}
	day, err := tx.CountMails(ctx, a.OrgID, a.Actor.ID, now.Add(-aDay))
	if err != nil || hour >= asksMailedHour || day >= asksMailedDay {
		return err
	}
	m := waitingMail(a)
	m.Last = hour+1 == asksMailedHour || day+1 == asksMailedDay
	return s.mail(ctx, tx, notice{orgID: a.OrgID, key: "asked/" + a.ID, message: m, asker: a.Actor.ID})
}

func waitingMail(a Approval) RequestWaits {
	return RequestWaits{Request: a.ID, Agent: a.Actor.Name, Quote: a.Quote, Until: a.ExpiresAt}
}

// mailSent tells of a request that a member asks to be looked at: once an hour.
func (s *Service) mailSent(ctx context.Context, tx Tx, a Approval, by Actor) error {
	m := waitingMail(a)
	m.Sender = by.Name
	hour := s.Now().Unix() / int64(time.Hour/time.Second)
	return s.mail(ctx, tx, notice{orgID: a.OrgID, key: fmt.Sprintf("sent/%s/%s/%d", a.ID, by.ID, hour), message: m})
}

func answeredKey(request string) string { return "answered/" + request }

// mailAnswered tells the others what a person has decided. An approval is told of
// by what comes of it, unless that takes long.
func (s *Service) mailAnswered(ctx context.Context, tx Tx, a Approval, paused bool) error {
	if a.DecidedBy.Kind == KindAgent {
		return nil // in chat; the change is told of
	}
	n := notice{orgID: a.OrgID, key: answeredKey(a.ID), except: a.DecidedBy.ID}
	m := RequestAnswered{
		Request: a.ID, Agent: a.Actor.Name, Quote: a.Quote, Approved: a.State == ApprovalApproved, By: a.DecidedBy.Name, At: a.DecidedAt, Paused: paused,
	}
	if a.Denial != nil {
		m.Reason = a.Denial.Reason
	}
	if m.Approved {
		n.pause = answerPause
	}
	n.message = m
	return s.mail(ctx, tx, n)
}

// mailChange tells what became of a change that an agent asked for. One that was
// found in a backup may have been told of before.
func (s *Service) mailChange(ctx context.Context, tx Tx, i Intent, out Outcome) error {
	if s.mailer == nil || i.ApprovalID == "" || !i.RestoredAt.IsZero() || i.State == IntentNeedsReview {
		return nil
	}
	m := AgentChange{
		Request: i.ApprovalID, Agent: i.Actor.Name, Quote: i.Quote, By: i.DecidedBy, End: ChangeDone, At: i.FinishedAt,
		Charged: out.Charged, Credited: out.Credited, EffectiveAt: out.EffectiveAt,
	}
	switch {
	case out.waitsForBank():
		m.End = ChangeBank
	case out.Failure != nil:
		m.End, m.Why = ChangeFailed, out.Failure.Message
	}
	if err := tx.WithdrawMails(ctx, i.OrgID, answeredKey(i.ApprovalID)); err != nil {
		return err
	}
	return s.mail(ctx, tx, notice{orgID: i.OrgID, key: "change/" + i.ApprovalID + "/" + string(m.End), message: m})
}

// mailTrialEnding tells that so many days of a trial are left.
func (s *Service) mailTrialEnding(ctx context.Context, tx Tx, sub Subscription, days int) error {
	t := sub.Trial
	return s.mail(ctx, tx, notice{
		orgID: sub.OrgID, key: fmt.Sprintf("trial/%d/%d", t.EndsAt.Unix(), days), message: TrialEnding{Plan: t.Plan, EndsAt: t.EndsAt},
		at: t.EndsAt.AddDate(0, 0, -days),
	})
}

// isNews reports whether what happened at Stripe is told of: not what is older
// than a week, nor what is older than the org is here. What is older than a
// restoration from a backup is left out as the mail is written.
func (s *Service) isNews(org Org, at time.Time) bool {
	return !at.Before(org.CreatedAt.Truncate(time.Second)) && s.Now().Sub(at) <= mailedLate
}

// newlyPaid are the invoices of a reading that are paid and were not when it was
// last written down. It has to be asked before the reading is.
func (s *Service) newlyPaid(ctx context.Context, tx Tx, org Org, before Subscription, read []Invoice) ([]Invoice, error) {
	if s.mailer == nil {
		return nil, nil
	}
	var paid []Invoice
	for _, i := range read {
		if i.Status == "paid" && i.Paid != nil && i.Paid.Amount.Amount > 0 && s.isNews(org, i.Paid.At) &&
			(before.SyncedAt.IsZero() || i.Paid.At.After(before.SyncedAt.Add(-paidLate))) {
			paid = append(paid, i)
		}
	}
	if len(paid) == 0 {
		return nil, nil
	}
	known, err := tx.Invoices(ctx, org.ID, "", NewestInvoices)
	return slices.DeleteFunc(paid, func(i Invoice) bool {
		return slices.ContainsFunc(known, func(k Invoice) bool { return k.ID == i.ID && (k.Status == "paid" || k.Status == "refunded") })
	}), err
}

// mailMoney tells what a reading of Stripe says about money: receipts, and a
// renewal that could not be collected.
func (s *Service) mailMoney(ctx context.Context, tx Tx, org Org, before, after Subscription, paid []Invoice) error {
	if s.mailer == nil {
		return nil
	}
	for _, i := range paid {
		m := InvoicePaid{Invoice: i.ID, Number: i.Number, Description: i.Description, Total: i.Amount.Amount, Payment: *i.Paid}
		m.HostedURL = i.HostedURL
		if err := s.mail(ctx, tx, notice{orgID: org.ID, key: "receipt/" + i.ID, message: m, at: i.Paid.At}); err != nil {
			return err
		}
	}
	n, failed := s.unpaid(org, before, after)
	if !failed || !s.isNews(org, n.at) {
		return nil
	}
	return s.mail(ctx, tx, n)
}

func owing(st SubscriptionStatus) bool { return st == StatusPastDue || st == StatusUnpaid }

// unpaid is what there is to tell about a try that failed, which shows by when
// the next one is, or about the end after the last one.
func (s *Service) unpaid(org Org, before, after Subscription) (notice, bool) {
	open := after.Action
	m := PaymentFailed{Plan: after.Plan, Card: after.Card, Out: !org.Complimentary() && !s.entitled(after, s.Now())}
	switch {
	case before.Status.Live() && !after.EndedUnpaidAt.IsZero():
		m.Plan, m.Ended = before.Plan, true
		if before.Action != nil {
			m.Amount, m.Invoice = before.Action.Amount, before.Action.InvoiceID
		}
		return notice{orgID: org.ID, key: fmt.Sprintf("ended/%d", after.EndedUnpaidAt.Unix()), message: m, at: after.EndedUnpaidAt}, true
	case !owing(after.Status) || open == nil || open.Plan != "":
		return notice{}, false
	}
	at := open.Failed
	if at.IsZero() {
		at = after.PastDueSince
	}
	if was := before.Action; was != nil && was.InvoiceID == open.InvoiceID && owing(before.Status) {
		if at = was.NextTry; at.Equal(open.NextTry) {
			return notice{}, false
		}
	}
	m.Invoice, m.Amount, m.NextTry, m.NeedsBank = open.InvoiceID, open.Amount, open.NextTry, open.NeedsBank
	if until := s.keptUntil(org, after); until != nil {
		m.KeepUntil = *until
	}
	return notice{orgID: org.ID, key: fmt.Sprintf("unpaid/%s/%d", open.InvoiceID, open.NextTry.Unix()), message: m, at: at}, true
}
