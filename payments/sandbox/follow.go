package sandbox

import "slices"

// follow brings a subscription under a schedule to the phase that holds now. It
// reports false if the subscription ended with its schedule. At a renewal
// nothing is left to prorate: the new items are what the renewal bills.
func (s *Server) follow(sub *subscription) bool {
	sc := s.scheduleOf(sub)
	if sc == nil || s.now() < sc.Phases[sc.At].End {
		return true
	}
	if sc.At+1 == len(sc.Phases) {
		return s.runOut(sc, sub)
	}
	next := sc.Phases[sc.At+1]
	renewal := s.now() >= sub.PeriodEnd
	behaviour := next.Proration
	if renewal {
		behaviour = "none"
	}
	ch := s.planned(sub, s.itemsOf(sub, next.Items), behaviour, s.now())
	s.change("subscription_schedule.updated", sc.ID, func() { sc.At++ })
	s.inherit(sub, next)
	if renewal {
		s.identify(ch)
		sub.Items = ch.items
		if ch.restarts {
			sub.Anchor = s.now()
		}
		return true
	}
	s.settleItems(sub, ch, behaviour)
	return true
}

// inherit copies what a phase says besides its items.
func (s *Server) inherit(sub *subscription, ph phase) {
	sub.Metadata = patch{set: ph.Metadata}.apply(sub.Metadata)
	if ph.DefaultPM != "" {
		sub.DefaultPM = ph.DefaultPM
	}
	if ph.Description != "" {
		sub.Description = ph.Description
	}
}

// runOut ends a schedule after its last phase.
func (s *Server) runOut(sc *schedule, sub *subscription) bool {
	if sc.EndBehavior == "release" {
		s.release(sc, sub, false)
		return true
	}
	sc.Status, sc.Completed = "completed", s.now()
	s.emit("subscription_schedule.completed", s.viewSchedule(sc), nil)
	s.end(sub, "canceled", "cancellation_requested")
	return false
}

// turn enters a phase within a period. It discards a pending update.
func (s *Server) turn(sub *subscription) {
	if sub.Update != nil {
		s.expirePending(sub)
	}
	before := s.viewSubscription(sub)
	if s.follow(sub) {
		s.emitChange("customer.subscription.updated", before, s.viewSubscription(sub))
	}
}

// split tells a schedule of items that were changed past it: the running phase
// ends and one with the new items takes its place. Later phases stay.
func (s *Server) split(sub *subscription) {
	sc := s.scheduleOf(sub)
	if sc == nil || sameItems(sc.Phases[sc.At].Items, phaseItems(sub.Items)) {
		return
	}
	s.change("subscription_schedule.updated", sc.ID, func() {
		phases := slices.Clone(sc.Phases)
		now := phases[sc.At]
		now.Start, now.Items = s.now(), phaseItems(sub.Items)
		if phases[sc.At].Start < s.now() {
			phases[sc.At].End = s.now()
			sc.At++
			phases = slices.Insert(phases, sc.At, now)
		} else {
			phases[sc.At] = now
		}
		sc.Phases = phases
	})
}

// itemsAt are the items that a renewal at t will bill, if nothing else changes.
func (s *Server) itemsAt(sub *subscription, items []item, t int64) []item {
	sc := s.scheduleOf(sub)
	if sc == nil {
		return items
	}
	for _, ph := range sc.Phases[sc.At+1:] {
		if ph.Start <= t && t < ph.End {
			return s.itemsOf(sub, ph.Items)
		}
	}
	if last := sc.Phases[len(sc.Phases)-1]; len(sc.Phases) > sc.At+1 && t >= last.End {
		return s.itemsOf(sub, last.Items)
	}
	return items
}

// nextPhase describes the phase that waits, for the pages.
func (s *Server) nextPhase(sub *subscription) (int64, string) {
	sc := s.scheduleOf(sub)
	if sc == nil || sc.At+1 == len(sc.Phases) {
		return 0, ""
	}
	next := sc.Phases[sc.At+1]
	return next.Start, s.namedAll(s.itemsOf(sub, next.Items))
}
