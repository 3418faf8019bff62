package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The people of the demo.
const (
	ada  = "ada@acme.test"    // owns Acme: the first paid plan, a card that works, an agent
	mia  = "mia@acme.test"    // member of Acme without rights
	bo   = "bo@borealis.test" // owns another org
	dee  = "dee@dune.test"    // the same plan, a card that is declined
	lena = "lena@lark.test"   // the same plan, a card that asks for 3-D Secure
	finn = "finn@fern.test"   // Free
)

// journey is one person at one browser, with a demo of their own.
type journey struct {
	*tab
	demo *demo
}

// arrive opens a tab, with scripts or without, and a demo. The tab is closed
// first, so that nothing in it asks a demo that has ended.
func arrive(t *testing.T, w wares, scripts bool) journey {
	t.Helper()
	d := startDemoOf(t, w)
	return journey{newTab(t, scripts), d}
}

// journeys lead to the same end with JavaScript and without, with the mouse and
// with the keyboard, whatever is sold.
var journeys = map[string]func(journey){
	"agent asks, owner approves":        story,
	"deny with a reason":                deny,
	"expired request":                   expired,
	"wrong account":                     wrongAccount,
	"not an owner":                      notAnOwner,
	"price changed since":               priceChanged,
	"declined on approval":              declinedOnApproval,
	"upgrade by one click":              upgrade,
	"review, downgrade, undo":           downgrade,
	"subscribe by checkout":             checkout,
	"finalizing after checkout":         finalizing,
	"declined card":                     declined,
	"3-D Secure":                        secure,
	"agent's change waits for the bank": secureOnApproval,
}

func TestJourneys(t *testing.T) {
	for _, w := range []wares{flat, inUnits} {
		for name, travel := range journeys {
			t.Run(w.catalog+"/"+name, func(t *testing.T) { travelBothWays(t, w, travel) })
		}
	}
	for name, travel := range unitJourneys {
		t.Run(inUnits.catalog+"/"+name, func(t *testing.T) { travelBothWays(t, inUnits, travel) })
	}
}

// travelBothWays goes with scripts and without, and one of the two with the
// keyboard alone: what is sold by the plan without scripts, and what is sold in
// units with them.
func travelBothWays(t *testing.T, w wares, travel func(journey)) {
	for mode, scripts := range map[string]bool{"scripts": true, "no scripts": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			j := arrive(t, w, scripts)
			if scripts == (w.catalog == inUnits.catalog) {
				j.byKeys()
			}
			travel(j)
		})
	}
}

// signIn signs in by the link on the mailbox page.
func (j journey) signIn(email string) {
	j.t.Helper()
	j.open(j.demo.url + "/dev/mailbox")
	j.open(eval[string](j.tab, `[...document.querySelectorAll('li')].find(l => l.innerText.includes(`+quote(email)+`)).querySelector('a[href]').href`))
	j.press("Sign in as")
	j.see("Current plan")
}

// openMail waits for a mail in the mailbox and follows its link.
func (j journey) openMail(subject, to string) {
	j.t.Helper()
	link := `[...document.querySelectorAll('li')].find(l => l.querySelector('h3').innerText.includes(` + quote(subject) + `) && l.innerText.includes(` + quote("To "+to) + `))?.querySelector('a[href]').href ?? ''`
	href := ""
	eventually(j.t, "a mail to "+to, patience, func() bool {
		j.open(j.demo.url + "/dev/mailbox")
		href = eval[string](j.tab, link)
		return href != ""
	})
	j.open(href)
}

// billing opens Settings → Billing.
func (j journey) billing() { j.t.Helper(); j.open(j.demo.url + "/settings/billing") }

// onPlan checks the plan card of Settings → Billing, which the worker may still
// have to bring up to date.
func (j journey) onPlan(name string) {
	j.t.Helper()
	eventually(j.t, "plan "+name, patience, func() bool {
		j.billing()
		return eval[string](j.tab, `document.querySelector('.plan-now b').innerText.trim()`) == name
	})
}

var dollars = regexp.MustCompile(`\$(\d+)\.(\d\d)`)

// cents reads the first amount in a text, in minor units.
func cents(t *testing.T, text string) int64 {
	t.Helper()
	m := dollars.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no amount in %q", text)
	}
	n, err := strconv.ParseInt(m[1]+m[2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// chargedOnce checks that exactly one charge was made since, of the amount.
func (j journey) chargedOnce(org string, before []int64, amount int64) {
	j.t.Helper()
	after := j.demo.stripe.paid(org)
	if len(after) != len(before)+1 || after[0] != amount {
		j.t.Errorf("%s was charged %v, before %v; want one more of %d", org, after, before, amount)
	}
}

// chargedNothing checks that no charge was made since.
func (j journey) chargedNothing(org string, before []int64) {
	j.t.Helper()
	if after := j.demo.stripe.paid(org); len(after) != len(before) {
		j.t.Errorf("%s was charged %v, before %v", org, after, before)
	}
}

// ended waits for a poll that says how the request ended.
func (j journey) ended(r request, want string) status {
	j.t.Helper()
	_, last := j.demo.agent().follow(r)
	if last.Status != want {
		j.t.Errorf("the poll says %+v, want %s", last, want)
	}
	return last
}

// useCard replaces the card in Stripe's portal.
func (j journey) useCard(number string) {
	j.t.Helper()
	j.billing()
	j.press("Manage in Stripe")
	j.see("Use this card")
	j.card(number)
	j.press("Use this card")
	j.see("Visa ending " + number[len(number)-4:])
	j.press("Go back")
	j.see("Payment method")
	eventually(j.t, "the new card", patience, func() bool {
		j.billing()
		return strings.Contains(j.text(), number[len(number)-4:])
	})
}

func (j journey) card(number string) {
	j.t.Helper()
	j.fill("Card number", number)
	j.fill("Expiry", "12 / 34")
	j.fill("CVC", "123")
}

// confirmAtBank goes through the hosted pages from a "Confirm with your bank" on
// our own.
func (j journey) confirmAtBank() {
	j.t.Helper()
	j.until("the bank or the invoice", `/\/pay\/i\//.test(location.pathname) && document.readyState === 'complete'`)
	if j.can("Confirm with your bank") {
		j.shot("stripe-invoice")
		j.press("Confirm with your bank")
	}
	j.see("pretended bank")
	j.press("Complete")
	j.see("Paid on")
}
