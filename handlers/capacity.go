package handlers

import (
	"net/http"
	"strconv"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// unitsAt is what the domain says about a number of additional units, worked out
// without Stripe; nil for a plan that has none.
func (h *handlers) unitsAt(p billing.Principal, sum billing.Summary, units int64) *views.CapacityValues {
	if sum.Plan.Units == nil {
		return nil
	}
	at, now := &views.CapacityValues{Units: units}, sum.Plan.Additional
	at.Offer, at.Err = h.Service.CapacityOffer(p, sum, units)
	_, at.More = h.Service.CapacityOffer(p, sum, now+1)
	_, at.Less = h.Service.CapacityOffer(p, sum, now-1)
	return at
}

// capacity shows what another number of units would mean: Settings → Billing
// with that number, or for a script only what has changed of it.
func (h *handlers) capacity(r *web.Request) error {
	if r.HTMX() {
		return h.capacityOffer(r)
	}
	v, err := h.billingValues(r)
	if err != nil {
		return err
	}
	page := func() views.BillingPage { return views.NewBilling(v) }
	units, ok := wholeUnits(r.Query("units"))
	switch {
	case v.Capacity == nil, r.Query("units") == "":
		return r.Page(http.StatusOK, views.Billing(page()))
	case !ok:
		v.Capacity.NotOne = true
		return r.FailWith(web.BadField("units", "must be a whole number"), views.Billing(page()))
	}
	v.Capacity, v.Frame.Live = h.unitsAt(r.Principal, v.Summary, units), nil
	return r.Page(http.StatusOK, views.Billing(page()))
}

// capacityOffer follows a number while it is typed; one that is not complete is
// no error.
func (h *handlers) capacityOffer(r *web.Request) error {
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	units, ok := wholeUnits(r.Query("units"))
	v := views.BillingValues{
		Locale: h.locales.Of(sum.Org.Region), Catalog: h.Service.Catalog(), Summary: sum, CanManage: r.Principal.CanManage(), Token: r.FormToken(purposeBilling(r)), Nonce: h.Service.NewNonce(),
		Capacity: h.unitsAt(r.Principal, sum, units),
	}
	if v.Capacity == nil {
		return billing.ErrCapacityNotOffered
	}
	v.Capacity.NotOne = !ok
	return r.Page(http.StatusOK, views.CapacityOffer(views.NewCapacityChange(v)))
}

// changeCapacity is the press of "Add 2 units" or "Remove 2 units". Whether the
// number is more or less is seen from what there is now; the quote of the form
// holds it to what was shown.
func (h *handlers) changeCapacity(r *web.Request) error {
	units, ok := wholeUnits(r.Field("units"))
	switch {
	case !ok:
		return web.BadField("units", "must be a whole number")
	case r.Field("quote") == "": // the API's default is not for a button that shows a price
		return web.MissingField("quote")
	}
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	return h.propose(r, sum.Subscription.Toward(units))
}

// keepCapacity takes a scheduled reduction back.
func (h *handlers) keepCapacity(r *web.Request) error {
	return h.propose(r, billing.Proposal{Verb: billing.VerbKeepCapacity})
}

func (h *handlers) startTrial(r *web.Request) error {
	if r.Field("plan") == "" {
		return web.MissingField("plan")
	}
	return h.propose(r, billing.Proposal{Verb: billing.VerbStartTrial, Plan: r.Field("plan")})
}

// wholeUnits reads a number of units as it is written by forms of ours.
func wholeUnits(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && n <= views.MostUnits && strconv.FormatInt(n, 10) == text
}
