package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// The fields that come with each status, sorted: no more and no fewer.
var fieldsOf = map[string]string{
	"switched":              "amountChargedCents currency plan receipt status",
	"resumed":               "plan status",
	"checkout-required":     "checkoutUrl plan status",
	"design-partner":        "plan status",
	"downgrade-scheduled":   "effectiveAt plan status",
	"already-free":          "plan status",
	"confirmation_required": "approval_url check_code confirm_token expires_at expires_in instructions message polling_url quote request status",
	"web-approve-required":  "approval_url check_code expires_at expires_in instructions interval message polling_url quote request status why",
}

// outcome is what a call answers: the HTTP status and the word.
type outcome struct {
	status int
	word   string
}

var (
	switched  = outcome{200, "switched"}
	resumed   = outcome{200, "resumed"}
	chat      = outcome{200, "confirmation_required"}
	onTheWeb  = outcome{200, "web-approve-required"}
	scheduled = outcome{200, "downgrade-scheduled"}
	checkout  = outcome{200, "checkout-required"}
	partner   = outcome{200, "design-partner"}
	free      = outcome{200, "already-free"}
	unknown   = outcome{400, "unknown_plan"}
)

// TestChangesByCase is the contract's table: each case for a person, for a
// person's own token and for an agent. The starting states are the first word.
func TestChangesByCase(t *testing.T) {
	cases := []struct {
		state, path, body string
		direct, agent     outcome
		plan              string // in the answer, of people
		extra             string // field that comes besides
	}{
		{state: "pro", path: "upgrade", body: `{"plan":"gold"}`, direct: unknown, agent: unknown},
		{state: "free", path: "upgrade", body: `{"plan":"gold"}`, direct: unknown, agent: unknown},
		{state: "partner", path: "upgrade", body: `{"plan":"gold"}`, direct: unknown, agent: unknown},
		{state: "pro", path: "upgrade", body: `{"plan":"free"}`, direct: outcome{400, "use_downgrade"}, agent: outcome{400, "use_downgrade"}},
		{state: "partner", path: "upgrade", body: `{"plan":"free"}`, direct: outcome{400, "use_downgrade"}, agent: outcome{400, "use_downgrade"}},
		{state: "partner", path: "upgrade", body: `{"plan":"pro"}`, direct: partner, agent: partner, plan: "scale"},
		{state: "partner", path: "upgrade", body: ``, direct: partner, agent: partner, plan: "scale"},
		{state: "partner", path: "downgrade", body: `{}`, direct: outcome{409, "design_partner"}, agent: outcome{409, "design_partner"}},
		{state: "free", path: "upgrade", body: `{"plan":"scale"}`, direct: checkout, agent: checkout, plan: "free"},
		{state: "free", path: "upgrade", body: `{}`, direct: checkout, agent: checkout, plan: "free"},
		{state: "free", path: "upgrade", body: `{"plan":"scale","mode":"web"}`, direct: checkout, agent: checkout, plan: "free"},
		{state: "free", path: "downgrade", body: ``, direct: free, agent: free, plan: "free"},
		{state: "pro", path: "upgrade", body: ``, direct: resumed, agent: resumed, plan: "pro"},
		{state: "pro", path: "upgrade", body: `{"plan":"pro"}`, direct: resumed, agent: resumed, plan: "pro"},
		{state: "ended by a person", path: "upgrade", body: `{"plan":"pro"}`, direct: resumed, agent: chat, plan: "pro"},
		{state: "ended by a person", path: "upgrade", body: `{"plan":"pro","mode":"web"}`, direct: resumed, agent: onTheWeb, plan: "pro"},
		{state: "ended at Stripe", path: "upgrade", body: `{"plan":"pro"}`, direct: resumed, agent: chat, plan: "pro"},
		{state: "ended by an agent", path: "upgrade", body: `{"plan":"pro"}`, direct: resumed, agent: resumed, plan: "pro"},
		{state: "pro", path: "upgrade", body: `{"plan":"scale"}`, direct: switched, agent: chat, plan: "scale"},
		{state: "pro", path: "upgrade", body: `{"plan":"scale","mode":"chat"}`, direct: switched, agent: chat, plan: "scale"},
		{state: "pro", path: "upgrade", body: `{"plan":"scale","mode":"web"}`, direct: switched, agent: onTheWeb, plan: "scale"},
		{state: "scale", path: "upgrade", body: `{"plan":"pro"}`, direct: switched, agent: chat, plan: "pro", extra: "amountCreditedCents "},
		{state: "ended by a person", path: "upgrade", body: `{"plan":"scale"}`, direct: switched, agent: chat, plan: "scale"},
		{state: "pro", path: "downgrade", body: ``, direct: scheduled, agent: chat, plan: "pro"},
		{state: "pro", path: "downgrade", body: `{"mode":"web"}`, direct: scheduled, agent: onTheWeb, plan: "pro"},
		{state: "ended by a person", path: "downgrade", body: `{}`, direct: scheduled, agent: scheduled, plan: "pro"},
	}
	s := newSite(t, worldtest.Options{})
	for i, c := range cases {
		t.Run(strings.ReplaceAll(c.state+" "+c.path+" "+c.body, "/", "-"), func(t *testing.T) {
			for _, kind := range []string{"human", "member", "agent"} {
				org := s.state(c.state, kind+string(rune('a'+i)))
				by, want := org.owner, c.direct
				switch kind {
				case "member":
					by = org.tool
				case "agent":
					by, want = org.agent, c.agent
				}
				a := s.post(by, "/api/billing/"+c.path, c.body).is(want.status, want.word)
				s.checkChange(a, org, c.plan, c.extra, c.path)
			}
		})
	}
}

