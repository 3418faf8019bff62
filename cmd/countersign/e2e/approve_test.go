package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func story(j journey) {
	agent := j.demo.agent()
	before := j.demo.stripe.paid("Acme")
	r := agent.upgrade(j.demo.top.id)
	followed := make(chan []string, 1)
	go func() { all, _ := agent.follow(r); followed <- all }()

	j.open(r.URL)
	j.see("Sign in to review a request")
	j.lacks("Acme", j.demo.top.name, "$", r.Code, "nightly")
	j.press("Sign in")
	j.fill("Email address", ada)
	j.press("Email me a sign-in link")
	j.see("Check your email")
	j.press("Open the demo mailbox")
	j.see("Emails land here")
	j.openMail("Sign in to Countersign", ada)
	j.press("Sign in as " + ada)

	j.see("Upgrade Acme to " + j.demo.top.name + "?")
	for _, part := range []string{r.Code, "Nothing has changed yet", "deploy-bot", j.demo.top.price, "The nightly import needs more rows.", "Signed in as " + ada} {
		j.see(part)
	}
	if len(j.demo.stripe.paid("Acme")) != len(before) {
		j.t.Error("opening the page charged something")
	}
	j.shot("approve-pending")
	j.mark()
	amount := cents(j.t, j.press("Approve, pay $"))
	j.see("Acme is on " + j.demo.top.name)
	j.see("You can go back to your agent")
	j.inPlace()
	j.focusOn("Acme is on " + j.demo.top.name)

	j.chargedOnce("Acme", before, amount)
	truthful(j.t, <-followed)
	if last := j.ended(r, "completed"); last.Result.Status != "switched" || last.Result.Plan != j.demo.top.id || last.Result.AmountChargedCents != amount {
		j.t.Errorf("the agent read %+v; charged %d", last, amount)
	}
	j.onPlan(j.demo.top.name)
	j.see(j.demo.top.price)
	j.shot("billing-after-approval")
}

// truthful checks that an agent read of an approved request what happened, in
// the order in which it happened.
func truthful(t *testing.T, read []string) {
	t.Helper()
	if !regexp.MustCompile(`^(pending )?(approved )?(executing )?(indeterminate )?completed$`).MatchString(strings.Join(read, " ")) {
		t.Errorf("the agent read %v", read)
	}
}

func deny(j journey) {
	before := j.demo.stripe.paid("Acme")
	r := j.demo.agent().upgrade(j.demo.top.id)
	j.signIn(ada)
	j.open(r.URL)
	j.see("Upgrade Acme to " + j.demo.top.name + "?")
	j.fill("Note to the agent", "After the audit.")
	j.mark()
	j.press("Too expensive")
	j.see("Denied. Nothing changed.")
	j.inPlace()
	j.focusOn("Denied. Nothing changed.")
	last := j.ended(r, "denied")
	if last.Denied == nil || last.Denied.Reason != "too_expensive" || last.Denied.Note != "After the audit." {
		j.t.Errorf("denied: %+v", last.Denied)
	}
	j.chargedNothing("Acme", before)
	j.onPlan(j.demo.first.name)
	j.open(j.demo.url + "/settings/approvals")
	j.see("Denied by Ada Okafor")
	j.shot("approvals-denied")
}

func expired(j journey) {
	r := j.demo.agent().upgrade(j.demo.top.id)
	j.signIn(ada)
	j.open(r.URL)
	j.see("Upgrade Acme to " + j.demo.top.name + "?")
	j.hold()
	clock := journey{j.sibling(), j.demo}
	clock.open(j.demo.stripe.base)
	for label, seconds := range map[string]int{"+1 day": 24 * 3600, "+1 hour": 3600} {
		const now = `Date.parse(document.querySelector('.clock time').dateTime) / 1000`
		was := eval[int](clock.tab, now)
		clock.press(label)
		clock.until("the clock to move", fmt.Sprintf("%s >= %d", now, was+seconds))
	}
	before := j.demo.stripe.paid("Acme")

	j.watch.allow("status of 409")
	j.press("Approve, pay $")
	j.see("This request has ended")
	j.lacks("Approve, pay")
	j.open(r.URL)
	j.see("This request has ended")
	j.see("Ask your agent for a new one")
	j.ended(r, "expired")
	j.chargedNothing("Acme", before)
	j.onPlan(j.demo.first.name)
}

func wrongAccount(j journey) {
	r := j.demo.agent().upgrade(j.demo.top.id)
	j.watch.allow("status of 404")
	j.signIn(bo)
	j.open(r.URL)
	j.see("There is nothing here")
	j.lacks("Acme", j.demo.top.name, r.Code)
	foreign := j.markup(r.ID)
	const unknown = "apr_00000000000000000000000000"
	j.open(j.demo.url + "/approve/" + unknown)
	if got := j.markup(unknown); got != foreign {
		j.t.Errorf("a foreign request differs from an unknown one:\n%s\n%s", foreign, got)
	}
	j.billing()
	j.press("Sign out")
	j.see("Email address")
	j.signIn(ada)
	j.open(r.URL)
	j.see("Upgrade Acme to " + j.demo.top.name + "?")
}

