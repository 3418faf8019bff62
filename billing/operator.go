package billing

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// Operators run the server. They see every org, give limits and plans, and
// never change a subscription: what costs money stays with the org's people.

// OperatorTx: what operators read across orgs, and what they decide.
type OperatorTx interface {
	// LimitSignals counts the open requests by kind and plan, most first.
	LimitSignals(ctx context.Context) ([]LimitSignal, error)
	// OpenLimits lists open requests of a kind and plan, oldest first, after the
	// given one.
	OpenLimits(ctx context.Context, kind, plan, after string, limit int) ([]LimitCase, error)
	// LimitCase reads one request by its id, whichever org it is of.
	LimitCase(ctx context.Context, id string) (LimitCase, error)
	// AnswerLimit ends an open request; false if it was answered before.
	AnswerLimit(ctx context.Context, orgID, id string, to LimitState, a LimitAnswer) (bool, error)
	// FindOrgs lists orgs whose name begins with the text, by name, and then those
	// whose id does, by id; all after the given one.
	FindOrgs(ctx context.Context, text string, after *Org, limit int) ([]OrgLine, error)
	// SetGiven sets what the org is given free of charge, and makes every consent
	// that was given before void.
	SetGiven(ctx context.Context, orgID string, designPartner bool, plan string) error
	// PausedKeys lists the org's keys that are paused and not revoked.
	PausedKeys(ctx context.Context, orgID string) ([]Credential, error)
	// Inbox lists what came from Stripe, newest first.
	Inbox(ctx context.Context, f InboxFilter) ([]InboxEvent, error)
}

// LimitSignal is how many orgs of one plan want more of one thing.
type LimitSignal struct {
	Kind, Plan string
	Orgs, Asks int64
	Median     int64 // of the desired values; 0 if nobody said one
	Oldest     time.Time
}

// LimitCase is a request with the org that it is of.
type LimitCase struct {
	LimitRequest
	OrgName string
}

// OrgLine is an org in a list.
type OrgLine struct {
	Org    Org
	Plan   string // of the subscription
	Status SubscriptionStatus
	// PastDueSince as in State.
	PastDueSince time.Time
}

// Dossier is everything that an operator sees of an org.
type Dossier struct {
	Summary   Summary
	Members   []Membership
	Overrides []Override // newest first, ended ones too
	Requests  []LimitRequest
	Paused    []Credential
	Log       []AuditEvent
}

const (
	dossierRequests = 20
	dossierLog      = 30
)

var (
	errOperatorOnly = ErrForbidden.Say("Only an operator of this server may do this.")
	// ErrAnswered: a request is answered once.
	ErrAnswered = &Error{Kind: KindConflict, Code: "already_answered", Message: "This request was answered already."}
	// ErrNotHigher: a grant gives more than there is.
	ErrNotHigher = &Error{Kind: KindInvalid, Code: "not_higher", Message: "The limit is not lower than that now. Grant more, or decline."}
)

func operating(p Principal) error {
	if p.Kind != KindOperator {
		return errOperatorOnly
	}
	return nil
}

// because holds an operator's reason to its bounds.
func because(p Principal, reason string) (string, error) {
	if err := operating(p); err != nil {
		return "", err
	}
	reason = string(cleanText(reason))
	if reason == "" || utf8.RuneCountInString(reason) > maxOverrideReason {
		return "", ErrInvalid.Say("Say why, in at most %d characters.", maxOverrideReason).With("field", "reason")
	}
	return reason, nil
}

// LimitSignals counts the open requests by kind and plan.
func (s *Service) LimitSignals(ctx context.Context, p Principal) ([]LimitSignal, error) {
	if err := operating(p); err != nil {
		return nil, err
	}
	return s.store.LimitSignals(ctx)
}

// OpenLimits lists open requests of a kind and plan, oldest first.
func (s *Service) OpenLimits(ctx context.Context, p Principal, kind, plan, after string, limit int) ([]LimitCase, error) {
	if err := operating(p); err != nil {
		return nil, err
	}
	return s.store.OpenLimits(ctx, kind, plan, after, limit)
}

// LimitCase reads one request and its org's figures. Errors: ErrNotFound.
func (s *Service) LimitCase(ctx context.Context, p Principal, id string) (LimitCase, Summary, error) {
	if err := operating(p); err != nil {
		return LimitCase{}, Summary{}, err
	}
	c, err := s.store.LimitCase(ctx, id)
	if err != nil {
		return c, Summary{}, err
	}
	sum, err := s.summary(ctx, c.OrgID)
	return c, sum, err
}

