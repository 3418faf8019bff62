package handlers

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func contains(t *testing.T, w *httptest.ResponseRecorder, status int, parts ...string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	for _, p := range parts {
		if !strings.Contains(w.Body.String(), p) {
			t.Errorf("no %q in %s", p, w.Body)
		}
	}
}

// While nobody knows how a press ended, the page says so however often it asks,
// and then how it did: with a script and without.
func TestPressIsFollowedToItsEnd(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for name, heads := range map[string][]string{"no scripts": nil, "scripts": {"HX-Request: true"}} {
		c := s.NewCast(strings.ReplaceAll(name, " ", ""), "pro", visa)
		owner := who{session: c.OwnerCookie}
		form := forms(s.get(owner, pathBilling), pathChange, "plan", "scale")
		s.Box.LoseNextAnswer()
		page := s.send(owner, "POST", pathChange, "application/x-www-form-urlencoded", form.Encode(), heads...)
		if at := page.Header().Get("Location"); at != "" {
			page = s.get(owner, at)
		}
		contains(t, page, 200, "Working on it", `data-live=`, ".pending")
		_, at, _ := strings.Cut(page.Body.String(), "data-live=")
		_, at, _ = strings.Cut(at, `hx-get="`+pathBilling)
		at, _, _ = strings.Cut(at, `"`)
		contains(t, s.get(owner, pathBilling+at), 200, "Working on it", ".pending")
		s.Advance(2 * time.Minute)
		if err := s.Service.RecoverAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		end := s.get(owner, pathBilling+at)
		contains(t, end, 200, c.Org.Name+" is on Scale", "$30.00 was charged")
		if strings.Contains(end.Body.String(), "data-live") {
			t.Errorf("%s: it goes on asking", name)
		}
	}
}

// A person presses the button with the amount on it: that amount is charged, a
// repeat of the press changes nothing, and the page says what happened.
func TestPressUpgrade(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner := who{session: c.OwnerCookie}
	page := s.get(owner, pathBilling)
	contains(t, page, 200, "Upgrade, pay $30.00 now")
	form := forms(page, pathChange, "plan", "scale")
	if form.Get("quote") == "" || form.Get("nonce") == "" || form.Get("form_token") == "" {
		t.Fatalf("form %v", form)
	}
	before, _ := s.Paid(c.Customer)
	first := s.submit(owner, pathChange, form)
	if first.Code != 303 || !strings.HasPrefix(first.Header().Get("Location"), pathBilling+"?notice=") {
		t.Fatalf("%d %v", first.Code, first.Header())
	}
	for range 2 {
		if again := s.submit(owner, pathChange, form); again.Code != 303 {
			t.Fatalf("again: %d %s", again.Code, again.Body)
		}
	}
	if n, _ := s.Paid(c.Customer); n != before+1 || s.Plan(c.Org.ID) != "scale" {
		t.Errorf("%d charges, plan %s", n-before, s.Plan(c.Org.ID))
	}
	contains(t, s.get(owner, first.Header().Get("Location")), 200, "acme is on Scale", "$30.00 was charged")

	// Nobody can make a link that says so.
	notice := first.Header().Get("Location")
	for name, target := range map[string]string{
		"other session": notice, "changed": notice + "x", "without seal": strings.SplitN(notice, ".", 2)[0], "empty": pathBilling + "?notice=.",
	} {
		u := owner
		if name == "other session" {
			u = who{session: c.AdminCookie}
		}
		if w := s.get(u, target); w.Code != 200 || strings.Contains(w.Body.String(), "was charged") {
			t.Errorf("%s: %d says that something was charged", name, w.Code)
		}
	}
}

func TestPressWithScript(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner := who{session: c.OwnerCookie}
	form := forms(s.get(owner, pathBilling), pathChange, "plan", "scale")
	contains(t, s.submit(owner, pathChange, form, "HX-Request: true"), 200, `id="main"`, "acme is on Scale", "$30.00 was charged")
}

// A price that moved between reading and pressing is shown and not charged.
func TestPressAtAnOldPrice(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner := who{session: c.OwnerCookie}
	form := forms(s.get(owner, pathBilling), pathChange, "plan", "scale")
	s.Advance(16 * time.Minute)
	w := s.submit(owner, pathChange, form)
	contains(t, w, 409, `role="alert"`, "Nothing was charged", `id="review"`)
	if s.Plan(c.Org.ID) != "pro" {
		t.Error("the plan has changed")
	}
	fresh := forms(w, pathChange, "plan", "scale")
	if again := s.submit(owner, pathChange, fresh); again.Code != 303 || s.Plan(c.Org.ID) != "scale" {
		t.Errorf("the fresh price cannot be pressed: %d, %s", again.Code, s.Plan(c.Org.ID))
	}
}

