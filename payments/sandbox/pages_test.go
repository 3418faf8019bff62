package sandbox_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

func (r *rig) checkout(customer string) *stripe.CheckoutSession {
	r.t.Helper()
	p := &stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), ClientReferenceID: stripe.String("org_1"),
		SuccessURL: stripe.String("http://app.test/done?session={CHECKOUT_SESSION_ID}"), CancelURL: stripe.String("http://app.test/back"),
		LineItems:        []*stripe.CheckoutSessionLineItemParams{{Price: &r.pro, Quantity: stripe.Int64(1)}},
		ExpiresAt:        stripe.Int64(r.box.Now().Add(30 * time.Minute).Unix()),
		SubscriptionData: &stripe.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"org": "org_1"}},
	}
	if customer != "" {
		p.Customer = &customer
	}
	cs, err := r.api.CheckoutSessions.New(p)
	must(r.t, err)
	return cs
}

func TestCheckoutPays(t *testing.T) {
	r := newRig(t)
	cus := r.customer("")
	cs := r.checkout(cus)
	b := &browser{r: r}
	_, page := b.get(cs.URL)
	has(t, page, "Subscribe, pay $19.00")
	has(t, page, "Sandbox: no real money")
	b.post(cs.URL, "number", "4242 4242 4242 4242", "name", "Ada")
	equal(t, "back", b.end, "http://app.test/done?session="+cs.ID)
	p := &stripe.CheckoutSessionParams{}
	p.AddExpand("subscription.latest_invoice")
	p.AddExpand("line_items")
	got, err := r.api.CheckoutSessions.Get(cs.ID, p)
	must(t, err)
	equal(t, "status", got.Status, stripe.CheckoutSessionStatusComplete)
	equal(t, "payment", got.PaymentStatus, stripe.CheckoutSessionPaymentStatusPaid)
	equal(t, "reference", got.ClientReferenceID, "org_1")
	equal(t, "customer", got.Customer.ID, cus)
	equal(t, "line item", got.LineItems.Data[0].AmountTotal, 1900)
	equal(t, "subscription", got.Subscription.Status, stripe.SubscriptionStatusActive)
	equal(t, "its metadata", got.Subscription.Metadata["org"], "org_1")
	equal(t, "invoice", got.Subscription.LatestInvoice.Status, stripe.InvoiceStatusPaid)
	equal(t, "default card", r.sub(got.Subscription.ID).Customer.InvoiceSettings.DefaultPaymentMethod.BillingDetails.Name, "Ada")
	types := join(r.eventTypes())
	for _, want := range []string{"checkout.session.completed", "customer.subscription.created", "invoice.paid", "payment_method.attached"} {
		has(t, types, want)
	}
	b.end = ""
	b.post(cs.URL, "number", "4242 4242 4242 4242")
	equal(t, "a second post only goes back", b.end, "http://app.test/done?session="+cs.ID)
	equal(t, "charges", len(r.box.Charges("")), 1)
}

func TestCheckoutCards(t *testing.T) {
	for _, c := range []struct {
		name, number string
		status       int
		says         string
	}{
		{"declined", "4000000000000002", 402, "Your card was declined."},
		{"no money", "4000000000009995", 402, "Your card has insufficient funds."},
		{"not a test card", "4111111111111111", 422, "not one of the sandbox&#39;s test cards"},
		{"nothing", "", 422, "not one of the sandbox&#39;s test cards"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			cs := r.checkout(r.customer(""))
			b := &browser{r: r}
			code, page := b.post(cs.URL, "number", c.number, "name", "Ada")
			equal(t, "status", code, c.status)
			has(t, page, c.says)
			has(t, page, `value="Ada"`)
			equal(t, "charges", len(r.box.Charges("")), 0)
			b.post(cs.URL, "number", "4242424242424242")
			equal(t, "another card pays", b.end != "", true)
		})
	}
}

func TestCheckoutThreeDSecure(t *testing.T) {
	for number, again := range map[string]bool{"4000002500003155": false, "4000002760003184": true} {
		r := newRig(t)
		cus := r.customer("")
		cs := r.checkout(cus)
		b := &browser{r: r}
		_, page := b.post(cs.URL, "number", number)
		has(t, page, "pretended bank")
		code, page := b.post(cs.URL+"/bank", "outcome", "fail")
		equal(t, "failed", code, 402)
		has(t, page, "could not confirm")
		b.post(cs.URL, "number", number)
		b.post(cs.URL+"/bank", "outcome", "complete")
		equal(t, "paid", strings.HasPrefix(b.end, "http://app.test/done"), true)
		got, err := r.api.CheckoutSessions.Get(cs.ID, nil)
		must(t, err)
		sub := r.sub(got.Subscription.ID)
		_, err = r.api.Subscriptions.Update(sub.ID, switchTo(sub, r.scale, "error_if_incomplete", r.box.Now()))
		equal(t, number+" asks again", err != nil, again)
	}
}

func TestCardThatFailsLater(t *testing.T) {
	r := newRig(t)
	cs := r.checkout("")
	b := &browser{r: r}
	b.post(cs.URL, "number", "4000000000000341", "email", "new@acme.test")
	got, err := r.api.CheckoutSessions.Get(cs.ID, nil)
	must(t, err)
	equal(t, "made a customer", got.CustomerDetails.Email, "new@acme.test")
	sub := r.sub(got.Subscription.ID)
	equal(t, "first payment", sub.Status, stripe.SubscriptionStatusActive)
	r.advance(30 * 24 * time.Hour)
	equal(t, "renewal", r.sub(sub.ID).Status, stripe.SubscriptionStatusPastDue)
}

