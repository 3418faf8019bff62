package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// byKeys puts the mouse away. The tab takes part as if its window were in front,
// or no key would reach it.
func (b *tab) byKeys() *tab {
	b.t.Helper()
	b.keys = true
	b.must(b.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	return b
}

func (b *tab) strike(keys string) {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	b.must(ctx, chromedp.KeyEvent(keys))
}

// mostTabs is more than any page of ours has places to stop at.
const mostTabs = 150

// focusIsSeen reports whether somebody who looks can tell where the focus is: it
// is marked, and it is in the window.
const focusIsSeen = `(() => {
	const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e)
	const marked = s.outlineStyle === 'auto' || s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 || s.boxShadow !== 'none'
	return e.matches(':focus-visible') && marked && r.bottom > 0 && r.top < innerHeight
})()`

// reach goes with Tab to the element of an expression.
func (b *tab) reach(what, element string) {
	b.t.Helper()
	for range mostTabs {
		if eval[bool](b, `document.activeElement !== null && document.activeElement === `+element) {
			if !eval[bool](b, focusIsSeen) {
				b.t.Errorf("at %s nobody can see that the focus is on %q", b.location(), what)
			}
			return
		}
		b.strike(kb.Tab)
	}
	b.t.Fatalf("%q cannot be reached with Tab at %s", what, b.location())
}

// enter presses a button, a link or a summary.
func (b *tab) enter(what, element string) string {
	b.t.Helper()
	b.reach(what, element)
	words := eval[string](b, `document.activeElement.innerText.replace(/\s+/g, ' ').trim()`)
	b.strike(kb.Enter)
	return words
}

// write types into a field. What is in it is selected when Tab comes to it.
func (b *tab) write(what, element, value string) {
	b.t.Helper()
	b.reach(what, element)
	b.strike(value)
	if got := eval[string](b, `document.activeElement.value`); got != value && got != strings.ReplaceAll(value, " ", "") {
		b.t.Errorf("%q holds %q after %q was typed", what, got, value)
	}
}

// walks lead through what a person does on the pages of agents, limits, invoices,
// operators and the portal, and in more than one organisation. Each returns what
// is there at its end.
var walks = map[string]func(journey) string{
	"agents": walkAgents, "limit request": walkLimit, "invoices": walkInvoices, "operator": walkOperator, "units": walkUnits, "trial": walkTrial,
	"portal": walkPortal, "organisations": walkOrgs,
}

// TestKeyboard: with the keyboard alone, with scripts and without, each walk ends
// where it ends with the mouse.
func TestKeyboard(t *testing.T) {
	for name, walk := range walks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := flat
			if name == "units" || name == "trial" {
				w = inUnits
			}
			var mu sync.Mutex
			ends := map[string]string{}
			t.Cleanup(func() {
				for way, end := range ends {
					if end != ends["mouse"] || end == "" {
						t.Errorf("%s:\n%s\n\nwith the mouse:\n%s", way, end, ends["mouse"])
					}
				}
			})
			for way, scripts := range map[string]bool{"mouse": true, "keys": true, "keys, no scripts": false} {
				t.Run(way, func(t *testing.T) {
					t.Parallel()
					j := arrive(t, w, scripts)
					if way != "mouse" {
						j.byKeys()
					}
					end := walk(j)
					mu.Lock()
					defer mu.Unlock()
					ends[way] = end
				})
			}
		})
	}
}

// moments are what differs from run to run: secrets, ids, invoices' numbers and
// times of day.
var moments = regexp.MustCompile(`cs[a-z]_\w+|[A-Z0-9]{8}-\d{4}|(org|lir|key)_\w+|\d\d:\d\d UTC|\((just now|\d+ \w+ ago)\)`)

var agentKey = regexp.MustCompile(`csa_\w{49}`)

// remains is what an element shows, without what differs from run to run.
func (j journey) remains(selector string) string {
	j.t.Helper()
	return moments.ReplaceAllString(eval[string](j.tab, `document.querySelector(`+quote(selector)+`).innerText.replace(/\s+/g, ' ')`), "…")
}

func walkAgents(j journey) string {
	j.signIn(ada)
	j.open(j.demo.url + "/settings/agents")
	j.press("New agent")
	j.fill("Name of the agent", "night-importer")
	j.press("Create agent")
	j.see("Key for night-importer")
	key := agentKey.FindString(j.text())
	j.press("I have copied it")
	j.see("night-importer")
	const card = `article:has(h3:is([id]))`
	mine := eval[string](j.tab, `'#' + [...document.querySelectorAll('article h3')].find(h => h.innerText === 'night-importer').id`)
	scope := card + `:has(` + mine + `)`
	j.pressIn(scope, "Rename, or replace a key")
	j.fillIn(scope, "Name of the agent", "day-importer")
	j.pressIn(scope, "Rename , night-importer")
	j.see("The agent has a new name")
	j.press("Revoke , " + key[:8])
	j.see("It stops working at once")
	j.press("Revoke key")
	j.see("The key is revoked")
	code, _ := send(j.t, http.MethodGet, j.demo.url+"/api/billing", key, "", "")
	if code != http.StatusUnauthorized {
		j.t.Errorf("the key still works: %d", code)
	}
	j.open(j.demo.url + "/settings/agents")
	j.press("Revoked in the last 90 days")
	j.see("day-importer")
	return j.remains("main")
}