func TestPressDeclined(t *testing.T) {
	for card, c := range map[string]struct {
		words string
		code  string
	}{
		"pm_card_chargeCustomerFail":     {"Your bank declined the card", "payment_failed"},
		"pm_card_authenticationRequired": {"Your bank wants to confirm this payment", "payment_action_required"},
	} {
		s := newSite(t, worldtest.Options{})
		cast := s.NewCast("acme", "pro", visa)
		if err := s.Box.GiveCard(cast.Customer, card); err != nil {
			t.Fatal(err)
		}
		s.Sync(cast.Org.ID)
		owner := who{session: cast.OwnerCookie}
		form := forms(s.get(owner, pathBilling), pathChange, "plan", "scale")
		contains(t, s.submit(owner, pathChange, form), 402, c.words)
		if s.Plan(cast.Org.ID) != "pro" {
			t.Errorf("%s: the plan has changed", card)
		}
		if again := s.submit(owner, pathChange, form); again.Code != 402 {
			t.Errorf("%s: the same press again answers %d", card, again.Code)
		}
		if w := s.post(who{key: cast.OwnerToken}, "/api/billing/upgrade", `{"plan":"scale"}`); c.code == "payment_failed" {
			if e := read[api.Error](t, w, 402); e.Code != c.code {
				t.Errorf("%s: %s", card, e.Code)
			}
		}
	}
}

