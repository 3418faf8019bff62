package billing

import (
	"context"
	"time"
)

// What operators see of the webhooks that come from Stripe, and of the queues of
// those that go to the host application.

// InboxEvent is an event of Stripe's as it was received.
type InboxEvent struct {
	Event
	OrgID, OrgName string // empty: the customer is none of ours
	ReceivedAt     time.Time
	DoneAt         time.Time // a sync began after it came; zero: none has yet
}

// InboxFilter selects received events. Zero fields select all.
type InboxFilter struct {
	Waiting bool   // only those of our orgs that no sync has seen yet
	Before  string // id of the last one seen; newest first
	Limit   int
}

// Queue is an org's queue whose oldest event was tried and not taken.
type Queue struct {
	Head    Delivery
	Waiting int // events, with the oldest
}

const shownQueues = 20

// Inbox lists what came from Stripe, newest first.
func (s *Service) Inbox(ctx context.Context, p Principal, f InboxFilter) ([]InboxEvent, error) {
	if err := operating(p); err != nil {
		return nil, err
	}
	return s.store.Inbox(ctx, f)
}

// HeldUp lists the queues that wait for another attempt, the longest wait first;
// at most 20.
func (s *Service) HeldUp(ctx context.Context, p Principal) ([]Queue, error) {
	if err := operating(p); err != nil {
		return nil, err
	}
	return s.store.HeldUp(ctx, shownQueues)
}

// EventTypes lists what the host application may be told.
func EventTypes() []EventType {
	return []EventType{
		EventPlanChanged, EventStateChanged, EventCapacityChanged, EventApprovalRequested, EventApprovalDecided, EventLimitReached,
		EventTrialStarted, EventTrialEnding, EventTrialExpired, EventDuplicateCanceled,
	}
}
