package billing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

const broke = "pm_card_chargeCustomerFail" // is charged in vain from the second time on

// renewal is when the subscriptions of a world's start are charged again.
var renewal = worldtest.Start.AddDate(0, 1, 0)

// until moves every clock to the time.
func until(t *testing.T, w *worldtest.World, at time.Time) {
	t.Helper()
	noError(t, w.Box.AdvanceTo(at))
}

// failing subscribes an org whose next renewal fails, and goes there.
func failing(t *testing.T, w *worldtest.World, name, plan string) worldtest.Cast {
	t.Helper()
	c := w.NewCast(name, plan, visa)
	noError(t, w.Box.GiveCard(c.Customer, broke))
	until(t, w, renewal)
	if sub := w.Sync(c.Org.ID); sub.Status != billing.StatusPastDue || !sub.PastDueSince.Equal(renewal) {
		t.Fatalf("after the renewal %s since %v", sub.Status, sub.PastDueSince)
	}
	return c
}

// pay settles the open invoice with a card that works.
func pay(t *testing.T, w *worldtest.World, c worldtest.Cast) {
	t.Helper()
	sub, err := w.Store.Subscription(ctx, c.Org.ID)
	noError(t, err)
	noError(t, w.Box.GiveCard(c.Customer, visa))
	w.CallStripe("POST", "/v1/invoices/"+sub.Action.InvoiceID+"/pay", nil)
}

// TestGraceToTheSecond (I16): a past-due subscription keeps its caps to the last
// second of the grace, and loses them with the next, although nobody works, and
// whatever was in memory.
func TestGraceToTheSecond(t *testing.T) {
	day := 24 * time.Hour
	for name, grace := range map[string]time.Duration{"default": billing.DefaultPastDueGrace, "a day": day, "none": 0} {
		t.Run(name, func(t *testing.T) {
			o := worldtest.Options{Configure: func(c *billing.Config) { c.PastDueGrace = &grace }}
			if name == "default" {
				o.Configure = nil
			}
			engines(t, o, func(t *testing.T, w *worldtest.World) {
				c := failing(t, w, "acme", "scale")
				ends := renewal.Add(grace)
				for _, row := range []struct {
					at   time.Time
					plan string
					cap  int64
				}{{ends.Add(-time.Second), "scale", 30}, {ends, "free", 3}, {ends.Add(time.Second), "free", 3}} {
					if row.at.Before(renewal) {
						continue
					}
					until(t, w, row.at)
					s := summary(t, w, c)
					if s.Plan.ID != row.plan || s.BillingState() != "past_due" {
						t.Errorf("at %v on %s, %s", row.at, s.Plan.ID, s.BillingState())
					}
					if !allowed(w, c.Org.ID, "agents", row.cap) || allowed(w, c.Org.ID, "agents", row.cap+1) {
						t.Errorf("at %v the cap is not %d", row.at, row.cap)
					}
					graceIs(t, s.Dunning, row.plan == "scale", ends)
					listed(t, w, row.plan)
				}
			})
		})
	}
}

func graceIs(t *testing.T, d *billing.Dunning, keeps bool, ends time.Time) {
	t.Helper()
	if d == nil || d.Plan != "scale" || !d.Failed.Equal(renewal) || d.Payment.Amount.Amount != 4900 || !d.Payment.Failed.Equal(renewal) {
		t.Fatalf("dunning %+v", d)
	}
	if keeps && (!d.KeepUntil.Equal(ends) || !d.LostAt.IsZero()) || !keeps && (!d.LostAt.Equal(ends) || !d.KeepUntil.IsZero()) {
		t.Errorf("keeps %v until %v, lost at %v", keeps, d.KeepUntil, d.LostAt)
	}
}

// listed: an operator's list of orgs says the same.
func listed(t *testing.T, w *worldtest.World, plan string) {
	t.Helper()
	op, _ := w.SignInOperator()
	lines, err := w.Service.FindOrgs(ctx, op, "acme", "", 2)
	if err != nil || len(lines) != 1 || w.Service.PlanInForce(lines[0]).ID != plan {
		t.Errorf("listed %v, %v; want %s", lines, err, plan)
	}
}

