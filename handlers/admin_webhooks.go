package handlers

import (
	"net/http"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// adminHooks is how the outgoing webhooks do, and their log.
func (h *handlers) adminHooks(r *web.Request) error {
	f, ok := deliveryFilter(r)
	if !ok {
		return billing.ErrNotFound
	}
	v := views.HooksValues{Frame: h.adminFrame(r), Filter: f, Now: h.Service.Now()}
	var err error
	if v.Health, err = h.Service.WebhookHealth(r.Context()); err != nil {
		return err
	}
	if v.Held, err = h.Service.HeldUp(r.Context(), r.Principal); err != nil {
		return err
	}
	if v.List, err = h.Service.Deliveries(r.Context(), f); err != nil {
		return err
	}
	if len(v.List) > pageSize {
		v.List, v.Next = v.List[:pageSize], v.List[pageSize-1].ID
	}
	return r.Page(http.StatusOK, views.AdminHooks(views.NewAdminHooks(v)))
}

// deliveryFilter reads what to list; false for what no link or form of ours asks.
func deliveryFilter(r *web.Request) (f billing.DeliveryFilter, ok bool) {
	f = billing.DeliveryFilter{
		State: billing.DeliveryState(r.Query("state")), Type: billing.EventType(r.Query("type")), OrgID: r.Query("org"),
		Before: r.Query("before"), Limit: pageSize + 1,
	}
	switch f.State {
	case "", billing.DeliveryPending, billing.DeliveryDelivered, billing.DeliveryFailed:
		return f, plainID(f.Before)
	}
	return f, false
}

// adminInbox is what came from Stripe.
func (h *handlers) adminInbox(r *web.Request) error {
	state, before := r.Query("state"), r.Query("before")
	if state != "" && state != "waiting" || !plainID(before) {
		return billing.ErrNotFound
	}
	list, err := h.Service.Inbox(r.Context(), r.Principal, billing.InboxFilter{Waiting: state != "", Before: before, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	next := ""
	if len(list) > pageSize {
		list, next = list[:pageSize], list[pageSize-1].ID
	}
	return r.Page(http.StatusOK, views.AdminInbox(views.NewAdminInbox(h.adminFrame(r), state != "", list, next)))
}

// adminHook is one event with its attempts.
func (h *handlers) adminHook(r *web.Request) error {
	d, err := h.Service.Delivery(r.Context(), r.PathValue("event"))
	if err != nil {
		return err
	}
	health, err := h.Service.WebhookHealth(r.Context())
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.AdminHook(views.NewAdminHook(h.adminFrame(r), d, health.Sending(), h.Service.Now())))
}

func (h *handlers) adminReplay(r *web.Request) error {
	id := r.PathValue("event")
	if err := h.Service.Replay(r.Context(), r.Principal.Actor, id); err != nil {
		return err
	}
	return h.adminDone(r, pathAdminHooks+"/"+id, "replayed")
}

func (h *handlers) adminResumeHooks(r *web.Request) error {
	if err := h.Service.ResumeWebhooks(r.Context(), r.Principal.Actor); err != nil {
		return err
	}
	return h.adminDone(r, pathAdminHooks, "resumed")
}
