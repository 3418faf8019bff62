package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func TestOperatorSignIn(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	ctx := t.Context()
	for _, email := range []string{" Op@countersign.test", "owner@acme.test", "nobody@nowhere.test"} {
		if err := w.Service.RequestOperatorSignIn(ctx, email); err != nil {
			t.Errorf("%s: %v", email, err)
		}
	}
	if err := w.Service.RequestOperatorSignIn(ctx, "op"); !errors.Is(err, billing.ErrInvalid) {
		t.Errorf("no address: %v", err)
	}
	if len(w.Mail.Links) != 1 || w.Mail.To[0] != worldtest.Operator {
		t.Fatalf("mail to %v", w.Mail.To)
	}
	token := strings.TrimPrefix(w.Mail.Links[0], w.BaseURL+"/admin/login/")
	if email, err := w.Service.PeekOperatorSignIn(ctx, token); err != nil || email != worldtest.Operator {
		t.Errorf("peek: %q, %v", email, err)
	}
	if _, _, err := w.Service.SignIn(ctx, token); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("the link signs in to an org: %v", err)
	}
	session, err := w.Service.OperatorSignIn(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Service.OperatorSignIn(ctx, token); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("the link works twice: %v", err)
	}
	p, err := w.Service.Operator(ctx, session)
	if err != nil || p.Kind != billing.KindOperator || p.OrgID != "" || p.Role != "" || strings.Contains(p.ID, "@") {
		t.Errorf("signed in as %+v, %v", p, err)
	}
	for name, refused := range map[string]func() (billing.Principal, error){
		"an operator's session in an org":  func() (billing.Principal, error) { return w.Service.Session(ctx, session) },
		"an operator's session as a key":   func() (billing.Principal, error) { return w.Service.Authenticate(ctx, session) },
		"an org's session at the operator": func() (billing.Principal, error) { return w.Service.Operator(ctx, c.OwnerCookie) },
		"an agent's key at the operator":   func() (billing.Principal, error) { return w.Service.Operator(ctx, c.AgentKey) },
	} {
		if got, err := refused(); !errors.Is(err, billing.ErrUnauthorized) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if err = w.Service.OperatorSignOut(ctx, p); err != nil {
		t.Fatal(err)
	}
	if _, err = w.Service.Operator(ctx, session); !errors.Is(err, billing.ErrUnauthorized) {
		t.Errorf("after signing out: %v", err)
	}
	_, second := w.SignInOperator()
	w.Advance(12 * time.Hour)
	if _, err = w.Service.Operator(ctx, second); !errors.Is(err, billing.ErrUnauthorized) {
		t.Errorf("after 12 hours: %v", err)
	}
}

// TestFormerOperator: who is taken off the list is out, with a session and with
// a link.
func TestFormerOperator(t *testing.T) {
	var config billing.Config
	w := worldtest.New(t, worldtest.Options{Configure: func(c *billing.Config) { config = *c }})
	_, session := w.SignInOperator()
	link, _, err := w.Service.OperatorSignInURL(t.Context(), worldtest.Operator, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	config.Operators = []string{"another@countersign.test"}
	later := billing.New(config)
	if _, err = later.Operator(t.Context(), session); !errors.Is(err, billing.ErrUnauthorized) {
		t.Errorf("the session: %v", err)
	}
	if _, err = later.OperatorSignIn(t.Context(), strings.TrimPrefix(link, w.BaseURL+"/admin/login/")); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("the link: %v", err)
	}
}

func (w *limits) cap(t *testing.T) billing.Limit {
	t.Helper()
	a, err := w.Service.Check(t.Context(), billing.Principal{Actor: billing.Actor{Kind: billing.KindHost}}, w.Cast.Org.ID, "agents", 1)
	if err != nil {
		t.Fatal(err)
	}
	return a.Cap
}

// limits is a world with an org on Free, its request for agents, and the operator.
type limits struct {
	*worldtest.World
	worldtest.Cast
	op      billing.Principal
	request string
}

