package handlers

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// onSolo is an org on Solo, whose period has just begun, and its owner.
func onSolo(t *testing.T) (*site, worldtest.Cast, who) {
	t.Helper()
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	c := s.NewCast("acme", "solo", visa)
	return s, c, who{session: c.OwnerCookie}
}

func (s *site) units(c worldtest.Cast) (now, reduceTo int64, reducing bool) {
	s.t.Helper()
	u := s.Sync(c.Org.ID).Units
	return u.Additional, u.ReduceTo, u.Reducing()
}

// add presses the button that makes the number of additional units n.
func (s *site) add(u who, n string) {
	s.t.Helper()
	page := s.get(u, pathCapacity+"?units="+n)
	if w := s.submit(u, pathCapacity, forms(page, pathCapacity, "units", n)); w.Code != 303 {
		s.t.Fatalf("%d %s", w.Code, w.Body)
	}
}

// later is the owner, signed in again after so much time.
func (s *site) later(c worldtest.Cast, d time.Duration) who {
	s.t.Helper()
	s.Advance(d)
	_, cookie := s.Person(c.Org, c.Owner.Email, billing.RoleOwner)
	return who{session: cookie}
}

// More units: what a number costs is read, pressed, charged once, and the page
// says so; a script gets the same in parts.
func TestAddUnits(t *testing.T) {
	s, c, owner := onSolo(t)
	if err := s.Service.ReportUsage(t.Context(), c.Org.ID, "monthly_bundle_requests", 812); err != nil {
		t.Fatal(err)
	}
	contains(t, s.get(owner, pathBilling), 200, "This is what you have", `id="units"`, "1,500", "500 × 3 units", "1 Mar", "1 Apr")
	if forms(s.get(owner, pathBilling), pathCapacity, "quote", "") != nil {
		t.Error("there is something to press before a number is chosen")
	}
	page := s.get(owner, pathCapacity+"?units=2")
	contains(t, page, 200, "Add 2 units, pay $2.00 now", "3 → 5 units", `id="plan-title"`)
	part := s.get(owner, pathCapacity+"?units=2", "HX-Request: true")
	contains(t, part, 200, "Add 2 units, pay $2.00 now", `id="capacity-offer"`)
	if strings.Contains(part.Body.String(), "<main") {
		t.Error("a script is sent the whole page")
	}
	form := forms(part, pathCapacity, "units", "2")
	if form.Get("quote") == "" || form.Get("nonce") == "" || form.Get("form_token") == "" {
		t.Fatalf("form %v", form)
	}
	before, _ := s.Paid(c.Customer)
	first := s.submit(owner, pathCapacity, form)
	for range 2 {
		if again := s.submit(owner, pathCapacity, form); again.Code != 303 {
			t.Fatalf("again: %d %s", again.Code, again.Body)
		}
	}
	n, total := s.Paid(c.Customer)
	if now, _, _ := s.units(c); now != 2 || n != before+1 || total != 299+200 {
		t.Errorf("%d units, %d charges, %d in all", now, n-before, total)
	}
	contains(t, s.get(owner, first.Header().Get("Location")), 200, "acme has 5 units", "$2.00 was charged", "$4.99")
	// In the middle of the period half of it, by a script's press.
	owner = s.later(c, 31*12*time.Hour)
	page = s.get(owner, pathCapacity+"?units=4")
	contains(t, s.submit(owner, pathCapacity, forms(page, pathCapacity, "units", "4"), "HX-Request: true"), 200, `id="main"`, "acme has 7 units", "$1.00 was charged")
}

