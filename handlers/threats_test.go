package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// The chat threats, by their id in the design. C10 is in canary_test.go, C11 is
// TestTokenGuessingLocks.

// together runs the calls at once and returns their answers.
func together(calls ...func() answer) []answer {
	out := make([]answer, len(calls))
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, c := range calls {
		all.Go(func() {
			<-start
			out[i] = c()
		})
	}
	close(start)
	all.Wait()
	return out
}

// tally counts the answers by status and word.
func tally(t *testing.T, answers []answer) map[outcome]int {
	t.Helper()
	n := map[outcome]int{}
	for _, a := range answers {
		o := outcome{status: a.status}
		if a.header.Get("Content-Type") == jsonKind {
			v := a.object()
			o.word, _ = v["status"].(string)
			if code, failed := v["error"].(string); failed {
				o.word = code
			}
		}
		n[o]++
	}
	return n
}

// once asserts that the org was charged once after its first payment.
func (s *site) once(p people) {
	s.t.Helper()
	if n, _ := s.paid(p); n != 2 || s.Plan(p.Org.ID) != "scale" {
		s.t.Errorf("%d charges, plan %s", n, s.Plan(p.Org.ID))
	}
}

// never asserts that nothing was charged and the plan is what it was.
func (s *site) never(p people) {
	s.t.Helper()
	if n, _ := s.paid(p); n != 1 || s.Plan(p.Org.ID) != "pro" {
		s.t.Errorf("%d charges, plan %s", n, s.Plan(p.Org.ID))
	}
}

// TestC4 is eight racing confirms of one token.
func TestC4(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for _, name := range []string{"one", "two", "three", "four", "five"} {
		p := s.people(name, "pro", visa)
		token := s.token(p.agent, "scale")
		confirm := func() answer { return s.confirm(p.agent, token) }
		got := tally(t, together(confirm, confirm, confirm, confirm, confirm, confirm, confirm, confirm))
		if got[switched] != 1 || got[outcome{400, "consent_token_invalid"}] != 7 {
			t.Errorf("%v", got)
		}
		s.once(p)
	}
}

// TestC5 is an answer that got lost: the caller hangs up, and asks again.
func TestC5(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	token := s.token(p.agent, "scale")
	id := s.pending(p)
	ctx, hangUp := context.WithCancel(t.Context())
	req := s.request(call{as: p.agent, method: "POST", path: "/api/billing/upgrade", kind: jsonKind, body: `{"confirm_token":"` + token + `"}`})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if res, err := client.Do(req.WithContext(ctx)); err == nil {
			_ = res.Body.Close()
		}
	}()
	s.eventually("the token is used", func() bool {
		a, err := s.Store.Approval(context.Background(), p.Org.ID, id)
		return err == nil && a.State != billing.ApprovalPending
	})
	hangUp()
	<-gone
	if a := s.confirm(p.agent, token).is(400, "consent_token_invalid"); a.detail("request") != id {
		t.Errorf("%s", a.body)
	}
	s.eventually("the change is done", func() bool {
		return s.get(p.agent, "/api/web-approve/status?request="+id).object()["status"] == "completed"
	})
	s.once(p)
}

func (s *site) eventually(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("never: %s", what)
		}
		time.Sleep(2 * time.Millisecond) //nolint:forbidigo // a goroutine of the server is on the other side
	}
}

// TestC6 is a confirmation with other parameters: the token is burnt.
func TestC6(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	token := s.token(p.agent, "scale")
	s.post(p.agent, "/api/billing/upgrade", `{"plan":"pro","confirm_token":"`+token+`"}`).is(400, "consent_token_mismatch")
	s.post(p.agent, "/api/billing/upgrade", `{"plan":"scale","confirm_token":"`+token+`"}`).is(400, "consent_token_invalid")
	s.never(p)
}

// TestC7 is another key of the same principal.
func TestC7(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	token := s.token(p.agent, "scale")
	s.confirm(s.secondKey(p), token).is(400, "consent_token_invalid")
	s.never(p)
	s.confirm(p.agent, token).is(200, "switched")
}

