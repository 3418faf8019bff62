package e2e

import (
	"slices"
	"testing"
)

// state is one thing that a page can show: where it happens, who looks, what was
// done before, and what in the page's structure proves that it is shown. All
// that is made of the states is made from this table: their tests, the audits,
// the pictures and the contact sheet.
type state struct {
	name    string // of its pictures
	caption string
	where   string        // one of places
	who     string        // email; empty: nobody is signed in
	do      func(journey) // from Settings → Billing; nil: stays there
	shows   []proof
}

// proof is an expression of JavaScript that is true where something is shown.
type proof string

// shown is true if an element that the selector names is visible and says the text.
func shown(selector, text string) proof {
	return proof(`[...document.querySelectorAll(` + quote(selector) + `)].some(e => e.checkVisibility() && e.innerText.replace(/\s+/g, ' ').toLowerCase().includes(` + quote(text) + `.toLowerCase()))`)
}

func not(p proof) proof { return "!(" + p + ")" }

// banner is a message of a tone.
func banner(tone, text string) proof { return shown(`main .panel[data-tone=`+tone+`]`, text) }

// region is a part of the page, known by its heading.
func region(id, text string) proof { return shown(`:is(section, article, form):has(#`+id+`)`, text) }

func chip(text string) proof { return shown(`main .chip`, text) }

func title(text string) proof { return shown(`main h1`, text) }

// button is something to press that begins with the words.
func button(label string) proof {
	return proof(`[...document.querySelectorAll('main :is(button, a[href], summary)')].some(e => e.checkVisibility() && !e.disabled && e.innerText.replace(/\s+/g, ' ').trim().startsWith(` + quote(label) + `))`)
}

const (
	hana = "hana@heron.test"  // an agent of hers has asked for all kinds of things
	isa  = "isa@ibis.test"    // a payment waits for the bank
	kai  = "kai@kestrel.test" // Stripe never said what became of a change
	sol  = "sol@sable.test"   // owns a free organisation, and is a member of another
	long = "wilhelmina.featherstonehaugh-cholmondeley@mail.donaudampfschifffahrtsgesellschaft.test"
)

