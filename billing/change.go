package billing

import (
	"context"
	"errors"
	"time"
)

// Verb is what a caller asks for in the published API's words.
type Verb string

// The verbs.
const (
	VerbUpgrade   Verb = "upgrade"   // to a paid plan, or keep the present one after all
	VerbDowngrade Verb = "downgrade" // to the free plan at the period's end
	VerbResume    Verb = "resume"    // keep the present plan after all, whichever it is: Undo

	VerbIncrease     Verb = "increase-capacity"         // to Units, at once
	VerbReduce       Verb = "reduce-capacity"           // to Units, at the period's end
	VerbKeepCapacity Verb = "cancel-capacity-reduction" // keep the present units after all
	VerbStartTrial   Verb = "start-trial"               // of Plan, without a card
)

// Proposal is a wish to change the subscription, from a form, the API or a tool.
type Proposal struct {
	Verb         Verb
	Plan         string // empty: not said
	Units        *int64 // additional capacity units to have in the end; nil: not said
	ConfirmToken string // an agent's second call
	Mode         Mode   // an agent's choice; empty is chat
	Reason       string // the agent's own words
	ExpiresIn    int    // seconds, web mode; 0 is the default
	// RequestKey makes repeats of one press or one call the same request.
	RequestKey string
	// Sealed is the quote that the pressed form showed. Without one, as in an API
	// call, the price of this moment is agreed to.
	Sealed string
}

// Propose is what every wish to change a subscription goes through. People act
// by one call; an agent's wish becomes a request for consent. This is the only
// place that tells them apart.
//
// Errors: ErrStripeNotSet, ErrUnknownPlan, ErrUseDowngrade, ErrDesignPartner,
// ErrPastDue, ErrPaymentPending, ErrChangeInProgress, ErrQuoteChanged,
// ErrPaymentFailed, ErrPaymentAction, ErrStripeUnavailable, the errors of
// resolveCapacity and resolveTrial, and for agents those of tokens and limits.
func (s *Service) Propose(ctx context.Context, p Principal, pr Proposal) (Outcome, error) {
	if s.processor == nil && pr.Verb != VerbStartTrial {
		return Outcome{}, ErrStripeNotSet
	}
	if err := mayPropose(p); err != nil {
		return Outcome{}, err
	}
	switch {
	case p.Kind == KindAgent && pr.ConfirmToken != "":
		return s.confirm(ctx, p, pr)
	case p.Kind != KindAgent && pr.RequestKey != "":
		return s.once(ctx, p, pr)
	}
	return s.propose(ctx, p, pr)
}

// once answers a repeat of a press like the first one.
func (s *Service) once(ctx context.Context, p Principal, pr Proposal) (Outcome, error) {
	i, err := s.store.IntentByRequestKey(ctx, p.OrgID, pr.RequestKey)
	if err == nil {
		return s.replay(ctx, i)
	}
	if !errors.Is(err, ErrNotFound) {
		return Outcome{}, err
	}
	out, err := s.propose(ctx, p, pr)
	if out.IntentID != "" {
		return out, err
	}
	// What stood in the way may be the first press itself, a moment ahead.
	if i, ierr := s.store.IntentByRequestKey(ctx, p.OrgID, pr.RequestKey); ierr == nil {
		return s.replay(ctx, i)
	}
	return out, err
}

// replay waits for the end of an intent that another call carries out.
func (s *Service) replay(ctx context.Context, i Intent) (Outcome, error) {
	out, err := s.direct(s.await(ctx, i))
	out.Replayed = true
	return out, err
}

func (s *Service) propose(ctx context.Context, p Principal, pr Proposal) (Outcome, error) {
	org, sub, err := s.loadFresh(ctx, p.OrgID)
	if err != nil {
		return Outcome{}, err
	}
	change, out, err := s.resolve(pr, org, sub)
	if err != nil {
		return Outcome{}, err
	}
	switch {
	case out.Status == StatusCheckoutRequired:
		out.CheckoutURL, err = s.openCheckout(ctx, p, org, sub, pr.Plan)
		return out, err
	case out.Status != "":
		return out, nil
	case p.Kind == KindAgent && !undoesAnAgent(change, sub):
		return s.ask(ctx, p, org, sub, change, pr)
	}
	return s.perform(ctx, p, sub, change, pr)
}

