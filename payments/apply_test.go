package payments

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"pgregory.net/rapid"

	"github.com/countersignhq/countersign/billing"
)

// halfway is the middle of the first period of a subscription of 1 November: the
// prorations are then exactly half of the prices.
const halfway = 15 * 24 * time.Hour

func TestUpgrade(t *testing.T) {
	for name, interactive := range map[string]bool{"by a person": true, "by an agent": false} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			sub := r.subscribe("pro", "pm_card_visa")
			r.clock.pass(halfway)
			q := r.quote(sub, changeTo("scale"))
			if q.DueNow != 1500 || q.Credit != 0 || q.BalanceUsed != 0 || q.Recurring != 4900 || q.Interval != "month" {
				t.Fatalf("quote %+v", q)
			}
			if len(q.Lines) != 2 || q.Lines[0].Amount+q.Lines[1].Amount != 1500 || !q.Lines[0].Proration {
				t.Errorf("lines %+v", q.Lines)
			}
			if q.FromPlan != "pro" || q.ToPlan != "scale" || q.SubscriptionVersion != 7 || q.CatalogVersion != r.catalog.Version ||
				!q.EffectiveAt.IsZero() || !q.NextChargeAt.Equal(sub.PeriodEnd) || !q.ProrationDate.Equal(r.clock.Now()) {
				t.Errorf("quote %+v", q)
			}

			r.clock.pass(14 * time.Minute)
			a := r.mustApply(r.order(sub, q, interactive))
			if a.Charged != 1500 || a.Credited != 0 || a.InvoiceID == "" || a.Action != nil {
				t.Errorf("applied %+v", a)
			}
			r.wantCharges(sub.CustomerID, 1900, 1500)
			after := r.state(sub.CustomerID)
			if after.Plan != "scale" || after.SubscriptionID != sub.SubscriptionID || after.ItemID != sub.ItemID ||
				after.Next.Amount.Amount != 4900 || !after.PeriodEnd.Equal(sub.PeriodEnd) {
				t.Errorf("state %+v, next %+v", after.State, after.Next)
			}
		})
	}
}

// TestQuoteIsWhatIsCharged, to the cent, whenever it is asked and however long
// it waits, up and down and with a balance in play.
func TestQuoteIsWhatIsCharged(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRoom(t)
		sub := r.subscribe(rapid.SampledFrom([]string{"pro", "scale"}).Draw(rt, "plan"), "pm_card_visa")
		for range 3 {
			r.clock.pass(time.Duration(rapid.IntRange(0, 8*24*3600).Draw(rt, "before")) * time.Second)
			target := map[string]string{"pro": "scale", "scale": "pro"}[sub.Plan]
			q := r.quote(sub, changeTo(target))
			r.clock.pass(time.Duration(rapid.IntRange(0, 24*3600).Draw(rt, "waiting")) * time.Second)
			if again, err := r.Quote(r.ctx, sub, changeTo(target), q.ProrationDate); err != nil || !again.SamePrice(q) {
				rt.Fatalf("the same proration date gives another price: %+v, %+v, %v", q, again, err)
			}
			paid, balance := len(r.succeeded(sub.CustomerID)), r.balance(sub.CustomerID)
			a := r.mustApply(r.order(sub, q, rapid.Bool().Draw(rt, "interactive")))
			if a.Charged != q.DueNow || a.Credited != q.Credit {
				rt.Fatalf("quoted %+v, applied %+v", q, a)
			}
			charges := r.succeeded(sub.CustomerID)[paid:]
			if q.DueNow > 0 && (len(charges) != 1 || charges[0] != q.DueNow) || q.DueNow == 0 && len(charges) != 0 {
				rt.Fatalf("due %d, charges %v", q.DueNow, charges)
			}
			// What is neither charged nor in the lines went into the balance; the
			// least that Stripe charges is 50 cents.
			var total int64
			for _, l := range q.Lines {
				total += l.Amount
			}
			if now := r.balance(sub.CustomerID); now != balance+total-q.DueNow || now >= 50 {
				rt.Fatalf("balance %d + %d − %d is now %d", balance, total, q.DueNow, now)
			}
			if sub = r.state(sub.CustomerID); sub.Plan != target {
				rt.Fatalf("plan %q", sub.Plan)
			}
		}
	})
}