// state makes an org that is where a case begins.
func (s *site) state(name, org string) people {
	s.t.Helper()
	switch name {
	case "free":
		return s.people(org, "", "")
	case "partner":
		o, err := s.Service.AddOrg(s.t.Context(), org, true)
		s.ok(err)
		p := people{Cast: worldtest.Cast{Org: o}}
		p.Owner, p.OwnerCookie = s.Person(o, "owner@"+org+".test", billing.RoleOwner)
		p.owner = caller{"owner", "", p.OwnerCookie}
		p.tool = s.key(billing.NewKey{Kind: billing.KindMember, OrgID: o.ID, PrincipalID: p.Owner.ID, Name: "tool"})
		p.agent = s.key(billing.NewKey{Kind: billing.KindAgent, OrgID: o.ID, Name: "agent"})
		return p
	case "scale":
		return s.people(org, "scale", visa)
	}
	p := s.people(org, "pro", visa)
	switch name {
	case "ended by a person":
		s.post(p.owner, "/api/billing/downgrade", "").is(200, "downgrade-scheduled")
	case "ended by an agent":
		a := s.post(p.agent, "/api/billing/downgrade", "").is(200, "confirmation_required")
		s.post(p.agent, "/api/billing/downgrade", `{"confirm_token":"`+a.text("confirm_token")+`"}`).is(200, "downgrade-scheduled")
	case "ended at Stripe":
		s.ok(s.Box.CancelAtPeriodEnd(s.Sync(p.Org.ID).SubscriptionID, true))
		s.Sync(p.Org.ID)
	}
	return p
}

func (s *site) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// checkChange holds the shape of an answer, and that only what says so has
// changed the plan.
func (s *site) checkChange(a answer, p people, plan, extra, path string) {
	s.t.Helper()
	if a.status != 200 {
		return
	}
	word := a.text("status")
	if got, want := a.keys(), fieldsOf[word]; got != want && got != sorted(want, extra) {
		s.t.Errorf("%s %s: fields\n%s, want\n%s", a.what, word, got, want)
	}
	switch word {
	case "confirmation_required", "web-approve-required":
		s.checkAsk(a, p)
		return
	case "switched":
		if got := s.Plan(p.Org.ID); got != plan {
			s.t.Errorf("%s: Stripe says %q", a.what, got)
		}
	case "checkout-required":
		if !strings.HasPrefix(a.text("checkoutUrl"), "http") {
			s.t.Errorf("%s: %s", a.what, a.body)
		}
	}
	if a.text("plan") != plan {
		s.t.Errorf("%s: plan %q, want %q", a.what, a.text("plan"), plan)
	}
}