// undoesAnAgent: what an agent scheduled, an agent may take back without asking.
func undoesAnAgent(c Change, sub Subscription) bool {
	return c.Action == ActionResume && sub.ScheduledBy != nil && sub.ScheduledBy.By.Kind == KindAgent
}

// mayPropose checks the right to ask or to act. It does not say which of the
// two it will be.
func mayPropose(p Principal) error {
	switch p.Kind {
	case KindHuman, KindMember:
		if !p.Role.CanManage() {
			return ErrForbidden
		}
	case KindAgent:
		if !p.Can(ScopeRequest) {
			return ErrScope.With("scope", ScopeRequest)
		}
		if p.Paused {
			return ErrKeyPaused
		}
	default:
		return ErrForbidden.Say("A host key reports usage and provisions organisations; it never changes a plan.")
	}
	return nil
}

// loadFresh is load, after a look at Stripe where there is news that nobody has
// read yet: a price that is worked out from what was before the last change is
// refused by Stripe, or by us when it is agreed to. What cannot be read now is
// told by whatever asks Stripe next.
func (s *Service) loadFresh(ctx context.Context, orgID string) (Org, Subscription, error) {
	org, sub, err := s.load(ctx, orgID)
	if err != nil || s.processor == nil || org.CustomerID == "" || !sub.Dirty() {
		return org, sub, err
	}
	if _, serr := s.SyncOrg(ctx, orgID); serr != nil {
		return org, sub, nil //nolint:nilerr // see above
	}
	return s.load(ctx, orgID)
}

func (s *Service) load(ctx context.Context, orgID string) (Org, Subscription, error) {
	org, err := s.store.Org(ctx, orgID)
	if err != nil {
		return Org{}, Subscription{}, err
	}
	sub, err := s.store.Subscription(ctx, orgID)
	return org, sub, err
}

// resolve turns a proposal into a change, or into the outcome at once where
// there is nothing to change. The order of the cases is the contract's.
func (s *Service) resolve(pr Proposal, org Org, sub Subscription) (Change, Outcome, error) {
	switch pr.Verb {
	case VerbIncrease, VerbReduce, VerbKeepCapacity:
		c, err := s.resolveCapacity(pr, org, sub)
		return c, Outcome{}, err
	case VerbStartTrial:
		c, err := s.resolveTrial(pr, org, sub)
		return c, Outcome{}, err
	}
	switch {
	case pr.Verb == VerbDowngrade:
		return s.resolveDowngrade(org, sub)
	case pr.Verb == VerbResume && sub.Status.Live():
		pr.Plan = sub.Plan // never another one, whatever changed since the page was drawn
	case pr.Verb == VerbResume:
		return Change{}, Outcome{}, ErrOutdated.Say("There is no subscription any more that could go on.")
	}
	plan, err := s.paidPlan(pr.Plan)
	if err != nil {
		return Change{}, Outcome{}, err
	}
	switch {
	case org.Complimentary() && pr.Verb != VerbResume: // taking back the end of what is paid for is no upgrade
		return Change{}, Outcome{Status: StatusDesignPartner, Plan: s.planOf(org, sub).ID}, nil
	case !sub.Status.Live():
		return Change{}, Outcome{Status: StatusCheckoutRequired, Plan: s.planOf(org, sub).ID}, nil
	case plan.ID == sub.Plan && sub.CancelAtPeriodEnd:
		return Change{Action: ActionResume, Plan: plan.ID}, Outcome{}, nil
	case plan.ID == sub.Plan:
		return Change{}, Outcome{Status: StatusResumed, Plan: plan.ID}, nil
	}
	return Change{Action: ActionChangePlan, Plan: plan.ID}, Outcome{}, maySwitch(sub)
}

// maySwitch refuses a plan switch beside another scheduled change, or while money
// is outstanding.
func maySwitch(sub Subscription) error {
	switch {
	case sub.Units.Reducing():
		return ErrReductionPending.With("effectiveAt", sub.Units.ReduceAt)
	case sub.Units.Foreign:
		return ErrForeignSchedule
	}
	return payable(sub)
}