func TestDowngradeAndUndo(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "scale", visa)
	owner := who{session: c.OwnerCookie}
	review := s.get(owner, pathReview+"?plan=free")
	contains(t, review, 200, `id="review"`, "Nothing is deleted")
	// On a page of its own the press leads away; in the place of another page, not.
	const inPlace = `hx-post="` + pathDowngrade
	contains(t, s.get(owner, pathReview+"?plan=free", "HX-Request: true"), 200, inPlace)
	if strings.Contains(review.Body.String(), inPlace) {
		t.Error("the press leaves the review's frame around Settings → Billing")
	}
	w := s.submit(owner, pathDowngrade, forms(review, pathDowngrade, "", ""))
	if w.Code != 303 || !s.Sync(c.Org.ID).CancelAtPeriodEnd {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	page := s.get(owner, w.Header().Get("Location"))
	contains(t, page, 200, "acme moves to Free on 2 April 2026", "Undo")
	w = s.submit(owner, pathResume, forms(page, pathResume, "", ""))
	if w.Code != 303 || s.Sync(c.Org.ID).CancelAtPeriodEnd {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	contains(t, s.get(owner, w.Header().Get("Location")), 200, "acme stays on Scale")
}

func TestPressIsRefused(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner, member := who{session: c.OwnerCookie}, who{session: c.MemberCookie}
	good := forms(s.get(owner, pathBilling), pathChange, "plan", "scale")
	with := func(name, value string) url.Values {
		f := url.Values{}
		for k, v := range good {
			f[k] = v
		}
		f.Set(name, value)
		return f
	}
	for name, got := range map[string]int{
		"no nonce":               s.submit(owner, pathChange, with("nonce", "")).Code,
		"long nonce":             s.submit(owner, pathChange, with("nonce", strings.Repeat("n", 101))).Code,
		"no plan":                s.submit(owner, pathChange, with("plan", "")).Code,
		"unknown plan":           s.submit(owner, pathChange, with("plan", "gold")).Code,
		"the free plan":          s.submit(owner, pathChange, with("plan", "free")).Code,
		"no form token":          s.submit(owner, pathChange, with("form_token", "")).Code + 1000,
		"token of another":       s.submit(member, pathChange, good).Code + 1000,
		"another's quote":        s.submit(who{session: c.AdminCookie}, pathChange, with("form_token", forms(s.get(who{session: c.AdminCookie}, pathBilling), pathChange, "", "").Get("form_token"))).Code + 2000,
		"quote for another plan": s.submit(owner, pathDowngrade, with("plan", "")).Code + 2000,
		"forged quote":           s.submit(owner, pathChange, with("quote", good.Get("quote")+"x")).Code + 2000,
		"from another site":      s.submit(owner, pathChange, good, "Sec-Fetch-Site: cross-site").Code + 1000,
	} {
		if want := map[int]int{0: 400, 1: 1403, 2: 2409}[got/1000]; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if n, _ := s.Paid(c.Customer); n != 1 || s.Plan(c.Org.ID) != "pro" {
		t.Errorf("%d charges, plan %s", n, s.Plan(c.Org.ID))
	}
}

// A member without the right sees the page and nothing to press on it.
func TestBillingForMember(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	page := s.get(who{session: c.MemberCookie}, pathBilling)
	contains(t, page, 200, "Ask an owner")
	if forms(page, pathChange, "", "") != nil || forms(page, pathPortal, "", "") != nil {
		t.Error("there is something to press")
	}
	if w := s.get(who{session: c.MemberCookie}, pathReview+"?plan=scale"); w.Code != 403 {
		t.Errorf("review: %d", w.Code)
	}
}

func TestUpgradeByAPI(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner, agent := who{key: c.OwnerToken}, who{key: c.AgentKey}
	const upgrade = "/api/billing/upgrade"

	asked := read[api.Change](t, s.post(agent, upgrade, `{"plan":"scale"}`), 200)
	if asked.Status != "confirmation_required" || asked.ExpiresIn != 60 || asked.ConfirmToken == "" || asked.Quote.AmountDueNowCents != 3000 ||
		!strings.Contains(asked.Message, asked.CheckCode) || asked.ApprovalURL != s.BaseURL+"/approve/"+asked.Request || asked.Plan != "" {
		t.Errorf("%+v", asked)
	}
	w := s.post(agent, upgrade, `{"confirm_token":"`+asked.ConfirmToken+`"}`)
	done := read[api.Change](t, w, 200)
	if done.Status != "switched" || done.Plan != "scale" || done.AmountChargedCents == nil || *done.AmountChargedCents != 3000 || string(done.Receipt) != "null" {
		t.Errorf("%s", w.Body)
	}
	used := read[api.Error](t, s.post(agent, upgrade, `{"confirm_token":"`+asked.ConfirmToken+`"}`), 400)
	if used.Code != "consent_token_invalid" || used.Details["request"] != asked.Request {
		t.Errorf("%+v", used)
	}

	// Down to a cheaper plan: the amount is there although it is 0.
	w = s.post(owner, upgrade, `{"plan":"pro"}`, "Idempotency-Key: k1")
	if down := read[api.Change](t, w, 200); down.AmountChargedCents == nil || *down.AmountChargedCents != 0 || down.AmountCreditedCents == nil || *down.AmountCreditedCents != 3000 {
		t.Errorf("%s", w.Body)
	}
	again := s.post(owner, upgrade, `{"plan":"pro"}`, "Idempotency-Key: k1")
	if again.Body.String() != w.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" || w.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("replay: %s %v", again.Body, again.Header())
	}
	if e := read[api.Error](t, s.post(owner, upgrade, `{"plan":"scale"}`, "Idempotency-Key: k1"), 422); e.Code != "idempotency_conflict" {
		t.Errorf("%+v", e)
	}
	if e := read[api.Error](t, s.post(owner, "/api/billing/downgrade", `{}`, "Idempotency-Key: k1"), 422); e.Code != "idempotency_conflict" {
		t.Errorf("%+v", e)
	}
	if e := read[api.Error](t, s.post(owner, upgrade, `{"plan":"pro"}`, "Idempotency-Key: a b"), 400); e.Code != "invalid_idempotency_key" {
		t.Errorf("%+v", e)
	}
	if got := read[api.Change](t, s.post(owner, "/api/billing/downgrade", ""), 200); got.Status != "downgrade-scheduled" || got.EffectiveAt == nil || got.Plan != "pro" {
		t.Errorf("%+v", got)
	}
	if got := read[api.Change](t, s.post(owner, upgrade, ""), 200); got.Status != "resumed" {
		t.Errorf("%+v", got)
	}
}

// The body is strict all the way: a row per field, the rest is package web's.
func TestUpgradeBody(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	for body, want := range map[string]string{
		`{"plan":5}`: "invalid_field plan", `{"Plan":"scale"}`: "unknown_field Plan", `{"plan":"scale","plan":"pro"}`: "duplicate_field plan",
		`{"plan":""}`: "invalid_field plan", `{"plan":null}`: "invalid_field plan", `{"mode":"sms"}`: "invalid_field mode",
		`{"expires_in":299}`: "invalid_field expires_in", `{"expires_in":604801}`: "invalid_field expires_in", `{"expires_in":0}`: "invalid_field expires_in",
		`{"expires_in":"600"}`: "invalid_field expires_in", `{"confirm_token":1}`: "invalid_field confirm_token", `{"reason":{}}`: "invalid_field reason",
		`{"target_plan":"scale"}`: "unknown_field target_plan", `[]`: "invalid_json <nil>", `{"plan":"scale"}{}`: "invalid_json <nil>",
	} {
		e := read[api.Error](t, s.post(who{key: c.AgentKey}, "/api/billing/upgrade", body), 400)
		field, _ := e.Details["field"].(string)
		if field == "" {
			field = "<nil>"
		}
		if got := e.Code + " " + field; got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	if s.Plan(c.Org.ID) != "pro" {
		t.Error("the plan has changed")
	}
}
