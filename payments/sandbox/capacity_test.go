package sandbox_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/payments/sandbox"
)

// shop is the capacity catalogue: two plans and the unit of each.
type shop struct {
	*rig
	solo, soloUnit, team, teamUnit string
}

func newShop(t *testing.T, tweak ...func(*sandbox.Options)) *shop {
	t.Helper()
	r := newRig(t, tweak...)
	price := func(key, name string, amount int64) string {
		p, err := r.api.Prices.New(&stripe.PriceParams{
			Currency: stripe.String("usd"), UnitAmount: &amount, LookupKey: &key,
			ProductData: &stripe.PriceProductDataParams{Name: &name},
			Recurring:   &stripe.PriceRecurringParams{Interval: stripe.String("month")},
		})
		must(t, err)
		return p.ID
	}
	return &shop{
		rig:  r,
		solo: price("solo_month", "Solo", 299), soloUnit: price("solo_unit_month", "Solo unit", 100),
		team: price("team_month", "Team", 4900), teamUnit: price("team_unit_month", "Team unit", 400),
	}
}

// teamOf starts a Team subscription with n extra units.
func (s *shop) teamOf(n int64) *stripe.Subscription {
	s.t.Helper()
	items := []sandbox.Item{{LookupKey: "team_month", Quantity: 1}}
	if n > 0 {
		items = append(items, sandbox.Item{LookupKey: "team_unit_month", Quantity: n})
	}
	id, err := s.box.SubscribeTo(s.customer(""), "pm_card_visa", items...)
	must(s.t, err)
	return s.sub(id)
}

// had is the quantity of a price, -1 if the subscription does not have it.
func had(sub *stripe.Subscription, price string) int64 {
	for _, it := range sub.Items.Data {
		if it.Price.ID == price {
			return it.Quantity
		}
	}
	return -1
}

func itemID(t *testing.T, sub *stripe.Subscription, price string) *string {
	t.Helper()
	for _, it := range sub.Items.Data {
		if it.Price.ID == price {
			return &it.ID
		}
	}
	t.Fatalf("no item with price %s", price)
	return nil
}

func (s *shop) update(id, proration string, items ...*stripe.SubscriptionItemsParams) (*stripe.Subscription, error) {
	return s.api.Subscriptions.Update(id, &stripe.SubscriptionParams{
		Items: items, ProrationBehavior: &proration, ProrationDate: stripe.Int64(s.box.Now().Unix()),
		PaymentBehavior: stripe.String("error_if_incomplete"),
	})
}

// share is amount × left ÷ whole, to the nearest cent, by rational arithmetic.
func share(amount int64, left, whole time.Duration) int64 {
	r := big.NewRat(amount*int64(left/time.Second), int64(whole/time.Second))
	if r.Sign() < 0 {
		return -share(-amount, left, whole)
	}
	r.Add(r, big.NewRat(1, 2))
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}

func TestCheckoutWithUnits(t *testing.T) {
	s := newShop(t)
	cs, err := s.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("http://app.test/back"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{
			{Price: &s.team, Quantity: stripe.Int64(1)}, {Price: &s.teamUnit, Quantity: stripe.Int64(5)},
		},
	})
	must(t, err)
	equal(t, "total", cs.AmountTotal, 4900+5*400)
	b := &browser{r: s.rig}
	_, page := b.get(cs.URL)
	has(t, page, "5 × Team unit")
	has(t, page, "$69.00")
	b.post(cs.URL, "number", "4242424242424242", "email", "a@b.test")
	got, err := s.api.CheckoutSessions.Get(cs.ID, nil)
	must(t, err)
	sub := s.sub(got.Subscription.ID)
	equal(t, "base", had(sub, s.team), 1)
	equal(t, "units", had(sub, s.teamUnit), 5)
	line := sub.LatestInvoice.Lines.Data[1]
	equal(t, "words", line.Description, "5 × Team unit (at $4.00 / month)")
	equal(t, "quantity", line.Quantity, 5)
	equal(t, "unit amount", line.UnitAmountExcludingTax, 400)
	equal(t, "item", line.SubscriptionItem.ID, *itemID(t, sub, s.teamUnit))
	equal(t, "charged", s.box.Charges("")[0].Amount, 6900)
	for quantity, want := range map[*int64]string{nil: "Quantity is required", stripe.Int64(0): "greater than or equal to 1", stripe.Int64(1_000_000): "less than or equal to 999999"} {
		_, err := s.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
			Mode: stripe.String("subscription"), SuccessURL: stripe.String("http://app.test"),
			LineItems: []*stripe.CheckoutSessionLineItemParams{{Price: &s.team, Quantity: quantity}},
		})
		has(t, stripeError(t, err).Msg, want)
	}
}

