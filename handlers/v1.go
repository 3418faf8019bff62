package handlers

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/web"
)

// The second published API, /v1/billing: other words for the same core. People
// and member tokens act at once; an agent's wish becomes a request for consent,
// answered as under /api/billing.

// errBrowser is for what a person does at Stripe's own pages.
var errBrowser = &billing.Error{
	Kind: billing.KindForbidden, Code: "browser_session_required",
	Message: "This opens a page of Stripe for a person: it takes a browser session, and no key.",
}

// ownerRead is the need of reading under /v1: of people only those who manage
// billing, and agents with the scope.
func ownerRead(p billing.Principal) error {
	if err := web.Read(p); err != nil {
		return err
	}
	if p.Role != "" && !p.Role.CanManage() {
		return billing.ErrForbidden
	}
	return nil
}

// browser is the need of what only a person in a browser may do.
func browser(p billing.Principal) error {
	if p.Kind != billing.KindHuman {
		return errBrowser
	}
	return web.Ask(p)
}

func (h *handlers) v1Billing(r *web.Request) error {
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	body, err := writeV1(&api.V1Billing{Billing: v1SummaryOf(h.Service.Catalog(), sum, r.Principal)})
	if err != nil {
		return err
	}
	return r.Raw(http.StatusOK, "application/json", body)
}

func (h *handlers) v1Checkout(r *web.Request) error {
	var in api.V1CheckoutRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	url, err := h.Service.Checkout(r.Context(), r.Principal, in.TargetPlan)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, api.Link{URL: url})
}

func (h *handlers) v1StartTrial(r *web.Request) error {
	var in api.V1TrialRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	if in.TargetPlan == "" && in.ConfirmToken == "" {
		return web.MissingField("target_plan")
	}
	return h.v1Propose(r, billing.Proposal{
		Verb: billing.VerbStartTrial, Plan: in.TargetPlan, ConfirmToken: in.ConfirmToken,
		Mode: billing.Mode(in.Mode), Reason: in.Reason, ExpiresIn: in.ExpiresIn,
	})
}

func (h *handlers) v1Increase(r *web.Request) error { return h.v1Capacity(r, billing.VerbIncrease) }

func (h *handlers) v1Reduce(r *web.Request) error { return h.v1Capacity(r, billing.VerbReduce) }

func (h *handlers) v1Capacity(r *web.Request, verb billing.Verb) error {
	var in api.V1CapacityRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	if in.TargetUnits == nil && in.ConfirmToken == "" {
		return web.MissingField("target_additional_capacity_units")
	}
	return h.v1Propose(r, billing.Proposal{
		Verb: verb, Units: in.TargetUnits, ConfirmToken: in.ConfirmToken,
		Mode: billing.Mode(in.Mode), Reason: in.Reason, ExpiresIn: in.ExpiresIn,
	})
}

func (h *handlers) v1Keep(r *web.Request) error {
	var in api.V1KeepRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	return h.v1Propose(r, billing.Proposal{
		Verb: billing.VerbKeepCapacity, ConfirmToken: in.ConfirmToken,
		Mode: billing.Mode(in.Mode), Reason: in.Reason, ExpiresIn: in.ExpiresIn,
	})
}

// v1Propose answers with where the org stands afterwards, or with what an agent
// needs to have it approved.
func (h *handlers) v1Propose(r *web.Request, pr billing.Proposal) error {
	out, status, err := h.proposed(r, pr)
	if err != nil {
		return err
	}
	answer := api.V1Change{Change: h.changeOf(r.Principal.OrgName, out)}
	if out.Approval == nil {
		if answer, err = h.v1Result(r, out); err != nil {
			return err
		}
	}
	return r.JSON(status, answer)
}

// v1Result is the answer to a change that was carried out, with the org as it is
// now.
func (h *handlers) v1Result(r *web.Request, out billing.Outcome) (api.V1Change, error) {
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		// The change is made; a key that may ask but not read is told just that.
		if web.KindOf(err) == billing.KindForbidden {
			return v1ChangeOf(out), nil
		}
		return api.V1Change{}, err
	}
	answer, billed := v1ChangeOf(out), v1SummaryOf(h.Service.Catalog(), sum, r.Principal)
	answer.Billing = &billed
	return answer, nil
}

func v1ChangeOf(out billing.Outcome) api.V1Change {
	answer := api.V1Change{Change: resultOf(out)}
	if out.Status == billing.StatusCapacityIncreased {
		answer.AmountCharged, answer.Currency, answer.AmountDiffers = &out.Charged, out.Currency, out.AmountDiffers
	}
	return answer
}

