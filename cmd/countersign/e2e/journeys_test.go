package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// The people of the demo.
const (
	ada  = "ada@acme.test"    // owns Acme: Pro, a card that works, an agent
	mia  = "mia@acme.test"    // member of Acme without rights
	bo   = "bo@borealis.test" // owns another org
	dee  = "dee@dune.test"    // Pro, a card that is declined
	lena = "lena@lark.test"   // Pro, a card that asks for 3-D Secure
	finn = "finn@fern.test"   // Free
)

// journey is one person at one browser, with a demo of their own.
type journey struct {
	*tab
	demo *demo
}

// journeys lead to the same end with JavaScript and without.
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
	"double click":                      doubleClick,
	"agent's change waits for the bank": secureOnApproval,
}

func TestJourneys(t *testing.T) {
	for name, travel := range journeys {
		for mode, scripts := range map[string]bool{"scripts": true, "no scripts": false} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				d := startDemo(t)
				travel(journey{tab: newTab(t, scripts), demo: d})
			})
		}
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
		return eval[string](j.tab, `document.getElementById('plan-title').innerText.split('\n').pop().replace('Current plan: ', '').trim()`) == name
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

func story(j journey) {
	agent := j.demo.agent()
	before := j.demo.stripe.paid("Acme")
	r := agent.upgrade("scale")
	followed := make(chan []string, 1)
	go func() { all, _ := agent.follow(r); followed <- all }()

	j.open(r.URL)
	j.see("Sign in to review a request")
	j.lacks("Acme", "Scale", "$", r.Code, "nightly")
	j.shot("approve-signed-out")
	j.press("Sign in")
	j.fill("Email address", ada)
	j.shot("login-empty")
	j.press("Email me a sign-in link")
	j.see("Check your email")
	j.shot("login-sent")
	j.press("Open the demo mailbox")
	j.see("Emails land here")
	j.openMail("Sign in to Countersign", ada)
	j.shot("login-confirm")
	j.press("Sign in as " + ada)

	j.see("Upgrade Acme to Scale?")
	for _, part := range []string{r.Code, "Nothing has changed yet", "deploy-bot", "$49.00", "The nightly import needs more rows.", "Signed in as " + ada} {
		j.see(part)
	}
	if len(j.demo.stripe.paid("Acme")) != len(before) {
		j.t.Error("opening the page charged something")
	}
	j.shot("approve-pending")
	j.mark()
	amount := cents(j.t, j.press("Approve, pay $"))
	j.see("Acme is on Scale")
	j.see("You can go back to your agent")
	j.inPlace()
	j.focusOn("Acme is on Scale")
	j.shot("approve-done")

	j.chargedOnce("Acme", before, amount)
	truthful(j.t, <-followed)
	if last := j.ended(r, "completed"); last.Result.Status != "switched" || last.Result.Plan != "scale" || last.Result.AmountChargedCents != amount {
		j.t.Errorf("the agent read %+v; charged %d", last, amount)
	}
	j.onPlan("Scale")
	j.see("$49.00")
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
	r := j.demo.agent().upgrade("scale")
	j.signIn(ada)
	j.open(r.URL)
	j.see("Upgrade Acme to Scale?")
	j.fill("Note to the agent", "After the audit.")
	j.mark()
	j.press("Too expensive")
	j.see("Denied. Nothing changed.")
	j.inPlace()
	j.focusOn("Denied. Nothing changed.")
	j.shot("approve-denied")
	last := j.ended(r, "denied")
	if last.Denied == nil || last.Denied.Reason != "too_expensive" || last.Denied.Note != "After the audit." {
		j.t.Errorf("denied: %+v", last.Denied)
	}
	j.chargedNothing("Acme", before)
	j.onPlan("Pro")
	j.open(j.demo.url + "/settings/approvals")
	j.see("Denied by Ada Okafor")
	j.shot("approvals-denied")
}