func TestIncreaseChargesTheRemainingTime(t *testing.T) {
	const month = 30 * 24 * time.Hour
	for _, passed := range []time.Duration{0, time.Second, 11*24*time.Hour + 7*time.Second, month - time.Hour} {
		t.Run(passed.String(), func(t *testing.T) {
			s := newShop(t)
			sub := s.teamOf(2)
			s.advance(passed)
			change := []*stripe.SubscriptionItemsParams{{ID: itemID(t, sub, s.teamUnit), Quantity: stripe.Int64(99)}}
			up, err := s.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{
				Subscription: &sub.ID, SubscriptionItems: change,
				SubscriptionProrationBehavior: stripe.String("always_invoice"),
				SubscriptionProrationDate:     stripe.Int64(s.box.Now().Unix()),
			})
			must(t, err)
			_, err = s.update(sub.ID, "always_invoice", change...)
			must(t, err)
			got := s.sub(sub.ID)
			equal(t, "units", had(got, s.teamUnit), 99)
			in := got.LatestInvoice
			equal(t, "as previewed", in.Total, up.Total)
			credit, debit := share(-2*400, month-passed, month), share(99*400, month-passed, month)
			equal(t, "credit", in.Lines.Data[0].Amount, credit)
			equal(t, "debit", in.Lines.Data[1].Amount, debit)
			equal(t, "total", in.Total, credit+debit)
			date := s.box.Now().Format("02 Jan 2006")
			equal(t, "credit words", in.Lines.Data[0].Description, "Unused time on 2 × Team unit after "+date)
			equal(t, "debit words", in.Lines.Data[1].Description, "Remaining time on 99 × Team unit after "+date)
			equal(t, "only the unit", len(in.Lines.Data), 2)
			equal(t, "period", got.CurrentPeriodEnd, sub.CurrentPeriodEnd)
		})
	}
}

func TestItemsComeAndGo(t *testing.T) {
	s := newShop(t)
	sub := s.teamOf(0)
	s.advance(half)
	_, err := s.update(sub.ID, "always_invoice", &stripe.SubscriptionItemsParams{Price: &s.teamUnit, Quantity: stripe.Int64(3)})
	must(t, err)
	got := s.sub(sub.ID)
	equal(t, "added", had(got, s.teamUnit), 3)
	equal(t, "half a month", got.LatestInvoice.Total, 600)
	equal(t, "the line knows its item", got.LatestInvoice.Lines.Data[0].SubscriptionItem.ID, *itemID(t, got, s.teamUnit))
	unit := itemID(t, got, s.teamUnit)

	_, err = s.update(sub.ID, "none", &stripe.SubscriptionItemsParams{ID: unit, Quantity: stripe.Int64(0)})
	must(t, err)
	equal(t, "none of it", had(s.sub(sub.ID), s.teamUnit), 0)
	s.advance(half)
	lines := s.sub(sub.ID).LatestInvoice.Lines.Data
	equal(t, "a line of nothing", lines[1].Description, "0 × Team unit (at $4.00 / month)")
	equal(t, "for nothing", lines[1].Amount, 0)

	_, err = s.update(sub.ID, "always_invoice", &stripe.SubscriptionItemsParams{ID: unit, Quantity: stripe.Int64(2)})
	must(t, err)
	_, err = s.update(sub.ID, "always_invoice", &stripe.SubscriptionItemsParams{ID: unit, Quantity: stripe.Int64(0)})
	must(t, err)
	lines = s.sub(sub.ID).LatestInvoice.Lines.Data
	equal(t, "back to nothing", join([]string{lines[0].Description, lines[1].Description}),
		"Unused time on 2 × Team unit after 23 Dec 2026 Remaining time on 0 × Team unit after 23 Dec 2026")
	equal(t, "for nothing", lines[1].Amount, 0)

	_, err = s.update(sub.ID, "create_prorations", &stripe.SubscriptionItemsParams{ID: unit, Quantity: stripe.Int64(1)})
	must(t, err)
	_, err = s.update(sub.ID, "create_prorations", &stripe.SubscriptionItemsParams{ID: unit, Deleted: stripe.Bool(true)})
	must(t, err)
	equal(t, "gone", had(s.sub(sub.ID), s.teamUnit), -1)
	up, err := s.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Subscription: &sub.ID})
	must(t, err)
	equal(t, "came and went at once", up.Total, 4900)
}

