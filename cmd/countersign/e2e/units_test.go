package e2e

import (
	"fmt"
	"net/http"
	"strings"
)

// unitJourneys are what only a catalogue with units and trials has.
var unitJourneys = map[string]func(journey){
	"trial, converted by checkout":    trial,
	"add units":                       addUnits,
	"remove units, undo":              removeUnits,
	"declined card for units":         declinedUnits,
	"more units than can be bought":   tooManyUnits,
	"agent asks for units":            unitsApproved,
	"agent asks for units by chat":    unitsByChat,
	"agent asks for a trial":          trialApproved,
	"agent's reduction, undone by us": reductionApproved,
}

const wes = "wes@wren.test" // on trial, a few days left

// choose puts the stepper to a number. Without scripts a button asks for it.
func (j journey) choose(units string) {
	j.t.Helper()
	j.fillIn("#capacity", "Additional units", units)
	if !j.scripts {
		j.pressIn("#capacity", "Show")
	}
}

// trial: no card to begin with, nothing charged, and then Checkout.
func trial(j journey) {
	j.signIn(finn)
	j.see("No card for the trial")
	j.mark()
	j.press("Start 30-day trial , Solo")
	j.see("The trial of Solo has started")
	j.inPlace()
	j.focusOn("The trial of Solo has started")
	j.onPlan("Solo")
	j.see("Trial until")
	j.see("Trial of Solo → Free")
	j.lacks("Undo", "Start 30-day trial", "Renews on")
	j.chargedNothing("Fern Garden", nil)
	j.shot("billing-trial-running")
	j.press("Convert to paid, $2.99")
	j.see("Pay by card")
	j.card("4242424242424242")
	j.press("Subscribe, pay $2.99")
	j.see("Fern Garden is on Solo")
	j.see("Renews on")
	j.lacks("Trial until", "Scheduled changes")
	j.chargedOnce("Fern Garden", nil, 299)
}

func addUnits(j journey) {
	before := j.demo.stripe.paid("Acme")
	j.signIn(ada)
	j.see("3 included + 2 additional = 5 units")
	j.mark()
	j.pressIn("#capacity", "One unit more")
	j.see("5 → 6 units")
	j.inPlace()
	j.pressIn("#capacity", "One unit more")
	j.see("5 → 7 units")
	j.pressIn("#capacity", "How this is computed")
	j.see("Remaining time on 4 ×")
	j.mark()
	amount := cents(j.t, j.pressIn("#capacity-offer", "Add 2 units, pay $"))
	j.see("Acme has 7 units")
	j.see(fmt.Sprintf("$%d.%02d was charged", amount/100, amount%100))
	j.inPlace()
	j.focusOn("Acme has 7 units")
	j.chargedOnce("Acme", before, amount)
	j.open(j.location()) // presses nothing again
	j.chargedOnce("Acme", before, amount)
	j.billing()
	j.see("3 included + 4 additional = 7 units")
	j.see("$6.99")
	j.see("500 × 7 units")
}

func removeUnits(j journey) {
	before := j.demo.stripe.paid("Acme")
	j.signIn(ada)
	j.choose("0")
	j.see("5 → 3 units")
	j.see("nothing is refunded")
	j.see("1,290 in use, 900 allowed")
	j.mark()
	j.pressIn("#capacity-offer", "Remove 2 units on ")
	j.see("Acme goes down to 3 units on")
	j.inPlace()
	j.focusOn("Acme goes down to 3 units on")
	j.see("Scheduled changes")
	j.see("Requested by Ada Okafor")
	j.choose("5")
	j.see("Undo it before you add units")
	j.billing()
	j.see("3 included + 2 additional = 5 units")
	j.mark()
	j.press("Undo")
	j.see("Acme keeps its 5 units")
	j.inPlace()
	j.focusOn("Acme keeps its 5 units")
	j.lacks("Scheduled changes")
	j.chargedNothing("Acme", before)
}

func declinedUnits(j journey) {
	before := j.demo.stripe.paid("Dune Freight")
	j.signIn(dee)
	j.choose("3")
	j.watch.allow("status of 402")
	j.mark()
	j.pressIn("#capacity-offer", "Add 3 units, pay $")
	j.see("Your bank declined the card")
	j.inPlace()
	j.focusOn("Your bank declined the card")
	j.chargedNothing("Dune Freight", before)
	j.billing()
	j.see("3 included + 0 additional = 3 units")
}

func tooManyUnits(j journey) {
	j.signIn(ada)
	j.choose("120")
	j.see("At most 99 additional units can be bought.")
	j.press("Send a request")
	j.see("Your request is on its way")
	j.see("Asked for 120 on")
	j.shot("billing-units-asked")
}

// increase asks for more units on the web.
func (a *agent) increase(target int) request {
	a.t.Helper()
	var r request
	a.must(http.MethodPost, a.base+"/v1/billing/capacity/increase", fmt.Sprintf(`{"target_additional_capacity_units":%d,"mode":"web","reason":"Bundles are refused."}`, target), &r)
	return r
}