// TestC8 is a key that is revoked, or paused, between ask and confirmation.
func TestC8(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for name, tc := range map[string]struct {
		end  func(ctx context.Context, org, id string, at time.Time) error
		want outcome
	}{
		"revoked": {s.Store.RevokeCredential, outcome{401, "unauthorized"}},
		"paused":  {s.Store.PauseCredential, outcome{403, "key_paused"}},
	} {
		p := s.people(name, "pro", visa)
		token := s.token(p.agent, "scale")
		s.ok(tc.end(t.Context(), p.Org.ID, p.Agent.CredentialID, s.Box.Now()))
		s.confirm(p.agent, token).is(tc.want.status, tc.want.word)
		s.never(p)
	}
}

// processor is Stripe with something that happens in between.
type processor struct {
	billing.Processor
	mu             sync.Mutex
	onFetch, after func() // once, before a fetch and after a change
	dearer         int64  // added to every quote
}

func (p *processor) take(f *func()) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := *f
	*f = nil
	if g == nil {
		g = func() {}
	}
	return g
}

func (p *processor) Fetch(ctx context.Context, customer string) (billing.State, []billing.Invoice, error) {
	p.take(&p.onFetch)()
	return p.Processor.Fetch(ctx, customer)
}

func (p *processor) Apply(ctx context.Context, o billing.Order) (billing.Applied, error) {
	applied, err := p.Processor.Apply(ctx, o)
	p.take(&p.after)()
	return applied, err
}

func (p *processor) Quote(ctx context.Context, sub billing.Subscription, c billing.Change, at time.Time) (billing.Quote, error) {
	q, err := p.Processor.Quote(ctx, sub, c, at)
	p.mu.Lock()
	defer p.mu.Unlock()
	q.DueNow += p.dearer
	return q, err
}

// with returns the options for a world with p between us and Stripe.
func with(p *processor) worldtest.Options {
	return worldtest.Options{Wrap: func(stripe billing.Processor) billing.Processor {
		p.Processor = stripe
		return p
	}}
}

// TestC9 is a price that changes between ask and confirmation: it is asked
// again, with what the user had seen.
func TestC9(t *testing.T) {
	between := &processor{}
	s := newSite(t, with(between))
	for name, change := range map[string]func(p people){
		"subscription": func(p people) { s.post(p.owner, "/api/billing/downgrade", "").is(200, "downgrade-scheduled") },
		"tax": func(people) {
			between.mu.Lock()
			defer between.mu.Unlock()
			between.dearer += 7
		},
	} {
		p := s.people(name, "pro", visa)
		first := s.post(p.agent, "/api/billing/upgrade", `{"plan":"scale"}`).is(200, "confirmation_required")
		change(p)
		again := s.confirm(p.agent, first.text("confirm_token")).is(200, "confirmation_required")
		s.never(p)
		if again.text("confirm_token") == first.text("confirm_token") || again.object()["changed"] == nil {
			t.Errorf("%s: %s", name, again.body)
		}
		before, _ := first.object()["quote"].(map[string]any)
		if changed, _ := again.object()["changed"].(map[string]any); changed["amountDueNowCents"] != before["amountDueNowCents"] {
			t.Errorf("%s: changed is %v, was %v", name, changed, before)
		}
		s.confirm(p.agent, first.text("confirm_token")).is(400, "consent_token_invalid")
		if name == "subscription" {
			s.confirm(p.agent, again.text("confirm_token")).is(200, "switched")
		}
	}
}

// press is a press on the page that the form was read from.
func (s *site) press(by caller, request string, form url.Values) func() answer {
	return func() answer { return s.submit(by, "/approve/"+request, form) }
}

// TestW8 is a decision that is posted again, later.
func TestW8(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	id := s.ask(p.agent, "scale")
	form := s.decision(p.owner, id, "approve")
	s.submit(p.owner, "/approve/"+id, form).is(303, "")
	s.once(p)
	same := s.unchanged()
	for range 3 {
		s.submit(p.owner, "/approve/"+id, form).is(409, "")
	}
	form.Set("decision", "deny")
	s.submit(p.owner, "/approve/"+id, form).is(409, "")
	same("a replayed decision")
}