// Grant is an operator's yes.
type Grant struct {
	Resource string // empty: the request's kind
	Cap      Limit
	Reason   string
	Until    time.Time // zero: for good
}

// GrantLimit gives the org of an open request a limit of its own, which counts
// at the next check, and tells the asker.
//
// Errors: ErrNotFound, ErrAnswered, ErrUnknownResource, ErrNotHigher, ErrInvalid.
func (s *Service) GrantLimit(ctx context.Context, p Principal, id string, g Grant) error {
	reason, err := because(p, g.Reason)
	if err != nil {
		return err
	}
	c, err := s.store.LimitCase(ctx, id)
	if err != nil {
		return err
	}
	if g.Resource == "" {
		g.Resource = c.Kind
	}
	err = s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, c.OrgID); err != nil {
			return err
		}
		have, err := s.capNow(ctx, tx, c.OrgID, g.Resource)
		if err != nil {
			return err
		}
		a := LimitAnswer{By: p.Actor, At: s.Now(), Reason: reason, Resource: g.Resource, Cap: g.Cap, Until: g.Until.UTC()}
		if err = answer(ctx, tx, c, LimitGranted, a); err != nil {
			return err
		}
		if !g.Cap.Above(have) {
			return ErrNotHigher.With("field", "cap")
		}
		o, err := s.setOverride(ctx, tx, p.Actor, c.OrgID, g.Resource, g.Cap, reason, g.Until)
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, c.OrgID, p.Actor, "limit.granted", c.ID, map[string]any{"override": o.ID, "resource": g.Resource, "cap": capFact(g.Cap), "reason": reason})
	})
	if err == nil {
		s.capsChanged(ctx, c.OrgID)
	}
	return err
}

// capNow is what the org may have of a resource at this moment.
func (s *Service) capNow(ctx context.Context, tx Tx, orgID, resource string) (Limit, error) {
	if _, err := s.resourceIndex(resource); err != nil {
		return Limit{}, err
	}
	over, err := tx.Overview(ctx, orgID)
	if err != nil {
		return Limit{}, err
	}
	return capOn(s.planOf(over.Org, over.Subscription), resource, openOverride(over.Overrides, resource), s.Now()), nil
}

func answer(ctx context.Context, tx Tx, c LimitCase, to LimitState, a LimitAnswer) error {
	won, err := tx.AnswerLimit(ctx, c.OrgID, c.ID, to, a)
	if err == nil && !won {
		return ErrAnswered.With("request", c.ID)
	}
	return err
}

// DeclineLimit answers an open request with a reason that the asker reads.
//
// Errors: ErrNotFound, ErrAnswered, ErrInvalid.
func (s *Service) DeclineLimit(ctx context.Context, p Principal, id, reason string) error {
	reason, err := because(p, reason)
	if err != nil {
		return err
	}
	c, err := s.store.LimitCase(ctx, id)
	if err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx Tx) error {
		if err := answer(ctx, tx, c, LimitDeclined, LimitAnswer{By: p.Actor, At: s.Now(), Reason: reason}); err != nil {
			return err
		}
		return s.audit(ctx, tx, c.OrgID, p.Actor, "limit.declined", c.ID, map[string]any{"reason": reason})
	})
}

// FindOrgs lists orgs whose name begins with the text, by name, and then those
// whose id does, after the org of that id. An unknown one is the beginning.
func (s *Service) FindOrgs(ctx context.Context, p Principal, text, after string, limit int) ([]OrgLine, error) {
	if err := operating(p); err != nil {
		return nil, err
	}
	var from *Org
	if after != "" {
		org, err := s.store.Org(ctx, after)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err == nil {
			from = &org
		}
	}
	return s.store.FindOrgs(ctx, strings.TrimSpace(text), from, limit)
}

// PlanInForce is the plan of an org in a list.
func (s *Service) PlanInForce(l OrgLine) Plan {
	return s.planOf(l.Org, Subscription{State: State{Plan: l.Plan, Status: l.Status, PastDueSince: l.PastDueSince}})
}

