package billing

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Override is a limit of an org's own for one resource, set by an operator.
type Override struct {
	ID       string // ovr_…
	OrgID    string
	Resource string
	Cap      Limit
	// Raises says whether it was above the plan's limit when it was set. One that
	// raises never takes away what a higher plan allows, and one that lowers never
	// gives what a lower plan does not.
	Raises    bool
	Reason    string
	Author    Actor
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	EndedAt   time.Time
}

// InForce reports whether the override counts at the time.
func (o Override) InForce(at time.Time) bool {
	return o.EndedAt.IsZero() && (o.ExpiresAt.IsZero() || at.Before(o.ExpiresAt))
}

// On returns the limit in force where the plan's own is plan.
func (o Override) On(plan Limit) Limit {
	if o.Raises == o.Cap.Above(plan) {
		return o.Cap
	}
	return plan
}

// Above reports whether l allows more than o.
func (l Limit) Above(o Limit) bool {
	return !o.Unlimited && (l.Unlimited || l.Value > o.Value)
}

// openOverride finds the resource's override among the open ones of an org.
func openOverride(list []Override, resource string) *Override {
	for i := range list {
		if list[i].Resource == resource {
			return &list[i]
		}
	}
	return nil
}

// capOn is what an org may have of a resource on a plan, with its override if
// it has one.
func capOn(plan Plan, resource string, o *Override, at time.Time) Limit {
	limit := plan.Cap(resource)
	if o != nil && o.InForce(at) {
		return o.On(limit)
	}
	return limit
}

// CapOn is what the org of the summary could have of a resource on a plan.
func (s Summary) CapOn(plan Plan, resource string) Limit {
	if plan.ID != s.Plan.ID {
		plan = plan.With(plan.Carry(s.Plan))
	} else {
		plan = s.Plan
	}
	return capOn(plan, resource, openOverride(s.Overrides, resource), s.Now)
}

// CapOn is what the org of the request could have of a resource on a plan.
func (r Request) CapOn(plan Plan, resource string) Limit {
	return capOn(plan, resource, openOverride(r.Overrides, resource), r.Now)
}

// Bounds of what an operator writes.
const maxOverrideReason = 500

// Override gives an org a limit of its own for a resource until the time, or for
// good if it is zero, in place of an earlier one. It counts at once.
//
// Errors: ErrNotFound (org), ErrUnknownResource, ErrInvalid.
func (s *Service) Override(ctx context.Context, operator Actor, orgID, resource string, limit Limit, reason string, until time.Time) (o Override, err error) {
	err = s.store.InTx(ctx, func(tx Tx) error {
		o, err = s.setOverride(ctx, tx, operator, orgID, resource, limit, reason, until)
		return err
	})
	if err == nil {
		s.capsChanged(ctx, orgID)
	}
	return o, err
}

// setOverride is Override inside a transaction; call capsChanged after it.
func (s *Service) setOverride(ctx context.Context, tx Tx, operator Actor, orgID, resource string, limit Limit, reason string, until time.Time) (Override, error) {
	now := s.Now()
	if err := s.validOverride(resource, limit, reason, until, now); err != nil {
		return Override{}, err
	}
	org, err := tx.Org(ctx, orgID)
	if err != nil {
		return Override{}, orgNotFound(err)
	}
	sub, err := tx.Subscription(ctx, orgID)
	if err != nil {
		return Override{}, err
	}
	o := Override{
		ID: s.newID("ovr_"), OrgID: orgID, Resource: resource, Cap: limit, Raises: limit.Above(s.planOf(org, sub).Cap(resource)),
		Reason: strings.TrimSpace(reason), Author: operator, CreatedAt: now, ExpiresAt: until.UTC().Truncate(time.Microsecond),
	}
	if limit.Unlimited {
		o.Cap.Value = 0
	}
	if err := tx.PutOverride(ctx, o); err != nil {
		return Override{}, err
	}
	facts := map[string]any{"resource": resource, "cap": capFact(o.Cap), "reason": o.Reason}
	if !until.IsZero() {
		facts["until"] = o.ExpiresAt
	}
	return o, s.audit(ctx, tx, orgID, operator, "override.set", o.ID, facts)
}