// TestW9 is a double click, on the approve page and on a money form.
func TestW9(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	id := s.ask(p.agent, "scale")
	press := s.press(p.owner, id, s.decision(p.owner, id, "approve"))
	if got := tally(t, together(press, press, press)); got[outcome{303, ""}] < 1 || got[outcome{303, ""}]+got[outcome{409, ""}] != 3 {
		t.Errorf("%v", got)
	}
	s.once(p)

	q := s.people("other", "pro", visa)
	form := s.get(q.owner, "/settings/billing/review?plan=scale").form("/settings/billing/change", "plan", "scale")
	click := func() answer { return s.submit(q.owner, "/settings/billing/change", form) }
	if got := tally(t, together(click, click, click)); got[outcome{303, ""}] != 3 {
		t.Errorf("%v", got)
	}
	s.once(q)
}

// TestW10 is two approvers at once, and one who approves while one denies.
func TestW10(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for _, name := range []string{"one", "two", "three", "four"} {
		p := s.people("two"+name, "pro", visa)
		id := s.ask(p.agent, "scale")
		got := tally(t, together(s.press(p.owner, id, s.decision(p.owner, id, "approve")), s.press(p.admin, id, s.decision(p.admin, id, "approve"))))
		if got[outcome{303, ""}] != 1 || got[outcome{409, ""}] != 1 {
			t.Errorf("two approvers: %v", got)
		}
		s.once(p)

		p = s.people("against"+name, "pro", visa)
		id = s.ask(p.agent, "scale")
		together(s.press(p.owner, id, s.decision(p.owner, id, "approve")), s.press(p.admin, id, s.decision(p.admin, id, "deny")))
		a, err := s.Store.Approval(t.Context(), p.Org.ID, id)
		s.ok(err)
		if a.State == billing.ApprovalDenied {
			s.never(p)
		} else {
			s.once(p)
		}
	}
}

// TestW11 is two requests of one org, approved at once: one change at a time,
// and the loser is told why.
func TestW11(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for _, name := range []string{"one", "two", "three", "four"} {
		p := s.people(name, "pro", visa)
		a, b := s.ask(p.agent, "scale"), s.ask(p.other, "scale")
		first, second := s.decision(p.owner, a, "approve"), s.decision(p.admin, b, "approve")
		got := tally(t, together(s.press(p.owner, a, first), s.press(p.admin, b, second)))
		if got[outcome{303, ""}] != 1 || got[outcome{409, ""}] != 1 {
			t.Errorf("%v", got)
		}
		s.once(p)
	}
}

// TestW12 is a page that was open while the price changed, or for too long: it
// shows the new price and wants a fresh press.
func TestW12(t *testing.T) {
	between := &processor{}
	s := newSite(t, with(between))
	for name, meanwhile := range map[string]func(p people){
		"subscription": func(p people) { s.post(p.admin, "/api/billing/downgrade", "").is(200, "downgrade-scheduled") },
		"age":          func(people) { s.Advance(16 * time.Minute) },
		"tax": func(people) {
			between.mu.Lock()
			defer between.mu.Unlock()
			between.dearer = 300
		},
	} {
		p := s.people(name, "pro", visa)
		id := s.ask(p.agent, "scale")
		stale := s.decision(p.owner, id, "approve")
		meanwhile(p)
		shown := s.submit(p.owner, "/approve/"+id, stale).is(409, "")
		s.never(p)
		if name == "tax" && (!strings.Contains(shown.body, "$30.00") || !strings.Contains(shown.body, "$33.00")) {
			t.Errorf("%s: not both prices in %s", name, shown.body)
		}
		fresh := shown.form("/approve/"+id, "decision", "approve")
		if name == "tax" { // which Stripe does not charge here
			continue
		}
		s.submit(p.owner, "/approve/"+id, fresh).is(303, "")
		s.once(p)
	}
}