// states is the table, in the order of the contact sheet.
var states = []state{
	{"billing-active", "Active", "flat", ada, nil, []proof{chip("Active"), region("plan-title", "Pro"), region("card-title", "4242"), button("Upgrade, pay $")}},
	{"billing-free", "Free", "flat", sol, nil, []proof{region("plan-title", "Free"), region("usage-title", "120"), button("Subscribe, $19.00")}},
	{"billing-nothing-used", "Nothing used, no invoice, no card yet", "flat", finn, nil, []proof{not(shown(".usage", "30 days")), region("usage-title", "Not reported yet"), shown("main", "No invoice yet"), shown("main", "No card")}},
	{"billing-no-card", "Active, without a card", "flat", "moe@moss.test", nil, []proof{region("card-title", "No card on file"), chip("Active")}},
	{"billing-downgrade-scheduled", "Cancel scheduled", "flat", bo, nil, []proof{region("changes-title", "Free"), button("Undo")}},
	{"billing-past-due", "Past due", "flat", "uma@umbra.test", nil, []proof{banner("bad", "failed on"), banner("bad", "You keep Scale until"), chip("Past due"), button("Pay now"), not(button("Upgrade"))}},
	{"billing-past-due-lapsed", "Past due, the grace is over", "flat", "yara@yarrow.test", nil, []proof{banner("bad", "until it is paid"), button("Pay now")}},
	{"billing-renewal-3ds", "The renewal needs the bank", "flat", "june@jetty.test", nil, []proof{banner("warn", "Your bank wants to confirm a payment of $19.00"), banner("warn", "You keep Pro until"), button("Confirm with your bank"), not(shown("main", "failed on")), region("card-title", "3184")}},
	{"billing-unpaid", "Unpaid", "unpaid", "nell@nettle.test", nil, []proof{banner("bad", "until it is paid"), button("Pay now"), chip("Unpaid")}},
	{"billing-needs-bank", "A change needs 3-D Secure", "flat", isa, nil, []proof{banner("warn", "Your bank wants to confirm"), button("Confirm with your bank"), not(button("Upgrade"))}},
	{"billing-canceled", "Canceled", "flat", "quinn@quill.test", nil, []proof{region("plan-title", "Free"), shown(".invoices", "Paid"), button("Subscribe, $19.00")}},
	{"billing-ended-unpaid", "Canceled: nobody paid", "flat", "nell@nettle.test", nil, []proof{shown("main .panel", "was cancelled"), region("plan-title", "Free")}},
	{"billing-complimentary", "Complimentary", "flat", "pia@pilot.test", nil, []proof{chip("Complimentary"), not(button("Upgrade")), not(button("Subscribe"))}},
	{"billing-at-caps", "At its caps", "flat", "cleo@capstan.test", nil, []proof{region("usage-title", "At the limit"), region("usage-title", "3 of 3"), button("Ask for more")}},
	{"billing-over-caps", "Over its caps after a downgrade", "flat", "odile@overture.test", nil, []proof{region("usage-title", "Over by"), region("usage-title", "6 of 3")}},
	{"billing-largest", "On the largest plan", "flat", "teo@tern.test", nil, []proof{region("plan-title", "Scale"), not(button("Upgrade, pay"))}},
	{"billing-waiting", "An agent waits for an answer", "flat", hana, nil, []proof{shown("main .panel", "waits for an answer"), region("requests-title", "import-bot"), button("Review")}},
	{"billing-needs-review", "The operator looks at a change", "flat", kai, nil, []proof{shown("main .panel", "The operator of this service is looking at your last change"), shown("main", "Once that is settled"), not(button("Upgrade")), not(button("Downgrade")), not(button("Cancel"))}},
	{"billing-member", "A member without rights", "flat", mia, nil, []proof{shown("main", "Ask an owner: Ada Okafor"), not(button("Upgrade")), not(button("Manage in Stripe"))}},
	{"billing-admin", "A billing admin", "flat", "ben@acme.test", nil, []proof{button("Upgrade, pay $")}},
	{"billing-long", "Long names and huge numbers", "flat", long, nil, []proof{shown("header", "Donaudampfschifffahrts"), region("usage-title", "9,007,199,254,740,991")}},
	{"billing-declined", "A card is declined", "flat", dee, pressUpgrade, []proof{banner("bad", "Your bank declined the card"), proof(`document.activeElement.getAttribute('role') === 'alert'`)}},
	{"billing-review-upgrade", "What an upgrade costs", "flat", lena, func(j journey) { j.press("See details"); j.see("Charge today") }, []proof{shown("#review", "Charge today"), shown("#review", "Unused time")}},
	{"billing-review-downgrade", "What a downgrade takes", "flat", lena, reviewDowngrade, []proof{shown("main", "You can undo this until")}},
	{"billing-finalizing", "Finalizing after Checkout", "done", finn, backTooEarly, []proof{shown("main [role=status]", "Finalizing"), not(button("Subscribe")), not(button("Upgrade"))}},
	{"billing-yen", "Another currency", "yen", ada, nil, []proof{region("plan-title", "¥1,900"), button("Upgrade, pay ¥")}},
	{"billing-stripe-down", "Stripe is unreachable", "down", ada, nil, []proof{chip("Active"), region("plan-title", "Pro")}},
	{"billing-stripe-down-pressed", "Stripe is unreachable, pressed", "down", ada, pressWhileDown, []proof{banner("warn", "Stripe does not answer")}},
	{"billing-no-stripe", "Stripe is not configured", "unset", ada, nil, []proof{shown("main", "Payments are not set up"), not(button("Subscribe"))}},

	{"billing-trial-available", "A trial can be had", "units", finn, nil, []proof{button("Start 30-day trial"), shown("main", "No card for the trial")}},
	{"billing-trialing", "Trialing, 18 days left", "units", "liv@linden.test", nil, []proof{chip("Trial"), region("plan-title", "Team"), button("Convert to paid"), not(banner("warn", "trial"))}},
	{"billing-trial-ending", "Trialing, 5 days left", "units", wes, nil, []proof{chip("Trial"), shown("main .panel", "trial"), button("Convert to paid")}},
	{"billing-trial-expired", "The trial has ended", "units", "mo@marlow.test", nil, []proof{shown("main .panel", "trial"), region("plan-title", "Free"), not(button("Start 30-day trial"))}},
	{"billing-units", "Capacity units", "units", ada, nil, []proof{shown("#capacity", "3 included + 2 additional = 5 units")}},
	{"billing-units-add", "Two units more", "units", ada, choosing("4", "Add 2 units, pay $"), []proof{shown("#capacity-offer", "5 → 7 units")}},
	{"billing-units-remove", "Two units fewer", "units", ada, choosing("0", "Remove 2 units on"), []proof{shown("#capacity-offer", "nothing is refunded")}},
	{"billing-units-too-many", "More units than can be bought", "units", ada, choosing("120", "Send a request"), []proof{shown("#capacity-offer", "At most 99")}},
	{"billing-units-wrong", "Units that are no number", "units", ada, wrongUnits, []proof{shown("main", "Enter a whole number from 0 to 99.")}},
	{"billing-units-reducing", "Reduction scheduled", "units", bo, nil, []proof{region("changes-title", "units"), button("Undo")}},
	{"billing-units-most", "As many units as can be bought", "units", "teo@tern.test", nil, []proof{shown("#capacity", "99 additional")}},
	{"billing-units-past-due", "Past due, with units", "units", "uma@umbra.test", nil, []proof{banner("bad", "failed on"), shown("#capacity", "Pay it before you add units")}},
	{"billing-units-ending", "Cancel scheduled, with units", "units", "pat@pine.test", nil, []proof{region("changes-title", "Free"), button("Undo")}},
	{"billing-units-given", "Complimentary, with units", "units", "pia@pilot.test", nil, []proof{chip("Complimentary"), not(button("Add units"))}},
	{"billing-units-member", "Units, seen by a member", "units", mia, nil, []proof{shown("main", "Ask an owner: Ada Okafor"), shown("#capacity", "5 units")}},

	{"components", "Every part of the design", "flat", "", func(j journey) { j.open(j.demo.url + "/dev/components") }, []proof{title("Components"), shown("main .check-code", "KRFT")}},
	{"approve-waiting", "Waiting", "flat", hana, request1("Waiting"), []proof{title("Upgrade Heron Health to Scale?"), button("Approve, pay $"), button("Deny"), shown("main .check-code", ""), shown("blockquote", "4,800")}},
	{"approve-signed-out", "Signed out", "flat", "", func(j journey) { j.open(j.demo.url + "/approve/apr_00000000000000000000000000") }, []proof{title("Sign in to review a request"), not(button("Approve"))}},
	{"approve-wrong-account", "Wrong account", "flat", bo, foreignRequest, []proof{shown("main", "There is nothing here"), not(button("Approve"))}},
	{"approve-declined", "Declined", "flat", hana, request1("Failed"), []proof{banner("bad", "Your bank declined the card"), not(button("Approve"))}},
	{"approve-needs-review", "Nobody knows yet", "flat", kai, request1("Being checked"), []proof{
		banner("accent", "We cannot tell yet whether this change was made"), banner("accent", "Nothing more will be charged"), banner("accent", "operator"),
		shown("main .due", "Approved for"), not(button("Approve")), not(button("Deny")), not(shown("main", "Nothing changed")),
	}},
	{"approve-expired", "Expired", "flat", hana, request1("Expired"), []proof{banner("neutral", "This request has ended"), not(button("Approve"))}},
	{"approve-denied", "Denied", "flat", hana, request1("Denied"), []proof{banner("neutral", "Denied. Nothing changed."), shown("main .panel", "After the audit.")}},
	{"approve-canceled", "Canceled by the agent", "flat", hana, request1("Withdrawn"), []proof{banner("neutral", "Withdrawn by import-bot")}},
	{"approve-superseded", "Superseded", "flat", hana, request1("Replaced"), []proof{banner("neutral", "Replaced by another request"), button("See the new request")}},
	{"approve-downgrade-done", "Done: a downgrade", "flat", hana, request1("Done"), []proof{banner("good", "moves to Free on")}},
	{"approvals", "All requests of an organisation", "flat", hana, func(j journey) { j.open(j.demo.url + "/settings/approvals") }, []proof{title("Approvals"), chip("Waiting"), chip("Denied"), chip("Expired"), chip("Withdrawn"), chip("Replaced"), chip("Done"), chip("Failed")}},
	{"activity-needs-review", "A change is being checked", "flat", kai, func(j journey) { j.open(j.demo.url + "/settings/activity") }, []proof{shown("main li", "Approved a request"), shown("main li", "A change is being checked")}},
	{"approvals-empty", "No request yet", "flat", finn, func(j journey) { j.open(j.demo.url + "/settings/approvals") }, []proof{title("Approvals"), not("document.querySelector('main li a')")}},

	{"approve-member", "Not an owner", "deciding", mia, asked, []proof{shown("main", "You can read this, but not decide it"), not(button("Approve")), not(button("Deny")), button("Send to owners")}},
	{"approve-downgrade", "Waiting: a downgrade", "deciding", ada, askedDown, []proof{button("Approve, no charge now"), shown("main", "10 agents become 3")}},
	{"approve-price-changed", "The price has changed", "deciding", ada, approvedLate, []proof{shown("main .panel", "price"), button("Approve, pay $")}},
	{"approve-already", "Already answered", "deciding", ada, answeredTwice, []proof{shown("main .panel", "Denied"), not(button("Approve"))}},
	{"approve-needs-bank", "Needs the bank", "deciding", ada, approvedByCard("4000002760003184", "Your bank wants to confirm"), []proof{banner("warn", "Your bank wants to confirm"), button("Confirm with your bank")}},
	{"approve-done", "Done", "done", ada, approvedByCard("", "Acme is on Scale"), []proof{banner("good", "Acme is on Scale"), banner("good", "was charged to Visa ending 4242"), not(button("Approve"))}},
	{"approve-working", "Working on it", "held", ada, nil, []proof{shown("main [role=status]", "Working on it"), not(button("Approve"))}},
	{"approve-stripe-down", "Stripe is unreachable", "down", ada, request1("Waiting"), []proof{shown("main", "There is no price to be had"), not(button("Approve"))}},
}