func TestDowngradeGivesCredit(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("scale", "pm_card_visa")
	r.clock.pass(halfway)
	q := r.quote(sub, changeTo("pro"))
	if q.DueNow != 0 || q.Credit != 1500 || q.BalanceUsed != 0 || q.Recurring != 1900 {
		t.Fatalf("quote %+v", q)
	}
	if a := r.mustApply(r.order(sub, q, true)); a.Charged != 0 || a.Credited != 1500 {
		t.Errorf("applied %+v", a)
	}
	r.wantCharges(sub.CustomerID, 4900)
	sub = r.state(sub.CustomerID)
	if sub.Plan != "pro" || sub.Credit != 1500 || sub.Next.Amount.Amount != 400 {
		t.Fatalf("state %+v, next %+v", sub.State, sub.Next)
	}

	// And back: the credit pays for it.
	q = r.quote(sub, changeTo("scale"))
	if q.DueNow != 0 || q.Credit != 0 || q.BalanceUsed != 1500 {
		t.Fatalf("quote %+v", q)
	}
	if a := r.mustApply(r.order(sub, q, true)); a.Charged != 0 || a.Credited != 0 || a.Action != nil {
		t.Errorf("applied %+v", a)
	}
	r.wantCharges(sub.CustomerID, 4900)
	if sub = r.state(sub.CustomerID); sub.Plan != "scale" || sub.Credit != 0 {
		t.Errorf("state %+v", sub.State)
	}
}

func TestBalances(t *testing.T) {
	tests := map[string]struct {
		balance, due, used int64
	}{
		"no balance":                     {0, 1500, 0},
		"credit pays a part":             {-400, 1100, 400},
		"credit pays all":                {-1500, 0, 1500},
		"credit is larger":               {-9000, 0, 1500},
		"a debt comes on top":            {250, 1750, 0},
		"what remains is too small":      {-1480, 0, 1480}, // Stripe keeps 20 cents for the next invoice
		"what remains is just enough":    {-1450, 50, 1450},
		"a smaller debt than a cent's 0": {1, 1501, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			sub := r.subscribe("pro", "pm_card_visa")
			if _, err := r.customers.Update(sub.CustomerID, &stripe.CustomerParams{Params: params(r.ctx, ""), Balance: stripe.Int64(tc.balance)}); err != nil {
				t.Fatal(err)
			}
			sub = r.state(sub.CustomerID)
			r.clock.pass(halfway)
			q := r.quote(sub, changeTo("scale"))
			if q.DueNow != tc.due || q.BalanceUsed != tc.used || q.Credit != 0 {
				t.Errorf("due %d, used %d, credit %d", q.DueNow, q.BalanceUsed, q.Credit)
			}
			if a := r.mustApply(r.order(sub, q, false)); a.Charged != tc.due || a.Credited != 0 {
				t.Errorf("applied %+v", a)
			}
		})
	}
}

func TestCancelAndResume(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	r.clock.pass(halfway)

	q := r.quote(sub, billing.Change{Action: billing.ActionScheduleDowngrade})
	if q.ToPlan != "free" || q.DueNow != 0 || q.Recurring != 0 || !q.EffectiveAt.Equal(sub.PeriodEnd) || !q.NextChargeAt.IsZero() {
		t.Errorf("quote %+v", q)
	}
	if a := r.mustApply(r.order(sub, q, true)); a.Charged != 0 || !a.EffectiveAt.Equal(sub.PeriodEnd) {
		t.Errorf("applied %+v", a)
	}
	sub = r.state(sub.CustomerID)
	if !sub.CancelAtPeriodEnd || sub.Plan != "pro" || sub.Next != nil {
		t.Fatalf("state %+v", sub.State)
	}

	q = r.quote(sub, billing.Change{Action: billing.ActionResume})
	if q.ToPlan != "pro" || q.DueNow != 0 || q.Recurring != 1900 || !q.NextChargeAt.Equal(sub.PeriodEnd) || !q.EffectiveAt.IsZero() {
		t.Errorf("quote %+v", q)
	}
	r.mustApply(r.order(sub, q, false))
	if sub = r.state(sub.CustomerID); sub.CancelAtPeriodEnd || sub.Next == nil {
		t.Errorf("state %+v", sub.State)
	}
	r.wantCharges(sub.CustomerID, 1900)
}