// markup is the page without what differs from request to request.
func (j journey) markup(id string) string {
	html := strings.ReplaceAll(eval[string](j.tab, `document.documentElement.outerHTML`), id, "ID")
	return regexp.MustCompile(`req_\w+`).ReplaceAllString(html, "REF")
}

func notAnOwner(j journey) {
	r := j.demo.agent().upgrade(j.demo.top.id)
	j.signIn(mia)
	j.see("Ask an owner: Ada Okafor")
	for _, button := range []string{"Upgrade", "Downgrade", "Manage in Stripe", "Cancel subscription"} {
		if j.can(button) {
			j.t.Errorf("a member can press %q", button)
		}
	}
	j.open(r.URL)
	j.see("You can read this, but not decide it")
	j.see("Ada Okafor")
	j.see("Ben Castillo")
	for _, button := range []string{"Approve", "Deny", "Too expensive", "I did not ask for this"} {
		if j.can(button) {
			j.t.Errorf("a member can press %q", button)
		}
	}
	j.press("Send to owners")
	j.see("Sent to Ada Okafor, Ben Castillo")
	j.focusOn("Sent to Ada Okafor")
	j.shot("approve-member-sent")
	if s := j.demo.agent().poll(r, 0); s.Status != "pending" {
		j.t.Errorf("the poll says %+v", s)
	}

	// The owner reads the mail at the same browser.
	j.openMail("Waiting for your answer", ada)
	j.see("You can read this, but not decide it")
	j.see(r.Code)
	j.press("Not you? Sign out")
	j.fill("Email address", ada)
	j.press("Email me a sign-in link")
	j.see("Check your email")
	j.openMail("Sign in to Countersign", ada)
	j.press("Sign in as " + ada)
	j.see("Upgrade Acme to " + j.demo.top.name + "?")
	j.until("something to approve", locate+`("Approve, pay $", "body")`)
}

// priceChanged: a page that stayed open beyond the life of its quote asks again.
func priceChanged(j journey) {
	r := j.demo.agent().upgrade(j.demo.top.id)
	j.signIn(ada)
	j.open(r.URL)
	j.see("Upgrade Acme to " + j.demo.top.name + "?")
	j.demo.stripe.advance("hour")
	before := j.demo.stripe.paid("Acme")
	j.watch.allow("status of 409")
	j.mark()
	old := cents(j.t, j.press("Approve, pay $"))
	j.until("a word about the price", words+`.includes('the price has changed') || `+words+`.includes('look at the price')`)
	j.inPlace()
	j.chargedNothing("Acme", before)
	amount := cents(j.t, j.press("Approve, pay $"))
	if amount >= old {
		j.t.Errorf("an hour later it costs %d, before %d", amount, old)
	}
	j.see("Acme is on " + j.demo.top.name)
	j.chargedOnce("Acme", before, amount)
	j.ended(r, "completed")
}

func declinedOnApproval(j journey) {
	j.signIn(ada)
	j.useCard("4000000000000341")
	before := j.demo.stripe.paid("Acme")
	r := j.demo.agent().upgrade(j.demo.top.id)
	j.open(r.URL)
	j.press("Approve, pay $")
	j.see("Your bank declined the card")
	j.focusOn("Your bank declined the card")
	if last := j.ended(r, "failed"); last.Error == nil || last.Error.Code != "payment_failed" || last.Next != "show_user" {
		j.t.Errorf("the poll says %+v, error %+v", last, last.Error)
	}
	j.chargedNothing("Acme", before)
	j.onPlan(j.demo.first.name)
}

func secureOnApproval(j journey) {
	j.signIn(ada)
	j.useCard("4000002760003184")
	before := j.demo.stripe.paid("Acme")
	r := j.demo.agent().upgrade(j.demo.top.id)
	j.open(r.URL)
	amount := cents(j.t, j.press("Approve, pay $"))
	j.see("Your bank wants to confirm")
	j.chargedNothing("Acme", before)
	if s := j.demo.agent().poll(r, 0); s.Status != "indeterminate" {
		j.t.Errorf("before the bank's answer the poll says %+v", s)
	}
	j.press("Confirm with your bank")
	j.confirmAtBank()
	eventually(j.t, "the request to complete", patience, func() bool { return j.demo.agent().poll(r, 0).Status == "completed" })
	j.chargedOnce("Acme", before, amount)
	j.open(r.URL)
	j.see("Acme is on " + j.demo.top.name)
	j.onPlan(j.demo.top.name)
}