// backTooEarly comes back from Checkout before anything was paid there.
func backTooEarly(j journey) {
	j.press("Subscribe, $19.00")
	j.see("Pay by card")
	j.open(j.demo.url + "/settings/billing/success")
}

func pressUpgrade(j journey) {
	j.watch.allow("status of 402")
	j.press("Upgrade, pay $")
	j.see("Your bank declined the card")
}

func reviewDowngrade(j journey) { j.open(j.demo.url + "/settings/billing/review?plan=free") }

func pressWhileDown(j journey) {
	j.watch.allow("status of 503")
	j.press("Upgrade, pay $")
	j.see("Stripe does not answer")
}

func choosing(units, words string) func(journey) {
	return func(j journey) { j.choose(units); j.see(words) }
}

func wrongUnits(j journey) {
	j.watch.allow("status of 400")
	j.open(j.demo.url + "/settings/billing/capacity?units=many")
}

// request1 opens the newest request in a state.
func request1(chip string) func(journey) {
	return func(j journey) { j.open(j.demo.url + "/settings/approvals"); j.open(j.requestIn(chip)) }
}

func (j journey) requestIn(chip string) string {
	j.t.Helper()
	return eval[string](j.tab, `[...document.querySelectorAll('main li')].find(l => l.querySelector('.chip')?.innerText === `+quote(chip)+`)?.querySelector('a').href ?? ''`)
}