func sorted(fields, extra string) string {
	if strings.HasPrefix(fields, extra) {
		return fields
	}
	head, tail, _ := strings.Cut(fields, "currency")
	return head + extra + "currency" + tail
}

// checkAsk: an ask charges nothing, and its addresses lead to where they say.
func (s *site) checkAsk(a answer, p people) {
	s.t.Helper()
	id := a.text("request")
	if n, _ := s.paid(p); n != 1 {
		s.t.Errorf("%s: %d charges", a.what, n)
	}
	if a.text("approval_url") != s.BaseURL+"/approve/"+id || a.text("polling_url") != s.BaseURL+"/api/web-approve/status?request="+id {
		s.t.Errorf("%s: addresses in %s", a.what, a.body)
	}
	life := int64(60)
	if a.text("status") == "web-approve-required" {
		life = 24 * 60 * 60
	} else if !strings.HasPrefix(a.text("confirm_token"), "csc_") {
		s.t.Errorf("%s: token in %s", a.what, a.body)
	}
	expires, err := time.Parse(time.RFC3339, a.text("expires_at"))
	if a.number("expires_in") != life || err != nil || !expires.Equal(s.Box.Now().Add(time.Duration(life)*time.Second)) {
		s.t.Errorf("%s: expires in %d at %s, %v", a.what, a.number("expires_in"), a.text("expires_at"), err)
	}
	message := a.text("message")
	if !strings.Contains(message, p.Org.Name) || !strings.Contains(message, a.text("check_code")) || a.text("check_code") != billing.CheckCode(id) {
		s.t.Errorf("%s: message %q", a.what, message)
	}
}

// TestStripeNotConfigured: without payments nothing is sold, and the rest works.
func TestStripeNotConfigured(t *testing.T) {
	s := newSite(t, worldtest.Options{NoStripe: true})
	p := s.people("acme", "", "")
	for _, by := range []caller{p.owner, p.tool, p.agent} {
		for _, path := range []string{"upgrade", "downgrade", "checkout", "portal"} {
			s.post(by, "/api/billing/"+path, "{}").is(400, "stripe_not_configured")
		}
		s.post(by, "/api/billing/upgrade", `{"plan":"gold"}`).is(400, "stripe_not_configured") // the first case wins
		s.get(by, "/api/billing/preview").is(400, "stripe_not_configured")
		if a := s.get(by, "/api/billing"); a.status != 200 || a.text("plan") != "free" {
			t.Errorf("%s: %d %s", a.what, a.status, a.body)
		}
		s.get(by, "/api/billing/invoices").is(200, "")
		s.get(by, "/api/approvals").is(200, "")
	}
	if a := s.get(p.owner, "/settings/billing"); a.status != 200 {
		t.Errorf("the page answers %d", a.status)
	}
	s.post(nobody, "/stripe/webhook", "{}").is(400, "stripe_not_configured")
}

