package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// looks are how every page is looked at.
var looks = []struct {
	scheme string
	width  int64
}{{"light", 1280}, {"dark", 1280}, {"light", 320}}

const runAxe = `axe.run(document, {
	runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']},
	resultTypes: ['violations'],
}).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ' (' + v.help + ') at ' + n.target.join(' ') + ': ' + n.failureSummary.replace(/\s+/g, ' '))))`

// smallTargets lists what is to be pressed on our own pages and is not 44 px high
// and wide. Links inside of sentences may be smaller.
const smallTargets = `[...document.querySelectorAll('body:has(#main) :is(button, summary, input:not([type=hidden]), a.btn, nav a)')]
	.filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()])
	.filter(([, r]) => r.height < 43.5 || r.width < 43.5).map(([e, r]) => e.outerHTML.slice(0, 200) + ' ' + r.width + 'x' + r.height)`

// audit runs axe over the page that is open, in every look, keeps a picture of
// each, and checks that a narrow window needs no sideways scrolling.
func (b *tab) audit(state string) {
	b.t.Helper()
	b.until("the page to be loaded", `document.readyState === 'complete'`)
	b.inject()
	for _, look := range looks {
		b.look(look.scheme, look.width)
		b.shot(state)
		for _, violation := range b.violations() {
			b.t.Errorf("%s in %s at %d px: %.600s", state, look.scheme, look.width, violation)
		}
		for _, target := range eval[[]string](b, smallTargets) {
			b.t.Errorf("%s in a window of %d px: smaller than 44 px: %s", state, look.width, target)
		}
		if over := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			b.t.Errorf("%s is %d px wider than a window of %d px", state, over, look.width)
		}
	}
	b.look(looks[0].scheme, looks[0].width)
}

// violations is what axe finds in the page as it is now.
func (b *tab) violations() []string {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](runAxe, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Errorf("axe: %v", err)
	}
	return found
}

// inject brings axe into the page, which would not load it by itself.
func (b *tab) inject() {
	b.t.Helper()
	if !eval[bool](b, `'axe' in window`) {
		eval[bool](b, axe+`; 'axe' in window`)
	}
}

// TestAxe: axe itself finds what is wrong, so that its silence means something.
func TestAxe(t *testing.T) {
	t.Parallel()
	b := newTab(t, true)
	b.open("data:text/html,<title>bad</title><img src='data:,'><p style='color:%23ddd;background:white'>pale</p><button style='width:9px;height:9px;padding:0'></button><button style='width:9px;height:9px;padding:0'></button>")
	b.inject()
	found := strings.Join(b.violations(), "\n")
	for _, rule := range []string{"image-alt", "color-contrast", "button-name", "target-size", "html-has-lang", "landmark-one-main"} {
		if !strings.Contains(found, rule+" (") {
			t.Errorf("axe does not find %s in:\n%s", rule, found)
		}
	}
}

// TestAccessibility looks at every page in every state with axe.
func TestAccessibility(t *testing.T) {
	for name, visit := range map[string]func(journey){
		"visitors": visitors, "seats": seats, "decisions": decisions, "ends": ends, "stripe's pages": hosted, "agents": agents,
		"units": unitSeats, "units' decisions": unitDecisions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := flat
			if strings.HasPrefix(name, "units") {
				w = inUnits
			}
			d := startDemoOf(t, w)
			visit(journey{tab: newTab(t, true), demo: d})
		})
	}
	t.Run("without stripe", withoutStripe)
}

func visitors(j journey) {
	j.watch.allow("status of 4") // wrong addresses and links are the point
	at := func(path, state string) {
		j.open(j.demo.url + path)
		j.audit(state)
	}
	at("/login", "login-empty")
	at("/login/"+"csl_unknown", "login-link-expired")
	at("/approve/apr_00000000000000000000000000", "approve-signed-out")
	at("/dev/mailbox", "mailbox-empty")
	j.open(j.demo.url + "/login")
	j.fill("Email address", ada)
	j.press("Email me")
	j.see("Check your email")
	j.audit("login-sent")
	j.openMail("Sign in to Countersign", ada)
	j.see("Almost there")
	j.audit("login-confirm")
	at("/dev/mailbox", "mailbox-mail")
	j.signIn(finn)
	at("/nothing/here", "error-404")
	at("/settings/approvals", "approvals-empty")
}

func seats(j journey) {
	for state, email := range map[string]string{
		"canceled": "quinn@quill.test", "past-due": "uma@umbra.test", "past-due-lapsed": "yara@yarrow.test", "ended-unpaid": "nell@nettle.test", "active": ada, "downgrade-scheduled": bo,
		"card-declining": dee, "largest-plan": "teo@tern.test", "free": finn, "at-caps": "cleo@capstan.test",
		"over-caps": "odile@overture.test", "complimentary": "pia@pilot.test", "billing-admin": "ben@acme.test", "member": mia,
	} {
		j.signIn(email)
		j.audit("billing-" + state)
		switch state {
		case "active":
			j.press("See details")
			j.see("Charge today")
			j.audit("billing-review-upgrade")
			j.billing()
			j.press("Downgrade on ")
			j.see("You can undo this until")
			j.audit("billing-review-downgrade")
			j.open(j.demo.url + "/settings/billing/review?plan=scale")
			j.audit("review-upgrade")
			j.open(j.demo.url + "/settings/billing/review?plan=free")
			j.audit("review-downgrade")
		case "card-declining":
			j.watch.allow("status of 402")
			j.press("Upgrade, pay $")
			j.see("Your bank declined the card")
			j.audit("billing-declined")
		}
	}
}

