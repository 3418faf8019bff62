package handlers

import (
	"net/http"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

func (h *handlers) apiCheckout(r *web.Request) error {
	var in api.CheckoutRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	url, err := h.Service.Checkout(r.Context(), r.Principal, in.Plan)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, api.Link{URL: url})
}

func (h *handlers) apiPortal(r *web.Request) error {
	var none struct{}
	if err := r.Decode(&none); err != nil {
		return err
	}
	url, err := h.Service.Portal(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, api.Link{URL: url})
}

func (h *handlers) checkout(r *web.Request) error {
	url, err := h.Service.Checkout(r.Context(), r.Principal, r.Field("plan"))
	if err != nil {
		return h.notOpened(r, err)
	}
	return r.Away(url)
}

func (h *handlers) portal(r *web.Request) error {
	url, err := h.Service.Portal(r.Context(), r.Principal)
	if err != nil {
		return h.notOpened(r, err)
	}
	return r.Away(url)
}

func (h *handlers) notOpened(r *web.Request, err error) error {
	if shown(err) {
		return h.pressFailed(r, billing.Proposal{}, err)
	}
	return err
}

// portalPage is where an agent's link to the portal leads: to the button that
// opens it, for a person who is signed in. The link alone opens nothing.
func (h *handlers) portalPage(r *web.Request) error { return r.Redirect(pathBilling + "#card-title") }

// success is where Checkout leads back to. It looks at Stripe, and offers
// nothing to buy until the subscription is seen.
func (h *handlers) success(r *web.Request) error {
	done, err := h.Service.FinishCheckout(r.Context(), r.Principal)
	if err != nil && web.KindOf(err) != billing.KindUnavailable {
		return err
	}
	v, err := h.billingValues(r)
	switch {
	case err != nil:
		return err
	case done:
		if out, twice, err := h.Service.PaidTwice(r.Context(), r.Principal); err == nil && twice {
			return r.Redirect(pathBilling, "notice", writeNotice(r, out))
		}
		if out, fresh := bought(v); fresh {
			return r.Redirect(pathBilling, "notice", writeNotice(r, out))
		}
		return r.Redirect(pathBilling)
	case v.Summary.Org.Checkout == nil: // nobody has been to Checkout
		return r.Redirect(pathBilling)
	}
	v.Finalizing = pathSuccess
	if v.Frame.Live, err = h.live(r, pathSuccess); err != nil {
		return err
	}
	v.Frame.Live.Ask()
	return r.Page(http.StatusOK, views.Billing(views.NewBilling(v)))
}

// bought is the outcome of a Checkout that was finished just now, with what its
// invoice says. Whoever comes back later is told nothing of a charge.
func bought(v views.BillingValues) (out billing.Outcome, fresh bool) {
	if len(v.Invoices) == 0 || v.Invoices[0].Status != "paid" || v.Summary.Now.Sub(v.Invoices[0].CreatedAt) > checkoutFresh {
		return out, false
	}
	paid := v.Invoices[0].Amount
	return billing.Outcome{Status: billing.StatusSwitched, Plan: v.Summary.Plan.ID, Charged: paid.Amount, Currency: paid.Currency}, true
}

// checkoutFresh is how long after the payment coming back from Checkout is news.
const checkoutFresh = 15 * time.Minute
