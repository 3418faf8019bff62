package billing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// host is a host application that keeps what it is told.
type host struct {
	mu     sync.Mutex
	ids    []string
	bodies []string
	// answer decides; nil is 200.
	answer func(id, body string) billing.Receipt
}

func (h *host) Target() string { return "host" }

func (h *host) Deliver(_ context.Context, id, body string) billing.Receipt {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids, h.bodies = append(h.ids, id), append(h.bodies, body)
	if h.answer == nil {
		return billing.Receipt{Status: 200}
	}
	return h.answer(id, body)
}

// got returns the ids that came since the last time.
func (h *host) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := h.ids
	h.ids, h.bodies = nil, nil
	return ids
}

// told is a world whose host application listens.
func told(t testing.TB, o worldtest.Options) (*worldtest.World, *host) {
	t.Helper()
	h := &host{}
	o.Configure = func(c *billing.Config) { c.Deliverer = h }
	return worldtest.New(t, o), h
}

// eachDatabase runs f on both.
func eachDatabase(t *testing.T, f func(t *testing.T, o worldtest.Options)) {
	t.Helper()
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) { f(t, worldtest.Options{Postgres: postgres}) })
	}
}

// news delivers what waits and returns it as "type data", in order.
func news(t testing.TB, w *worldtest.World, h *host) (lines []string) {
	t.Helper()
	h.got()
	for {
		found, err := w.Service.DeliverNext(ctx)
		noError(t, err)
		if !found {
			break
		}
	}
	for i, body := range h.bodies {
		var m struct {
			ID, Type, Org string
			Timestamp     time.Time
			Data          json.RawMessage
		}
		noError(t, json.Unmarshal([]byte(body), &m))
		if m.ID != h.ids[i] || !strings.HasPrefix(m.ID, "evt_") || !strings.HasPrefix(m.Org, "org_") || m.Timestamp.Location() != time.UTC {
			t.Errorf("message %s: %s", h.ids[i], body)
		}
		lines = append(lines, m.Type+" "+string(m.Data))
	}
	return lines
}

// says asserts what the host was told, word for word: no more can be in it.
func says(t testing.TB, w *worldtest.World, h *host, want ...string) {
	t.Helper()
	if got := news(t, w, h); !slices.Equal(got, want) {
		t.Errorf("told:\n %s\nwant:\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

func approvalNews(kind, request string, st billing.ApprovalState, rest string) string {
	return fmt.Sprintf(`approval.%s {"request":%q,"state":%q,"action":"subscription.change_plan","plan":"scale","agent":"deploy-bot"%s}`, kind, request, st, rest)
}

func TestHostIsTold(t *testing.T) {
	const byOwner = `,"decided_by":{"kind":"human","name":"owner@acme.test"}`
	const byAgent = `,"decided_by":{"kind":"agent","name":"deploy-bot"}`
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		c := w.NewCast("acme", "pro", visa)
		says(t, w, h,
			`billing.plan_changed {"from":"free","to":"pro","status":"active","actor":{"kind":"system","name":"Stripe"}}`,
			`billing.state_changed {"from":"none","to":"active","plan":"pro"}`)
		w.Sync(c.Org.ID)
		says(t, w, h) // nothing has changed

		a := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval
		asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))) // joins
		_, err := w.Service.Decide(ctx, c.Owner, a.ID, billing.Verdict{Reason: "not_now"})
		noError(t, err)
		says(t, w, h, approvalNews("requested", a.ID, "pending", ""), approvalNews("decided", a.ID, "denied", byOwner))

		w.Advance(time.Hour)
		a = asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval
		_, err = w.Service.CancelApproval(ctx, c.Agent, a.ID)
		noError(t, err)
		says(t, w, h, approvalNews("requested", a.ID, "pending", ""), approvalNews("decided", a.ID, "canceled", byAgent))

		a = asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval
		w.Advance(25 * time.Hour)
		noError(t, w.Service.Expire(ctx))
		noError(t, w.Service.Expire(ctx))
		says(t, w, h, approvalNews("requested", a.ID, "pending", ""), approvalNews("decided", a.ID, "expired", ""))

		a = asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval
		_, err = pressed(t, w.Service, c.Owner, a.ID)
		noError(t, err)
		w.Sync(c.Org.ID)
		says(t, w, h, approvalNews("requested", a.ID, "pending", ""), approvalNews("decided", a.ID, "approved", byOwner),
			`billing.plan_changed {"from":"pro","to":"scale","status":"active","actor":{"kind":"agent","name":"deploy-bot"}}`)

		out := asked(t, w.Service, c.Agent, downgrade())
		propose(t, w.Service, c.Agent, with(out.Token, downgrade()), billing.StatusDowngradeScheduled, nil)
		news(t, w, h)
		w.Advance(31 * 24 * time.Hour)
		w.Sync(c.Org.ID)
		says(t, w, h,
			`billing.plan_changed {"from":"scale","to":"free","status":"canceled","actor":{"kind":"agent","name":"deploy-bot"}}`,
			`billing.state_changed {"from":"active","to":"canceled","plan":"free"}`)
	})
}