// foreignRequest is one of another organisation.
func foreignRequest(j journey) {
	j.watch.allow("status of 404")
	other := journey{newTab(j.t, true), j.demo}
	other.signIn(hana)
	other.open(j.demo.url + "/settings/approvals")
	j.open(other.requestIn("Waiting"))
}

func asked(j journey) { j.open(j.demo.agent().upgrade("scale").URL) }

func askedDown(j journey) { j.open(j.demo.agent().ask("downgrade", `{"mode":"web"}`).URL) }

func approvedLate(j journey) {
	asked(j)
	j.demo.stripe.advance("hour")
	j.watch.allow("status of 409")
	j.press("Approve, pay $")
	j.until("a word about the price", words+`.includes('price')`)
}

// answeredTwice has a page open while somebody denies: it says so by itself.
func answeredTwice(j journey) {
	asked(j)
	other := journey{j.sibling(), j.demo}
	other.open(j.location())
	other.press("Too expensive")
	other.see("Denied. Nothing changed.")
	j.until("the answer", `!`+string(button("Approve")))
}

// approvedByCard approves an upgrade that is paid with another card, or with the
// one that there is.
func approvedByCard(number, words string) func(journey) {
	return func(j journey) {
		if number != "" {
			j.useCard(number)
			j.demo.stripe.advance("hour") // what was denied may be asked for again after a while
		}
		asked(j)
		j.press("Approve, pay $")
		j.see(words)
	}
}

// TestStates looks at every state of the table: it is shown, it has no
// violation in any look, and its pictures make the contact sheet.
func TestStates(t *testing.T) {
	t.Cleanup(func() { contactSheet(t) })
	for name, open := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t)
			for _, s := range states {
				if s.where == name {
					s.visit(p)
				}
			}
		})
	}
}

func (s state) visit(p place) {
	j := p(s.who)
	if s.do != nil {
		s.do(j)
	}
	s.proven(j.tab)
	j.audit(s.name)
}

// proven waits for the proofs of a state.
func (s state) proven(b *tab) {
	b.t.Helper()
	for _, p := range s.shows {
		if err := b.await(string(p)); err != nil {
			b.picture("failed-" + s.name)
			b.t.Errorf("%s is not shown (%v): %s\n%.1500s", s.name, err, p, b.text())
		}
	}
}

// TestStatesDiffer: what proves a state is missing where nothing special is shown.
func TestStatesDiffer(t *testing.T) {
	t.Parallel()
	j := arrive(t, flat, true)
	j.signIn(ada)
	for _, s := range states {
		all := "true"
		for _, p := range s.shows {
			all += " && " + string(p)
		}
		plain := slices.Contains([]string{"billing-active", "billing-admin", "billing-stripe-down"}, s.name)
		if got := eval[bool](j.tab, all); got != plain {
			t.Errorf("%s: its proof holds on a page of an active subscription: %v", s.name, got)
		}
	}
}
