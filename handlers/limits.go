package handlers

import (
	"net/http"
	"strconv"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/web"
)

// wish is the need of asking for a higher limit: everybody in the org, agents by
// scope. It changes nothing.
func wish(p billing.Principal) error {
	if p.OrgID == "" {
		return billing.ErrForbidden.Say("A host key does not act for an organisation. Use the key of an agent or a member.")
	}
	if !p.Can(billing.ScopeRequest) {
		return billing.ErrScope.With("scope", billing.ScopeRequest)
	}
	return nil
}

func (h *handlers) apiAskForMore(r *web.Request) error {
	var in api.LimitAsk
	if err := r.Decode(&in); err != nil {
		return err
	}
	ask := billing.LimitAsk{Kind: in.Kind, Desired: in.DesiredValue, Reason: in.Reason}
	stored, err := h.Service.AskForMore(r.Context(), r.Principal, ask)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, api.Logged{Status: "logged", Request: stored.ID})
}

func (h *handlers) apiLimitRequests(r *web.Request) error {
	cursor := r.Query("cursor")
	if cursor != "" && !plainID(cursor) {
		return web.BadField("cursor", "must be the next_cursor of an earlier answer")
	}
	rows, err := h.Service.LimitRequests(r.Context(), r.Principal, cursor, pageSize+1)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, listOf(rows, pageSize, limitRequestOf, func(l billing.LimitRequest) string { return l.ID }))
}

func limitRequestOf(l billing.LimitRequest) api.LimitRequest {
	out := api.LimitRequest{
		Request: l.ID, Kind: l.Kind, Status: string(l.State), Reason: l.Reason, Asks: l.Asks, RequestedBy: actorWords(l.Asker),
		CreatedAt: l.CreatedAt, AskedAt: l.AskedAt,
	}
	if l.Desired > 0 {
		out.DesiredValue = &l.Desired
	}
	a := l.Answer
	switch {
	case a == nil:
	case l.State == billing.LimitGranted:
		out.Granted = &api.LimitGranted{Resource: a.Resource, Until: timeOrNull(a.Until), Reason: a.Reason, At: a.At}
		if !a.Cap.Unlimited {
			out.Granted.Cap = &a.Cap.Value
		}
	default:
		out.Declined = &api.LimitDeclined{Reason: a.Reason, At: a.At}
	}
	return out
}

// askForMore is the form beside a limit that is nearly reached.
func (h *handlers) askForMore(r *web.Request) error {
	ask := billing.LimitAsk{Kind: r.Field("kind"), Reason: r.Field("reason")}
	if text := r.Field("desired"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return web.BadField("desired", "must be a whole number from 1")
		}
		ask.Desired = n
	}
	if _, err := h.Service.AskForMore(r.Context(), r.Principal, ask); err != nil {
		return err
	}
	return r.Redirect(pathBilling, "asked", ask.Kind)
}