// decisions are the states of the approve page up to an answer.
func decisions(j journey) {
	agent := j.demo.agent()
	up := agent.upgrade("scale")
	down := agent.ask("downgrade", `{"mode":"web"}`)
	member := journey{newTab(j.t, true), j.demo}
	member.signIn(mia)
	member.audit("billing-member-waiting")
	member.open(up.URL)
	member.audit("approve-member")

	j.signIn(ada)
	j.audit("billing-waiting")
	j.open(up.URL)
	j.press("How this is computed")
	j.audit("approve-pending")
	j.open(down.URL)
	j.audit("approve-pending-downgrade")
	agent.must(http.MethodPost, j.demo.url+"/api/web-approve/cancel", `{"request":"`+down.ID+`"}`, &request{})
	j.open(down.URL)
	j.see("Withdrawn by deploy-bot")
	j.audit("approve-withdrawn")

	j.open(up.URL)
	j.demo.stripe.advance("hour")
	j.watch.allow("status of 409")
	j.press("Approve, pay $")
	j.until("a word about the price", words+`.includes('price')`)
	j.audit("approve-price-changed")
	j.press("Too expensive")
	j.see("Denied. Nothing changed.")
	j.audit("approve-denied")

	down = agent.ask("downgrade", `{"mode":"web"}`)
	j.open(down.URL)
	j.demo.stripe.advance("day")
	j.demo.stripe.advance("hour")
	j.open(down.URL)
	j.see("This request has ended")
	j.audit("approve-expired")
	j.open(j.demo.url + "/settings/approvals")
	j.audit("approvals-history")
}

// ends are the states of the approve page after an approval.
func ends(j journey) {
	agent := j.demo.agent()
	j.signIn(ada)
	j.useCard("4000000000000341")
	r := agent.upgrade("scale")
	j.open(r.URL)
	j.press("Approve, pay $")
	j.see("Your bank declined the card")
	j.audit("approve-declined")

	j.useCard("4000002760003184")
	r = agent.upgrade("scale")
	j.open(r.URL)
	j.press("Approve, pay $")
	j.see("Your bank wants to confirm")
	j.audit("approve-needs-bank")
	j.billing()
	j.audit("billing-needs-bank")
	j.press("Confirm with your bank")
	j.confirmAtBank()
	j.onPlan("Scale")
	j.open(r.URL)
	j.see("Acme is on Scale")
	j.audit("approve-done")

	r = agent.ask("downgrade", `{"mode":"web"}`)
	j.open(r.URL)
	j.press("Approve, no charge now")
	j.see("Acme moves to Free on")
	j.audit("approve-downgrade-done")
	j.billing()
	j.audit("billing-agent-scheduled")
	j.press("Undo")
	j.see("Acme stays on Scale")
	j.audit("billing-undone")
	j.open(j.demo.url + "/settings/approvals")
	j.audit("approvals-answered")
}

// hosted are the sandbox's pages.
func hosted(j journey) {
	j.open(j.demo.stripe.base)
	j.audit("sandbox-control")
	j.signIn(finn)
	j.press("Subscribe, $19.00")
	j.see("Pay by card")
	j.audit("stripe-checkout")
	j.watch.allow("status of 402")
	j.card("4000000000000002")
	j.press("Subscribe, pay $19.00")
	j.see("You have not been charged")
	j.audit("stripe-checkout-declined")
	j.card("4000002760003184")
	j.press("Subscribe, pay $19.00")
	j.see("pretended bank")
	j.audit("stripe-bank")
	home := journey{j.sibling(), j.demo}
	home.open(j.demo.url + "/settings/billing/success")
	home.see("Finalizing")
	j.press("Complete")
	j.see("Fern Garden is on Pro")
	j.audit("billing-subscribed")
	j.press("Manage in Stripe")
	j.see("Use this card")
	j.audit("stripe-portal")
	j.billing()
	j.open(eval[string](j.tab, `[...document.querySelectorAll('a[href]')].find(a => a.innerText.startsWith('View')).href`))
	j.see("Paid on")
	j.audit("stripe-invoice-paid")
}

// withoutStripe looks at the pages while Stripe is down, and where it was never
// set up.
func withoutStripe(t *testing.T) {
	t.Run("down", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, true)
		w.serve()
		r := w.agent().upgrade("scale")
		b := newTab(t, true)
		w.signIn(b)
		w.gate.close()
		w.expected = "stripe_unavailable"
		b.open(r.URL)
		b.see("There is no price to be had")
		b.audit("approve-stripe-down")
		b.watch.allow("status of 503")
		b.open(w.url + "/settings/billing")
		b.press("Upgrade, pay $")
		b.see("Stripe does not answer")
		b.audit("billing-stripe-down")
	})
	t.Run("not set up", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, false)
		w.serve()
		b := newTab(t, true)
		w.signIn(b)
		b.see("Payments are not set up")
		b.audit("billing-no-stripe")
	})
}