func TestRemoveUnitsAndUndo(t *testing.T) {
	s, c, owner := onSolo(t)
	s.add(owner, "5")
	if err := s.Service.ReportUsage(t.Context(), c.Org.ID, "retained_bundle_cap", 2000); err != nil {
		t.Fatal(err)
	}
	page := s.get(owner, pathCapacity+"?units=1")
	contains(t, page, 200, "Remove 4 units on 2 April", "nothing is refunded", "8 → 4 units", "2,000 in use, 1,200 allowed")
	form := forms(page, pathCapacity, "units", "1")
	charges, _ := s.Paid(c.Customer)
	w := s.submit(owner, pathCapacity, form)
	if again := s.submit(owner, pathCapacity, form); w.Code != 303 || again.Code != 303 {
		t.Fatalf("%d %s, again %d", w.Code, w.Body, again.Code)
	}
	if now, to, ok := s.units(c); now != 5 || to != 1 || !ok {
		t.Errorf("%d units, to %d, %v", now, to, ok)
	}
	page = s.get(owner, w.Header().Get("Location"))
	contains(t, page, 200, "acme goes down to 4 units on 2 April 2026", "8 → 4 units", "Requested by owner@acme.test", "Undo")
	contains(t, s.get(owner, pathCapacity+"?units=6"), 200, "A reduction is scheduled for 2 April 2026. Undo it before you add units.")
	contains(t, s.get(owner, pathCapacity+"?units=1"), 200, "This reduction is scheduled already")
	keep := forms(page, pathCapacity+"/keep", "", "")
	if w = s.submit(owner, pathCapacity+"/keep", keep); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	contains(t, s.get(owner, w.Header().Get("Location")), 200, "acme keeps its 8 units")
	if _, _, ok := s.units(c); ok {
		t.Error("the reduction is still scheduled")
	}
	if w = s.submit(owner, pathCapacity+"/keep", keep); w.Code != 303 { // a repeat of the press
		t.Errorf("again: %d", w.Code)
	}
	keep.Set("nonce", "another")
	contains(t, s.submit(owner, pathCapacity+"/keep", keep), 409, "No reduction of capacity is scheduled")
	if n, _ := s.Paid(c.Customer); n != charges {
		t.Errorf("%d charges", n-charges)
	}
}

// A price that moved is shown, old and new, and not charged; so is a number that
// somebody else has changed meanwhile.
func TestUnitsAtAnOldPrice(t *testing.T) {
	s, c, owner := onSolo(t)
	form := forms(s.get(owner, pathCapacity+"?units=3"), pathCapacity, "units", "3")
	s.Advance(16 * time.Minute)
	w := s.submit(owner, pathCapacity, form)
	contains(t, w, 409, `role="alert"`, "Nothing was charged", "Add 3 units, pay $3.00 now")
	s.add(owner, "5")
	form = forms(w, pathCapacity, "units", "3")
	contains(t, s.submit(owner, pathCapacity, form), 409, "Nothing was charged", "Remove 2 units on 2 April")
	if now, _, ok := s.units(c); now != 5 || ok {
		t.Errorf("%d units, %v", now, ok)
	}
	other := s.get(owner, pathCapacity+"?units=7")
	form = forms(other, pathCapacity, "units", "7")
	s.add(who{session: c.AdminCookie}, "6")
	w = s.submit(owner, pathCapacity, form)
	contains(t, w, 409, "See the new price", "The price has changed since you saw it", "$2.00", "$1.00", "Add 1 unit, pay $1.00 now")
	if again := s.submit(owner, pathCapacity, forms(w, pathCapacity, "units", "7")); again.Code != 303 {
		t.Errorf("the fresh price cannot be pressed: %d", again.Code)
	}
}

