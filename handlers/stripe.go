package handlers

import (
	"net/http"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/web"
)

// maxWebhook bounds the body of a webhook.
const maxWebhook = 256 << 10

// errSignature says no more than that: whoever forges one learns nothing.
var errSignature = &billing.Error{Kind: billing.KindInvalid, Code: "invalid_signature", Message: "The signature of this webhook is not valid."}

// stripe takes an event in. What it says is not believed: it is only a reason
// to look at Stripe.
func (h *handlers) stripe(r *web.Request) error {
	if h.VerifyWebhook == nil {
		return billing.ErrStripeNotSet
	}
	body, err := r.RawBody(maxWebhook)
	if err != nil {
		return err
	}
	event, err := h.VerifyWebhook(body, r.Header.Get("Stripe-Signature"))
	if err != nil {
		h.Log.WarnContext(r.Context(), "webhook refused", "id", r.ID, "error", err)
		return errSignature
	}
	if err = h.Service.Receive(r.Context(), event); err != nil {
		return err
	}
	return r.JSON(http.StatusOK, map[string]bool{"received": true})
}
