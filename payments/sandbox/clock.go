package sandbox

import (
	"errors"
	"time"
)

// Now is the sandbox's own time: the base clock plus all advances, UTC.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.time()
}

func (s *Server) time() time.Time {
	if s.at != 0 {
		return time.Unix(s.at, 0).UTC()
	}
	return s.opt.Now().Add(s.st.Offset).UTC()
}

// now is the time in Unix seconds: the clock's, or the moment being processed.
func (s *Server) now() int64 { return s.time().Unix() }

// Advance moves the clock forward and does everything that falls due on the
// way, each at its own moment and in order.
func (s *Server) Advance(d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.advance(d)
}

// AdvanceTo moves the clock to t. A t in the past is an error.
func (s *Server) AdvanceTo(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.advance(t.Sub(s.time()))
}

func (s *Server) advance(d time.Duration) error {
	if d < 0 {
		return errors.New("sandbox: the clock only moves forward")
	}
	s.process(s.time().Add(d).Unix())
	s.st.Offset += d
	s.touched()
	return s.save()
}

// tick does what fell due since the last look.
func (s *Server) tick() {
	if now := s.now(); s.wake != 0 && s.wake <= now {
		s.process(now)
		s.touched()
	}
}

func (s *Server) tickNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	_ = s.save() // the next change writes the whole state again
}

// process runs the due work up to and including the moment until.
func (s *Server) process(until int64) {
	defer func() { s.at = 0 }()
	for {
		when, run := s.due()
		if run == nil || when > until {
			return
		}
		s.at = when
		run()
	}
}

func (s *Server) nextDue() int64 {
	when, _ := s.due()
	return when
}

// due finds the earliest thing to do and how to do it.
func (s *Server) due() (int64, func()) {
	var when int64
	var run func()
	at := func(t int64, f func()) {
		if t != 0 && (run == nil || t < when) {
			when, run = t, f
		}
	}
	for _, sub := range s.st.Subs.oldest() {
		if !sub.live() {
			continue
		}
		if sub.Update != nil {
			at(sub.Update.Expires, func() { s.expirePending(sub) })
		}
		if sub.Status == "incomplete" {
			at(sub.Created+pendingHours*3600, func() { s.expireIncomplete(sub) })
			continue
		}
		if sc := s.scheduleOf(sub); sc != nil {
			at(sc.Warn, func() { s.warn(sc) })
			if end := sc.Phases[sc.At].End; end < sub.PeriodEnd { // else the renewal sees to it
				at(end, func() { s.turn(sub) })
			}
		}
		at(sub.PeriodEnd, func() { s.renew(sub) })
	}
	for _, in := range s.st.Invoices.oldest() {
		if in.Status == "open" {
			at(in.NextAttempt, func() { s.retry(in) })
		}
	}
	for _, cs := range s.st.Checkouts.oldest() {
		if cs.Status == "open" {
			at(cs.Expires, func() { s.expire(cs) })
		}
	}
	return when, run
}

func (s *Server) expirePending(sub *subscription) {
	before := s.viewSubscription(sub)
	s.dropPending(sub)
	s.emit("customer.subscription.pending_update_expired", s.viewSubscription(sub), nil)
	s.emitChange("customer.subscription.updated", before, s.viewSubscription(sub))
}

func (s *Server) expireIncomplete(sub *subscription) {
	if in := s.st.Invoices.get(sub.Latest); in != nil && in.Status == "open" {
		s.void(in)
	}
	s.end(sub, "incomplete_expired", "payment_failed")
}

// nextTry is when an invoice is tried again that failed so many times before: 0
// if it is not.
func (s *Server) nextTry(tries int) int64 {
	if tries >= len(s.opt.RetryDays) {
		return 0
	}
	return s.now() + int64(s.opt.RetryDays[tries])*day
}

const day = 24 * 60 * 60

// renew begins the next period of a subscription, or ends it.
func (s *Server) renew(sub *subscription) {
	before := s.viewSubscription(sub)
	if !s.follow(sub) {
		return
	}
	if sub.AtPeriodEnd {
		s.end(sub, "canceled", "cancellation_requested")
		return
	}
	past := sub.PeriodStart
	sub.PeriodStart, sub.PeriodEnd = sub.PeriodEnd, periodAfter(sub.Anchor, sub.PeriodEnd, s.st.Prices.get(sub.Items[0].Price))
	in := s.draft(sub, "subscription_cycle", s.periodLines(sub, sub.Items, sub.PeriodStart, sub.PeriodEnd))
	in.PeriodStart, in.PeriodEnd = past, sub.PeriodStart
	m := s.payer(sub, sub.Customer)
	s.issue(in)
	if sub.Status == "unpaid" { // invoices go on, nobody tries to collect them
		s.emitChange("customer.subscription.updated", before, s.viewSubscription(sub))
		return
	}
	out := s.askFor(in, m)
	in.NextAttempt = s.nextTry(0) // the event of a failure tells it; payment clears it
	s.settleInvoice(in, m, out)
	if !out.ok && sub.Status == "active" {
		sub.Status = "past_due"
	}
	s.emitChange("customer.subscription.updated", before, s.viewSubscription(sub))
	if !out.ok && in.NextAttempt == 0 {
		s.giveUp(sub)
	}
}

// retry collects an open invoice again; after the last attempt the
// subscription is canceled or unpaid.
func (s *Server) retry(in *invoice) {
	m := s.payer(s.st.Subs.get(in.Sub), in.Customer)
	out := s.askFor(in, m)
	in.Retries++
	in.NextAttempt = s.nextTry(in.Retries)
	s.settleInvoice(in, m, out)
	if !out.ok && in.NextAttempt == 0 {
		s.giveUp(s.st.Subs.get(in.Sub))
	}
}

// giveUp is what the account's settings say of a subscription whose invoice failed
// for the last time.
func (s *Server) giveUp(sub *subscription) {
	if s.opt.UnpaidAfterRetries {
		s.change("customer.subscription.updated", sub.ID, func() { sub.Status = "unpaid" })
		return
	}
	s.end(sub, "canceled", "payment_failed")
}