func TestUnitsAreRefused(t *testing.T) {
	s, c, owner := onSolo(t)
	good := forms(s.get(owner, pathCapacity+"?units=2"), pathCapacity, "units", "2")
	with := func(name, value string) url.Values {
		f := url.Values{}
		for k, v := range good {
			f[k] = v
		}
		f.Set(name, value)
		return f
	}
	for name, row := range map[string]struct {
		u      who
		form   url.Values
		status int
	}{
		"no number":          {owner, with("units", ""), 400},
		"a word":             {owner, with("units", "two"), 400},
		"a half":             {owner, with("units", "1.5"), 400},
		"signed":             {owner, with("units", "+2"), 400},
		"negative":           {owner, with("units", "-1"), 400},
		"with a zero":        {owner, with("units", "02"), 400},
		"an exponent":        {owner, with("units", "1e1"), 400},
		"past the maximum":   {owner, with("units", "100"), 400},
		"past 64 bits":       {owner, with("units", "18446744073709551618"), 400},
		"Arabic digits":      {owner, with("units", "٢"), 400},
		"no quote":           {owner, with("quote", ""), 400},
		"no nonce":           {owner, with("nonce", ""), 400},
		"no form token":      {owner, with("form_token", ""), 403},
		"a member":           {who{session: c.MemberCookie}, with("form_token", s.Service.FormToken(c.Member, billingPurpose(c.Org.ID))), 403},
		"another number":     {owner, with("units", "3"), 409},
		"a forged quote":     {owner, with("quote", good.Get("quote")+"x"), 409},
		"what there is":      {owner, with("units", "0"), 409},
		"of another session": {who{session: c.AdminCookie}, with("form_token", s.Service.FormToken(c.Admin, billingPurpose(c.Org.ID))), 409},
	} {
		if w := s.submit(row.u, pathCapacity, row.form); w.Code != row.status {
			t.Errorf("%s: %d, want %d", name, w.Code, row.status)
		}
	}
	for _, text := range []string{"x", "-1", "1.5", "10000", "%D9%A2", "007"} {
		contains(t, s.get(owner, pathCapacity+"?units="+text), 400, "Enter a whole number from 0 to 99.", `id="plan-title"`)
		contains(t, s.get(owner, pathCapacity+"?units="+text, "HX-Request: true"), 200, "Enter a whole number from 0 to 99.")
	}
	page := s.get(owner, pathCapacity+"?units=120")
	contains(t, page, 200, "At most 99 additional units can be bought", "Send a request")
	if w := s.submit(owner, pathAsk, forms(page, pathAsk, "desired", "120")); w.Code != 303 {
		t.Errorf("the request: %d %s", w.Code, w.Body)
	}
	contains(t, s.get(owner, pathBilling), 200, "Asked for 120 on")
	if n, _ := s.Paid(c.Customer); n != 1 {
		t.Errorf("%d charges", n)
	}
	if now, _, _ := s.units(c); now != 0 {
		t.Errorf("%d units", now)
	}
}

func TestUnitsDeclined(t *testing.T) {
	s, c, owner := onSolo(t)
	for _, row := range [][2]string{
		{"pm_card_chargeCustomerFail", "Your bank declined the card"}, {"pm_card_authenticationRequired", "Your bank wants to confirm this payment"},
	} {
		card, words := row[0], row[1]
		form := forms(s.get(owner, pathCapacity+"?units=2"), pathCapacity, "units", "2")
		if err := s.Box.GiveCard(c.Customer, card); err != nil {
			t.Fatal(err)
		}
		s.Sync(c.Org.ID)
		contains(t, s.submit(owner, pathCapacity, form), 402, words)
		if now, _, _ := s.units(c); now != 0 {
			t.Errorf("%s: %d units", card, now)
		}
	}
	contains(t, s.get(owner, pathBilling), 200, "The additional units wait for it", "An earlier change waits for its payment. Units can be changed")
}

// In the states in which no unit can be had the page says why, and has nothing to
// press.
func TestUnitsSayWhyNot(t *testing.T) {
	s, c, owner := onSolo(t)
	s.add(owner, "5")
	says := func(u who, words string) {
		t.Helper()
		page := s.get(u, pathBilling)
		contains(t, page, 200, words)
		if strings.Contains(page.Body.String(), `id="units"`) {
			t.Errorf("%q, and a stepper", words)
		}
	}
	says(who{session: c.MemberCookie}, "Ask an owner")
	sub := s.Sync(c.Org.ID).SubscriptionID
	if err := s.Box.CancelAtPeriodEnd(sub, true); err != nil {
		t.Fatal(err)
	}
	s.Sync(c.Org.ID)
	says(owner, "The subscription ends on 2 April 2026. Keep the plan before you change its units.")
	free := s.NewCast("free", "", "")
	if page := s.get(who{session: free.OwnerCookie}, pathBilling); strings.Contains(page.Body.String(), "capacity-title") {
		t.Error("Free is sold in units")
	}
	flat := newSite(t, worldtest.Options{})
	if page := flat.get(who{session: flat.NewCast("acme", "pro", visa).OwnerCookie}, pathCapacity+"?units=2"); page.Code != 200 || strings.Contains(page.Body.String(), "capacity-title") {
		t.Error("the flat catalogue has units")
	}
}