// inV1 reports whether the action is one of this API, whose results a poll tells
// in its words.
func inV1(a billing.Action) bool {
	switch a {
	case billing.ActionIncrease, billing.ActionReduce, billing.ActionKeepCapacity, billing.ActionStartTrial:
		return true
	}
	return false
}

func v1SummaryOf(c *billing.Catalog, s billing.Summary, p billing.Principal) api.V1Summary {
	starts, ends := s.UsageWindow()
	out := api.V1Summary{
		Plan: s.Plan.ID, BillingState: textOrNull(v1State(s)), StripeCustomerID: textOrNull(s.Org.CustomerID),
		CapacityUnits: v1UnitsOf(c, s), UsageWindow: api.V1Window{StartsAt: starts, EndsAt: ends},
		Allowances: map[string]api.V1Allowance{}, Trial: v1TrialOf(s), PastDue: v1PastDueOf(pastDueOf(s, p)),
	}
	for _, u := range s.Usage {
		switch {
		case u.Resource.ID == billing.ResourceActiveProjects:
			out.ActiveProjects = u.Active
		case c.InUnits(u.Resource.ID):
			a := api.V1Allowance{Used: u.Active}
			if !u.Cap.Unlimited {
				a.Limit = &u.Cap.Value
			}
			out.Allowances[u.Resource.ID] = a
		}
	}
	return out
}

func v1PastDueOf(d *api.PastDue) *api.V1PastDue {
	if d == nil {
		return nil
	}
	return &api.V1PastDue{
		Plan: d.Plan, Amount: d.AmountCents, Currency: d.Currency, FailedAt: d.FailedAt, KeepUntil: d.KeepUntil,
		LostAt: d.LostAt, NextTryAt: d.NextTryAt, PayURL: d.PayURL,
	}
}

// v1State is the billing state in the words that this API has.
func v1State(s billing.Summary) string {
	switch state := s.BillingState(); billing.SubscriptionStatus(state) {
	case billing.StatusIncompleteExpired:
		return string(billing.StatusIncomplete)
	case billing.StatusPaused:
		return string(billing.StatusUnpaid)
	default:
		return state
	}
}

func v1UnitsOf(c *billing.Catalog, s billing.Summary) api.V1Units {
	out := api.V1Units{Total: s.Plan.TotalUnits()}
	if s.Plan.Units == nil {
		return out
	}
	out.Included, out.AdditionalPurchased = s.Plan.Units.Included, s.Plan.Additional
	if u := s.Subscription.Units; u.Reducing() {
		plan, _ := c.Plan(s.Subscription.Plan)
		out.PendingReduction = &api.V1Reduction{AdditionalPurchased: u.ReduceTo, Total: plan.With(u.ReduceTo).TotalUnits(), EffectiveAt: u.ReduceAt}
	}
	return out
}

func v1TrialOf(s billing.Summary) api.V1Trial {
	t := s.Subscription.Trial
	out := api.V1Trial{
		Available: s.TrialAvailable, Active: t.Active(s.Now) && !s.Subscription.Status.Live(), Plan: textOrNull(t.Plan),
		StartedAt: timeOrNull(t.StartedAt), EndsAt: timeOrNull(t.EndsAt), UsedAt: timeOrNull(t.StartedAt), ConvertedAt: timeOrNull(t.ConvertedAt),
	}
	if out.Active {
		out.DaysRemaining = t.DaysRemaining(s.Now)
	}
	if t.Expired(s.Now) {
		out.ExpiredAt = timeOrNull(t.EndsAt)
	}
	return out
}

// unitsQuery is the parameter of a preview of units.
const unitsQuery = "additional_capacity_units"

// inField names the field in which the caller wrote a number that cannot be had.
func inField(err error, field string) error {
	if e, ok := errors.AsType[*billing.Error](err); ok && errors.Is(err, billing.ErrTargetRange) {
		return e.With("field", field)
	}
	return err
}

// previewTarget reads the wish of a preview: a plan, or a number of additional
// units.
func previewTarget(r *web.Request) (plan string, units *int64, err error) {
	plan = r.Query("plan")
	text := r.Query(unitsQuery)
	switch {
	case text == "":
		return plan, nil, nil
	case plan != "":
		return "", nil, web.BadField(unitsQuery, "cannot be given together with plan")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text != strconv.FormatInt(n, 10) {
		return "", nil, web.BadField(unitsQuery, "must be a whole number")
	}
	return "", &n, nil
}
