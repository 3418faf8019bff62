package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

func upgrade(j journey) {
	before := j.demo.stripe.paid("Acme")
	j.signIn(ada)
	j.mark()
	amount := cents(j.t, j.press("Upgrade, pay $"))
	j.see("Acme is on " + j.demo.top.name)
	j.see(fmt.Sprintf("$%d.%02d was charged", amount/100, amount%100))
	j.inPlace()
	j.focusOn("Acme is on " + j.demo.top.name)
	j.shot("billing-upgraded")
	j.chargedOnce("Acme", before, amount)
	j.onPlan(j.demo.top.name)
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
	j.see(j.demo.lost)
	j.inPlace()
	j.focusOn("Downgrade to Free on")
	j.shot("review-downgrade")
	j.pressIn("#review", label)
	j.see("Acme moves to Free on")
	j.inPlace()
	j.see("Scheduled changes")
	j.onPlan(j.demo.first.name)
	j.see("Ends on")
	j.mark()
	j.press("Undo")
	j.see("Acme stays on " + j.demo.first.name)
	j.inPlace()
	j.focusOn("Acme stays on " + j.demo.first.name)
	j.lacks("Scheduled changes")
	j.see("Renews on")
	j.chargedNothing("Acme", before)

	j.mark()
	j.press("See details")
	j.see("Charge today")
	j.inPlace()
	j.focusOn("Upgrade to " + j.demo.top.name)
	j.shot("review-upgrade")
	amount := cents(j.t, j.pressIn("#review", "Upgrade, pay $"))
	j.see("Acme is on " + j.demo.top.name)
	j.chargedOnce("Acme", before, amount)
	// Down to Pro is a switch at once, with credit.
	j.billing()
	j.press("Switch to " + j.demo.first.name + ", ")
	j.see("Acme is on " + j.demo.first.name)
	j.see("credit")
	j.chargedOnce("Acme", before, amount)
	j.shot("billing-switched-down")
}

func checkout(j journey) {
	j.signIn(finn)
	j.see("No card needed")
	j.press("Subscribe, " + j.demo.first.price)
	j.see("Pay by card")
	j.watch.allow("status of 402")
	j.card("4000000000000002")
	j.press("Subscribe, pay " + j.demo.first.price)
	j.see("You have not been charged")
	j.card("4242424242424242")
	j.press("Subscribe, pay " + j.demo.first.price)
	j.see("Fern Garden is on " + j.demo.first.name)
	j.see("Renews on")
	j.see("4242")
	j.chargedOnce("Fern Garden", nil, j.demo.first.cents())
	j.onPlan(j.demo.first.name)
}

// finalizing: whoever comes back before the payment is through sees that it is
// being worked on, nothing to buy, and then the truth by itself.
func finalizing(j journey) {
	j.signIn(finn)
	j.press("Subscribe, " + j.demo.first.price)
	j.see("Pay by card")
	home := journey{j.sibling(), j.demo}
	home.open(j.demo.url + "/settings/billing/success")
	home.see("Finalizing")
	if home.can("Subscribe") || home.can("Upgrade") {
		j.t.Error("something can be bought while a payment is being finalized")
	}
	j.card("4242424242424242")
	j.press("Subscribe, pay " + j.demo.first.price)
	j.see("Fern Garden is on " + j.demo.first.name)
	home.see("Renews on")
	home.lacks("Finalizing")
	j.chargedOnce("Fern Garden", nil, j.demo.first.cents())
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
	j.chargedNothing("Dune Freight", before)
	j.onPlan(j.demo.first.name)
}

func secure(j journey) {
	before := j.demo.stripe.paid("Lark & Co")
	j.signIn(lena)
	j.watch.allow("status of 402")
	amount := cents(j.t, j.press("Upgrade, pay $"))
	j.see("Your bank wants to confirm")
	j.chargedNothing("Lark & Co", before)
	j.onPlan(j.demo.first.name)
	j.see("Your bank wants to confirm")
	j.press("Confirm with your bank")
	j.confirmAtBank()
	j.onPlan(j.demo.top.name)
	j.chargedOnce("Lark & Co", before, amount)
	j.lacks("Your bank wants to confirm")
}

// TestDoubleClick presses three times before the first answer is there. Scripts
// drop the later presses; without them the form is sent again, and its nonce
// makes it one change.
func TestDoubleClick(t *testing.T) {
	for mode, scripts := range map[string]bool{"scripts": true, "no scripts": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true)
			w.serve()
			b := newTab(t, scripts)
			w.signIn(b)
			before, posts := w.paid(), b.watch.sent()
			held := w.gate.catch(changesSubscription)
			b.press("Upgrade, pay $")
			<-held.arrived
			for i := range 2 {
				b.pressAgain()
				if !scripts {
					eventually(t, "the form to be sent again", patience, func() bool { return b.watch.sent() == posts+2+i })
				}
			}
			held.pass <- true
			b.see("Acme is on Scale")
			if n := b.watch.sent() - posts; scripts && n != 1 {
				t.Errorf("the form was sent %d times", n)
			}
			b.open(w.url + "/settings/billing")
			b.see("$49.00")
			if n := w.paid() - before; n != 1 {
				t.Errorf("charged %d times", n)
			}
		})
	}
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