// Past due, more units have to wait; fewer can be chosen.
func TestUnitsPastDue(t *testing.T) {
	s, c, owner := onSolo(t)
	s.add(owner, "2")
	if err := s.Box.GiveCard(c.Customer, "pm_card_chargeCustomerFail"); err != nil {
		t.Fatal(err)
	}
	owner = s.later(c, 32*24*time.Hour)
	s.Sync(c.Org.ID)
	page := s.get(owner, pathCapacity+"?units=3")
	contains(t, page, 200, "Past due", "A payment has failed. Pay it before you add units.")
	if forms(page, pathCapacity, "", "") != nil {
		t.Error("units can be bought")
	}
	s.add(owner, "0")
	if _, to, ok := s.units(c); to != 0 || !ok {
		t.Errorf("to %d, %v", to, ok)
	}
}

// A trial is started by one press, and bought by Checkout; repeats are one.
func TestStartTrial(t *testing.T) {
	for _, noStripe := range []bool{false, true} {
		s := newSite(t, worldtest.Options{Catalog: "capacity", NoStripe: noStripe})
		c := s.NewCast("acme", "", "")
		owner := who{session: c.OwnerCookie}
		page := s.get(owner, pathBilling)
		contains(t, page, 200, "Start 30-day trial", "No card for the trial, and nothing is charged at its end.")
		form := forms(page, pathTrial, "plan", "solo")
		for range 3 {
			w := s.submit(owner, pathTrial, form)
			if w.Code != 303 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			contains(t, s.get(owner, w.Header().Get("Location")), 200, "The trial of Solo has started", "1 April 2026, 12:00 UTC")
		}
		page = s.get(owner, pathBilling)
		contains(t, page, 200, "Trial until", "Trial of Solo → Free", "cannot be had again", "capacity-title", "1,500")
		if strings.Contains(page.Body.String(), "Undo") || forms(page, pathTrial, "", "") != nil {
			t.Error("a trial can be taken back, or had again")
		}
		second := url.Values{"form_token": {s.Service.FormToken(c.Owner, billingPurpose(c.Org.ID))}, "plan": {"team"}, "nonce": {"n"}}
		contains(t, s.submit(owner, pathTrial, second), 409, "No trial was started", "has had its trial")
		owner = s.later(c, 25*24*time.Hour)
		contains(t, s.get(owner, pathBilling), 200, "The trial of Solo ends in 5 days")
		owner = s.later(c, 5*24*time.Hour)
		contains(t, s.get(owner, pathBilling), 200, "The trial of Solo has ended", "The trial of Solo ended on")
	}
}

func TestTrialIsRefused(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	c := s.NewCast("acme", "", "")
	form := func(plan string) url.Values {
		return url.Values{"form_token": {s.Service.FormToken(c.Owner, billingPurpose(c.Org.ID))}, "plan": {plan}, "nonce": {"n" + plan}}
	}
	for plan, want := range map[string]int{"": 400, "gold": 400, "free": 409, "SOLO": 400} {
		if w := s.submit(who{session: c.OwnerCookie}, pathTrial, form(plan)); w.Code != want {
			t.Errorf("%q: %d, want %d", plan, w.Code, want)
		}
	}
	if page := s.get(who{session: c.MemberCookie}, pathBilling); forms(page, pathTrial, "", "") != nil {
		t.Error("a member can start a trial")
	}
	flat := newSite(t, worldtest.Options{})
	f := flat.NewCast("acme", "", "")
	if page := flat.get(who{session: f.OwnerCookie}, pathBilling); forms(page, pathTrial, "", "") != nil {
		t.Error("the flat catalogue has trials")
	}
}