func TestHostIsToldWhoChanged(t *testing.T) {
	h := &host{}
	w, s, c := seamed(t, "pro", worldtest.Options{Configure: func(c *billing.Config) { c.Deliverer = h }})
	news(t, w, h)
	changed := func(from, to, kind, name string) string {
		return fmt.Sprintf(`billing.plan_changed {"from":%q,"to":%q,"status":"active","actor":{"kind":%q,"name":%q}}`, from, to, kind, name)
	}
	w.Advance(time.Second)
	propose(t, w.Service, c.Owner, upgrade("scale"), billing.StatusSwitched, nil)
	says(t, w, h, changed("pro", "scale", "human", "owner@acme.test"))

	// There and back in Stripe's portal, after one of ours had done the same here.
	plan := ""
	s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		st, invoices, err := do()
		st.Plan = plan
		return st, invoices, err
	}
	for _, plan = range []string{"pro", "scale"} {
		w.Advance(time.Minute)
		w.Sync(c.Org.ID)
	}
	says(t, w, h, changed("scale", "pro", "system", "Stripe"), changed("pro", "scale", "system", "Stripe"))
}

// An unanswered reading after the payment: the worker's later one tells, and
// still says who it was.
func TestHostIsToldLate(t *testing.T) {
	h := &host{}
	w, s, c := seamed(t, "pro", worldtest.Options{Configure: func(c *billing.Config) { c.Deliverer = h }})
	news(t, w, h)
	down := errors.New("no answer")
	s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		s.fetch = func(func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
			return billing.State{}, nil, down
		}
		return do()
	}
	propose(t, w.Service, c.Owner, upgrade("scale"), billing.StatusSwitched, nil)
	says(t, w, h)
	s.fetch = nil
	w.Advance(time.Minute)
	noError(t, w.Service.SyncDirty(ctx))
	says(t, w, h, `billing.plan_changed {"from":"pro","to":"scale","status":"active","actor":{"kind":"human","name":"owner@acme.test"}}`)
}

func TestSupersededIsToldFirst(t *testing.T) {
	w, h := told(t, worldtest.Options{Catalog: threePlans(t)})
	c := w.NewCast("acme", "pro", visa)
	news(t, w, h)
	first := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval
	second := asked(t, w.Service, c.Agent, onWeb(upgrade("giant"))).Approval
	says(t, w, h, approvalNews("requested", first.ID, "pending", ""), approvalNews("decided", first.ID, "superseded", ""),
		strings.Replace(approvalNews("requested", second.ID, "pending", ""), "scale", "giant", 1))
}

func TestRevokedIsTold(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	a := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval
	news(t, w, h)
	_, err := w.Service.RevokeKey(ctx, c.Owner, c.Agent.CredentialID)
	noError(t, err)
	says(t, w, h, approvalNews("decided", a.ID, "invalidated", `,"decided_by":{"kind":"human","name":"owner@acme.test"}`))
}

// Many readers see the same change of Stripe's; the host hears of it once.
func TestChangeIsToldOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		c := w.NewCast("acme", "", "")
		replica := w.Replica()
		var readers sync.WaitGroup
		customer, err := w.Stripe.EnsureCustomer(ctx, c.Org, "owner@acme.test")
		noError(t, err)
		_, err = w.Store.SetCustomer(ctx, c.Org.ID, customer)
		noError(t, err)
		p, _ := w.Service.Catalog().Plan("pro")
		_, err = w.Box.Subscribe(customer, p.Price.LookupKey, visa)
		noError(t, err)
		for i := range 8 {
			readers.Go(func() {
				if _, err := []*billing.Service{w.Service, replica}[i%2].SyncOrg(ctx, c.Org.ID); err != nil {
					t.Error(err)
				}
			})
		}
		readers.Wait()
		if got := news(t, w, h); len(got) != 2 {
			t.Errorf("told %q", got)
		}
	})
}

// What is not written is not told.
func TestRefusedIsNotTold(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	a := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval
	_, err := pressed(t, w.Service, c.Owner, a.ID)
	noError(t, err)
	news(t, w, h)
	_, err = w.Service.Decide(ctx, c.Owner, a.ID, billing.Verdict{})
	fails(t, err, billing.ErrAlreadyDecided)
	_, err = w.Service.Propose(ctx, c.Member, upgrade("pro"))
	fails(t, err, billing.ErrForbidden)
	says(t, w, h)
}

func TestNobodyToTell(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	w.NewCast("acme", "pro", visa)
	if found, err := w.Service.DeliverNext(ctx); found || err != nil {
		t.Errorf("delivered: %v, %v", found, err)
	}
	list, err := w.Service.Deliveries(ctx, billing.DeliveryFilter{})
	if health, herr := w.Service.WebhookHealth(ctx); len(list) != 0 || health.Configured || err != nil || herr != nil {
		t.Errorf("kept %d events, %+v, %v, %v", len(list), health, err, herr)
	}
}