// TestPaymentFails: the plan stays, nothing is charged, and everybody is told
// in their own way.
func TestPaymentFails(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for _, tc := range []struct{ card, word string }{{declinesNext, "payment_failed"}, {asksBank, "payment_action_required"}} {
		for _, kind := range []string{"human", "member", "agent chat", "agent web"} {
			t.Run(tc.card+" "+kind, func(t *testing.T) {
				p := s.people(strings.ReplaceAll(kind, " ", "")+strings.ToLower(tc.card[8:]), "pro", visa)
				s.ok(s.Box.GiveCard(p.Customer, tc.card))
				s.Advance(time.Hour)
				s.Sync(p.Org.ID)
				body, failed := `{"plan":"scale"}`, map[string]any{}
				switch kind {
				case "human":
					failed = s.post(p.owner, "/api/billing/upgrade", body).is(402, tc.word).object()
				case "member":
					failed = s.post(p.tool, "/api/billing/upgrade", body).is(402, tc.word).object()
				case "agent chat":
					a := s.confirm(p.agent, s.token(p.agent, "scale")).is(402, tc.word)
					if a.header.Get("WWW-Authenticate") != "" || a.header.Get("PAYMENT-REQUIRED") != "" {
						t.Errorf("headers %v make a wallet pay", a.header)
					}
					failed = a.object()
				case "agent web":
					failed = s.failedOnTheWeb(p, tc.word)
				}
				s.checkFailure(p, failed)
			})
		}
	}
}

func (s *site) failedOnTheWeb(p people, word string) map[string]any {
	s.t.Helper()
	id := s.ask(p.agent, "scale")
	s.submit(p.owner, "/approve/"+id, s.decision(p.owner, id, "approve"))
	s.Advance(10 * time.Second)
	v := s.get(p.agent, "/api/web-approve/status?request="+id).object()
	failed, _ := v["error"].(map[string]any)
	result, _ := v["result"].(map[string]any)
	if failed["error"] != word || result["error"] != word {
		s.t.Errorf("the poll says %v", v)
	}
	return failed
}

func (s *site) checkFailure(p people, failed map[string]any) {
	s.t.Helper()
	if sub := s.Sync(p.Org.ID); sub.Plan != "pro" || sub.Status != billing.StatusActive {
		s.t.Errorf("afterwards %+v", sub.State)
	}
	if n, _ := s.paid(p); n != 1 {
		s.t.Errorf("%d charges", n)
	}
	details, _ := failed["details"].(map[string]any)
	action, _ := details["actionUrl"].(string)
	if needs := failed["error"] == "payment_action_required"; needs != strings.HasPrefix(action, "http") {
		s.t.Errorf("%v: actionUrl %q", failed["error"], action)
	}
}

// TestSwitchAnswersTheCharge: the amount in the answer is the one at Stripe and
// the one of the preview, to the cent, up and down.
func TestSwitchAnswersTheCharge(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for _, kind := range []string{"human", "member", "agent"} {
		p := s.people(kind, "pro", visa)
		s.Advance(8*24*time.Hour + 3*time.Hour + 7*time.Second)
		s.Sync(p.Org.ID)
		by := map[string]caller{"human": s.signIn(p.Org, "owner@"+kind+".test", billing.RoleOwner), "member": p.tool, "agent": p.agent}[kind]
		quoted := s.get(by, "/api/billing/preview?plan=scale").is(200, "").number("amountDueNowCents")
		_, before := s.paid(p)
		var a answer
		if kind == "agent" {
			a = s.post(by, "/api/billing/upgrade", `{"plan":"scale"}`).is(200, "confirmation_required")
			asked := a.object()["quote"].(map[string]any)
			if asked["amountDueNowCents"] != float64(quoted) {
				t.Errorf("asked for %v, previewed %d", asked["amountDueNowCents"], quoted)
			}
			a = s.confirm(by, a.text("confirm_token"))
		} else {
			a = s.post(by, "/api/billing/upgrade", `{"plan":"scale"}`)
		}
		a.is(200, "switched")
		if _, after := s.paid(p); a.number("amountChargedCents") != quoted || after-before != quoted || quoted <= 0 {
			t.Errorf("%s: quoted %d, answered %d, charged %d", kind, quoted, a.number("amountChargedCents"), after-before)
		}
		if v := a.object(); v["currency"] != "usd" || v["receipt"] != nil {
			t.Errorf("%s: %s", kind, a.body)
		}
	}
}
