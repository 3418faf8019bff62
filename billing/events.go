package billing

import (
	"context"
	"time"
)

// UsageEvent is something that happened in the host application and counts.
type UsageEvent struct {
	UsageKey
	Resource string
	Quantity int64
	At       time.Time // zero: now
}

// maxAhead is how far a caller's clock may be ahead of ours.
const maxAhead = 5 * time.Minute

// EventReport says what became of the events.
type EventReport struct {
	Accepted, Duplicate int
	Rejected            []RejectedEvent // by index
}

// RejectedEvent is an event that was not counted, and why.
type RejectedEvent struct {
	Index int
	Err   *Error
}

// ReportEvents counts events of counters, each in the window of its time, all in
// one transaction. An event that cannot be counted is left out and named; one
// whose key was counted before is a duplicate and no harm. Reports are of what
// happened already, so no cap refuses them.
//
// Errors: ErrHostOnly.
func (s *Service) ReportEvents(ctx context.Context, p Principal, events []UsageEvent) (EventReport, error) {
	if p.Kind != KindHost {
		return EventReport{}, ErrHostOnly
	}
	b := eventBatch{outcome: make([]*Error, len(events)), twin: make(map[UsageKey]int, len(events))}
	if err := s.sortEvents(ctx, &b, events); err != nil {
		return EventReport{}, err
	}
	counted, err := s.countEvents(ctx, &b)
	if err != nil {
		return EventReport{}, err
	}
	return b.report(counted), nil
}

// eventBatch is a call's events on their way.
type eventBatch struct {
	orgs    map[string]Overview // of Terms
	outcome []*Error            // by index; errDuplicate for what was counted before
	todo    []CountedEvent
	index   []int            // of todo's events
	twin    map[UsageKey]int // where in todo a key is
}

// errDuplicate marks an event that was counted before. It is never shown.
var errDuplicate = &Error{Code: "duplicate"}

// sortEvents finds the window of each event, and those that cannot be counted.
func (s *Service) sortEvents(ctx context.Context, b *eventBatch, events []UsageEvent) error {
	now := s.Now()
	if err := s.terms(ctx, b, events); err != nil {
		return err
	}
	b.todo, b.index = make([]CountedEvent, 0, len(events)), make([]int, 0, len(events))
	for i, e := range events {
		if e.At.IsZero() {
			e.At = now
		}
		org, known := b.orgs[e.OrgID]
		res, bad := s.checkEvent(e, known, now)
		if bad != nil {
			b.outcome[i] = bad
			continue
		}
		c := CountedEvent{UsageKey: e.UsageKey, Resource: e.Resource, Quantity: e.Quantity, At: e.At.UTC().Truncate(time.Microsecond)}
		if first, again := b.twin[e.UsageKey]; again {
			b.outcome[i] = sameUse(b.todo[first], c.Resource, c.Quantity)
			continue
		}
		c.Start, _ = windowAt(res, org.Subscription, c.At)
		b.twin[e.UsageKey] = len(b.todo)
		b.todo, b.index = append(b.todo, c), append(b.index, i)
	}
	return nil
}

// sameUse tells a duplicate from a key that stands for something else.
func sameUse(c CountedEvent, resource string, quantity int64) *Error {
	if c.Resource != resource || c.Quantity != quantity {
		return ErrKeyConflict
	}
	return errDuplicate
}

// terms reads the orgs that the events name.
func (s *Service) terms(ctx context.Context, b *eventBatch, events []UsageEvent) error {
	b.orgs = map[string]Overview{}
	var ids []string
	for _, e := range events {
		if _, seen := b.orgs[e.OrgID]; !seen {
			b.orgs[e.OrgID] = Overview{}
			ids = append(ids, e.OrgID)
		}
	}
	clear(b.orgs)
	list, err := s.store.Terms(ctx, ids)
	for _, o := range list {
		b.orgs[o.Org.ID] = o
	}
	return err
}

func (s *Service) checkEvent(e UsageEvent, orgKnown bool, now time.Time) (Resource, *Error) {
	i, err := s.resourceIndex(e.Resource)
	switch {
	case !orgKnown:
		return Resource{}, errNoOrg
	case err != nil:
		return Resource{}, ErrUnknownResource
	case s.catalog.Resources[i].Kind != Counter:
		return Resource{}, errNotCounter
	case e.Quantity < 1 || e.Quantity > maxQuantity:
		return Resource{}, badQuantity
	case !visible(e.Key):
		return Resource{}, ErrUsageKey
	case e.At.Before(now.Add(-eventAge)):
		return Resource{}, errEventOld
	case e.At.After(now.Add(maxAhead)):
		return Resource{}, errEventAhead
	}
	return s.catalog.Resources[i], nil
}

var (
	errNotCounter = ErrWrongKind.Say("Events are for counters. Set a gauge with PUT /api/host/usage/{org}/{resource}.")
	errEventOld   = ErrInvalid.Say("The time is more than %d days ago.", int(eventAge/aDay)).With("field", "at")
	errEventAhead = ErrInvalid.Say("The time is more than %d minutes in the future.", int(maxAhead/time.Minute)).With("field", "at")
)

// countEvents counts what is to do. Events whose keys were counted before are
// found when the whole is refused for them, which is rare.
func (s *Service) countEvents(ctx context.Context, b *eventBatch) (counted int, err error) {
	defer func() {
		for _, e := range b.todo {
			s.usageChanged(e.OrgID)
		}
	}()
	for try := 0; try < consumeTries && len(b.todo) > 0; try++ {
		ok, err := s.countBatch(ctx, b)
		if err != nil || ok {
			return len(b.todo), err
		}
		if err := s.dropKept(ctx, b); err != nil {
			return 0, err
		}
	}
	if len(b.todo) > 0 {
		return 0, errBusyCount.After(time.Second)
	}
	return 0, nil
}

// dropKept takes out of the batch what was counted before.
func (s *Service) dropKept(ctx context.Context, b *eventBatch) error {
	keys := make([]UsageKey, len(b.todo))
	for i, e := range b.todo {
		keys[i] = e.UsageKey
	}
	list, err := s.store.KeptUses(ctx, keys)
	if err != nil {
		return err
	}
	kept := make(map[UsageKey]KeptUse, len(list))
	for _, k := range list {
		kept[k.UsageKey] = k
	}
	todo, index := b.todo[:0], b.index[:0]
	for i, e := range b.todo {
		if k, ok := kept[e.UsageKey]; ok {
			b.outcome[b.index[i]] = sameUse(e, k.Resource, k.Quantity)
			continue
		}
		todo, index = append(todo, e), append(index, b.index[i])
	}
	b.todo, b.index = todo, index
	return nil
}

func (b *eventBatch) report(counted int) EventReport {
	r := EventReport{Accepted: counted}
	for i, err := range b.outcome {
		switch err {
		case nil:
		case errDuplicate:
			r.Duplicate++
		default:
			r.Rejected = append(r.Rejected, RejectedEvent{Index: i, Err: err})
		}
	}
	return r
}
