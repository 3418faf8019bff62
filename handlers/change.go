package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// pendingPause is what a caller should wait for a change that Stripe has not
// answered yet.
const pendingPause = 2 * time.Second

func (h *handlers) apiUpgrade(r *web.Request) error {
	var in api.UpgradeRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	return h.apiPropose(r, billing.Proposal{
		Verb: billing.VerbUpgrade, Plan: in.Plan, ConfirmToken: in.ConfirmToken,
		Mode: billing.Mode(in.Mode), Reason: in.Reason, ExpiresIn: in.ExpiresIn,
	})
}

func (h *handlers) apiDowngrade(r *web.Request) error {
	var in api.DowngradeRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	return h.apiPropose(r, billing.Proposal{
		Verb: billing.VerbDowngrade, ConfirmToken: in.ConfirmToken,
		Mode: billing.Mode(in.Mode), Reason: in.Reason, ExpiresIn: in.ExpiresIn,
	})
}

func (h *handlers) apiPropose(r *web.Request, pr billing.Proposal) error {
	out, status, err := h.proposed(r, pr)
	if err != nil {
		return err
	}
	return r.JSON(status, h.changeOf(r.Principal.OrgName, out))
}

// proposed makes a call's proposal once, however often the call is repeated
// under its key.
func (h *handlers) proposed(r *web.Request, pr billing.Proposal) (out billing.Outcome, status int, err error) {
	key, err := r.IdempotencyKey()
	if err != nil {
		return out, 0, err
	}
	if key != "" { // two callers may choose the same key
		pr.RequestKey = "api:" + r.Principal.CredentialID + ":" + key
	}
	out, err = h.Service.Propose(r.Context(), r.Principal, pr)
	if out.Replayed {
		if err == nil && !answers(out, pr) {
			return out, 0, billing.ErrIdempotencyConflict
		}
		r.Replayed()
	}
	if err != nil {
		return out, 0, h.withAction(err)
	}
	if out.Status == billing.StatusPending {
		r.ComeBack(pendingPause) // not the end of it
		return out, http.StatusAccepted, nil
	}
	return out, http.StatusOK, nil
}

// withAction adds where a person goes on to a payment that the bank wants
// confirmed, when nobody was at the screen for the bank's own page.
func (h *handlers) withAction(err error) error {
	e, ok := errors.AsType[*billing.Error](err)
	if !ok || e.Code != billing.ErrPaymentAction.Code || e.Details["actionUrl"] != nil {
		return err
	}
	return e.With("actionUrl", h.billingURL())
}

func (h *handlers) billingURL() string { return h.BaseURL.JoinPath(pathBilling).String() }

// answers reports whether an outcome can be that of the proposal: if not, its
// key was used for another one before.
func answers(o billing.Outcome, pr billing.Proposal) bool {
	switch o.Status {
	case billing.StatusSwitched, billing.StatusResumed:
		return pr.Verb != billing.VerbDowngrade && (pr.Plan == "" || pr.Plan == o.Plan)
	case billing.StatusDowngradeScheduled:
		return pr.Verb == billing.VerbDowngrade
	case billing.StatusCapacityIncreased:
		return pr.Verb == billing.VerbIncrease && (pr.Units == nil || *pr.Units == o.Units)
	case billing.StatusReductionScheduled:
		return pr.Verb == billing.VerbReduce && (pr.Units == nil || *pr.Units == o.Units)
	case billing.StatusReductionCanceled:
		return pr.Verb == billing.VerbKeepCapacity
	case billing.StatusTrialStarted:
		return pr.Verb == billing.VerbStartTrial && (pr.Plan == "" || pr.Plan == o.Plan)
	}
	return true
}

func (h *handlers) change(r *web.Request) error {
	if r.Field("plan") == "" { // the API's default is not for a button that shows a price
		return web.MissingField("plan")
	}
	return h.propose(r, billing.Proposal{Verb: billing.VerbUpgrade, Plan: r.Field("plan")})
}

func (h *handlers) downgrade(r *web.Request) error {
	return h.propose(r, billing.Proposal{Verb: billing.VerbDowngrade})
}

// resume keeps the present plan after all.
func (h *handlers) resume(r *web.Request) error {
	return h.propose(r, billing.Proposal{Verb: billing.VerbResume})
}

// propose is the press of a money form, at the quote that the form showed and
// under its nonce: three presses are one.
func (h *handlers) propose(r *web.Request, pr billing.Proposal) error {
	nonce := r.Field("nonce")
	if nonce == "" || len(nonce) > 100 {
		return web.MissingField("nonce")
	}
	pr.Sealed, pr.RequestKey = r.Field("quote"), "form:"+r.Principal.CredentialID+":"+nonce
	out, err := h.Service.Propose(r.Context(), r.Principal, pr)
	switch {
	case err != nil && shown(err):
		return h.pressFailed(r, pr, err)
	case err != nil:
		return err
	case out.Status == billing.StatusCheckoutRequired:
		return r.Away(out.CheckoutURL)
	}
	return h.done(r, out)
}

// done shows what became of a press: in place for a script, else by a redirect,
// so that a reload presses nothing again.
func (h *handlers) done(r *web.Request, out billing.Outcome) error {
	if !r.HTMX() {
		return r.Redirect(pathBilling, "notice", writeNotice(r, out))
	}
	v, err := h.billingValues(r)
	if err != nil {
		return err
	}
	if err = h.showResult(r, &v, out); err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.Billing(views.NewBilling(v)))
}

// pressFailed shows the page again with what stood in the way, and with the new
// price where that is what happened.
func (h *handlers) pressFailed(r *web.Request, pr billing.Proposal, cause error) error {
	v, err := h.billingValues(r)
	if err != nil {
		return err
	}
	v.Result = views.NewProblem(cause, "")
	changed := errors.Is(cause, billing.ErrQuoteChanged)
	switch {
	case pr.Units != nil && v.Capacity != nil:
		v.Capacity, v.Frame.Live = h.unitsAt(r.Principal, v.Summary, *pr.Units), nil
		if !changed {
			break
		}
		if offer, err := h.Service.CapacityReview(r.Context(), r.Principal, v.Summary, *pr.Units); err == nil {
			v.Capacity.Offer, v.Capacity.Before = offer, quoteBefore(cause, offer.Quote)
			v.Result = views.NewCapacityChanged(cause)
		}
	case changed && pr.Plan != "":
		if offer, err := h.Service.Review(r.Context(), r.Principal, v.Summary, pr.Plan); err == nil {
			review := views.NewReview(v, offer, quoteBefore(cause, offer.Quote))
			v.Review = &review
		}
	}
	return r.FailWith(cause, views.Billing(views.NewBilling(v)))
}

// quoteBefore is the quote that was pressed, as far as the error tells it; nil
// if it does not.
func quoteBefore(cause error, now billing.Quote) *billing.Quote {
	e, ok := errors.AsType[*billing.Error](cause)
	if !ok {
		return nil
	}
	due, ok := e.Details["before"].(int64)
	if !ok {
		return nil
	}
	now.DueNow = due
	return &now
}