func (s *Service) validOverride(resource string, limit Limit, reason string, until, now time.Time) error {
	if _, err := s.resourceIndex(resource); err != nil {
		return err
	}
	switch {
	case !limit.Unlimited && (limit.Value < 0 || limit.Value > maxLimit):
		return ErrInvalid.Say("A limit is a whole number from 0 to %d, or unlimited.", int64(maxLimit)).With("field", "cap")
	case strings.TrimSpace(reason) == "" || utf8.RuneCountInString(reason) > maxOverrideReason:
		return ErrInvalid.Say("Say why, in at most %d characters.", maxOverrideReason).With("field", "reason")
	case !until.IsZero() && !until.After(now):
		return ErrInvalid.Say("The end has to be in the future.").With("field", "until")
	}
	return nil
}

// capFact is a limit in the audit log: a number, or nil for none.
func capFact(l Limit) any {
	if l.Unlimited {
		return nil
	}
	return l.Value
}

// EndOverride gives the org the plan's own limit back, at once.
//
// Errors: ErrNotFound if there is no override.
func (s *Service) EndOverride(ctx context.Context, operator Actor, orgID, resource string) error {
	err := s.store.InTx(ctx, func(tx Tx) error {
		ended, err := tx.EndOverride(ctx, orgID, resource, s.Now())
		if err != nil {
			return err
		}
		if !ended {
			return ErrNotFound
		}
		return s.audit(ctx, tx, orgID, operator, "override.ended", orgID, map[string]any{"resource": resource})
	})
	if err == nil {
		s.capsChanged(ctx, orgID)
	}
	return err
}

// Overrides lists the org's limits of its own, newest first, with those that
// have ended. It is for operators.
func (s *Service) Overrides(ctx context.Context, orgID string) ([]Override, error) {
	return s.store.Overrides(ctx, orgID)
}

// overLimit is the refusal at a cap, with what can be done about it.
func (s *Service) overLimit(snap *snapshot, i int, quantity int64) error {
	m, r, plan := snap.meters[i], s.catalog.Resources[i], snap.plan
	words := []string{capWords(plan, r, m, quantity)}
	var upgrade any // null
	to, ok := s.roomier(plan, r.ID, m, quantity)
	switch {
	case ok && snap.owing && !snap.complimentary:
		words = append(words, "A payment has failed; pay it first.")
	case ok && !snap.complimentary:
		upgrade = map[string]any{"mcpTool": "upgrade_plan", "api": "POST /api/billing/upgrade", "plan": to.ID}
		words = append(words, "Upgrade to "+to.Name+" for "+limitWords(capOn(to, r.ID, m.override, s.Now()))+".")
	default:
		words = append(words, "Ask for a higher limit.")
	}
	e := *ErrOverLimit
	e.Message = strings.Join(words, " ")
	e.Details = map[string]any{
		"plan": plan.ID, "resource": r.ID, "active": m.Active, "cap": m.Cap.Value, "upgrade": upgrade,
		"increase": map[string]any{"mcpTool": "request_limit_increase", "api": "POST /api/billing/request-limit-increase"},
	}
	return &e
}

// roomier is the lowest higher plan that has room for quantity more, or else the
// one that allows most, as long as it allows more than there may be now.
func (s *Service) roomier(from Plan, resource string, m meter, quantity int64) (best Plan, ok bool) {
	have := m.Cap
	for _, p := range s.catalog.Plans {
		p = p.With(p.Carry(from))
		limit := capOn(p, resource, m.override, s.Now())
		if !p.Above(from) || !limit.Above(have) {
			continue
		}
		best, have, ok = p, limit, true
		if (Allowance{Active: m.Active, Cap: limit}).Fits(quantity) {
			break
		}
	}
	return best, ok
}

// capWords says what is allowed and what there is: "Free allows 3 agents and 3
// are in use."
func capWords(plan Plan, r Resource, m meter, quantity int64) string {
	who := plan.Name + " allows "
	if m.Cap != plan.Cap(r.ID) {
		who = "The limit here is "
	}
	limit, used, per := m.Cap.Value, "in use", ""
	if r.Kind == Counter {
		used, per = "used", " a month"
		if r.Resets == ResetsBillingPeriod {
			per = " a billing period"
		}
	}
	out := who + grouped(limit) + " " + r.Label(limit) + per + " and " + grouped(m.Active) + isAre(m.Active) + used
	if m.Active < limit {
		out += ", so " + grouped(quantity) + " more do not fit"
	}
	return out + "."
}

func isAre(n int64) string {
	if n == 1 {
		return " is "
	}
	return " are "
}

func limitWords(l Limit) string {
	if l.Unlimited {
		return "as many as you like"
	}
	return grouped(l.Value)
}

// grouped writes 12,000 for 12000.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
