package payments

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"pgregory.net/rapid"

	"github.com/countersignhq/countersign/billing"
)

func flat(t testing.TB) *billing.Catalog {
	t.Helper()
	c, err := billing.Builtin("flat")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func capacity(t testing.TB) *billing.Catalog {
	t.Helper()
	c, err := billing.Builtin("capacity")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func lookupKey(t testing.TB, c *billing.Catalog, plan string) string {
	t.Helper()
	p, ok := c.Plan(plan)
	if !ok {
		t.Fatalf("no plan %q", plan)
	}
	return p.Price.LookupKey
}

const day = 24 * 60 * 60

var (
	periodStart = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).Unix()
	periodEnd   = time.Date(2026, 12, 23, 0, 0, 0, 0, time.UTC).Unix()
)

func someCustomer() *stripe.Customer { return &stripe.Customer{ID: "cus_1"} }

func someCard(last4 string) *stripe.PaymentMethod {
	return &stripe.PaymentMethod{Card: &stripe.PaymentMethodCard{Brand: "visa", Last4: last4, ExpMonth: 12, ExpYear: 2030}}
}

func priced(id, key string) *stripe.Price { return &stripe.Price{ID: id, LookupKey: key} }

func item(id string, p *stripe.Price) *stripe.SubscriptionItem {
	return &stripe.SubscriptionItem{ID: id, Price: p}
}

func sub(id string, status stripe.SubscriptionStatus, created int64, items ...*stripe.SubscriptionItem) *stripe.Subscription {
	return &stripe.Subscription{
		ID: id, Status: status, Created: created, CurrentPeriodStart: periodStart, CurrentPeriodEnd: periodEnd,
		Items: &stripe.SubscriptionItemList{Data: items},
	}
}

func openInvoice(id, subID string, created, amount int64) *stripe.Invoice {
	return &stripe.Invoice{
		ID: id, Subscription: &stripe.Subscription{ID: subID}, Created: created, Currency: "usd", Status: stripe.InvoiceStatusOpen,
		AmountDue: amount, AmountRemaining: amount, Total: amount, HostedInvoiceURL: "https://pay/" + id,
	}
}

func TestProjectPicksSubscriptionAndPlan(t *testing.T) {
	c := flat(t)
	pro, scale := lookupKey(t, c, "pro"), lookupKey(t, c, "scale")
	free := c.Free().ID
	type want struct {
		sub, item, plan, unknown string
		status                   billing.SubscriptionStatus
		warnings                 []WarningCode
	}
	tests := map[string]struct {
		subs []*stripe.Subscription
		want want
	}{
		"none": {nil, want{plan: free}},
		"active": {
			[]*stripe.Subscription{sub("s1", "active", 1, item("i1", priced("p1", pro)))},
			want{sub: "s1", item: "i1", plan: "pro", status: "active"},
		},
		"unpaid is still live": {
			[]*stripe.Subscription{sub("s1", "unpaid", 1, item("i1", priced("p1", pro)))},
			want{sub: "s1", item: "i1", plan: "pro", status: "unpaid"},
		},
		"cancelled leaves the free plan": {
			[]*stripe.Subscription{sub("s1", "canceled", 1, item("i1", priced("p1", pro)))},
			want{sub: "s1", plan: free, status: "canceled"},
		},
		"incomplete is not live": {
			[]*stripe.Subscription{sub("s1", "incomplete", 1, item("i1", priced("p1", pro)))},
			want{sub: "s1", plan: free, status: "incomplete"},
		},
		"newest of the dead": {
			[]*stripe.Subscription{sub("s2", "incomplete_expired", 2), sub("s1", "canceled", 1)},
			want{sub: "s2", plan: free, status: "incomplete_expired"},
		},
		"a live one before newer dead ones": {
			[]*stripe.Subscription{sub("s2", "canceled", 2), sub("s1", "past_due", 1, item("i1", priced("p1", scale)))},
			want{sub: "s1", item: "i1", plan: "scale", status: "past_due"},
		},
		"older of two live ones": {
			[]*stripe.Subscription{
				sub("s2", "active", 2, item("i2", priced("p2", scale))), sub("s1", "active", 1, item("i1", priced("p1", pro))),
			},
			want{sub: "s1", item: "i1", plan: "pro", status: "active", warnings: []WarningCode{WarnTwoSubscriptions}},
		},
		"lower id of two of the same second": {
			[]*stripe.Subscription{
				sub("s2", "active", 1, item("i2", priced("p2", scale))), sub("s1", "active", 1, item("i1", priced("p1", pro))),
			},
			want{sub: "s1", item: "i1", plan: "pro", status: "active", warnings: []WarningCode{WarnTwoSubscriptions}},
		},
		"unknown price": {
			[]*stripe.Subscription{sub("s1", "active", 1, item("i1", priced("p9", "elsewhere")))},
			want{sub: "s1", item: "i1", unknown: "p9", status: "active", warnings: []WarningCode{WarnUnknownPrice}},
		},
		"the free plan has no price, so an empty key is unknown": {
			[]*stripe.Subscription{sub("s1", "active", 1, item("i1", priced("p9", "")))},
			want{sub: "s1", item: "i1", unknown: "p9", status: "active", warnings: []WarningCode{WarnUnknownPrice}},
		},
		"old price without its key": {
			[]*stripe.Subscription{sub("s1", "active", 1, item("i1", &stripe.Price{ID: "p1", Metadata: map[string]string{metaPlan: "scale"}}))},
			want{sub: "s1", item: "i1", plan: "scale", status: "active"},
		},
		"a mark cannot name the free plan": {
			[]*stripe.Subscription{sub("s1", "active", 1, item("i1", &stripe.Price{ID: "p1", Metadata: map[string]string{metaPlan: "free"}}))},
			want{sub: "s1", item: "i1", unknown: "p1", status: "active", warnings: []WarningCode{WarnUnknownPrice}},
		},
		"foreign item beside the plan": {
			[]*stripe.Subscription{sub("s1", "active", 1, item("i0", priced("p9", "addon")), item("i1", priced("p1", pro)))},
			want{sub: "s1", item: "i1", plan: "pro", status: "active", warnings: []WarningCode{WarnUnknownPrice}},
		},
		"two plans in one": {
			[]*stripe.Subscription{sub("s1", "active", 1, item("i0", priced("p1", pro)), item("i1", priced("p2", scale)))},
			want{sub: "s1", item: "i1", plan: "scale", status: "active", warnings: []WarningCode{WarnTwoPlans}},
		},
		"no items": {
			[]*stripe.Subscription{sub("s1", "active", 1)},
			want{sub: "s1", unknown: "none", status: "active"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := Project(c, Snapshot{Customer: someCustomer(), Subscriptions: tc.subs})
			st := p.State
			got := want{sub: st.SubscriptionID, item: st.ItemID, plan: st.Plan, unknown: st.UnknownPrice, status: st.Status}
			for _, w := range p.Warnings {
				got.warnings = append(got.warnings, w.Code)
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestProjectUnitsAreNoPlan(t *testing.T) {
	c := capacity(t)
	plan, _ := c.Plan("team")
	s := sub("s1", "active", 1, item("i0", priced("p0", plan.Units.Price.LookupKey)), item("i1", priced("p1", plan.Price.LookupKey)))
	p := Project(c, Snapshot{Customer: someCustomer(), Subscriptions: []*stripe.Subscription{s}})
	if p.State.Plan != "team" || p.State.ItemID != "i1" || len(p.Warnings) != 0 {
		t.Errorf("got plan %q, item %q, warnings %v", p.State.Plan, p.State.ItemID, p.Warnings)
	}
}

func TestProjectCustomer(t *testing.T) {
	c := flat(t)
	inv := openInvoice("in_1", "s1", 5, 100)
	tests := map[string]struct {
		customer *stripe.Customer
		id       string
		credit   int64
		warnings int
	}{
		"credit is a negative balance": {&stripe.Customer{ID: "cus_1", Balance: -250}, "cus_1", 250, 0},
		"a debt is no credit":          {&stripe.Customer{ID: "cus_1", Balance: 250}, "cus_1", 0, 0},
		"deleted":                      {&stripe.Customer{ID: "cus_1", Deleted: true, Balance: -9}, "", 0, 1},
		"missing":                      {nil, "", 0, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := Project(c, Snapshot{Customer: tc.customer, Invoices: []*stripe.Invoice{inv}})
			if p.State.CustomerID != tc.id || p.State.Credit != tc.credit || len(p.Warnings) != tc.warnings {
				t.Errorf("got %+v, %v", p.State, p.Warnings)
			}
			if p.State.Plan != c.Free().ID || len(p.Invoices) != 1 {
				t.Errorf("plan %q, %d invoices", p.State.Plan, len(p.Invoices))
			}
		})
	}
}

func TestProjectCard(t *testing.T) {
	withDefault := &stripe.Customer{ID: "cus_1", InvoiceSettings: &stripe.CustomerInvoiceSettings{DefaultPaymentMethod: someCard("1111")}}
	own := sub("s1", "active", 1)
	own.DefaultPaymentMethod = someCard("4242")
	link := sub("s1", "active", 1)
	link.DefaultPaymentMethod = &stripe.PaymentMethod{Type: "link"}
	tests := map[string]struct {
		customer *stripe.Customer
		sub      *stripe.Subscription
		want     string
	}{
		"none":                            {someCustomer(), sub("s1", "active", 1), ""},
		"the customer's":                  {withDefault, sub("s1", "active", 1), "1111"},
		"without a subscription":          {withDefault, nil, "1111"},
		"the subscription's goes first":   {withDefault, own, "4242"},
		"something else than a card pays": {withDefault, link, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := Snapshot{Customer: tc.customer}
			if tc.sub != nil {
				s.Subscriptions = []*stripe.Subscription{tc.sub}
			}
			got := Project(flat(t), s).State.Card
			if last4 := func() string {
				if got == nil {
					return ""
				}
				return got.Last4
			}(); last4 != tc.want {
				t.Errorf("card %q, want %q", last4, tc.want)
			}
		})
	}
}

func TestProjectAction(t *testing.T) {
	c := flat(t)
	pro, scale := priced("p1", lookupKey(t, c, "pro")), priced("p2", lookupKey(t, c, "scale"))
	pending := func(items ...*stripe.SubscriptionItem) *stripe.Subscription {
		s := sub("s1", "active", 1, item("i1", pro))
		s.PendingUpdate = &stripe.SubscriptionPendingUpdate{SubscriptionItems: items}
		return s
	}
	behind := sub("s1", "past_due", 1, item("i1", pro))
	tried := openInvoice("in_2", "s1", 20, 1900)
	tried.Attempted, tried.NextPaymentAttempt = true, 900
	tried.StatusTransitions = &stripe.InvoiceStatusTransitions{FinalizedAt: 21}
	asked := openInvoice("in_2", "s1", 20, 1900)
	waits := *asked
	waits.PaymentIntent = &stripe.PaymentIntent{ID: "pi_2", Status: stripe.PaymentIntentStatusRequiresAction}
	declined := &stripe.Invoice{ID: "in_2", PaymentIntent: &stripe.PaymentIntent{Status: stripe.PaymentIntentStatusRequiresPaymentMethod}}
	lined := openInvoice("in_3", "s1", 30, 1740)
	lined.Lines = &stripe.InvoiceLineItemList{Data: []*stripe.InvoiceLineItem{{Amount: -1000, Price: pro}, {Amount: 2740, Price: scale}}}
	usd := func(n int64) billing.Money { return billing.Money{Amount: n, Currency: "usd"} }

	tests := map[string]struct {
		sub      *stripe.Subscription
		invoices []*stripe.Invoice
		want     *billing.PaymentAction
		owed     *stripe.Invoice
	}{
		"nothing to do": {sub("s1", "active", 1, item("i1", pro)), []*stripe.Invoice{openInvoice("in_1", "s1", 10, 1900)}, nil, nil},
		"renewal failed": {
			behind,
			[]*stripe.Invoice{openInvoice("in_1", "s1", 10, 1900), tried},
			&billing.PaymentAction{InvoiceID: "in_2", URL: "https://pay/in_2", Amount: usd(1900), Failed: time.Unix(21, 0).UTC(), NextTry: time.Unix(900, 0).UTC()},
			declined,
		},
		"renewal waits for the bank": {
			behind, []*stripe.Invoice{asked}, &billing.PaymentAction{InvoiceID: "in_2", URL: "https://pay/in_2", Amount: usd(1900), NeedsBank: true}, &waits,
		},
		"an older renewal than the one that waits": {
			behind, []*stripe.Invoice{openInvoice("in_1", "s1", 10, 1900)}, &billing.PaymentAction{InvoiceID: "in_1", URL: "https://pay/in_1", Amount: usd(1900)}, &waits,
		},
		"another subscription's invoice": {behind, []*stripe.Invoice{openInvoice("in_1", "s2", 10, 1900)}, nil, nil},
		"pending update": {
			pending(item("i1", scale)),
			[]*stripe.Invoice{openInvoice("in_3", "s1", 30, 1740)},
			&billing.PaymentAction{InvoiceID: "in_3", URL: "https://pay/in_3", Amount: usd(1740), Plan: "scale"}, &waits,
		},
		"pending update that names a price by id": {
			pending(item("i1", &stripe.Price{ID: "p2"})),
			[]*stripe.Invoice{lined},
			&billing.PaymentAction{InvoiceID: "in_3", URL: "https://pay/in_3", Amount: usd(1740), Plan: "scale"}, &waits,
		},
		"pending update whose invoice is paid already": {
			pending(item("i1", scale)), []*stripe.Invoice{{ID: "in_3", Status: "paid", Subscription: &stripe.Subscription{ID: "s1"}}}, nil, nil,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := Project(c, Snapshot{Customer: someCustomer(), Subscriptions: []*stripe.Subscription{tc.sub}, Invoices: tc.invoices, Owed: tc.owed}).State.Action
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestProjectEndOfPeriod(t *testing.T) {
	c := flat(t)
	pro := priced("p1", lookupKey(t, c, "pro"))
	next := &stripe.Invoice{AmountDue: 1650, Total: 1900, Currency: "usd"}
	tests := map[string]struct {
		change func(*stripe.Subscription)
		ends   bool
	}{
		"renews":                      {func(*stripe.Subscription) {}, false},
		"flag":                        {func(s *stripe.Subscription) { s.CancelAtPeriodEnd = true }, true},
		"date at the period's end":    {func(s *stripe.Subscription) { s.CancelAt = periodEnd }, true},
		"date in a later period":      {func(s *stripe.Subscription) { s.CancelAt = periodEnd + day }, false},
		"date inside of the period":   {func(s *stripe.Subscription) { s.CancelAt = periodStart + day }, true},
		"cancelled and lifted before": {func(s *stripe.Subscription) { s.CanceledAt = periodStart + 1 }, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := sub("s1", "active", 1, item("i1", pro))
			tc.change(s)
			st := Project(c, Snapshot{Customer: someCustomer(), Subscriptions: []*stripe.Subscription{s}, Upcoming: next}).State
			if st.CancelAtPeriodEnd != tc.ends || (st.Next == nil) != tc.ends {
				t.Fatalf("ends %v, next %+v", st.CancelAtPeriodEnd, st.Next)
			}
			if st.Next != nil && (st.Next.Amount.Amount != 1650 || st.Next.Date.Unix() != periodEnd) {
				t.Errorf("next %+v", st.Next)
			}
		})
	}
}

func TestProjectInvoices(t *testing.T) {
	c := flat(t)
	pro, scale := priced("p1", lookupKey(t, c, "pro")), priced("p2", lookupKey(t, c, "scale"))
	line := func(amount int64, p *stripe.Price) *stripe.InvoiceLineItem {
		return &stripe.InvoiceLineItem{Amount: amount, Price: p}
	}
	of := func(id string, created, total int64, reason stripe.InvoiceBillingReason, lines ...*stripe.InvoiceLineItem) *stripe.Invoice {
		return &stripe.Invoice{
			ID: id, Number: "N-" + id, Created: created, Total: total, Currency: "usd", Status: "paid", BillingReason: reason,
			InvoicePDF: "pdf", HostedInvoiceURL: "url", Lines: &stripe.InvoiceLineItemList{Data: lines},
		}
	}
	text := of("in_4", 40, 500, "manual")
	text.Description = "Setup"
	got := Project(c, Snapshot{Customer: someCustomer(), Invoices: []*stripe.Invoice{
		of("in_1", 10, 1900, "subscription_create", line(1900, pro)),
		text,
		of("in_3", 30, -1500, "subscription_update", line(-2000, scale), line(500, pro)),
		of("in_2", 30, 1500, "subscription_update", line(-500, pro), line(2000, scale)),
		of("in_5", 50, 0, "manual"),
	}}).Invoices
	want := []string{
		"in_5 Invoice 0", "in_4 Setup 500", "in_3 Change to Pro -1500", "in_2 Change to Scale 1500", "in_1 Pro 1900",
	}
	for i, inv := range got {
		if s := fmt.Sprintf("%s %s %d", inv.ID, inv.Description, inv.Amount.Amount); i >= len(want) || s != want[i] {
			t.Errorf("invoice %d is %q", i, s)
		}
		if inv.Number != "N-"+inv.ID || inv.Amount.Currency != "usd" || inv.Status != "paid" || inv.HostedURL != "url" || inv.PDFURL != "pdf" {
			t.Errorf("invoice %+v", inv)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d invoices", len(got))
	}
}

// TestProjectOrder: the order in which Stripe lists things means nothing, and no
// combination panics or leaves an impossible state.
func TestProjectOrder(t *testing.T) {
	c := flat(t)
	prices := rapid.SampledFrom([]*stripe.Price{
		priced("p1", lookupKey(t, c, "pro")), priced("p2", lookupKey(t, c, "scale")), priced("p8", ""), priced("p9", "elsewhere"), nil,
	})
	statuses := rapid.SampledFrom([]stripe.SubscriptionStatus{
		"active", "trialing", "past_due", "unpaid", "incomplete", "incomplete_expired", "paused", "canceled", "from_the_future",
	})
	rapid.Check(t, func(t *rapid.T) {
		s := Snapshot{Customer: &stripe.Customer{ID: "cus_1", Balance: rapid.Int64Range(-5000, 5000).Draw(t, "balance")}}
		for i := range rapid.IntRange(0, 4).Draw(t, "subs") {
			var items []*stripe.SubscriptionItem
			for j := range rapid.IntRange(0, 3).Draw(t, "items") {
				items = append(items, item(fmt.Sprintf("i%d%d", i, j), prices.Draw(t, "price")))
			}
			one := sub(fmt.Sprintf("s%d", i), statuses.Draw(t, "status"), rapid.Int64Range(1, 3).Draw(t, "created"), items...)
			if rapid.Bool().Draw(t, "pending") {
				one.PendingUpdate = &stripe.SubscriptionPendingUpdate{SubscriptionItems: items}
			}
			s.Subscriptions = append(s.Subscriptions, one)
		}
		for i := range rapid.IntRange(0, 5).Draw(t, "invoices") {
			inv := openInvoice(fmt.Sprintf("in_%d", i), fmt.Sprintf("s%d", rapid.IntRange(0, 3).Draw(t, "of")), rapid.Int64Range(1, 3).Draw(t, "at"), 100)
			inv.Status = rapid.SampledFrom([]stripe.InvoiceStatus{"open", "paid", "void"}).Draw(t, "invoice status")
			inv.Lines = &stripe.InvoiceLineItemList{Data: []*stripe.InvoiceLineItem{{Amount: 1, Price: prices.Draw(t, "line")}, {Amount: 2, Price: prices.Draw(t, "line")}}}
			s.Invoices = append(s.Invoices, inv)
		}
		first := Project(c, s)

		shuffled := s
		shuffled.Subscriptions = rapid.Permutation(s.Subscriptions).Draw(t, "order of subscriptions")
		shuffled.Invoices = rapid.Permutation(s.Invoices).Draw(t, "order of invoices")
		for _, one := range shuffled.Subscriptions {
			one.Items.Data = rapid.Permutation(one.Items.Data).Draw(t, "order of items")
		}
		for _, inv := range shuffled.Invoices {
			inv.Lines.Data = rapid.Permutation(inv.Lines.Data).Draw(t, "order of lines")
		}
		if second := Project(c, shuffled); !reflect.DeepEqual(first, second) {
			t.Fatalf("order matters:\n%+v\n%+v", first, second)
		}

		st := first.State
		if st.Credit < 0 || (st.Plan == "") != (st.UnknownPrice != "") {
			t.Fatalf("impossible state %+v", st)
		}
		if !st.Status.Live() && (st.Plan != c.Free().ID || st.Action != nil || st.CancelAtPeriodEnd) {
			t.Fatalf("a dead subscription has a say: %+v", st)
		}
	})
}