// resolveDowngrade ends what is paid for at the period's end. An org that was
// given a plan while it paid can do so too: the given plan stays in force.
func (s *Service) resolveDowngrade(org Org, sub Subscription) (Change, Outcome, error) {
	free := s.catalog.Free()
	switch {
	case org.Complimentary() && !sub.Status.Live():
		return Change{}, Outcome{}, ErrDesignPartner
	case !sub.Status.Live():
		return Change{}, Outcome{Status: StatusAlreadyFree, Plan: free.ID}, nil
	case sub.CancelAtPeriodEnd:
		return Change{}, Outcome{Status: StatusDowngradeScheduled, Plan: sub.Plan, EffectiveAt: sub.PeriodEnd}, nil
	case sub.Units.Foreign:
		return Change{}, Outcome{}, ErrForeignSchedule
	}
	return Change{Action: ActionScheduleDowngrade, Plan: free.ID}, Outcome{}, nil
}

// payable refuses a plan switch while money is outstanding: what Stripe does
// then depends on settings that we do not see.
func payable(sub Subscription) error {
	switch {
	case sub.Action != nil && sub.Action.Plan != "":
		return ErrPaymentPending.With("actionUrl", sub.Action.URL)
	case sub.Status == StatusPastDue || sub.Status == StatusUnpaid:
		if sub.Action != nil {
			return ErrPastDue.With("actionUrl", sub.Action.URL)
		}
		return ErrPastDue
	}
	return nil
}

// paidPlan finds the plan to pay for; empty is the catalogue's first paid one.
func (s *Service) paidPlan(id string) (Plan, error) {
	if id == "" {
		plan, ok := s.catalog.FirstPaid()
		if !ok {
			return Plan{}, ErrUnknownPlan.Say("There is no paid plan.")
		}
		return plan, nil
	}
	plan, ok := s.catalog.Plan(id)
	if !ok {
		return Plan{}, s.unknownPlan()
	}
	if !plan.Paid() {
		return Plan{}, ErrUseDowngrade
	}
	return plan, nil
}

// unknownPlan names the plans that there are.
func (s *Service) unknownPlan() error {
	ids := make([]string, 0, len(s.catalog.Plans))
	for _, p := range s.catalog.Plans {
		if p.Paid() {
			ids = append(ids, p.ID)
		}
	}
	return ErrUnknownPlan.With("plans", ids)
}

// perform carries out a change for somebody who need not ask.
func (s *Service) perform(ctx context.Context, p Principal, sub Subscription, c Change, pr Proposal) (Outcome, error) {
	quote, err := s.agreedQuote(ctx, p, sub, c, pr.Sealed)
	if err != nil {
		return Outcome{}, err
	}
	i := s.newIntent(sub, p.Actor, p.Actor, assuranceOf(p, s.wallNow()), quote)
	i.RequestKey, i.Interactive = pr.RequestKey, p.Kind == KindHuman
	won := false
	err = s.store.InTx(ctx, func(tx Tx) error {
		if won, err = tx.InsertIntent(ctx, i); err != nil || !won {
			return err
		}
		return s.audit(ctx, tx, p.OrgID, p.Actor, "change.requested", i.ID, map[string]any{"action": c.Action, "plan": c.Plan, "due_now": quote.DueNow})
	})
	if err != nil {
		return Outcome{}, err
	}
	if !won {
		return Outcome{}, s.inTheWay(ctx, s.store, p.OrgID)
	}
	return s.direct(s.execute(ctx, i))
}

// direct turns a failed outcome into an error, for callers who are told at once
// rather than through a poll.
func (s *Service) direct(out Outcome, err error) (Outcome, error) {
	if err == nil && out.Failure != nil {
		return out, out.Failure.Err()
	}
	return out, err
}

// agreedQuote is the quote that a person agreed to: the one of the form, if the
// price still holds, or the one of this moment.
func (s *Service) agreedQuote(ctx context.Context, p Principal, sub Subscription, c Change, sealed string) (Quote, error) {
	if sealed == "" {
		return s.quote(ctx, sub, c, s.Now())
	}
	shown, ok := s.sealer.open(sealed, changePurpose(p.OrgID), p.CredentialID, s.Now())
	if !ok || shown.Change != c {
		return Quote{}, ErrQuoteChanged.Say("This page was open for a long time, or the plan has changed meanwhile. Nothing was charged; look at the price and decide again.")
	}
	return s.requote(ctx, sub, shown)
}

// requote asks again for the same change with the same proration date: the
// answer is the same to the cent unless something that matters has changed.
// Errors: ErrQuoteChanged with the fresh quote in the details.
func (s *Service) requote(ctx context.Context, sub Subscription, shown Quote) (Quote, error) {
	fresh, err := s.quote(ctx, sub, shown.Change, shown.ProrationDate)
	if err != nil {
		return Quote{}, err
	}
	if shown.SubscriptionVersion != sub.Version || !fresh.SamePrice(shown) {
		return fresh, ErrQuoteChanged.With("before", shown.DueNow).With("now", fresh.DueNow)
	}
	return fresh, nil
}