func expired(j journey) {
	r := j.demo.agent().upgrade("scale")
	j.signIn(ada)
	j.open(r.URL)
	j.see("Upgrade Acme to Scale?")
	clock := journey{j.sibling(), j.demo}
	clock.open(j.demo.stripe.base)
	for label, seconds := range map[string]int{"+1 day": 24 * 3600, "+1 hour": 3600} {
		const now = `Date.parse(document.querySelector('.clock time').dateTime) / 1000`
		was := eval[int](clock.tab, now)
		clock.press(label)
		clock.until("the clock to move", fmt.Sprintf("%s >= %d", now, was+seconds))
	}
	clock.shot("sandbox-control")
	before := j.demo.stripe.paid("Acme")

	j.watch.allow("status of 409")
	j.press("Approve, pay $")
	j.see("This request has ended")
	j.lacks("Approve, pay")
	j.open(r.URL)
	j.see("This request has ended")
	j.see("Ask your agent for a new one")
	j.shot("approve-expired")
	j.ended(r, "expired")
	j.chargedNothing("Acme", before)
	j.onPlan("Pro")
}

func wrongAccount(j journey) {
	r := j.demo.agent().upgrade("scale")
	j.watch.allow("status of 404")
	j.signIn(bo)
	j.open(r.URL)
	j.see("There is nothing here")
	j.lacks("Acme", "Scale", r.Code)
	j.shot("error-404")
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
	j.see("Upgrade Acme to Scale?")
}

// markup is the page without what differs from request to request.
func (j journey) markup(id string) string {
	html := strings.ReplaceAll(eval[string](j.tab, `document.documentElement.outerHTML`), id, "ID")
	return regexp.MustCompile(`req_\w+`).ReplaceAllString(html, "REF")
}

func notAnOwner(j journey) {
	r := j.demo.agent().upgrade("scale")
	j.signIn(mia)
	j.see("Ask an owner: Ada Okafor")
	for _, button := range []string{"Upgrade", "Downgrade", "Manage in Stripe", "Cancel subscription"} {
		if j.can(button) {
			j.t.Errorf("a member can press %q", button)
		}
	}
	j.shot("billing-member")
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
	j.openMail("A request waits for your answer", ada)
	j.see("You can read this, but not decide it")
	j.see(r.Code)
	j.press("Not you? Sign out")
	j.fill("Email address", ada)
	j.press("Email me a sign-in link")
	j.see("Check your email")
	j.openMail("Sign in to Countersign", ada)
	j.press("Sign in as " + ada)
	j.see("Upgrade Acme to Scale?")
	j.until("something to approve", locate+`("Approve, pay $", "body")`)
}

// priceChanged: a page that stayed open beyond the life of its quote asks again.
func priceChanged(j journey) {
	r := j.demo.agent().upgrade("scale")
	j.signIn(ada)
	j.open(r.URL)
	j.see("Upgrade Acme to Scale?")
	j.demo.stripe.advance("hour")
	before := j.demo.stripe.paid("Acme")
	j.watch.allow("status of 409")
	j.mark()
	old := cents(j.t, j.press("Approve, pay $"))
	j.until("a word about the price", words+`.includes('the price has changed') || `+words+`.includes('look at the price')`)
	j.inPlace()
	j.shot("approve-price-changed")
	j.chargedNothing("Acme", before)
	amount := cents(j.t, j.press("Approve, pay $"))
	if amount >= old {
		j.t.Errorf("an hour later it costs %d, before %d", amount, old)
	}
	j.see("Acme is on Scale")
	j.chargedOnce("Acme", before, amount)
	j.ended(r, "completed")
}