func unitsApproved(j journey) {
	before := j.demo.stripe.paid("Acme")
	r := j.demo.agent().increase(4)
	if r.Status != "web-approve-required" || !strings.Contains(r.Message, "5 units") || !strings.Contains(r.Message, "7 units") {
		j.t.Fatalf("%+v", r)
	}
	j.signIn(ada)
	j.see("deploy-bot asks to add 2 units for Acme.")
	j.open(r.URL)
	j.see("Add 2 units for Acme?")
	for _, part := range []string{r.Code, "5 units", "7 units", "$6.99", "Bundles are refused."} {
		j.see(part)
	}
	j.mark()
	amount := cents(j.t, j.press("Approve, pay $"))
	j.see("Acme has 7 units")
	j.see("You can go back to your agent")
	j.inPlace()
	j.focusOn("Acme has 7 units")
	j.chargedOnce("Acme", before, amount)
	if last := j.ended(r, "completed"); last.Result.Status != "capacity-increased" || last.Result.AmountCharged != amount {
		j.t.Errorf("the agent read %+v; charged %d", last, amount)
	}
	j.billing()
	j.see("3 included + 4 additional = 7 units")
}

// unitsByChat: the page of a request that the agent's user agreed to in the chat
// says so.
func unitsByChat(j journey) {
	var asked struct {
		Status, Request string
		URL             string `json:"approval_url"`
		Token           string `json:"confirm_token"`
	}
	agent := j.demo.agent()
	const path = "/v1/billing/capacity/increase"
	agent.must(http.MethodPost, agent.base+path, `{"target_additional_capacity_units":3}`, &asked)
	var done struct{ Status string }
	agent.must(http.MethodPost, agent.base+path, fmt.Sprintf(`{"confirm_token":%q}`, asked.Token), &done)
	if asked.Status != "confirmation_required" || done.Status != "capacity-increased" {
		j.t.Fatalf("%+v, then %+v", asked, done)
	}
	j.signIn(ada)
	j.see("3 included + 3 additional = 6 units")
	j.open(asked.URL)
	j.see("Add 1 unit for Acme")
	j.see("Acme has 6 units")
	j.lacks("Approve,")
	j.open(j.demo.url + "/settings/approvals")
	j.see("Add 1 unit")
}

// trialApproved: another org's agent asks for a trial, and its owner starts it.
func trialApproved(j journey) {
	j.signIn(finn)
	key := j.newAgent("trial-bot")
	bot := &agent{t: j.t, base: j.demo.url, key: key}
	var r request
	bot.must(http.MethodPost, bot.base+"/v1/billing/trial/start", `{"target_plan":"team","mode":"web"}`, &r)
	j.open(r.URL)
	j.see("Start a trial of Team for Fern Garden?")
	j.see("for 30 days")
	j.shot("approve-trial")
	j.press("Approve, no charge now")
	j.see("The trial of Team has started")
	j.onPlan("Team")
	j.chargedNothing("Fern Garden", nil)
}

// newAgent makes an org's first agent, whose form is open, and returns its key.
func (j journey) newAgent(name string) string {
	j.t.Helper()
	j.open(j.demo.url + "/settings/agents")
	j.fill("Name of the agent", name)
	j.press("Create agent")
	j.see("Key for " + name)
	return agentKey.FindString(j.text())
}

func reductionApproved(j journey) {
	agent := j.demo.agent()
	var r request
	agent.must(http.MethodPost, agent.base+"/v1/billing/capacity/scheduled-reduction", `{"target_additional_capacity_units":1,"mode":"web"}`, &r)
	j.signIn(ada)
	j.open(r.URL)
	j.see("Reduce capacity of Acme to 4 units?")
	j.see("1,290 in use, 1,200 allowed")
	j.press("Approve, no charge now")
	j.see("Acme goes down to 4 units on")
	j.billing()
	j.see("5 → 4 units")
	j.see("Requested by agent deploy-bot, approved by Ada Okafor")
	j.press("Undo")
	j.see("Acme keeps its 5 units")
}

// unitDecisions are what people decide about units and trials, and a price that
// moved before they did.
func unitDecisions(j journey) {
	agent := j.demo.agent()
	up := agent.increase(5)
	j.signIn(ada)
	j.audit("billing-units-waiting")
	j.open(up.URL)
	j.audit("approve-units")
	j.press("Approve, pay $")
	j.see("Acme has 8 units")
	j.audit("approve-units-done")
	var down, keep request
	agent.must(http.MethodPost, agent.base+"/v1/billing/capacity/scheduled-reduction", `{"target_additional_capacity_units":0,"mode":"web"}`, &down)
	j.open(down.URL)
	j.audit("approve-units-remove")
	j.press("Approve, no charge now")
	j.see("Acme goes down to 3 units on")
	j.audit("approve-units-remove-done")
	agent.must(http.MethodDelete, agent.base+"/v1/billing/capacity/scheduled-reduction", `{"mode":"web"}`, &keep)
	j.open(keep.URL)
	j.audit("approve-units-keep")
	j.press("Approve, no charge now")
	j.see("Acme keeps its 8 units")
	j.open(j.demo.url + "/settings/approvals")
	j.audit("approvals-units")

	j.billing()
	j.choose("7")
	j.see("Add 2 units, pay $")
	j.demo.stripe.advance("hour")
	j.watch.allow("status of 409")
	j.pressIn("#capacity-offer", "Add 2 units, pay $")
	j.see("Nothing was charged")
	j.audit("billing-units-price-changed")
}
