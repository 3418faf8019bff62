package payments

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

func TestQuoteRefuses(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	none, foreign, gone := sub, sub, sub
	none.State = billing.State{CustomerID: sub.CustomerID, Plan: "free"}
	foreign.UnknownPrice, foreign.Plan = "price_x", ""
	gone.SubscriptionID = "sub_never"
	now := r.clock.Now()
	tests := map[string]struct {
		from   billing.Subscription
		change billing.Change
		at     time.Time
		want   error
	}{
		"no subscription":        {none, changeTo("scale"), now, billing.ErrRejected},
		"unknown plan":           {sub, changeTo("gold"), now, billing.ErrUnknownPlan},
		"the free plan":          {sub, changeTo("free"), now, billing.ErrUnknownPlan},
		"present price unknown":  {foreign, changeTo("scale"), now, billing.ErrRejected},
		"resume an unknown plan": {foreign, billing.Change{Action: billing.ActionResume}, now, billing.ErrUnknownPlan},
		"subscription gone":      {gone, changeTo("scale"), now, billing.ErrRejected},
		"before the period":      {sub, changeTo("scale"), now.Add(-time.Hour), billing.ErrRejected},
		"after the period":       {sub, changeTo("scale"), sub.PeriodEnd.Add(time.Second), billing.ErrRejected},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if q, err := r.Quote(r.ctx, tc.from, tc.change, tc.at); !errors.Is(err, tc.want) || q.ToPlan != "" {
				t.Errorf("got %+v, %v", q, err)
			}
		})
	}
	if _, err := r.Quote(r.ctx, sub, billing.Change{Action: "subscription.burn"}, now); err == nil {
		t.Error("an action that does not exist has a price")
	}
}

func TestQuoteWhileStripeIsAway(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	r.quote(sub, changeTo("scale")) // the price is known now
	for _, status := range []int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusUnauthorized} {
		r.server.FailNext(status, 1)
		if _, err := r.Quote(r.ctx, sub, changeTo("scale"), r.clock.Now()); !errors.Is(err, billing.ErrStripeUnavailable) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestNoChangeOfInterval(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	yearly := *r.catalog
	yearly.Plans = append([]billing.Plan(nil), yearly.Plans...)
	yearly.Plans[2].Price.Interval = "year"
	r.catalog = &yearly
	if _, err := r.Quote(r.ctx, sub, changeTo("scale"), r.clock.Now()); !errors.Is(err, billing.ErrRejected) {
		t.Errorf("got %v", err)
	}
}

func TestAmountsOfAPreview(t *testing.T) {
	end := time.Unix(periodEnd, 0)
	line := func(amount, start int64, proration bool) *stripe.InvoiceLineItem {
		return &stripe.InvoiceLineItem{Amount: amount, Proration: proration, Period: &stripe.Period{Start: start, End: start + day}}
	}
	tests := map[string]struct {
		preview                stripe.Invoice
		due, credit, used, tax int64
	}{
		"plain":            {stripe.Invoice{Total: 1500, AmountDue: 1500}, 1500, 0, 0, 0},
		"with tax":         {stripe.Invoice{Total: 1785, AmountDue: 1785, Tax: 285}, 1785, 0, 0, 285},
		"negative":         {stripe.Invoice{Total: -1500}, 0, 1500, 0, 0},
		"negative, debt":   {stripe.Invoice{Total: -1500, StartingBalance: 200}, 0, 1500, 0, 0},
		"negative, credit": {stripe.Invoice{Total: -1500, StartingBalance: -200}, 0, 1500, 0, 0},
		"credit used":      {stripe.Invoice{Total: 1500, AmountDue: 500, StartingBalance: -1000}, 500, 0, 1000, 0},
		"debt collected":   {stripe.Invoice{Total: 1500, AmountDue: 1800, StartingBalance: 300}, 1800, 0, 0, 0},
		"too small":        {stripe.Invoice{Total: 20}, 0, 0, 0, 0},
		"ending balance is not known before the end": {stripe.Invoice{Total: 1500, AmountDue: 500, StartingBalance: -1000, EndingBalance: 0}, 500, 0, 1000, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			q := withAmounts(billing.Quote{Currency: "usd"}, &tc.preview)
			if q.DueNow != tc.due || q.Credit != tc.credit || q.BalanceUsed != tc.used || q.Tax != tc.tax || q.Currency != "usd" {
				t.Errorf("got %+v", q)
			}
		})
	}
	for name, tc := range map[string]struct {
		lines []*stripe.InvoiceLineItem
		want  bool
	}{
		"prorations":                  {[]*stripe.InvoiceLineItem{line(-500, periodStart+5, true), line(2000, periodStart+5, true)}, false},
		"a proration in the future":   {[]*stripe.InvoiceLineItem{line(2000, periodEnd, true)}, false},
		"an item of this very period": {[]*stripe.InvoiceLineItem{line(300, periodStart, false)}, false},
		"the renewal":                 {[]*stripe.InvoiceLineItem{line(1500, periodStart+5, true), line(4900, periodEnd, false)}, true},
	} {
		if got := renewalInside(&stripe.Invoice{Lines: &stripe.InvoiceLineItemList{Data: tc.lines}}, end); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestMoneyOfAnOlderInvoice: a change that made no invoice of its own must not
// report the amount of the last renewal.
func TestMoneyOfAnOlderInvoice(t *testing.T) {
	at := time.Unix(periodStart+5, 0)
	invoice := func(start int64, proration bool) *stripe.Invoice {
		return &stripe.Invoice{ID: "in_1", AmountPaid: 1900, Lines: &stripe.InvoiceLineItemList{Data: []*stripe.InvoiceLineItem{
			{Proration: proration, Period: &stripe.Period{Start: start}},
		}}}
	}
	for name, tc := range map[string]struct {
		invoice *stripe.Invoice
		want    int64
	}{
		"its own":        {invoice(at.Unix(), true), 1900},
		"a renewal":      {invoice(at.Unix(), false), 0},
		"another change": {invoice(at.Unix()-1, true), 0},
		"none":           {nil, 0},
		"without lines":  {&stripe.Invoice{AmountPaid: 1900}, 0},
	} {
		if got := applied(applyParams{quote: billing.Quote{ProrationDate: at}}, tc.invoice); got.Charged != tc.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
