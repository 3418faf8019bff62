package api

import "context"

// Plan is an entry of GET /api/billing/plans, in the order of rank.
type Plan struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Current    bool              `json:"current"` // in force now
	PriceCents int64             `json:"priceCents"`
	Currency   string            `json:"currency"`
	Interval   *string           `json:"interval"` // month or year; null for the free plan
	Limits     map[string]*int64 `json:"limits"`   // by resource, without additional units; null is unlimited
	Units      *PlanUnits        `json:"capacityUnits"`
	TrialDays  *int              `json:"trialDays"` // that it can be tried without a card; null if it cannot
}

// PlanUnits is how a plan is sold in capacity units.
type PlanUnits struct {
	Included      int64 `json:"included"`
	MaxAdditional int64 `json:"maxAdditional"`
	PriceCents    int64 `json:"priceCents"` // of an additional unit, an interval
}

// Plans reads what can be bought.
func (c *Client) Plans(ctx context.Context) (List[Plan], error) {
	return get[List[Plan]](ctx, c, "/api/billing/plans", nil)
}
