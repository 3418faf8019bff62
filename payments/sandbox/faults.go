package sandbox

import (
	"context"
	"errors"
	"slices"
	"time"
)

// faults are the switches that make the next API requests go wrong.
type faults struct {
	failStatus, failCount int
	loseCount             int
}

func (f *faults) status() int {
	if f.failCount == 0 {
		return 0
	}
	f.failCount--
	return f.failStatus
}

func (f *faults) lose() bool {
	if f.loseCount == 0 {
		return false
	}
	f.loseCount--
	return true
}

// FailNext answers the next n API requests with status and does not execute
// them. As at Stripe, a 500 is remembered under the request's idempotency
// key; other statuses are not.
func (s *Server) FailNext(status, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.failStatus, s.faults.failCount = status, n
}

// LoseNextAnswer executes the next POST or DELETE and then breaks the
// connection without an answer.
func (s *Server) LoseNextAnswer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.loseCount++
}

// FailNextPayment declines the customer's next payment, whatever the card.
// It reports whether there is such a customer.
func (s *Server) FailNextPayment(customer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.st.Customers.get(customer)
	if c == nil || c.Deleted {
		return false
	}
	c.FailNext++
	s.dirty = true
	_ = s.save() // the next change writes the whole state again
	return true
}

// HeldEvent is an event that waits while deliveries are held.
type HeldEvent struct{ ID, Type, Object string }

// HoldEvents keeps events back from now on, until ReleaseEvents.
func (s *Server) HoldEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Holding, s.dirty = true, true
}

// Held lists the events that wait, oldest first.
func (s *Server) Held() []HeldEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []HeldEvent
	for _, d := range s.st.Held {
		if ev := s.st.Events.get(d.Event); ev != nil {
			out = append(out, HeldEvent{ev.ID, ev.Type, ev.Object})
		}
	}
	return out
}

// DeliverHeld sends waiting events now, in the order given and as often as an
// id is repeated, and returns when all were answered. The rest goes on
// waiting. The error joins what failed; a failed delivery is not repeated.
func (s *Server) DeliverHeld(order ...string) error {
	var errs []error
	for _, id := range order {
		for _, d := range s.heldOf(id) {
			errs = append(errs, s.send(d))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Held = slices.DeleteFunc(s.st.Held, func(d delivery) bool { return slices.Contains(order, d.Event) })
	s.dirty = true
	return errors.Join(errs...)
}

func (s *Server) heldOf(id string) []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []delivery
	for _, d := range s.st.Held {
		if d.Event == id && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// ReleaseEvents ends the holding: the events named are delivered first, in
// that order, then the rest in the order in which they happened.
func (s *Server) ReleaseEvents(order ...string) error {
	err := s.DeliverHeld(order...)
	s.mu.Lock()
	s.st.Holding, s.dirty = false, true
	rest := s.st.Held
	s.st.Held = nil
	s.mu.Unlock()
	errs := []error{err}
	for _, d := range rest {
		errs = append(errs, s.send(d))
	}
	return errors.Join(errs...)
}

// DropEvents forgets all events that wait for delivery, held or queued, and
// returns how many. They stay in /v1/events.
func (s *Server) DropEvents() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.st.Held) + len(s.st.Queue)
	s.st.Held, s.st.Queue, s.dirty = nil, nil, true
	return n
}

// DeliverTwice makes every following event arrive twice, or once again.
func (s *Server) DeliverTwice(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Twice, s.dirty = on, true
}

// WaitDelivered waits until no delivery is queued; held ones do not count.
func (s *Server) WaitDelivered(ctx context.Context) error {
	t := time.NewTicker(2 * time.Millisecond)
	defer t.Stop()
	for {
		if _, more := s.head(); !more {
			return nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