// While a trial runs, only its own plan and higher ones are for sale.
func TestConvertTrial(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	c := s.NewCast("acme", "", "")
	owner := who{session: c.OwnerCookie}
	s.submit(owner, pathTrial, forms(s.get(owner, pathBilling), pathTrial, "plan", "team"))
	page := s.get(owner, pathBilling)
	contains(t, page, 200, "Convert to paid, $49.00 a month", "A trial can be converted to its own plan or a higher one.", "Convert the trial to a paid plan first")
	if forms(page, pathCheckout, "plan", "solo") != nil {
		t.Error("a lower plan is for sale")
	}
	form := forms(page, pathCheckout, "plan", "team")
	form.Set("plan", "solo")
	contains(t, s.submit(owner, pathCheckout, form), 409, "A trial can be converted to its own plan or a higher one.")
	form.Set("plan", "team")
	if w := s.submit(owner, pathCheckout, form); w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "http") {
		t.Errorf("checkout: %d %v", w.Code, w.Header())
	}
}

// What an agent asks for, a person reads in the same words and decides.
func TestApproveUnitsAndTrial(t *testing.T) {
	s, c, owner := onSolo(t)
	agent := who{key: c.AgentKey}
	const v1 = "/v1/billing/"
	for _, step := range []struct {
		method, path, body string
		title              string
		words              []string
		done               string
	}{
		{"POST", v1 + "capacity/increase", `{"target_additional_capacity_units":5,"mode":"web"}`, "Add 5 units for acme?", []string{"3 units", "8 units", "$5.00", "Approve, pay $5.00 now"}, "acme has 8 units"},
		{"POST", v1 + "capacity/scheduled-reduction", `{"target_additional_capacity_units":2,"mode":"web"}`, "Reduce capacity of acme to 5 units?", []string{"8 units", "5 units", "From 2 Apr 2026", "Approve, no charge now"}, "acme goes down to 5 units on 2 April 2026"},
		{"DELETE", v1 + "capacity/scheduled-reduction", `{"mode":"web"}`, "Keep the 8 units of acme?", []string{"8 units, 5 units from 2 Apr 2026", "$7.99"}, "acme keeps its 8 units"},
	} {
		asked := read[api.Change](t, s.send(agent, step.method, step.path, "application/json", step.body), 200)
		contains(t, s.get(owner, pathBilling), 200, "deploy-bot asks to "+strings.ToLower(step.title[:1])+strings.TrimSuffix(step.title[1:], "?"))
		page := s.get(owner, pathApprove+asked.Request)
		contains(t, page, 200, append(step.words, step.title)...)
		contains(t, s.get(owner, pathApprovals), 200, strings.Fields(step.title)[0])
		form := forms(page, pathApprove+asked.Request, "", "")
		form.Set("decision", "approve")
		if w := s.submit(owner, pathApprove+asked.Request, form); w.Code != 303 {
			t.Fatalf("%s: %d %s", step.title, w.Code, w.Body)
		}
		contains(t, s.get(owner, pathApprove+asked.Request), 200, step.done, "You can go back to your agent.")
	}
	free := s.NewCast("free", "", "")
	asked := read[api.Change](t, s.post(who{key: free.AgentKey}, v1+"trial/start", `{"target_plan":"team","mode":"web"}`), 200)
	page := s.get(who{session: free.OwnerCookie}, pathApprove+asked.Request)
	contains(t, page, 200, "Start a trial of Team for free?", "for 30 days", "None needed", "Approve, no charge now")
	form := forms(page, pathApprove+asked.Request, "", "")
	form.Set("decision", "approve")
	contains(t, s.submit(who{session: free.OwnerCookie}, pathApprove+asked.Request, form, "HX-Request: true"), 200, "The trial of Team has started")
}