// TestConsumeAtTheGracesEnd: a counter's cap falls in the very second, also in a
// replica that remembers the org.
func TestConsumeAtTheGracesEnd(t *testing.T) {
	engines(t, worldtest.Options{}, func(t *testing.T, w *worldtest.World) {
		c := failing(t, w, "acme", "scale")
		host := hostOf(w)
		use := func(key string, want bool) {
			t.Helper()
			_, err := w.Service.Consume(ctx, host, billing.UsageKey{OrgID: c.Org.ID, Key: key}, "webhooks", 900)
			if (err == nil) != want {
				t.Errorf("%s: %v", key, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "pay it first") || strings.Contains(err.Error(), "Upgrade")) {
				t.Errorf("%s: %v", key, err)
			}
		}
		ends := renewal.Add(billing.DefaultPastDueGrace)
		until(t, w, ends.Add(-time.Second))
		use("one", true)
		use("two", true) // 1,800 are more than Free has
		until(t, w, ends)
		use("three", false)
	})
}

// TestGraceIsTold: the host hears of the failed payment with the end of the grace,
// of the free plan once, and of the plan again when it is paid.
func TestGraceIsTold(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		c, given := w.NewCast("acme", "scale", visa), w.NewCast("given", "scale", visa)
		op, _ := w.SignInOperator()
		noError(t, w.Service.GivePlan(ctx, op, given.Org.ID, "pro", "a friend"))
		for _, x := range []worldtest.Cast{c, given} {
			noError(t, w.Box.GiveCard(x.Customer, broke))
		}
		news(t, w, h)
		until(t, w, renewal)
		w.Sync(c.Org.ID)
		ends := renewal.Add(billing.DefaultPastDueGrace)
		says(t, w, h, fmt.Sprintf(`billing.state_changed {"from":"active","to":"past_due","plan":"scale","plan_until":%q}`, ends.Format(time.RFC3339)))
		w.Sync(given.Org.ID)
		says(t, w, h, `billing.state_changed {"from":"active","to":"past_due","plan":"pro"}`)

		until(t, w, ends.Add(-time.Second))
		noError(t, w.Service.EndGraces(ctx))
		says(t, w, h)
		until(t, w, ends)
		for range 2 {
			noError(t, w.Service.EndGraces(ctx))
			w.Sync(c.Org.ID)
		}
		says(t, w, h, planNews("scale", "free", "past_due", "system", "Countersign"))
		pay(t, w, c)
		w.Sync(c.Org.ID)
		says(t, w, h, planNews("free", "scale", "active", "system", "Stripe"), `billing.state_changed {"from":"past_due","to":"active","plan":"scale"}`)
		if s := summary(t, w, c); s.Plan.ID != "scale" || s.Dunning != nil || !s.Subscription.LapsedAt.IsZero() {
			t.Errorf("after the payment %s, %+v", s.Plan.ID, s.Dunning)
		}
	})
}

// TestLateReadingTellsTheEnd: a server that was away over the end of the grace
// tells of it with its first reading, whichever comes first, once.
func TestLateReadingTellsTheEnd(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	c := w.NewCast("acme", "scale", visa)
	noError(t, w.Box.GiveCard(c.Customer, broke))
	news(t, w, h)
	until(t, w, renewal.Add(billing.DefaultPastDueGrace))
	w.Sync(c.Org.ID)
	noError(t, w.Service.EndGraces(ctx))
	says(t, w, h, planNews("scale", "free", "past_due", "system", "Countersign"), `billing.state_changed {"from":"active","to":"past_due","plan":"free"}`)
}

