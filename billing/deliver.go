package billing

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The delivery of events: in order per org, each until the host has it or three
// days have passed. The promise is "at least once"; the id tells repeats apart.

// Deliverer posts messages to the host application.
type Deliverer interface {
	// Target tells addresses apart without naming them: hex, no secret.
	Target() string
	// Deliver posts the body once, signed, and says how that went.
	Deliver(ctx context.Context, id, body string) Receipt
}

// Receipt is how one attempt went: an HTTP status, or what kept it from one.
type Receipt struct {
	Status int
	Fault  Fault
}

// Fault says what kept an attempt from an answer that we take.
type Fault string

// The faults.
const (
	FaultNone       Fault = ""
	FaultStatus     Fault = "status"     // an answer, and not 2xx
	FaultRedirect   Fault = "redirect"   // 3xx: redirects are not followed
	FaultTimeout    Fault = "timeout"    // no answer in time
	FaultRefused    Fault = "address"    // the name leads to an address that may not be called
	FaultName       Fault = "dns"        // the name was not found
	FaultTLS        Fault = "tls"        // no trusted connection
	FaultConnection Fault = "connection" // no connection, or it broke
)

// Attempt is a line of the delivery log. Bodies are not kept.
type Attempt struct {
	At     time.Time
	Took   time.Duration
	Status int // 0 without an answer
	Fault  Fault
}

// Delivery is an event with what the operator's pages show.
type Delivery struct {
	OutboxEvent
	OrgName string
	// NextAt is when the org's oldest event is tried next; zero unless pending.
	NextAt   time.Time
	Attempts []Attempt // newest first; of a single delivery only
}

// DeliveryFilter selects deliveries. Zero fields select all.
type DeliveryFilter struct {
	OrgID  string
	State  DeliveryState
	Type   EventType
	Before string // id of the last one seen; newest first
	Limit  int    // 0: 50; at most 200
}

// WebhookHealth is how the outgoing webhooks do.
type WebhookHealth struct {
	Configured      bool
	Pending, Failed int
	Oldest          time.Time // of the pending ones; zero if there is none
	GoneAt          time.Time // the host answered 410 and is not called any more
}

// Sending reports whether events go out at all.
func (h WebhookHealth) Sending() bool { return h.Configured && h.GoneAt.IsZero() }

// OutboxTx: what the host application is told.
type OutboxTx interface {
	// InsertEvent puts the event at the end of its org's queue.
	InsertEvent(ctx context.Context, e OutboxEvent) error
	// TakeEvent takes the oldest pending event of an org that is due and that
	// nobody else is at, until leaseUntil. ErrNotFound if there is none, or the
	// target is gone.
	TakeEvent(ctx context.Context, target string, now, leaseUntil time.Time) (OutboxEvent, error)
	// SettleEvent writes an attempt into the log and e's State, Tries, FirstAt and
	// FinishedAt, and lets the org's queue go on at due; false if somebody else
	// has taken the org since (e.Lease).
	SettleEvent(ctx context.Context, e OutboxEvent, a Attempt, due time.Time) (bool, error)
	// ReplayEvent makes an event of any state pending and its org due.
	ReplayEvent(ctx context.Context, id string, now time.Time) (OutboxEvent, error)
	// HurryEvents forgets that the target was gone and makes every org due that
	// waits for a later attempt.
	HurryEvents(ctx context.Context, target string, now time.Time) error
	// TargetGone notes that the target wants no more events.
	TargetGone(ctx context.Context, target string, at time.Time) error
	Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error)
	Delivery(ctx context.Context, id string) (Delivery, error)
	WebhookHealth(ctx context.Context, target string) (WebhookHealth, error)
	// HeldUp lists the orgs' queues whose oldest event was tried and not taken, the
	// one that is due last first.
	HeldUp(ctx context.Context, limit int) ([]Queue, error)
	// PruneEvents deletes attempts and finished events that are older than before
	// and gives up what has waited untried for as long; it returns how many.
	PruneEvents(ctx context.Context, before, now time.Time, limit int) (gaveUp int, err error)
	// NewestIntent is the org's last one, whatever became of it.
	NewestIntent(ctx context.Context, orgID string) (Intent, error)
}

const (
	senders      = 8                // deliveries at the same time, each of another org
	sendLease    = 30 * time.Second // longer than an attempt may take
	sendWithin   = 15 * time.Second
	giveUpAfter  = 72 * time.Hour // since the first attempt
	keepEvents   = 30 * 24 * time.Hour
	prunedEvents = 1000 // at once, so that nobody waits for long
	statusGone   = 410
	firstSuccess = 200
	lastSuccess  = 299
)

// retryAfter is how long to wait after the n-th attempt (from 1) has failed.
func retryAfter(n int) time.Duration {
	steps := [...]time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}
	return steps[min(max(n, 1), len(steps))-1]
}

// DeliverNext sends one event that is due and writes down how that went. It
// reports whether there was one.
func (s *Service) DeliverNext(ctx context.Context) (bool, error) {
	if s.deliverer == nil {
		return false, nil
	}
	e, found, err := s.takeEvent(ctx)
	if !found {
		return false, err
	}
	return true, s.deliver(ctx, e)
}

func (s *Service) takeEvent(ctx context.Context) (OutboxEvent, bool, error) {
	now, err := s.store.Now(ctx)
	if err != nil {
		return OutboxEvent{}, false, err
	}
	e, err := s.store.TakeEvent(ctx, s.deliverer.Target(), now, now.Add(sendLease))
	if errors.Is(err, ErrNotFound) {
		return e, false, nil
	}
	return e, err == nil, err
}

