package billing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"
)

// What the host application is told. An event is written in the transaction of
// the fact that it tells of, so none is lost and none invented; deliver.go
// sends them.

// EventType says what an OutboxEvent tells.
type EventType string

// The types of events.
const (
	EventPlanChanged       EventType = "billing.plan_changed"  // PlanChanged
	EventStateChanged      EventType = "billing.state_changed" // StateChanged
	EventApprovalRequested EventType = "approval.requested"    // ApprovalNews
	EventApprovalDecided   EventType = "approval.decided"      // ApprovalNews
	EventLimitReached      EventType = "limit.reached"         // LimitReached
	EventCapacityChanged   EventType = "capacity.changed"      // CapacityChanged
	EventTrialStarted      EventType = "trial.started"         // TrialNews
	EventTrialEnding       EventType = "trial.ending"          // TrialNews
	EventTrialExpired      EventType = "trial.expired"         // TrialNews
	EventDuplicateCanceled EventType = "duplicate.canceled"    // DuplicateCanceled
)

// OutboxEvent is one thing that the host application is told.
type OutboxEvent struct {
	ID        string // evt_…: the webhook-id, the same in every attempt
	OrgID     string
	Seq       int64 // the order within the org
	Type      EventType
	Payload   string // JSON, byte by byte as it is sent
	CreatedAt time.Time
	State     DeliveryState
	Tries     int       // since it was written, or replayed
	FirstAt   time.Time // of these tries
	// LastAt, LastStatus and LastFault are of the last attempt.
	LastAt     time.Time
	LastStatus int
	LastFault  Fault
	FinishedAt time.Time // delivered, or given up
	Lease      int64     // proves, when it is settled, that it was ours to send
}

// DeliveryState is where an event stands.
type DeliveryState string

// The states of an event. A failed one is kept and can be replayed.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed"
)