// TestRetriesRunOut: after the last try Stripe cancels, or leaves it unpaid; both
// are free, and both say since when.
func TestRetriesRunOut(t *testing.T) {
	lost := renewal.Add(billing.DefaultPastDueGrace)
	for name, row := range map[string]struct {
		unpaid bool
		state  billing.SubscriptionStatus
		plan   string // at stake
	}{"canceled": {false, billing.StatusCanceled, ""}, "unpaid": {true, billing.StatusUnpaid, "scale"}} {
		t.Run(name, func(t *testing.T) {
			w, h := told(t, worldtest.Options{Unpaid: row.unpaid})
			c := w.NewCast("acme", "scale", visa)
			noError(t, w.Box.GiveCard(c.Customer, broke))
			news(t, w, h)
			tries := []time.Time{renewal, renewal.AddDate(0, 0, 3), renewal.AddDate(0, 0, 8)}
			for i, at := range tries {
				until(t, w, at)
				next := renewal.AddDate(0, 0, []int{3, 8, 15}[i])
				if sub := w.Sync(c.Org.ID); sub.Status != billing.StatusPastDue || !sub.PastDueSince.Equal(renewal) || !sub.Action.NextTry.Equal(next) {
					t.Fatalf("try %d: %s since %v, next %v; want %v", i, sub.Status, sub.PastDueSince, sub.Action.NextTry, next)
				}
			}
			news(t, w, h)
			until(t, w, lost)
			noError(t, w.Service.EndGraces(ctx))
			says(t, w, h, planNews("scale", "free", "past_due", "system", "Countersign"))
			until(t, w, renewal.AddDate(0, 0, 15))
			w.Sync(c.Org.ID)
			says(t, w, h, fmt.Sprintf(`billing.state_changed {"from":"past_due","to":%q,"plan":"free"}`, row.state))
			s := summary(t, w, c)
			d := s.Dunning
			if s.Plan.ID != "free" || s.BillingState() != string(row.state) || d == nil || d.Plan != row.plan || !d.LostAt.Equal(lost) || !d.Failed.Equal(renewal) || !d.KeepUntil.IsZero() || d.Payment.Amount.Amount != 4900 || !d.Payment.NextTry.IsZero() {
				t.Errorf("%s on %s: %+v", s.BillingState(), s.Plan.ID, d)
			}
			if row.unpaid {
				pay(t, w, c)
				w.Sync(c.Org.ID)
				says(t, w, h, planNews("free", "scale", "active", "system", "Stripe"), `billing.state_changed {"from":"unpaid","to":"active","plan":"scale"}`)
				return
			}
			w.Advance(31 * 24 * time.Hour)
			if s = summary(t, w, c); s.Dunning != nil {
				t.Errorf("a month later still %+v", s.Dunning)
			}
		})
	}
}

// TestUnpaidBeforeTheGraceEnds: what Stripe has given up is not entitled.
func TestUnpaidBeforeTheGraceEnds(t *testing.T) {
	grace := 60 * 24 * time.Hour
	for _, unpaid := range []bool{true, false} {
		w := worldtest.New(t, worldtest.Options{Unpaid: unpaid, Configure: func(c *billing.Config) { c.PastDueGrace = &grace }})
		c := failing(t, w, "acme", "scale")
		gaveUp := renewal.AddDate(0, 0, 15)
		until(t, w, gaveUp)
		w.Sync(c.Org.ID)
		if s := summary(t, w, c); s.Plan.ID != "free" || s.Dunning == nil || !s.Dunning.LostAt.Equal(gaveUp) {
			t.Errorf("unpaid %v: %s, %+v", unpaid, s.Plan.ID, s.Dunning)
		}
	}
}

// TestLongerGrace: an operator who lengthens the grace gives the plan back with
// the next reading, and a reader has it at once.
func TestLongerGrace(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	c := failing(t, w, "acme", "scale")
	until(t, w, renewal.Add(billing.DefaultPastDueGrace))
	noError(t, w.Service.EndGraces(ctx))
	news(t, w, h)
	longer := 30 * 24 * time.Hour
	w.Reconfigure(func(c *billing.Config) { c.PastDueGrace = &longer })
	if s := summary(t, w, c); s.Plan.ID != "scale" {
		t.Errorf("on %s", s.Plan.ID)
	}
	w.Sync(c.Org.ID)
	says(t, w, h, planNews("free", "scale", "past_due", "system", "Countersign"))
}