// useCard replaces the card in Stripe's portal.
func (j journey) useCard(number string) {
	j.t.Helper()
	j.billing()
	j.press("Manage in Stripe")
	j.see("Use this card")
	j.shot("stripe-portal")
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

func declinedOnApproval(j journey) {
	j.signIn(ada)
	j.useCard("4000000000000341")
	before := j.demo.stripe.paid("Acme")
	r := j.demo.agent().upgrade("scale")
	j.open(r.URL)
	j.press("Approve, pay $")
	j.see("Your bank declined the card")
	j.focusOn("Your bank declined the card")
	j.shot("approve-declined")
	if last := j.ended(r, "failed"); last.Error == nil || last.Error.Code != "payment_failed" || last.Next != "show_user" {
		j.t.Errorf("the poll says %+v, error %+v", last, last.Error)
	}
	j.chargedNothing("Acme", before)
	j.onPlan("Pro")
}

func upgrade(j journey) {
	before := j.demo.stripe.paid("Acme")
	j.signIn(ada)
	j.shot("billing-active")
	j.mark()
	amount := cents(j.t, j.press("Upgrade, pay $"))
	j.see("Acme is on Scale")
	j.see(fmt.Sprintf("$%d.%02d was charged", amount/100, amount%100))
	j.inPlace()
	j.focusOn("Acme is on Scale")
	j.shot("billing-upgraded")
	j.chargedOnce("Acme", before, amount)
	j.onPlan("Scale")
	// A reload after the press must not press again.
	j.open(j.location())
	j.chargedOnce("Acme", before, amount)
}

func downgrade(j journey) {
	before := j.demo.stripe.paid("Acme")
	j.signIn(ada)
	j.mark()
	label := j.press("Downgrade on ")
	j.see("You can undo this until")
	j.see("10 agents become 3")
	j.inPlace()
	j.focusOn("Downgrade to Free on")
	j.shot("review-downgrade")
	j.pressIn("#review", label, 1)
	j.see("Acme moves to Free on")
	j.inPlace()
	j.see("Scheduled changes")
	j.shot("billing-downgrade-scheduled")
	j.onPlan("Pro")
	j.see("Ends on")
	j.mark()
	j.press("Undo")
	j.see("Acme stays on Pro")
	j.inPlace()
	j.focusOn("Acme stays on Pro")
	j.lacks("Scheduled changes")
	j.see("Renews on")
	j.chargedNothing("Acme", before)

	j.mark()
	j.press("See details")
	j.see("Charge today")
	j.inPlace()
	j.focusOn("Upgrade to Scale")
	j.shot("review-upgrade")
	amount := cents(j.t, j.pressIn("#review", "Upgrade, pay $", 1))
	j.see("Acme is on Scale")
	j.chargedOnce("Acme", before, amount)
	// Down to Pro is a switch at once, with credit.
	j.billing()
	j.press("Switch to Pro, ")
	j.see("Acme is on Pro")
	j.see("credit")
	j.chargedOnce("Acme", before, amount)
	j.shot("billing-switched-down")
}

func checkout(j journey) {
	j.signIn(finn)
	j.see("No card needed")
	j.shot("billing-free")
	j.press("Subscribe, $19.00")
	j.see("Pay by card")
	j.shot("stripe-checkout")
	j.watch.allow("status of 402")
	j.card("4000000000000002")
	j.press("Subscribe, pay $19.00")
	j.see("You have not been charged")
	j.shot("stripe-checkout-declined")
	j.card("4242424242424242")
	j.press("Subscribe, pay $19.00")
	j.see("Fern Garden is on Pro")
	j.see("Renews on")
	j.see("4242")
	j.shot("billing-subscribed")
	j.chargedOnce("Fern Garden", nil, 1900)
	j.onPlan("Pro")
}

// finalizing: whoever comes back before the payment is through sees that it is
// being worked on, nothing to buy, and then the truth by itself.
func finalizing(j journey) {
	j.signIn(finn)
	j.press("Subscribe, $19.00")
	j.see("Pay by card")
	home := journey{j.sibling(), j.demo}
	home.open(j.demo.url + "/settings/billing/success")
	home.see("Finalizing")
	if home.can("Subscribe") || home.can("Upgrade") {
		j.t.Error("something can be bought while a payment is being finalized")
	}
	home.shot("billing-finalizing")
	j.card("4242424242424242")
	j.press("Subscribe, pay $19.00")
	j.see("Fern Garden is on Pro")
	home.see("Renews on")
	home.lacks("Finalizing")
	j.chargedOnce("Fern Garden", nil, 1900)
}

func declined(j journey) {
	before := j.demo.stripe.paid("Dune Freight")
	j.signIn(dee)
	j.watch.allow("status of 402")
	j.mark()
	j.press("Upgrade, pay $")
	j.see("Your bank declined the card")
	j.see("Your plan has not changed")
	j.inPlace()
	j.focusOn("Your bank declined the card")
	if got := eval[string](j.tab, `document.activeElement.getAttribute('role')`); got != "alert" {
		j.t.Errorf("role %q", got)
	}
	j.shot("billing-declined")
	j.chargedNothing("Dune Freight", before)
	j.onPlan("Pro")
}

func secure(j journey) {
	before := j.demo.stripe.paid("Lark & Co")
	j.signIn(lena)
	j.watch.allow("status of 402")
	amount := cents(j.t, j.press("Upgrade, pay $"))
	j.see("Your bank wants to confirm")
	j.shot("billing-needs-bank")
	j.chargedNothing("Lark & Co", before)
	j.onPlan("Pro")
	j.see("Your bank wants to confirm")
	j.press("Confirm with your bank")
	j.confirmAtBank()
	j.onPlan("Scale")
	j.chargedOnce("Lark & Co", before, amount)
	j.lacks("Your bank wants to confirm")
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
	j.shot("stripe-bank")
	j.press("Complete")
	j.see("Paid on")
	j.shot("stripe-invoice-paid")
}

func secureOnApproval(j journey) {
	j.signIn(ada)
	j.useCard("4000002760003184")
	before := j.demo.stripe.paid("Acme")
	r := j.demo.agent().upgrade("scale")
	j.open(r.URL)
	amount := cents(j.t, j.press("Approve, pay $"))
	j.see("Your bank wants to confirm")
	j.shot("approve-needs-bank")
	j.chargedNothing("Acme", before)
	if s := j.demo.agent().poll(r, 0); s.Status != "indeterminate" {
		j.t.Errorf("before the bank's answer the poll says %+v", s)
	}
	j.press("Confirm with your bank")
	j.confirmAtBank()
	eventually(j.t, "the request to complete", patience, func() bool { return j.demo.agent().poll(r, 0).Status == "completed" })
	j.chargedOnce("Acme", before, amount)
	j.open(r.URL)
	j.see("Acme is on Scale")
	j.onPlan("Scale")
}

// doubleClick presses three times before the first answer is there. Scripts drop
// the later presses; without them the form is sent again, and the nonce makes it
// one change.
func doubleClick(j journey) {
	before := j.demo.stripe.paid("Acme")
	j.signIn(ada)
	posts := j.watch.sent()
	amount := cents(j.t, j.pressIn("main", "Upgrade, pay $", 3))
	j.see("Acme is on Scale")
	if n := j.watch.sent() - posts; j.scripts && n != 1 || !j.scripts && n < 2 {
		j.t.Errorf("the form was sent %d times; scripts: %v", n, j.scripts)
	}
	j.chargedOnce("Acme", before, amount)
	j.onPlan("Scale")
	j.chargedOnce("Acme", before, amount)
}

// TestParallelPresses sends one form of the page many times at once.
func TestParallelPresses(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	j := journey{newTab(t, true), d}
	before := d.stripe.paid("Acme")
	j.signIn(ada)
	amount := cents(t, eval[*spot](j.tab, locate+`("Upgrade, pay $", "main")`).Text)
	form := eval[string](j.tab, `new URLSearchParams(new FormData(document.querySelector('form:has(input[name=plan][value=scale])'))).toString()`)
	cookies, err := chromedp.Call(j.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil || len(cookies.Cookies) != 1 {
		t.Fatalf("cookies %v, %v", cookies.Cookies, err)
	}
	session := cookies.Cookies[0]
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answers := make(chan string)
	for range 8 {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/settings/billing/change", strings.NewReader(form))
			if err != nil {
				answers <- err.Error()
				return
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", d.url)
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			req.AddCookie(&http.Cookie{Name: session.Name, Value: session.Value})
			res, err := client.Do(req)
			if err != nil {
				answers <- err.Error()
				return
			}
			_ = res.Body.Close()
			answers <- res.Status
		}()
	}
	for range 8 {
		if answer := <-answers; answer != "303 See Other" {
			t.Errorf("answered %s", answer)
		}
	}
	j.chargedOnce("Acme", before, amount)
	j.onPlan("Scale")
}