func newLimits(t *testing.T) *limits {
	t.Helper()
	w := worldtest.New(t, worldtest.Options{})
	l := &limits{World: w, Cast: w.NewCast("acme", "", "")}
	l.op, _ = w.SignInOperator()
	r, err := w.Service.AskForMore(t.Context(), l.Owner, billing.LimitAsk{Kind: "agents", Desired: 12})
	if err != nil {
		t.Fatal(err)
	}
	l.request = r.ID
	return l
}

func (w *limits) answer(t *testing.T) billing.LimitRequest {
	t.Helper()
	list, err := w.Service.LimitRequests(t.Context(), w.Agent, "", 10)
	if err != nil || len(list) == 0 {
		t.Fatalf("%v, %v", list, err)
	}
	return list[0]
}

func TestGrantLimit(t *testing.T) {
	w := newLimits(t)
	ctx := t.Context()
	if got := w.cap(t); got.Value != 3 {
		t.Fatalf("the cap is %v", got)
	}
	until := w.Service.Now().Add(24 * time.Hour)
	for name, tc := range map[string]struct {
		by   billing.Principal
		id   string
		g    billing.Grant
		want error
	}{
		"an owner":         {w.Owner, w.request, billing.Grant{Cap: billing.Limit{Value: 12}, Reason: "r"}, billing.ErrForbidden},
		"no reason":        {w.op, w.request, billing.Grant{Cap: billing.Limit{Value: 12}, Reason: " \u200b"}, billing.ErrInvalid},
		"no more":          {w.op, w.request, billing.Grant{Cap: billing.Limit{Value: 3}, Reason: "r"}, billing.ErrNotHigher},
		"an end that was":  {w.op, w.request, billing.Grant{Cap: billing.Limit{Value: 12}, Reason: "r", Until: w.Service.Now()}, billing.ErrInvalid},
		"no such resource": {w.op, w.request, billing.Grant{Resource: "seats", Cap: billing.Limit{Value: 12}, Reason: "r"}, billing.ErrUnknownResource},
		"no such request":  {w.op, "lir_none", billing.Grant{Cap: billing.Limit{Value: 12}, Reason: "r"}, billing.ErrNotFound},
	} {
		if err := w.Service.GrantLimit(ctx, tc.by, tc.id, tc.g); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if r := w.answer(t); r.State != billing.LimitOpen || w.cap(t).Value != 3 {
		t.Fatalf("a refused grant left %+v", r)
	}
	g := billing.Grant{Cap: billing.Limit{Value: 12}, Reason: "a good customer", Until: until}
	if err := w.Service.GrantLimit(ctx, w.op, w.request, g); err != nil {
		t.Fatal(err)
	}
	if got := w.cap(t); got.Value != 12 {
		t.Errorf("the next check says %v", got)
	}
	if r := w.answer(t); r.State != billing.LimitGranted || r.Answer.Cap.Value != 12 || !r.Answer.Until.Equal(until) || r.Answer.Reason != g.Reason {
		t.Errorf("the asker reads %+v, %+v", r, r.Answer)
	}
	for name, again := range map[string]error{
		"granted again": w.Service.GrantLimit(ctx, w.op, w.request, billing.Grant{Cap: billing.Limit{Value: 50}, Reason: "r"}),
		"declined then": w.Service.DeclineLimit(ctx, w.op, w.request, "no"),
	} {
		if !errors.Is(again, billing.ErrAnswered) {
			t.Errorf("%s: %v", name, again)
		}
	}
	w.Advance(24 * time.Hour)
	if got := w.cap(t); got.Value != 3 {
		t.Errorf("after its end the cap is %v", got)
	}
	if log := w.audited(t); !strings.HasPrefix(log, "operator:limit.granted operator:override.set") {
		t.Errorf("the audit log has %s", log)
	}
}

func (w *limits) audited(t *testing.T) string {
	t.Helper()
	log, err := w.Store.AuditLog(t.Context(), w.Cast.Org.ID, 20)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range log {
		out = append(out, string(e.Actor.Kind)+":"+e.Event)
	}
	return strings.Join(out, " ")
}

func TestDeclineLimit(t *testing.T) {
	w := newLimits(t)
	if err := w.Service.DeclineLimit(t.Context(), w.op, w.request, "  \n"); !errors.Is(err, billing.ErrInvalid) {
		t.Errorf("no reason: %v", err)
	}
	if err := w.Service.DeclineLimit(t.Context(), w.op, w.request, "Pro has room."); err != nil {
		t.Fatal(err)
	}
	if r := w.answer(t); r.State != billing.LimitDeclined || r.Answer.Reason != "Pro has room." || w.cap(t).Value != 3 {
		t.Errorf("the asker reads %+v", r)
	}
	if again, err := w.Service.AskForMore(t.Context(), w.Owner, billing.LimitAsk{Kind: "agents"}); err != nil || again.ID == w.request {
		t.Errorf("asked again: %+v, %v", again, err)
	}
}

// TestGivenPlan: what an operator gives counts at once, everywhere, and asks
// nobody to pay.
func TestGivenPlan(t *testing.T) {
	w := newLimits(t)
	ctx := t.Context()
	give := func(plan string) {
		t.Helper()
		if err := w.Service.GivePlan(ctx, w.op, w.Cast.Org.ID, plan, "a friend"); err != nil {
			t.Fatal(err)
		}
	}
	give("pro")
	give("pro")
	sum, err := w.Service.Summary(ctx, w.Owner)
	if err != nil || sum.Plan.ID != "pro" || !sum.DesignPartner || sum.BillingState() != "admin_override" || w.cap(t).Value != 10 {
		t.Errorf("%+v, %v", sum, err)
	}
	for _, by := range []billing.Principal{w.Owner, w.OwnerTool, w.Agent} {
		out, err := w.Service.Propose(ctx, by, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"})
		if err != nil || out.Status != billing.StatusDesignPartner || out.Plan != "pro" {
			t.Errorf("upgrade by %s: %+v, %v", by.Kind, out, err)
		}
		if _, err = w.Service.Checkout(ctx, by, "pro"); !errors.Is(err, billing.ErrDesignPartner) {
			t.Errorf("checkout by %s: %v", by.Kind, err)
		}
	}
	if err = w.Service.SetDesignPartner(ctx, w.op, w.Cast.Org.ID, true, "r"); err != nil {
		t.Fatal(err)
	}
	if sum, _ = w.Service.Summary(ctx, w.Owner); sum.Plan.ID != "pro" {
		t.Errorf("the admin override wins: %s", sum.Plan.ID)
	}
	give("")
	if sum, _ = w.Service.Summary(ctx, w.Owner); sum.Plan.ID != "scale" || sum.BillingState() != "" || w.cap(t).Value != 30 {
		t.Errorf("a design partner: %+v", sum)
	}
	if err = w.Service.SetDesignPartner(ctx, w.op, w.Cast.Org.ID, false, "r"); err != nil {
		t.Fatal(err)
	}
	if sum, _ = w.Service.Summary(ctx, w.Owner); sum.Plan.ID != "free" || sum.DesignPartner || w.cap(t).Value != 3 {
		t.Errorf("back on Free: %+v", sum)
	}
	if got := strings.Count(w.audited(t), "operator:org."); got != 4 {
		t.Errorf("%d events, want one for each change: %s", got, w.audited(t))
	}
	for name, err := range map[string]error{
		"no such plan": w.Service.GivePlan(ctx, w.op, w.Cast.Org.ID, "gold", "r"),
		"no reason":    w.Service.GivePlan(ctx, w.op, w.Cast.Org.ID, "pro", ""),
		"no such org":  w.Service.GivePlan(ctx, w.op, "org_none", "pro", "r"),
		"an owner":     w.Service.GivePlan(ctx, w.Owner, w.Cast.Org.ID, "pro", "r"),
	} {
		if err == nil {
			t.Errorf("%s passed", name)
		}
	}
}

// TestGivenPlanEndsConsent: nobody pays for a plan on a request that was made
// before it was given.
func TestGivenPlanEndsConsent(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", "pm_card_visa")
	op, _ := w.SignInOperator()
	out, err := w.Service.Propose(t.Context(), c.Agent, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"})
	if err != nil || out.Token == "" {
		t.Fatalf("%+v, %v", out, err)
	}
	if err = w.Service.GivePlan(t.Context(), op, c.Org.ID, "scale", "a friend"); err != nil {
		t.Fatal(err)
	}
	before, _ := w.Paid(c.Customer)
	done, err := w.Service.Propose(t.Context(), c.Agent, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", ConfirmToken: out.Token})
	if after, _ := w.Paid(c.Customer); after != before || done.Status == billing.StatusSwitched {
		t.Errorf("%+v, %v: %d invoices, were %d", done, err, after, before)
	}
}

func TestOperatorOnly(t *testing.T) {
	w := newLimits(t)
	ctx := t.Context()
	for _, p := range []billing.Principal{w.Owner, w.OwnerTool, w.Agent, {Actor: billing.Actor{Kind: billing.KindHost}}, {}} {
		for name, call := range map[string]func() error{
			"signals": func() error { _, err := w.Service.LimitSignals(ctx, p); return err },
			"open":    func() error { _, err := w.Service.OpenLimits(ctx, p, "agents", "free", "", 1); return err },
			"case":    func() error { _, _, err := w.Service.LimitCase(ctx, p, w.request); return err },
			"decline": func() error { return w.Service.DeclineLimit(ctx, p, w.request, "r") },
			"find":    func() error { _, err := w.Service.FindOrgs(ctx, p, "", "", 1); return err },
			"dossier": func() error { _, err := w.Service.Dossier(ctx, p, w.Cast.Org.ID); return err },
			"give": func() error {
				return w.Service.GiveLimit(ctx, p, w.Cast.Org.ID, billing.Grant{Resource: "agents", Cap: billing.Limit{Unlimited: true}, Reason: "r"})
			},
			"take":    func() error { return w.Service.TakeLimit(ctx, p, w.Cast.Org.ID, "agents", "r") },
			"partner": func() error { return w.Service.SetDesignPartner(ctx, p, w.Cast.Org.ID, true, "r") },
			"sync":    func() error { _, err := w.Service.SyncNow(ctx, p, w.Cast.Org.ID); return err },
			"unpause": func() error { return w.Service.LiftPause(ctx, p, w.Cast.Org.ID, w.Agent.CredentialID, "r") },
		} {
			if err := call(); !errors.Is(err, billing.ErrForbidden) {
				t.Errorf("%s by %q: %v", name, p.Kind, err)
			}
		}
	}
}

func TestOperatorActs(t *testing.T) {
	w := newLimits(t)
	ctx := t.Context()
	if err := w.Store.PauseCredential(ctx, w.Cast.Org.ID, w.Agent.CredentialID, w.Service.Now()); err != nil {
		t.Fatal(err)
	}
	d, err := w.Service.Dossier(ctx, w.op, w.Cast.Org.ID)
	if err != nil || len(d.Paused) != 1 || len(d.Requests) != 1 || len(d.Members) != 3 || len(d.Log) == 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	if err = w.Service.LiftPause(ctx, w.op, w.Cast.Org.ID, w.Agent.CredentialID, "it was me"); err != nil {
		t.Fatal(err)
	}
	if p, err := w.Service.Authenticate(ctx, w.AgentKey); err != nil || p.Paused {
		t.Errorf("%+v, %v", p, err)
	}
	if err = w.Service.GiveLimit(ctx, w.op, w.Cast.Org.ID, billing.Grant{Resource: "agents", Cap: billing.Limit{Unlimited: true}, Reason: "r"}); err != nil || !w.cap(t).Unlimited {
		t.Errorf("unlimited: %v", err)
	}
	if err = w.Service.TakeLimit(ctx, w.op, w.Cast.Org.ID, "agents", "enough"); err != nil || w.cap(t).Value != 3 {
		t.Errorf("taken back: %v", err)
	}
	if err = w.Service.TakeLimit(ctx, w.op, w.Cast.Org.ID, "agents", "enough"); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("taken twice: %v", err)
	}
	if _, err = w.Service.SyncNow(ctx, w.op, w.Cast.Org.ID); err != nil {
		t.Error(err)
	}
	if _, err = w.Service.SyncNow(ctx, w.op, "org_none"); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("no such org: %v", err)
	}
	if log := w.audited(t); !strings.HasPrefix(log, "operator:org.synced operator:override.ended operator:override.set operator:key.resumed ") {
		t.Errorf("the audit log has %s", log)
	}
}