// TestResumeLiftsDate: what ends on a date rather than with the period, as the
// dashboard can arrange it, needs another parameter to go on.
func TestResumeLiftsDate(t *testing.T) {
	for name, lifted := range map[string]bool{"lifted": true, "not lifted": false} {
		t.Run(name, func(t *testing.T) {
			var sent []string
			c, _ := stub(t, func(w http.ResponseWriter, req *http.Request) {
				_ = req.ParseForm()
				end := "1700000000"
				if req.PostForm.Has("cancel_at") && lifted {
					end = "null"
				}
				sent = append(sent, req.Header.Get("Idempotency-Key")+" "+req.PostForm.Get("cancel_at_period_end")+" "+strconv.FormatBool(req.PostForm.Has("cancel_at")))
				answer(http.StatusOK, `{"id":"sub_1","object":"subscription","current_period_end":1700000000,"cancel_at":`+end+`}`)(w, req)
			})
			p := downgrade()
			p.quote.Change.Action = billing.ActionResume
			_, err := c.apply(t.Context(), p)
			if want := []string{"cs:int_1:1 false false", "cs:int_1:1:date  true"}; !slices.Equal(sent, want) {
				t.Errorf("sent %q, want %q", sent, want)
			}
			if (err == nil) != lifted || err != nil && !errors.Is(err, billing.ErrRejected) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestQuantity: somebody raised the quantity in the dashboard. A plan is bought
// once, and what was quoted as the next charge is charged.
func TestQuantity(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	if _, err := r.subscriptions.Update(sub.SubscriptionID, &stripe.SubscriptionParams{
		Params: params(r.ctx, ""), Items: []*stripe.SubscriptionItemsParams{{ID: stripe.String(sub.ItemID), Quantity: stripe.Int64(3)}},
	}); err != nil {
		t.Fatal(err)
	}
	r.clock.pass(halfway)
	sub = r.state(sub.CustomerID)
	q := r.quote(sub, changeTo("scale"))
	r.mustApply(r.order(sub, q, true))
	r.clock.pass(20 * 24 * time.Hour) // a renewal, with what the dashboard's change left behind
	if next := r.state(sub.CustomerID).Next; next.Amount.Amount != q.Recurring {
		t.Errorf("next charge %+v, quoted %d", next, q.Recurring)
	}
}

func TestCancelledSubscription(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	r.mustApply(r.order(sub, r.quote(sub, billing.Change{Action: billing.ActionScheduleDowngrade}), true))
	r.clock.pass(31 * 24 * time.Hour)
	sub = r.state(sub.CustomerID)
	if sub.Status != billing.StatusCanceled || sub.Plan != "free" || sub.Next != nil || sub.Card == nil {
		t.Errorf("state %+v", sub.State)
	}
	if _, err := r.Quote(r.ctx, sub, changeTo("scale"), r.clock.Now()); !errors.Is(err, billing.ErrRejected) {
		t.Errorf("quote: %v", err)
	}
	sub.Status = billing.StatusActive // what we knew was old
	if _, err := r.apply(r.ctx, r.order(sub, billing.Quote{Change: billing.Change{Action: billing.ActionResume}}, true)); !errors.Is(err, billing.ErrRejected) {
		t.Errorf("resume: %v", err)
	}
}

func TestChangeLiftsCancellation(t *testing.T) {
	for name, tc := range map[string]struct {
		card string
		want *billing.Error
	}{
		"paid":      {"pm_card_visa", nil},
		"declined":  {"pm_card_chargeCustomerFail", billing.ErrPaymentFailed},
		"bank asks": {"pm_card_authenticationRequired", billing.ErrPaymentAction},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			sub := r.subscribe("pro", tc.card)
			r.mustApply(r.order(sub, r.quote(sub, billing.Change{Action: billing.ActionScheduleDowngrade}), true))
			sub = r.state(sub.CustomerID)
			r.clock.pass(halfway)
			q := r.quote(sub, changeTo("scale"))
			if q.DueNow != 1500 || !q.NextChargeAt.Equal(sub.PeriodEnd) {
				t.Errorf("quote %+v", q)
			}
			a, err := r.apply(r.ctx, r.order(sub, q, true))
			if tc.want != nil {
				// The person is at the billing page already: it is no way out.
				e, _ := errors.AsType[*billing.Error](err)
				if !errors.Is(err, tc.want) || strings.Contains(e.Message, "make the change on the billing page") {
					t.Errorf("got %v, %q", err, e.Message)
				}
				r.wantUntouched(sub)
				return
			}
			if err != nil || a.Charged != 1500 {
				t.Fatalf("%+v, %v", a, err)
			}
			if after := r.state(sub.CustomerID); after.CancelAtPeriodEnd || after.Plan != "scale" || after.Next == nil {
				t.Errorf("state %+v", after.State)
			}
		})
	}
}

func TestIntentIsMarked(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	marked := func(o applyParams) {
		t.Helper()
		got, err := r.subscriptions.Get(sub.SubscriptionID, &stripe.SubscriptionParams{Params: params(r.ctx, "")})
		if err != nil || got.Metadata[metaIntent] != o.intentID {
			t.Errorf("metadata %v, %v", got.Metadata, err)
		}
	}
	o := r.order(sub, r.quote(sub, billing.Change{Action: billing.ActionScheduleDowngrade}), true)
	r.mustApply(o)
	marked(o)
	o = r.order(sub, r.quote(sub, billing.Change{Action: billing.ActionResume}), true)
	r.mustApply(o)
	marked(o)
	o = r.order(sub, r.quote(sub, changeTo("scale")), false)
	r.mustApply(o)
	marked(o)

	// A pending update cannot be marked; its events name the key.
	o = r.order(sub, r.quote(r.state(sub.CustomerID), changeTo("pro")), true)
	r.mustApply(o)
	it := r.events.List(&stripe.EventListParams{ListParams: stripe.ListParams{Context: r.ctx, Limit: stripe.Int64(100), Single: true}})
	for it.Next() {
		if e := it.Event(); e.Type == "customer.subscription.updated" && e.Request.IdempotencyKey == o.key {
			return
		}
	}
	t.Errorf("no event names the key %s", o.key)
}