// Dossier reads an org for an operator. Errors: ErrNotFound.
func (s *Service) Dossier(ctx context.Context, p Principal, orgID string) (d Dossier, err error) {
	if err = operating(p); err != nil {
		return d, err
	}
	if d.Summary, err = s.summary(ctx, orgID); err != nil {
		return d, err
	}
	if d.Members, err = s.store.Members(ctx, orgID); err != nil {
		return d, err
	}
	if d.Overrides, err = s.store.Overrides(ctx, orgID); err != nil {
		return d, err
	}
	if d.Requests, err = s.store.LimitRequests(ctx, orgID, "", dossierRequests); err != nil {
		return d, err
	}
	if d.Paused, err = s.store.PausedKeys(ctx, orgID); err != nil {
		return d, err
	}
	d.Log, err = s.store.AuditLog(ctx, orgID, dossierLog)
	return d, err
}

// GiveLimit is Override for an operator at the page. Errors: those of Override.
func (s *Service) GiveLimit(ctx context.Context, p Principal, orgID string, g Grant) error {
	reason, err := because(p, g.Reason)
	if err == nil {
		_, err = s.Override(ctx, p.Actor, orgID, g.Resource, g.Cap, reason, g.Until)
	}
	return err
}

// TakeLimit ends an override. Errors: ErrNotFound if there is none, ErrInvalid.
func (s *Service) TakeLimit(ctx context.Context, p Principal, orgID, resource, reason string) error {
	reason, err := because(p, reason)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(tx Tx) error {
		ended, err := tx.EndOverride(ctx, orgID, resource, s.Now())
		if err != nil {
			return err
		}
		if !ended {
			return ErrNotFound
		}
		return s.audit(ctx, tx, orgID, p.Actor, "override.ended", orgID, map[string]any{"resource": resource, "reason": reason})
	})
	if err == nil {
		s.capsChanged(ctx, orgID)
	}
	return err
}

// GivePlan gives an org a plan free of charge until it is taken back: an admin
// override, which wins over a subscription and over being a design partner. An
// empty plan takes it back.
//
// Errors: ErrNotFound, ErrUnknownPlan, ErrInvalid.
func (s *Service) GivePlan(ctx context.Context, p Principal, orgID, plan, reason string) error {
	if _, ok := s.catalog.Plan(plan); plan != "" && !ok {
		return ErrUnknownPlan
	}
	return s.give(ctx, p, orgID, reason, "admin_override", plan, func(o *Org) { o.GivenPlan = plan })
}

// SetDesignPartner gives an org the top plan free of charge, or ends that.
//
// Errors: ErrNotFound, ErrInvalid.
func (s *Service) SetDesignPartner(ctx context.Context, p Principal, orgID string, on bool, reason string) error {
	return s.give(ctx, p, orgID, reason, "design_partner", on, func(o *Org) { o.DesignPartner = on })
}

func (s *Service) give(ctx context.Context, p Principal, orgID, reason, what string, value any, set func(*Org)) error {
	reason, err := because(p, reason)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, orgID); err != nil {
			return err
		}
		org, err := tx.Org(ctx, orgID)
		if err != nil {
			return err
		}
		before := org
		if set(&org); org.GivenPlan == before.GivenPlan && org.DesignPartner == before.DesignPartner {
			return nil // pressed twice
		}
		if err = tx.SetGiven(ctx, orgID, org.DesignPartner, org.GivenPlan); err != nil {
			return err
		}
		if err = s.audit(ctx, tx, orgID, p.Actor, "org."+what, orgID, map[string]any{"value": value, "reason": reason}); err != nil {
			return err
		}
		return s.emitGiven(ctx, tx, before, org, p.Actor)
	})
	if err == nil {
		s.capsChanged(ctx, orgID)
	}
	return err
}

// EventSynced is an operator's sync in the audit log, with what was different.
const EventSynced = "org.synced"

// SyncNow takes over what Stripe says about the org and returns what was
// different.
//
// Errors: ErrNotFound, ErrStripeUnavailable.
func (s *Service) SyncNow(ctx context.Context, p Principal, orgID string) ([]Difference, error) {
	if err := operating(p); err != nil {
		return nil, err
	}
	w := watch{by: p.Actor}
	if _, err := s.sync(ctx, orgID, &w); err != nil {
		return nil, err
	}
	return w.found, s.audit(ctx, s.store, orgID, p.Actor, EventSynced, orgID, map[string]any{"differences": w.found})
}

// LiftPause lets a paused key ask again. Errors: ErrNotFound, ErrInvalid.
func (s *Service) LiftPause(ctx context.Context, p Principal, orgID, keyID, reason string) error {
	reason, err := because(p, reason)
	if err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.PauseCredential(ctx, orgID, keyID, time.Time{}); err != nil {
			return err
		}
		return s.audit(ctx, tx, orgID, p.Actor, "key.resumed", keyID, map[string]any{"reason": reason})
	})
}