// message is the body of a webhook.
type message struct {
	ID        string    `json:"id"`
	Type      EventType `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the fact, not of the sending
	Org       string    `json:"org"`
	Data      any       `json:"data"`
}

// Party is who did something, as the host is told: no credential, no address.
type Party struct {
	Kind PrincipalKind `json:"kind"`
	Name string        `json:"name"`
}

func partyOf(a Actor) Party { return Party{Kind: a.Kind, Name: a.Name} }

// PlanChanged tells that another plan is in force.
type PlanChanged struct {
	From   string             `json:"from"`
	To     string             `json:"to"`
	Status SubscriptionStatus `json:"status"` // "none" without a subscription
	Actor  Party              `json:"actor"`  // who asked; Stripe for a checkout, its portal or an unpaid invoice; the operator who gave it
}

// StateChanged tells that the subscription has another status.
type StateChanged struct {
	From SubscriptionStatus `json:"from"`
	To   SubscriptionStatus `json:"to"`
	Plan string             `json:"plan"` // in force now: the free one while nothing is paid for
	// PlanUntil is when the plan gives way to the free one unless it is paid; while
	// past due and within the grace only.
	PlanUntil *time.Time `json:"plan_until,omitempty"`
}

// ApprovalNews tells of an agent's request.
type ApprovalNews struct {
	Request   string        `json:"request"`
	State     ApprovalState `json:"state"`
	Action    Action        `json:"action"`
	Plan      string        `json:"plan"`
	Agent     string        `json:"agent"`
	DecidedBy *Party        `json:"decided_by,omitempty"` // nobody, when time or another request ended it
}

// LimitReached tells that a resource is used up to its cap.
type LimitReached struct {
	Resource string `json:"resource"`
	Active   int64  `json:"active"`
	Cap      int64  `json:"cap"`
	Plan     string `json:"plan"`
}

// CapacityChanged tells that an org has another number of units, or that one is
// scheduled.
type CapacityChanged struct {
	Plan       string `json:"plan"`
	Total      int64  `json:"total"`
	Additional int64  `json:"additional"`
	From       int64  `json:"from"` // additional ones before
	// Pending is the number of additional units from EffectiveAt on; both are
	// null when no reduction is scheduled.
	Pending     *int64     `json:"pending"`
	EffectiveAt *time.Time `json:"effective_at"`
}

// TrialNews tells of a trial.
type TrialNews struct {
	Plan          string    `json:"plan"`
	StartedAt     time.Time `json:"started_at"`
	EndsAt        time.Time `json:"ends_at"`
	DaysRemaining int       `json:"days_remaining"`
}

// DuplicateCanceled tells that somebody paid for a second subscription, which was
// ended at once and refunded. The plan in force has not changed.
type DuplicateCanceled struct {
	Plan     string `json:"plan"` // of the second one; empty if no plan has its price
	Refunded int64  `json:"refunded"`
	Currency string `json:"currency"`
}

// emit tells the host about the fact that tx writes. Without a host to tell it
// does nothing. It locks the org's lane until tx ends: call it last.
func (s *Service) emit(ctx context.Context, tx Tx, orgID string, t EventType, data any) error {
	if s.deliverer == nil {
		return nil
	}
	e := OutboxEvent{ID: s.newID("evt_"), OrgID: orgID, Type: t, CreatedAt: s.Now(), State: DeliveryPending}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(message{ID: e.ID, Type: t, Timestamp: e.CreatedAt, Org: orgID, Data: data}); err != nil {
		return err
	}
	e.Payload = string(bytes.TrimRight(body.Bytes(), "\n"))
	return tx.InsertEvent(ctx, e)
}

// emitAsked tells of a new request.
func (s *Service) emitAsked(ctx context.Context, tx Tx, a Approval) error {
	return s.emit(ctx, tx, a.OrgID, EventApprovalRequested, newsOf(a))
}

// emitDecided tells how a request stopped waiting. a.State and a.DecidedBy are
// what was written.
func (s *Service) emitDecided(ctx context.Context, tx Tx, a Approval) error {
	n := newsOf(a)
	if a.DecidedBy.Kind != "" {
		by := partyOf(a.DecidedBy)
		n.DecidedBy = &by
	}
	return s.emit(ctx, tx, a.OrgID, EventApprovalDecided, n)
}

func newsOf(a Approval) ApprovalNews {
	return ApprovalNews{Request: a.ID, State: a.State, Action: a.Change().Action, Plan: a.Change().Plan, Agent: a.Actor.Name}
}

// expired records the requests that time has ended. The orgs' lanes are locked in
// one order, so two replicas do not wait for each other.
func (s *Service) expired(ctx context.Context, tx Tx, ended []Approval) error {
	slices.SortFunc(ended, func(a, b Approval) int {
		return cmp.Or(cmp.Compare(a.OrgID, b.OrgID), a.ExpiresAt.Compare(b.ExpiresAt))
	})
	for _, a := range ended {
		if err := s.record(ctx, tx, a, systemActor(), nil); err != nil {
			return err
		}
	}
	return nil
}

// emitGiven tells of the plan that comes into force when an operator gives one
// or takes it back.
func (s *Service) emitGiven(ctx context.Context, tx Tx, before, after Org, by Actor) error {
	sub, err := tx.Subscription(ctx, after.ID)
	if err != nil {
		return err
	}
	from, to := s.planOf(before, sub), s.planOf(after, sub)
	if from.ID == to.ID {
		return nil
	}
	return s.planChanged(ctx, tx, after.ID, from, to, statusWord(sub.Status), by)
}

// emitChanges records and tells what a reading of Stripe changed in the row. With
// a plan that is given, the subscription's is not in force.
func (s *Service) emitChanges(ctx context.Context, tx Tx, org Org, before, after Subscription) error {
	if before.Status != after.Status {
		facts := map[string]any{"from": statusWord(before.Status), "to": statusWord(after.Status)}
		if err := s.audit(ctx, tx, org.ID, stripeActor(), EventStatus, org.ID, facts); err != nil {
			return err
		}
	}
	if !org.Complimentary() {
		if err := s.emitTerms(ctx, tx, before, after); err != nil {
			return err
		}
	}
	if !before.Units.same(after.Units) {
		if err := s.emit(ctx, tx, org.ID, EventCapacityChanged, s.capacityNews(before, after)); err != nil {
			return err
		}
	}
	if before.Status == after.Status {
		return nil
	}
	return s.emit(ctx, tx, org.ID, EventStateChanged, StateChanged{
		From: statusWord(before.Status), To: statusWord(after.Status), Plan: s.planOf(org, after).ID, PlanUntil: s.keptUntil(org, after),
	})
}

// emitTerms records another plan or number of units in force, and tells of the
// plan.
func (s *Service) emitTerms(ctx context.Context, tx Tx, before, after Subscription) error {
	from, to := s.toldTerms(before), s.toldTerms(after)
	if tried, ok := s.toldTrial(before); ok && after.Status.Live() { // the trial gives way
		from = tried
	}
	switch {
	case from.ID != to.ID:
		by, err := s.whoChanged(ctx, tx, before, after)
		if err != nil {
			return err
		}
		return s.planChanged(ctx, tx, after.OrgID, from, to, statusWord(after.Status), by)
	case from.Additional != to.Additional:
		by, err := s.whoScaled(ctx, tx, before, after)
		if err != nil {
			return err
		}
		return s.auditTerms(ctx, tx, EventUnitsInForce, after.OrgID, from, to, by)
	}
	return nil
}

// whoChanged finds who asked for the change of plan that a reading shows: who
// scheduled the downgrade that has come, or whose intent was carried out since
// the reading before. Everything else was done at Stripe.
func (s *Service) whoChanged(ctx context.Context, tx Tx, before, after Subscription) (Actor, error) {
	if after.Status == StatusPastDue && before.Plan == after.Plan { // the grace, which is ours
		return systemActor(), nil
	}
	if before.ScheduledBy != nil && before.ScheduledBy.Kind != ScheduledReduction && !after.Status.Live() {
		return before.ScheduledBy.By, nil
	}
	i, err := recentIntent(ctx, tx, before)
	if i.Quote.Change.Action == ActionChangePlan && i.Quote.ToPlan == after.Plan {
		return i.Actor, err
	}
	return stripeActor(), err
}

// statusWord names the status that has no word of Stripe's.
func statusWord(st SubscriptionStatus) SubscriptionStatus {
	if st == StatusNone {
		return "none"
	}
	return st
}