func TestSwitchOfPlanAndUnits(t *testing.T) {
	s := newShop(t)
	sub := s.teamOf(2)
	s.advance(half)
	base, unit := itemID(t, sub, s.team), itemID(t, sub, s.teamUnit)
	_, err := s.update(sub.ID, "always_invoice",
		&stripe.SubscriptionItemsParams{ID: base, Price: &s.solo},
		&stripe.SubscriptionItemsParams{ID: unit, Price: &s.soloUnit})
	must(t, err)
	got := s.sub(sub.ID)
	equal(t, "a new price sets the quantity to 1", had(got, s.soloUnit), 1)
	equal(t, "lines", len(got.LatestInvoice.Lines.Data), 4)
	equal(t, "total", got.LatestInvoice.Total, -2450-400+150+50)
	equal(t, "balance", got.Customer.Balance, -2650)
	s.advance(half)
	equal(t, "paid from the balance", s.sub(sub.ID).LatestInvoice.AmountDue, 0)
	equal(t, "what is left of it", s.sub(sub.ID).Customer.Balance, -2650+399)
}

func TestPendingUpdateTakesPricesAndQuantitiesOnly(t *testing.T) {
	s := newShop(t)
	sub := s.teamOf(2)
	s.useCard(sub.Customer.ID, "pm_card_authenticationRequired")
	s.advance(half)
	unit := itemID(t, sub, s.teamUnit)
	try := func(item *stripe.SubscriptionItemsParams) (*stripe.Subscription, error) {
		return s.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{
			Items:             []*stripe.SubscriptionItemsParams{item},
			ProrationBehavior: stripe.String("always_invoice"), PaymentBehavior: stripe.String("pending_if_incomplete"),
		})
	}
	for name, item := range map[string]*stripe.SubscriptionItemsParams{
		"deleted":  {ID: unit, Deleted: stripe.Bool(true)},
		"metadata": {ID: unit, Quantity: stripe.Int64(3), Metadata: map[string]string{"a": "b"}},
	} {
		_, err := try(item)
		has(t, stripeError(t, err).Msg, "`items["+name+"]` is not supported")
	}
	got, err := try(&stripe.SubscriptionItemsParams{ID: unit, Quantity: stripe.Int64(12)})
	must(t, err)
	equal(t, "waits", had(got, s.teamUnit), 2)
	equal(t, "for 12", got.PendingUpdate.SubscriptionItems[1].Quantity, 12)
	in := s.sub(sub.ID).LatestInvoice
	equal(t, "to be paid", in.AmountDue, 5*400)
	(&browser{r: s.rig}).post(in.HostedInvoiceURL+"/bank", "outcome", "complete")
	equal(t, "paid", had(s.sub(sub.ID), s.teamUnit), 12)
}

func TestQuantityMistakes(t *testing.T) {
	s := newShop(t)
	sub := s.teamOf(2)
	unit := itemID(t, sub, s.teamUnit)
	for want, item := range map[string]*stripe.SubscriptionItemsParams{
		"greater than or equal to 0":             {ID: unit, Quantity: stripe.Int64(-1)},
		"less than or equal to 999999":           {ID: unit, Quantity: stripe.Int64(1_000_000)},
		"Cannot add multiple subscription items": {Price: &s.teamUnit, Quantity: stripe.Int64(1)},
		"No such price":                          {Price: stripe.String("price_x"), Quantity: stripe.Int64(1)},
		"Missing required param: items[0][id]":   {Price: &s.soloUnit, Deleted: stripe.Bool(true)},
	} {
		_, err := s.update(sub.ID, "always_invoice", item)
		has(t, stripeError(t, err).Msg, want)
	}
	equal(t, "nothing changed", had(s.sub(sub.ID), s.teamUnit), 2)
}

func TestDashboardSetsAQuantity(t *testing.T) {
	s := newShop(t)
	sub := s.teamOf(0)
	s.advance(half)
	must(t, s.box.SetQuantity(sub.ID, "team_unit_month", 4))
	equal(t, "added", had(s.sub(sub.ID), s.teamUnit), 4)
	must(t, s.box.SetQuantity(sub.ID, "team_unit_month", 6))
	equal(t, "changed", had(s.sub(sub.ID), s.teamUnit), 6)
	equal(t, "nothing charged now", len(s.box.Charges("")), 1)
	s.advance(half)
	equal(t, "but with the renewal", s.box.Charges("")[1].Amount, 4900+6*400+6*200)
	if err := s.box.SetQuantity(sub.ID, "none", 1); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("unknown lookup key: %v", err)
	}
}
