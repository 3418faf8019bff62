package handlers

import (
	"net/http"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/web"
)

// apiPlans lists what can be bought, and which of it is in force.
func (h *handlers) apiPlans(r *web.Request) error {
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	c := h.Service.Catalog()
	out := api.List[api.Plan]{Data: make([]api.Plan, 0, len(c.Plans))}
	for _, p := range c.Plans {
		out.Data = append(out.Data, planOf(c, p, p.ID == sum.Plan.ID))
	}
	return r.JSON(http.StatusOK, out)
}

func planOf(c *billing.Catalog, p billing.Plan, current bool) api.Plan {
	out := api.Plan{
		ID: p.ID, Name: p.Name, Current: current, PriceCents: p.Price.Amount, Currency: c.Currency,
		Interval: textOrNull(p.Price.Interval), Limits: make(map[string]*int64, len(c.Resources)),
	}
	for _, res := range c.Resources {
		limit := p.Cap(res.ID)
		out.Limits[res.ID] = &limit.Value
		if limit.Unlimited {
			out.Limits[res.ID] = nil
		}
	}
	if u := p.Units; u != nil {
		out.Units = &api.PlanUnits{Included: u.Included, MaxAdditional: u.MaxAdditional, PriceCents: u.Price.Amount}
	}
	if t := p.Trial; t != nil && !t.Card {
		out.TrialDays = &t.Days
	}
	return out
}