func (s *Service) quote(ctx context.Context, sub Subscription, c Change, at time.Time) (Quote, error) {
	if c.Action == ActionStartTrial {
		return s.trialQuote(sub, c)
	}
	q, err := s.processor.Quote(ctx, sub, c, at.Truncate(time.Second))
	if err = s.stripe(err); err != nil {
		return Quote{}, err
	}
	q.SubscriptionVersion, q.CatalogVersion = sub.Version, s.catalog.Version
	return q, nil
}

// Preview is the quote that a change to the plan would carry. It changes
// nothing and every reader of the org may ask.
func (s *Service) Preview(ctx context.Context, p Principal, plan string) (Quote, error) {
	if s.processor == nil {
		return Quote{}, ErrStripeNotSet
	}
	org, sub, err := s.load(ctx, p.OrgID)
	if err != nil {
		return Quote{}, err
	}
	change, out, err := s.resolve(s.proposalFor(plan), org, sub)
	if err != nil {
		return Quote{}, err
	}
	if out.Status == StatusDesignPartner {
		return Quote{}, ErrDesignPartner
	}
	if out.Status == "" {
		return s.quote(ctx, sub, change, s.Now())
	}
	return s.standingQuote(sub, plan, out), nil
}

// PreviewCapacity is the quote of another number of additional units.
//
// Errors: those of resolveCapacity; the present number is ErrTargetNotGreater.
func (s *Service) PreviewCapacity(ctx context.Context, p Principal, target int64) (Quote, error) {
	if s.processor == nil {
		return Quote{}, ErrStripeNotSet
	}
	org, sub, err := s.load(ctx, p.OrgID)
	if err != nil {
		return Quote{}, err
	}
	c, err := s.resolveCapacity(sub.Toward(target), org, sub)
	if err != nil {
		return Quote{}, err
	}
	return s.quote(ctx, sub, c, s.Now())
}

// proposalFor makes the proposal that leads to a plan, free ones included.
func (s *Service) proposalFor(plan string) Proposal {
	if plan == s.catalog.Free().ID {
		return Proposal{Verb: VerbDowngrade}
	}
	return Proposal{Verb: VerbUpgrade, Plan: plan}
}

// standingQuote is the quote where there is nothing to change at Stripe: a first
// subscription at its full price, or the plan that is in force already.
func (s *Service) standingQuote(sub Subscription, planID string, out Outcome) Quote {
	plan, _ := s.catalog.Plan(planID)
	if planID == "" {
		plan, _ = s.catalog.FirstPaid()
	}
	if plan.ID == sub.Plan {
		plan = plan.With(sub.Units.Additional)
	}
	q := Quote{
		Change: Change{Action: ActionChangePlan, Plan: plan.ID}, Currency: s.catalog.Currency, FromPlan: sub.Plan, ToPlan: plan.ID,
		FromUnits: sub.Units.Additional, ToUnits: plan.Additional, Recurring: plan.Recurring(), Interval: plan.Price.Interval, SubscriptionVersion: sub.Version, CatalogVersion: s.catalog.Version,
	}
	if out.Status == StatusCheckoutRequired {
		q.DueNow = plan.Price.Amount
		q.Lines = []Line{{Description: plan.Name, Amount: plan.Price.Amount}}
	} else if !sub.CancelAtPeriodEnd {
		q.NextChargeAt = sub.PeriodEnd
	}
	return q
}

func changePurpose(orgID string) string { return "change:" + orgID }

// The assurance of a decision, weakest first: how sure we can be that a person
// agreed.
const (
	AssuranceAgent        = "agent_asserted"      // an agent says that its user said yes
	AssuranceSession      = "human_session"       // a person who is signed in, or their own token
	AssuranceFreshSession = "human_session_fresh" // signed in less than 15 minutes ago
)

func assuranceOf(p Principal, now time.Time) string {
	switch {
	case p.Kind == KindAgent:
		return AssuranceAgent
	case !p.SignedInAt.IsZero() && now.Sub(p.SignedInAt) < freshSession:
		return AssuranceFreshSession
	}
	return AssuranceSession
}