// deliver sends an event that was taken. A server that is shutting down
// finishes the attempt: cut off, it would be made again.
func (s *Service) deliver(ctx context.Context, e OutboxEvent) error {
	ctx = context.WithoutCancel(ctx)
	begun := s.wallNow()
	send, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	r := s.deliverer.Deliver(send, e.ID, e.Payload)
	now, err := s.store.Now(ctx)
	if err != nil {
		return err // the lease runs out and somebody sends it again
	}
	e, due := judge(e, r, now)
	s.logAttempt(e, r)
	return s.store.InTx(ctx, func(tx Tx) error {
		held, err := tx.SettleEvent(ctx, e, Attempt{At: now, Took: s.wallNow().Sub(begun), Status: r.Status, Fault: r.Fault}, due)
		if err != nil || !held || r.Status != statusGone {
			return err
		}
		return tx.TargetGone(ctx, s.deliverer.Target(), now)
	})
}

// judge decides what becomes of an event after an attempt, and when its org's
// queue goes on.
func judge(e OutboxEvent, r Receipt, now time.Time) (OutboxEvent, time.Time) {
	e.Tries++
	if e.FirstAt.IsZero() {
		e.FirstAt = now
	}
	end := e.FirstAt.Add(giveUpAfter)
	switch {
	case r.Fault == FaultNone && r.Status >= firstSuccess && r.Status <= lastSuccess:
		e.State, e.FinishedAt = DeliveryDelivered, now
		return e, now
	case r.Status == statusGone:
		return e, now // as soon as the target is back
	case !now.Before(end):
		e.State, e.FinishedAt = DeliveryFailed, now
		return e, now
	}
	// The last attempt is made when the time is over.
	due := now.Add(retryAfter(e.Tries))
	if due.After(end) {
		due = end
	}
	return e, due
}

// logAttempt never says the address: it may be somebody's secret.
func (s *Service) logAttempt(e OutboxEvent, r Receipt) {
	facts := []any{"event", e.ID, "org", e.OrgID, "type", e.Type, "tries", e.Tries, "status", r.Status, "fault", r.Fault}
	switch {
	case r.Status == statusGone:
		s.log.Error("the host application wants no more webhooks (410): they wait until an operator resumes them", facts...)
	case e.State == DeliveryFailed:
		s.log.Error("a webhook could not be delivered and was given up", facts...)
	case e.State == DeliveryPending:
		s.log.Warn("a webhook was not delivered and will be tried again", facts...)
	}
}

// deliverAll sends what falls due until ctx ends, several orgs at a time, and
// then waits for the attempts that are under way.
func (s *Service) deliverAll(ctx context.Context) {
	if s.deliverer == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	slots, free := make(chan struct{}, senders), make(chan struct{}, 1)
	var busy sync.WaitGroup
	defer busy.Wait()
	for ctx.Err() == nil {
		slots <- struct{}{}
		e, found, err := s.takeEvent(ctx)
		s.must("webhooks", err)
		if found {
			busy.Go(func() {
				s.must("webhook", s.deliver(ctx, e))
				<-slots
				select {
				case free <- struct{}{}: // the org's next event may be due
				default:
				}
			})
			continue
		}
		<-slots
		select {
		case <-free:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// PruneEvents deletes the delivery log and the finished events of more than 30 days
// ago.
func (s *Service) PruneEvents(ctx context.Context) error {
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	gaveUp, err := s.store.PruneEvents(ctx, now.Add(-keepEvents), now, prunedEvents)
	if gaveUp > 0 {
		s.log.Error("webhooks waited for 30 days and were given up", "events", gaveUp)
	}
	return err
}

// Deliveries lists events for the operator, newest first.
func (s *Service) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 200)
	return s.store.Deliveries(ctx, f)
}

// Delivery reads one event with its attempts, for the operator. Errors: ErrNotFound.
func (s *Service) Delivery(ctx context.Context, id string) (Delivery, error) {
	return s.store.Delivery(ctx, id)
}

// WebhookHealth sums the outgoing webhooks up, for the operator.
func (s *Service) WebhookHealth(ctx context.Context) (WebhookHealth, error) {
	target := ""
	if s.deliverer != nil {
		target = s.deliverer.Target()
	}
	h, err := s.store.WebhookHealth(ctx, target)
	h.Configured = s.deliverer != nil
	return h, err
}

// Replay sends an event again, under the id that it had: a delivered or failed
// one goes back to its place in the org's queue, ahead of what is newer, and a
// pending one is tried at once.
//
// Errors: ErrForbidden unless by is an operator; ErrNotFound.
func (s *Service) Replay(ctx context.Context, by Actor, id string) error {
	if by.Kind != KindOperator {
		return ErrForbidden
	}
	return s.store.InTx(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		e, err := tx.ReplayEvent(ctx, id, now)
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, e.OrgID, by, "webhook.replayed", e.ID, map[string]any{"type": e.Type})
	})
}

// ResumeWebhooks calls the host again after it said that it was gone, and tries
// at once what waits for a later attempt. Errors: ErrForbidden unless by is an
// operator.
func (s *Service) ResumeWebhooks(ctx context.Context, by Actor) error {
	switch {
	case by.Kind != KindOperator:
		return ErrForbidden
	case s.deliverer == nil:
		return nil
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	s.log.Info("webhooks resumed", "by", by.Name)
	return s.store.HurryEvents(ctx, s.deliverer.Target(), now)
}
