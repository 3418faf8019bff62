package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// looks are how every page is looked at.
var looks = []struct {
	scheme string
	width  int64
}{{"light", 1280}, {"dark", 1280}, {"light", 320}, {"dark", 320}}

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

// TestAccessibility looks with axe at the pages that are on nobody's list of
// states: those on the way.
func TestAccessibility(t *testing.T) {
	for name, visit := range map[string]func(journey){
		"visitors": visitors, "ends": ends, "stripe's pages": hosted, "agents": agents, "units' decisions": unitDecisions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := flat
			if strings.HasPrefix(name, "units") {
				w = inUnits
			}
			visit(arrive(t, w, true))
		})
	}
}

func visitors(j journey) {
	j.watch.allow("status of 4") // wrong addresses and links are the point
	at := func(path, state string) {
		j.open(j.demo.url + path)
		j.audit(state)
	}
	at("/login", "login-empty")
	at("/login/"+"csl_unknown", "login-link-expired")
	at("/dev/mailbox", "mailbox")
	j.open(j.demo.url + "/login")
	j.fill("Email address", ada)
	j.press("Email me")
	j.see("Check your email")
	j.audit("login-sent")
	j.openMail("Sign in to Countersign", ada)
	j.see("Almost there")
	j.audit("login-confirm")
	at("/dev/mailbox", "mailbox-signing-in")
	j.signIn(finn)
	at("/nothing/here", "error-404")
}

// ends are what an approval leaves behind.
func ends(j journey) {
	agent := j.demo.agent()
	j.signIn(ada)
	r := agent.ask("downgrade", `{"mode":"web"}`)
	j.open(r.URL)
	j.press("Approve, no charge now")
	j.see("Acme moves to Free on")
	j.billing()
	j.audit("billing-agent-scheduled")
	j.press("Undo")
	j.see("Acme stays on Pro")
	j.audit("billing-undone")
	j.open(j.demo.url + "/settings/approvals")
	j.audit("approvals-answered")
	member := journey{newTab(j.t, true), j.demo}
	agent.upgrade("scale")
	member.signIn(mia)
	member.audit("billing-member-waiting")
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
