package billing_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/payments"
)

// sixEvents are those that Stripe sends of one finished Checkout and that tell of
// something, in the order in which they happen.
func sixEvents() []string {
	return []string{
		"invoice.created", "invoice.finalized", "customer.subscription.created", "payment_intent.succeeded",
		"invoice.paid", "checkout.session.completed",
	}
}

// orders are all orders of n things.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, rest := range orders(n - 1) {
		for at := 0; at <= len(rest); at++ {
			out = append(out, slices.Insert(slices.Clone(rest), at, n-1))
		}
	}
	return out
}

// shop is a world whose Checkout pages are paid and whose events come when, and
// as often as, the test says.
type shop struct {
	*worldtest.World
	*seam
	host *host
	t    testing.TB
}

func newShop(t testing.TB, o worldtest.Options) *shop {
	t.Helper()
	s := &shop{seam: &seam{}, host: &host{}, t: t}
	o.Wrap = func(p billing.Processor) billing.Processor { s.Processor = p; return s.seam }
	o.Configure = func(c *billing.Config) { c.Deliverer = s.host }
	s.World = worldtest.New(t, o)
	web := httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(web.Close)
	s.Box.HoldEvents()
	s.Box.SetWebhook(web.URL)
	return s
}

// receive does what the edge does with a webhook.
func (s *shop) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	e, err := payments.VerifyWebhook(body, r.Header.Get("Stripe-Signature"), []string{worldtest.WebhookSecret}, s.Box.Now(), false)
	if err == nil {
		err = s.Service.Receive(r.Context(), e)
	}
	if err != nil {
		s.t.Error(err)
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// page opens a page of Checkout for a new org.
func (s *shop) page() (org billing.Org, url string) {
	s.t.Helper()
	org, err := s.Service.AddOrg(ctx, "acme", false)
	noError(s.t, err)
	p := billing.Principal{Actor: billing.Actor{Kind: billing.KindHuman, ID: "usr_1", Name: "Ada"}, OrgID: org.ID, Role: billing.RoleOwner, Email: "a@acme.test"}
	url, err = s.Service.Checkout(ctx, p, "pro")
	noError(s.t, err)
	s.Box.DropEvents()
	return org, url
}

// six are the ids of the events that wait, in the order of sixEvents.
func (s *shop) six() []string {
	s.t.Helper()
	ids := make([]string, 6)
	for _, e := range s.Box.Held() {
		if at := slices.Index(sixEvents(), e.Type); at >= 0 {
			ids[at] = e.ID
		}
	}
	if slices.Contains(ids, "") {
		s.t.Fatalf("not all six: %v", s.Box.Held())
	}
	return ids
}

// twist is what else happens to the events.
type twist int

const (
	plain    twist = iota
	doubled        // one of them comes twice, the second time last
	lost           // one never comes
	overtake       // all come, and are looked into, before our own reading is back
	twists
)

// buy pays a page, delivers its events in the order, and returns all that is to
// be seen of it afterwards.
func (s *shop) buy(order []int, what twist, at int) string {
	s.t.Helper()
	org, page := s.page()
	deliver := func() {
		payPage(s.t, s.World, page)
		ids := s.six()
		var seq []string
		for i, n := range order {
			if what != lost || i != at%6 {
				seq = append(seq, ids[n])
			}
		}
		if what == doubled {
			seq = append(seq, ids[order[at%6]])
		}
		for i, id := range seq {
			noError(s.t, s.Box.DeliverHeld(id))
			if (at+i)%2 == 0 { // the worker comes by now and then
				noError(s.t, s.Service.SyncDirty(ctx))
			}
			if what == doubled && i == at%6 {
				noError(s.t, s.Service.Receive(ctx, billing.Event{ID: ids[order[at%6]], Type: "invoice.paid", CustomerID: s.Org(org.ID).CustomerID, CreatedAt: s.Box.Now()}))
			}
		}
		s.Box.DropEvents()
	}
	if what == overtake {
		s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
			s.fetch = nil
			old, invoices, err := do()
			deliver()
			return old, invoices, err
		}
		s.Sync(org.ID)
	} else {
		deliver()
	}
	noError(s.t, s.Service.SyncDirty(ctx))
	return s.seen(org)
}

var stripeIDs = regexp.MustCompile(`\b(cus|sub|si|in|pi|org|evt|seti|pm|test|int)_[A-Za-z0-9_]+|[0-9A-Z]{8}-[0-9]{4}|127\.0\.0\.1:[0-9]+`)

// seen is the org's state, records and news, without the ids that differ.
func (s *shop) seen(org billing.Org) string {
	s.t.Helper()
	sub, err := s.Store.Subscription(ctx, org.ID)
	noError(s.t, err)
	now, _, err := s.Stripe.Fetch(ctx, sub.CustomerID)
	noError(s.t, err)
	if asText(now) != asText(sub.State) || sub.Dirty() {
		s.t.Errorf("row %s\nsays %s\ndirty %v", asText(sub.State), asText(now), sub.Dirty())
	}
	invoices, err := s.Store.Invoices(ctx, org.ID, "", 10)
	noError(s.t, err)
	log, err := s.Store.AuditLog(ctx, org.ID, 100)
	noError(s.t, err)
	out := []string{asText(sub.State), fmt.Sprint("version ", sub.Version), asText(invoices), fmt.Sprint("page ", s.Org(org.ID).Checkout)}
	for _, e := range log {
		out = append(out, e.Event+" "+asText(e.Actor)+asText(e.Facts))
	}
	out = append(out, news(s.t, s.World, s.host)...)
	return stripeIDs.ReplaceAllString(strings.Join(out, "\n"), "$1")
}

// TestEveryOrderOfEvents (I4): the six events of a Checkout in each of their 720
// orders, plain and doubled or lost or overtaking our own reading: the state, the
// records and what the host is told are the same.
func TestEveryOrderOfEvents(t *testing.T) {
	for _, tc := range []struct {
		name  string
		o     worldtest.Options
		every int // one order in so many
	}{
		{"SQLite", worldtest.Options{}, 1},
		{"PostgreSQL", worldtest.Options{Postgres: true}, 24},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if raced {
				tc.every = 24
			}
			s := newShop(t, tc.o)
			all := orders(6)
			want, equal, tried := s.buy(all[0], plain, 0), 0, 0
			for n := 0; n < len(all); n += tc.every {
				if tried++; tried%90 == 0 { // a young sandbox is a fast one
					s = newShop(t, tc.o)
				}
				same := true
				for _, what := range []twist{plain, doubled + twist(n/tc.every)%(twists-1)} {
					if got := s.buy(all[n], what, n); got != want {
						same = false
						t.Errorf("order %v, twist %d:\n%s\nwant\n%s", all[n], what, got, want)
					}
				}
				if same {
					equal++
				}
				if t.Failed() && tried-equal > 3 {
					t.Fatal("and so on")
				}
			}
			t.Attr("orders", fmt.Sprintf("%s: %d of %d orders of events equal", tc.name, equal, tried))
			if tc.every == 1 && (equal != 720 || tried != 720) {
				t.Errorf("%d of %d equal, want 720 of 720", equal, tried)
			}
			if strings.Count(want, "billing.plan_changed") != 1 || !strings.Contains(want, `"plan":"pro"`) {
				t.Errorf("what all are equal to: %s", want)
			}
		})
	}
}