// TestW13 is a subscription that changes between the approval and its execution.
func TestW13(t *testing.T) {
	between := &processor{}
	s := newSite(t, with(between))
	p := s.people("acme", "pro", visa)
	id := s.ask(p.agent, "scale")
	form := s.decision(p.owner, id, "approve")
	sub := s.Sync(p.Org.ID).SubscriptionID
	between.onFetch = func() { s.ok(s.Box.CancelAtPeriodEnd(sub, true)) }
	s.submit(p.owner, "/approve/"+id, form)
	s.never(p)
	failed, _ := s.get(p.agent, "/api/web-approve/status?request="+id).is(200, "failed").object()["error"].(map[string]any)
	if failed["error"] != "quote_changed" {
		t.Errorf("%v", failed)
	}
	// Nothing is stuck: the next ask goes through.
	again := s.ask(p.agent, "scale")
	s.submit(p.owner, "/approve/"+again, s.decision(p.owner, again, "approve")).is(303, "")
	s.once(p)
}

// TestW14 is an approver who is demoted, and a key that is revoked or paused,
// while the page is open.
func TestW14(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for name, tc := range map[string]struct {
		meanwhile func(p people) error
		status    int
		state     billing.ApprovalState
	}{
		"demoted": {func(p people) error {
			_, err := s.Service.AddMember(t.Context(), p.Org.ID, p.Owner.Email, "Owner", billing.RoleMember)
			return err
		}, 403, billing.ApprovalPending},
		"revoked": {func(p people) error {
			return s.Store.RevokeCredential(t.Context(), p.Org.ID, p.Agent.CredentialID, s.Box.Now())
		}, 409, billing.ApprovalInvalidated},
		"paused": {func(p people) error {
			return s.Store.PauseCredential(t.Context(), p.Org.ID, p.Agent.CredentialID, s.Box.Now())
		}, 403, billing.ApprovalPending},
	} {
		p := s.people(name, "pro", visa)
		id := s.ask(p.agent, "scale")
		form := s.decision(p.owner, id, "approve")
		s.ok(tc.meanwhile(p))
		s.submit(p.owner, "/approve/"+id, form).is(tc.status, "")
		s.never(p)
		if a, err := s.Store.Approval(t.Context(), p.Org.ID, id); err != nil || a.State != tc.state {
			t.Errorf("%s: %s %v", name, a.State, err)
		}
	}
}

// TestW18 is a webhook that is here before the answer to our own call.
func TestW18(t *testing.T) {
	between := &processor{}
	s := newSite(t, with(between))
	s.Box.SetWebhook(s.url + "/stripe/webhook")
	p := s.people("acme", "pro", visa)
	id := s.ask(p.agent, "scale")
	form := s.decision(p.owner, id, "approve")
	early := ""
	between.after = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.ok(s.Box.WaitDelivered(ctx))
		s.ok(s.Service.SyncDirty(ctx))
		early = s.get(p.tool, "/api/billing").text("plan")
	}
	s.submit(p.owner, "/approve/"+id, form).is(303, "")
	if early != "scale" {
		t.Fatalf("the webhook was not there first: the plan was %q", early)
	}
	s.once(p)
	result, _ := s.get(p.agent, "/api/web-approve/status?request="+id).is(200, "completed").object()["result"].(map[string]any)
	if result["status"] != "switched" || result["amountChargedCents"] != 3000.0 {
		t.Errorf("%v", result)
	}
	// Forged and unsigned ones are refused, and change nothing.
	same := s.unchanged()
	for _, signature := range []string{"", "t=1,v1=00", "t=1772452800,v1=" + strings.Repeat("0", 64)} {
		s.do(call{
			as: nobody, method: http.MethodPost, path: "/stripe/webhook", kind: jsonKind, body: `{"id":"evt_1"}`,
			header: map[string]string{"Stripe-Signature": signature},
		}).is(400, "invalid_signature")
	}
	same("a forged webhook")
}