func TestCheckoutExpires(t *testing.T) {
	r := newRig(t)
	cs, other := r.checkout(""), r.checkout("")
	r.advance(30 * time.Minute)
	b := &browser{r: r}
	code, page := b.post(cs.URL, "number", "4242424242424242")
	equal(t, "gone", code, http.StatusGone)
	has(t, page, "has expired")
	_, err := r.api.CheckoutSessions.Expire(other.ID, nil)
	has(t, stripeError(t, err).Msg, "can be expired")
	third := r.checkout("")
	got, err := r.api.CheckoutSessions.Expire(third.ID, nil)
	must(t, err)
	equal(t, "status", got.Status, stripe.CheckoutSessionStatusExpired)
	equal(t, "no url", got.URL, "")
	p := &stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("http://app.test"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Price: &r.pro, Quantity: stripe.Int64(1)}},
		ExpiresAt: stripe.Int64(r.box.Now().Add(29 * time.Minute).Unix()),
	}
	_, err = r.api.CheckoutSessions.New(p)
	has(t, stripeError(t, err).Msg, "at least 30 minutes")
}

func TestPortal(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	ps, err := r.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Customer: &sub.Customer.ID, ReturnURL: stripe.String("http://app.test/settings"),
	})
	must(t, err)
	b := &browser{r: r}
	_, page := b.get(ps.URL)
	has(t, page, "$19.00 / month")
	has(t, page, "http://app.test/settings")
	b.post(ps.URL+"/cancel", "subscription", sub.ID)
	equal(t, "canceled", r.sub(sub.ID).CancelAtPeriodEnd, true)
	b.post(ps.URL+"/resume", "subscription", sub.ID)
	equal(t, "resumed", r.sub(sub.ID).CancelAtPeriodEnd, false)
	code, _ := b.post(ps.URL+"/card", "number", "4000000000000002")
	equal(t, "declined", code, 402)
	equal(t, "old card", r.sub(sub.ID).Customer.InvoiceSettings.DefaultPaymentMethod.Card.Last4, "4242")
	b.post(ps.URL+"/card", "number", "5555555555554444")
	equal(t, "new card", r.sub(sub.ID).Customer.InvoiceSettings.DefaultPaymentMethod.Card.Last4, "4444")
	other := r.subscribe(r.pro)
	code, _ = b.post(ps.URL+"/cancel", "subscription", other.ID)
	equal(t, "not somebody else's", code, 404)
	r.advance(61 * time.Minute)
	code, _ = b.get(ps.URL)
	equal(t, "expired", code, http.StatusGone)
	ps, err = r.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: &sub.Customer.ID})
	must(t, err)
	r.advance(5*time.Minute + time.Second)
	code, _ = b.get(ps.URL)
	equal(t, "the link lives five minutes", code, http.StatusGone)
}

func TestInvoicePDF(t *testing.T) {
	r := newRig(t)
	in := r.sub(r.subscribe(r.pro).ID).LatestInvoice
	code, body := (&browser{r: r}).get(in.InvoicePDF)
	equal(t, "status", code, 200)
	equal(t, "pdf", strings.HasPrefix(body, "%PDF-1.4") && strings.HasSuffix(body, "%%EOF\n"), true)
	has(t, body, in.Number)
}

func TestControlPage(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	b := &browser{r: r}
	_, page := b.get(r.web.URL + "/")
	has(t, page, "2026-11-23 10:00:00 UTC")
	has(t, page, "owner@acme.test")
	has(t, page, "POST /v1/subscriptions")
	_, page = b.post(r.web.URL+"/control/fail", "customer", sub.Customer.ID)
	has(t, page, "Will fail")
	_, page = b.post(r.web.URL+"/control/advance", "by", "renewal")
	has(t, page, "2026-12-23 10:00:00 UTC")
	has(t, page, "past_due")
	_, page = b.post(r.web.URL+"/control/advance", "by", "day")
	has(t, page, "2026-12-24 10:00:00 UTC")
	_, page = b.post(r.web.URL+"/control/advance", "by", "date", "date", "2026-12-31")
	has(t, page, "2026-12-31 00:00:00 UTC")
	code, _ := b.post(r.web.URL+"/control/advance", "by", "date", "date", "2020-01-01")
	equal(t, "the past", code, 422)
	_, page = b.post(r.web.URL+"/control/events", "mode", "hold")
	has(t, page, "held back: 0")
}

func TestPagesAreGuarded(t *testing.T) {
	r := newRig(t)
	r.checkout("")
	for _, site := range []string{"cross-site", "same-site"} {
		req, _ := http.NewRequest("POST", r.web.URL+"/control/advance", strings.NewReader(url.Values{"by": {"day"}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", site)
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		res.Body.Close()
		equal(t, site, res.StatusCode, 403)
	}
	equal(t, "clock", r.box.Now(), start)
	res, err := http.Get(r.web.URL + "/")
	must(t, err)
	res.Body.Close()
	has(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'")
}

// Nothing inline: the pages must work under the policy that they announce.
func TestPagesHaveNothingInline(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	ps, err := r.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: &sub.Customer.ID})
	must(t, err)
	inline := regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|javascript:`)
	for _, addr := range []string{r.web.URL + "/", r.checkout("").URL, ps.URL, r.sub(sub.ID).LatestInvoice.HostedInvoiceURL} {
		code, page := (&browser{r: r}).get(addr)
		equal(t, addr, code, 200)
		if m := inline.FindString(page); m != "" {
			t.Errorf("%s: inline %q", addr, m)
		}
	}
}