func walkLimit(j journey) string {
	j.signIn(ada)
	const row = `[aria-labelledby="usage-title"] li:has(form[action="/settings/billing/limit"] [value=agents])`
	j.pressIn(row, "Ask for more")
	j.fillIn(row, "How many", "25")
	j.fillIn(row, "What for", "Nightly builds")
	j.pressIn(row, "Send")
	j.see("Your request is on its way")
	j.billing()
	j.see("Asked for 25 on")
	return j.remains(`[aria-labelledby="usage-title"]`)
}

// walkInvoices pays an open invoice from its row, on Stripe's page.
func walkInvoices(j journey) string {
	j.signIn("uma@umbra.test")
	j.pressIn(".invoices", "Pay , invoice")
	j.see("Amount due")
	j.card("4242 4242 4242 4242")
	j.press("Pay $49.00 with this card")
	j.see("Paid on")
	eventually(j.t, "the invoice to be paid", patience, func() bool {
		j.billing()
		return !j.can("Pay ,")
	})
	j.see("Active")
	j.pressIn(".invoices", "View , ")
	j.see("Paid on")
	j.billing()
	return j.remains(".invoices")
}

// walkPortal changes the card at Stripe, and comes back.
func walkPortal(j journey) string {
	j.signIn(ada)
	j.useCard("4000056655665556")
	return j.remains("section:has(#card-title)")
}

// walkOrgs goes from one organisation to another and out.
func walkOrgs(j journey) string {
	j.signIn(sol)
	j.see("Sable Notes")
	j.press("Switch organisation")
	j.press("Tern Robotics")
	j.until("the other organisation", string(region("plan-title", "Scale")))
	end := j.remains("section:has(#plan-title)") + j.remains("header")
	j.press("Sign out")
	j.see("Email address")
	return end + j.remains("main")
}

// walkUnits buys two units, gives three back and takes that back.
func walkUnits(j journey) string {
	j.signIn(ada)
	j.choose("3")
	j.see("5 → 6 units")
	j.pressIn("#capacity", "One unit more")
	j.see("5 → 7 units")
	j.pressIn("#capacity-offer", "Add 2 units, pay $")
	j.see("Acme has 7 units")
	j.choose("1")
	j.pressIn("#capacity-offer", "Remove 3 units on ")
	j.see("Acme goes down to 4 units on")
	j.press("Undo")
	j.see("Acme keeps its 7 units")
	j.billing()
	return strings.Replace(j.remains("#capacity"), "+ Show ", "+ ", 1) // what scripts do by themselves
}

func walkTrial(j journey) string {
	j.signIn(finn)
	j.press("Start 30-day trial , Team")
	j.see("The trial of Team has started")
	j.billing()
	j.pressIn(".plans", "Convert to paid, $49.00")
	j.see("Pay by card")
	j.card("4242 4242 4242 4242")
	j.press("Subscribe, pay $49.00")
	j.see("Fern Garden is on Team")
	j.billing()
	return j.remains("section:has(#plan-title)")
}

// walkOperator signs in, grants a limit and makes an org a design partner.
func walkOperator(j journey) string {
	code, raw := send(j.t, http.MethodPost, j.demo.url+"/api/billing/request-limit-increase", j.demo.agent().key, "application/json", `{"kind":"agents","desiredValue":40}`)
	if code != http.StatusOK {
		j.t.Fatalf("%d %s", code, raw)
	}
	j.open(j.demo.url + "/admin")
	j.see("Operator sign-in")
	j.fill("Email address", "op@countersign.test")
	j.press("Email me a sign-in link")
	j.see("Check your email")
	j.openMail("Sign in to Countersign", "op@countersign.test")
	j.press("Sign in as")
	j.press("Agents on Pro")
	j.see("wants 40")
	j.press("Acme")
	j.see("Counts at the next check")
	j.fill("New limit", "50")
	j.fill("Reason (the asker reads it)", "A good customer.")
	j.press("Grant")
	j.see("It counts at the next check")
	j.press("Organisations")
	j.fill("Name or id begins with", "ac")
	j.press("Find")
	j.until("what was found", `location.search.includes('q=ac')`)
	j.press("Acme")
	j.see("Latest events")
	const partner = `form[aria-labelledby="partner-title"]`
	j.fillIn(partner, "Reason", "A friend.")
	j.pressIn(partner, "Make design partner")
	j.see("The plan is in force")
	var sum struct {
		Plan  string
		Usage map[string]struct{ Cap int64 }
	}
	code, raw = send(j.t, http.MethodGet, j.demo.url+"/api/billing", j.demo.agent().key, "", "")
	if err := json.Unmarshal(raw, &sum); err != nil || code != http.StatusOK || sum.Plan != "scale" || sum.Usage["agents"].Cap != 50 {
		j.t.Errorf("the org has %+v, %d, %v", sum, code, err)
	}
	end := j.remains("main")
	j.press("Sign out")
	j.see("Operator sign-in")
	return end
}
