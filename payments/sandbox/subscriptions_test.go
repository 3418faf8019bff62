package sandbox_test

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/payments/sandbox"
)

const half = 15 * 24 * time.Hour // of the period 23 Nov - 23 Dec

func TestSubscribePaysAtOnce(t *testing.T) {
	r := newRig(t)
	sub := r.sub(r.subscribe(r.pro).ID)
	equal(t, "status", sub.Status, stripe.SubscriptionStatusActive)
	equal(t, "period end", sub.CurrentPeriodEnd, time.Date(2026, 12, 23, 10, 0, 0, 0, time.UTC).Unix())
	in := sub.LatestInvoice
	equal(t, "invoice", in.Status, stripe.InvoiceStatusPaid)
	equal(t, "paid", in.AmountPaid, 1900)
	equal(t, "reason", in.BillingReason, stripe.InvoiceBillingReasonSubscriptionCreate)
	equal(t, "line", in.Lines.Data[0].Description, "1 × Pro (at $19.00 / month)")
	equal(t, "intent", in.PaymentIntent.Status, stripe.PaymentIntentStatusSucceeded)
	equal(t, "card", sub.Customer.InvoiceSettings.DefaultPaymentMethod.Card.Last4, "4242")
	equal(t, "charges", len(r.box.Charges(sub.Customer.ID)), 1)
}

func TestUpgradeChargesWhatThePreviewSaid(t *testing.T) {
	for _, passed := range []time.Duration{0, time.Second, 7*24*time.Hour + 11*time.Second, half, 30*24*time.Hour - time.Second} {
		t.Run(passed.String(), func(t *testing.T) {
			r := newRig(t)
			sub := r.subscribe(r.pro)
			r.advance(passed)
			at := r.box.Now()
			up, err := r.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{
				Subscription:                  &sub.ID,
				SubscriptionItems:             []*stripe.SubscriptionItemsParams{{ID: &sub.Items.Data[0].ID, Price: &r.scale}},
				SubscriptionProrationDate:     stripe.Int64(at.Unix()),
				SubscriptionProrationBehavior: stripe.String("always_invoice"),
			})
			must(t, err)
			equal(t, "preview has only prorations", len(up.Lines.Data), 2)
			equal(t, "proration date", up.SubscriptionProrationDate, at.Unix())
			equal(t, "no id", up.ID, "")
			must2 := switchTo(sub, r.scale, "error_if_incomplete", at)
			must2.Metadata = map[string]string{"countersign_intent": "int_1"}
			_, err = r.api.Subscriptions.Update(sub.ID, must2)
			must(t, err)
			got := r.sub(sub.ID)
			equal(t, "price", got.Items.Data[0].Price.ID, r.scale)
			equal(t, "item kept", got.Items.Data[0].ID, sub.Items.Data[0].ID)
			equal(t, "metadata", got.Metadata["countersign_intent"], "int_1")
			equal(t, "total", got.LatestInvoice.Total, up.Total)
			equal(t, "amount due", got.LatestInvoice.AmountDue, up.AmountDue)
			equal(t, "period untouched", got.CurrentPeriodEnd, sub.CurrentPeriodEnd)
		})
	}
}

func TestProrationLines(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	r.advance(half)
	_, err := r.api.Subscriptions.Update(sub.ID, switchTo(sub, r.scale, "error_if_incomplete", r.box.Now()))
	must(t, err)
	lines := r.sub(sub.ID).LatestInvoice.Lines.Data
	equal(t, "lines", len(lines), 2)
	equal(t, "credit", lines[0].Amount, -950)
	equal(t, "credit words", lines[0].Description, "Unused time on Pro after 08 Dec 2026")
	equal(t, "debit", lines[1].Amount, 2450)
	equal(t, "debit words", lines[1].Description, "Remaining time on Scale after 08 Dec 2026")
	equal(t, "proration", lines[0].Proration && lines[1].Proration, true)
	equal(t, "from", lines[1].Period.Start, r.box.Now().Unix())
	equal(t, "to", lines[1].Period.End, sub.CurrentPeriodEnd)
	equal(t, "last charge", r.box.Charges("")[1].Amount, 1500)
}

func TestDowngradeCreditsTheBalanceAndTheNextInvoiceUsesIt(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.scale)
	r.advance(half)
	_, err := r.api.Subscriptions.Update(sub.ID, switchTo(sub, r.pro, "error_if_incomplete", r.box.Now()))
	must(t, err)
	got := r.sub(sub.ID)
	equal(t, "total", got.LatestInvoice.Total, -1500)
	equal(t, "due", got.LatestInvoice.AmountDue, 0)
	equal(t, "paid", got.LatestInvoice.Paid, true)
	equal(t, "balance", got.Customer.Balance, -1500)
	equal(t, "no second charge", len(r.box.Charges("")), 1)
	r.advance(half)
	got = r.sub(sub.ID)
	equal(t, "renewal total", got.LatestInvoice.Total, 1900)
	equal(t, "renewal due", got.LatestInvoice.AmountDue, 400)
	equal(t, "starting balance", got.LatestInvoice.StartingBalance, -1500)
	equal(t, "balance used up", got.Customer.Balance, 0)
	equal(t, "charge", r.box.Charges("")[1].Amount, 400)
}

func TestTinyAmountIsCarriedOver(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	r.advance(29 * 24 * time.Hour)
	_, err := r.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{
		Items:             []*stripe.SubscriptionItemsParams{{Price: &r.unit, Quantity: stripe.Int64(2)}},
		ProrationBehavior: stripe.String("always_invoice"),
	})
	must(t, err)
	got := r.sub(sub.ID)
	equal(t, "items", len(got.Items.Data), 2)
	equal(t, "words", got.LatestInvoice.Lines.Data[0].Description, "Remaining time on 2 × Unit after 22 Dec 2026")
	equal(t, "total", got.LatestInvoice.Total, 7)
	equal(t, "due", got.LatestInvoice.AmountDue, 0)
	equal(t, "owed", got.Customer.Balance, 7)
	r.advance(24 * time.Hour)
	equal(t, "renewal", r.sub(sub.ID).LatestInvoice.AmountDue, 1900+200+7)
}

func TestErrorIfIncompleteChangesNothing(t *testing.T) {
	for card, want := range map[string]struct {
		code    stripe.ErrorCode
		decline stripe.DeclineCode
	}{
		"pm_card_chargeCustomerFail":     {stripe.ErrorCodeCardDeclined, "generic_decline"},
		"pm_card_authenticationRequired": {"subscription_payment_intent_requires_action", ""},
	} {
		t.Run(card, func(t *testing.T) {
			r := newRig(t)
			sub := r.subscribe(r.pro)
			r.useCard(sub.Customer.ID, card)
			before, events := r.sub(sub.ID), len(r.eventTypes())
			_, err := r.api.Subscriptions.Update(sub.ID, switchTo(sub, r.scale, "error_if_incomplete", r.box.Now()))
			e := stripeError(t, err)
			equal(t, "status", e.HTTPStatusCode, 402)
			equal(t, "type", e.Type, stripe.ErrorTypeCard)
			equal(t, "code", e.Code, want.code)
			equal(t, "decline", e.DeclineCode, want.decline)
			after := r.sub(sub.ID)
			equal(t, "price", after.Items.Data[0].Price.ID, r.pro)
			equal(t, "invoice", after.LatestInvoice.ID, before.LatestInvoice.ID)
			equal(t, "balance", after.Customer.Balance, 0)
			equal(t, "events", len(r.eventTypes()), events)
		})
	}
}

func TestPendingIfIncomplete(t *testing.T) {
	pend := func(t *testing.T, card string) (*rig, *stripe.Subscription) {
		r := newRig(t)
		sub := r.subscribe(r.pro)
		r.advance(half)
		r.useCard(sub.Customer.ID, card)
		got, err := r.api.Subscriptions.Update(sub.ID, switchTo(sub, r.scale, "pending_if_incomplete", r.box.Now()))
		must(t, err)
		equal(t, "price waits", got.Items.Data[0].Price.ID, r.pro)
		equal(t, "pending price", got.PendingUpdate.SubscriptionItems[0].Price.ID, r.scale)
		equal(t, "expires", got.PendingUpdate.ExpiresAt, r.box.Now().Add(23*time.Hour).Unix())
		return r, r.sub(sub.ID)
	}
	t.Run("3-D Secure, completed", func(t *testing.T) {
		r, sub := pend(t, "pm_card_authenticationRequired")
		equal(t, "intent", sub.LatestInvoice.PaymentIntent.Status, stripe.PaymentIntentStatusRequiresAction)
		b := &browser{r: r}
		_, page := b.get(sub.LatestInvoice.HostedInvoiceURL)
		has(t, page, "Confirm with your bank")
		_, page = b.post(sub.LatestInvoice.HostedInvoiceURL+"/bank", "outcome", "complete")
		has(t, page, "Paid on 8 December 2026")
		got := r.sub(sub.ID)
		equal(t, "price", got.Items.Data[0].Price.ID, r.scale)
		equal(t, "no pending", got.PendingUpdate == nil, true)
		equal(t, "charge", r.box.Charges("")[1].Amount, 1500)
		has(t, join(r.eventTypes()), "customer.subscription.pending_update_applied")
	})
	t.Run("declined, paid with another card", func(t *testing.T) {
		r, sub := pend(t, "pm_card_chargeCustomerFail")
		equal(t, "intent", sub.LatestInvoice.PaymentIntent.Status, stripe.PaymentIntentStatusRequiresPaymentMethod)
		b := &browser{r: r}
		code, page := b.post(sub.LatestInvoice.HostedInvoiceURL, "number", "4000 0000 0000 0002")
		equal(t, "declined", code, 402)
		has(t, page, "Your card was declined.")
		equal(t, "still waits", r.sub(sub.ID).Items.Data[0].Price.ID, r.pro)
		b.post(sub.LatestInvoice.HostedInvoiceURL, "number", "4242 4242 4242 4242")
		equal(t, "price", r.sub(sub.ID).Items.Data[0].Price.ID, r.scale)
	})
	t.Run("expires after 23 hours", func(t *testing.T) {
		r, sub := pend(t, "pm_card_authenticationRequired")
		r.advance(23*time.Hour - time.Second)
		equal(t, "waits", r.sub(sub.ID).PendingUpdate != nil, true)
		r.advance(time.Second)
		got := r.sub(sub.ID)
		equal(t, "dropped", got.PendingUpdate == nil, true)
		equal(t, "price", got.Items.Data[0].Price.ID, r.pro)
		equal(t, "void", got.LatestInvoice.Status, stripe.InvoiceStatusVoid)
		equal(t, "status", got.Status, stripe.SubscriptionStatusActive)
		has(t, join(r.eventTypes()), "customer.subscription.pending_update_expired")
	})
	t.Run("a second update replaces the first", func(t *testing.T) {
		r, sub := pend(t, "pm_card_authenticationRequired")
		first := sub.LatestInvoice.ID
		_, err := r.api.Subscriptions.Update(sub.ID, switchTo(sub, r.scale, "pending_if_incomplete", r.box.Now()))
		must(t, err)
		in, err := r.api.Invoices.Get(first, nil)
		must(t, err)
		equal(t, "first", in.Status, stripe.InvoiceStatusVoid)
	})
	t.Run("other parameters are refused", func(t *testing.T) {
		r := newRig(t)
		sub := r.subscribe(r.pro)
		p := switchTo(sub, r.scale, "pending_if_incomplete", r.box.Now())
		p.Metadata = map[string]string{"a": "b"}
		_, err := r.api.Subscriptions.Update(sub.ID, p)
		has(t, stripeError(t, err).Msg, "`metadata` is not supported")
		p = switchTo(sub, r.scale, "pending_if_incomplete", r.box.Now())
		p.CancelAtPeriodEnd = stripe.Bool(false)
		_, err = r.api.Subscriptions.Update(sub.ID, p)
		has(t, stripeError(t, err).Msg, "`cancel_at_period_end` is not supported")
	})
}

func TestAllowIncompleteUpdateGoesPastDue(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	r.useCard(sub.Customer.ID, "pm_card_chargeCustomerFail")
	_, err := r.api.Subscriptions.Update(sub.ID, switchTo(sub, r.scale, "allow_incomplete", r.box.Now()))
	must(t, err)
	got := r.sub(sub.ID)
	equal(t, "status", got.Status, stripe.SubscriptionStatusPastDue)
	equal(t, "price", got.Items.Data[0].Price.ID, r.scale)
	r.useCard(sub.Customer.ID, "pm_card_visa")
	_, err = r.api.Invoices.Pay(got.LatestInvoice.ID, nil)
	must(t, err)
	equal(t, "paid", r.sub(sub.ID).Status, stripe.SubscriptionStatusActive)
	_, err = r.api.Invoices.Pay(got.LatestInvoice.ID, nil)
	equal(t, "twice", stripeError(t, err).Msg, "Invoice is already paid")
}

func TestFirstPaymentFails(t *testing.T) {
	r := newRig(t)
	try := func(card, behaviour string) (*stripe.Subscription, error) {
		cus := r.customer(card)
		return r.api.Subscriptions.New(&stripe.SubscriptionParams{
			Customer: &cus, Items: []*stripe.SubscriptionItemsParams{{Price: &r.pro}}, PaymentBehavior: &behaviour,
		})
	}
	sub, err := try("pm_card_chargeCustomerFail", "allow_incomplete")
	must(t, err)
	equal(t, "incomplete", sub.Status, stripe.SubscriptionStatusIncomplete)
	r.advance(23 * time.Hour)
	equal(t, "expired", r.sub(sub.ID).Status, stripe.SubscriptionStatusIncompleteExpired)
	_, err = try("pm_card_chargeCustomerFail", "error_if_incomplete")
	equal(t, "refused", stripeError(t, err).HTTPStatusCode, 402)
	_, err = try("", "allow_incomplete")
	equal(t, "no card", stripeError(t, err).Code, stripe.ErrorCodeResourceMissing)
	sub, err = try("", "default_incomplete")
	must(t, err)
	equal(t, "waits for payment", sub.Status, stripe.SubscriptionStatusIncomplete)
	b := &browser{r: r}
	b.post(r.sub(sub.ID).LatestInvoice.HostedInvoiceURL, "number", "4242424242424242")
	equal(t, "paid by hand", r.sub(sub.ID).Status, stripe.SubscriptionStatusActive)
}

func TestCancelAtPeriodEndAndResume(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	set := func(on bool) *stripe.Subscription {
		got, err := r.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: &on})
		must(t, err)
		return got
	}
	got := set(true)
	equal(t, "cancel at", got.CancelAt, sub.CurrentPeriodEnd)
	_, err := r.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Subscription: &sub.ID})
	e := stripeError(t, err)
	equal(t, "no next invoice", e.Code, stripe.ErrorCodeInvoiceUpcomingNone)
	equal(t, "status", e.HTTPStatusCode, 404)
	equal(t, "resumed", set(false).CancelAt, 0)
	up, err := r.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Subscription: &sub.ID})
	must(t, err)
	equal(t, "next", up.AmountDue, 1900)
	equal(t, "when", up.PeriodEnd, sub.CurrentPeriodEnd)
	set(true)
	r.advance(30*24*time.Hour - time.Second)
	equal(t, "runs on", r.sub(sub.ID).Status, stripe.SubscriptionStatusActive)
	r.advance(time.Second)
	equal(t, "ended", r.sub(sub.ID).Status, stripe.SubscriptionStatusCanceled)
	equal(t, "charges", len(r.box.Charges("")), 1)
	has(t, join(r.eventTypes()), "customer.subscription.deleted")
}

func TestCancelNowWithCredit(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.scale)
	r.advance(half)
	_, err := r.api.Subscriptions.Cancel(sub.ID, &stripe.SubscriptionCancelParams{Prorate: stripe.Bool(true), InvoiceNow: stripe.Bool(true)})
	must(t, err)
	got := r.sub(sub.ID)
	equal(t, "status", got.Status, stripe.SubscriptionStatusCanceled)
	equal(t, "credit", got.Customer.Balance, -2450)
	_, err = r.api.Subscriptions.Cancel(sub.ID, nil)
	equal(t, "again", stripeError(t, err).HTTPStatusCode, 404)
}

func TestRenewalFailsAndIsRetried(t *testing.T) {
	for _, unpaid := range []bool{false, true} {
		r := newRig(t, withUnpaid(unpaid))
		sub := r.subscribe(r.pro)
		r.useCard(sub.Customer.ID, "pm_card_chargeCustomerFail")
		r.advance(30 * 24 * time.Hour)
		got := r.sub(sub.ID)
		equal(t, "status", got.Status, stripe.SubscriptionStatusPastDue)
		equal(t, "invoice", got.LatestInvoice.Status, stripe.InvoiceStatusOpen)
		equal(t, "retry", got.LatestInvoice.NextPaymentAttempt, r.box.Now().Add(3*24*time.Hour).Unix())
		equal(t, "delinquent", got.Customer.Delinquent, true)
		for i, days := range []int{3, 5, 7} {
			r.advance(time.Duration(days) * 24 * time.Hour)
			equal(t, "attempts", r.sub(sub.ID).LatestInvoice.AttemptCount, int64(i+2))
		}
		want := stripe.SubscriptionStatusCanceled
		if unpaid {
			want = stripe.SubscriptionStatusUnpaid
		}
		equal(t, "at last", r.sub(sub.ID).Status, want)
	}
}

func TestRetrySucceeds(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	r.box.FailNextPayment(sub.Customer.ID)
	r.advance(30 * 24 * time.Hour)
	equal(t, "past due", r.sub(sub.ID).Status, stripe.SubscriptionStatusPastDue)
	r.advance(3 * 24 * time.Hour)
	equal(t, "active", r.sub(sub.ID).Status, stripe.SubscriptionStatusActive)
}

func TestRenewalsKeepTheAnchorsDay(t *testing.T) {
	at := time.Date(2027, 1, 31, 8, 30, 0, 0, time.UTC)
	r := newRig(t, withNow(at))
	sub := r.subscribe(r.pro)
	for _, want := range []string{"2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"} {
		end := time.Unix(r.sub(sub.ID).CurrentPeriodEnd, 0).UTC()
		equal(t, "end", end.Format("2006-01-02 15:04"), want+" 08:30")
		must(t, r.box.AdvanceTo(end))
	}
	equal(t, "charges", len(r.box.Charges("")), 5)
}

func TestYearlySwitchStartsANewPeriod(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	year, err := r.api.Prices.New(&stripe.PriceParams{
		Currency: stripe.String("usd"), UnitAmount: stripe.Int64(19000), Product: &sub.Items.Data[0].Price.Product.ID,
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("year")},
	})
	must(t, err)
	r.advance(half)
	_, err = r.api.Subscriptions.Update(sub.ID, switchTo(sub, year.ID, "error_if_incomplete", r.box.Now()))
	must(t, err)
	got := r.sub(sub.ID)
	equal(t, "total", got.LatestInvoice.Total, 19000-950)
	equal(t, "end", got.CurrentPeriodEnd, r.box.Now().AddDate(1, 0, 0).Unix())
}

func TestUpdateMistakes(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	item := sub.Items.Data[0].ID
	for name, c := range map[string]struct {
		p    stripe.SubscriptionParams
		want string
	}{
		"unknown price":     {stripe.SubscriptionParams{Items: []*stripe.SubscriptionItemsParams{{ID: &item, Price: stripe.String("price_x")}}}, "No such price: 'price_x'"},
		"unknown item":      {stripe.SubscriptionParams{Items: []*stripe.SubscriptionItemsParams{{ID: stripe.String("si_x"), Price: &r.scale}}}, "No such subscription_item: 'si_x'"},
		"same price twice":  {stripe.SubscriptionParams{Items: []*stripe.SubscriptionItemsParams{{Price: &r.pro}}}, "Cannot add multiple subscription items"},
		"no item left":      {stripe.SubscriptionParams{Items: []*stripe.SubscriptionItemsParams{{ID: &item, Deleted: stripe.Bool(true)}}}, "must have at least one"},
		"date out of range": {stripe.SubscriptionParams{Items: []*stripe.SubscriptionItemsParams{{ID: &item, Price: &r.scale}}, ProrationDate: stripe.Int64(1)}, "outside of the current period"},
		"foreign card":      {stripe.SubscriptionParams{DefaultPaymentMethod: stripe.String("pm_x")}, "No such PaymentMethod: 'pm_x'"},
		"behaviour":         {stripe.SubscriptionParams{PaymentBehavior: stripe.String("hope")}, "Invalid payment_behavior"},
	} {
		_, err := r.api.Subscriptions.Update(sub.ID, &c.p)
		has(t, name+": "+stripeError(t, err).Msg, c.want)
	}
	equal(t, "price", r.sub(sub.ID).Items.Data[0].Price.ID, r.pro)
}

func TestUnpaidSubscriptionIsNotCharged(t *testing.T) {
	r := newRig(t, withUnpaid(true))
	sub := r.subscribe(r.pro)
	r.useCard(sub.Customer.ID, "pm_card_chargeCustomerFail")
	r.advance(45 * 24 * time.Hour)
	equal(t, "unpaid", r.sub(sub.ID).Status, stripe.SubscriptionStatusUnpaid)
	r.useCard(sub.Customer.ID, "pm_card_visa")
	r.advance(30 * 24 * time.Hour)
	got := r.sub(sub.ID)
	equal(t, "still unpaid", got.Status, stripe.SubscriptionStatusUnpaid)
	equal(t, "invoice waits", got.LatestInvoice.Status, stripe.InvoiceStatusOpen)
	for it := r.api.Invoices.List(&stripe.InvoiceListParams{Subscription: &sub.ID, Status: stripe.String("open")}); it.Next(); {
		_, err := r.api.Invoices.Pay(it.Invoice().ID, nil)
		must(t, err)
	}
	equal(t, "active when all is paid", r.sub(sub.ID).Status, stripe.SubscriptionStatusActive)
}

func TestCreateProrationsWaitForTheRenewal(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	r.advance(half)
	p := switchTo(sub, r.scale, "error_if_incomplete", r.box.Now())
	p.ProrationBehavior = stripe.String("create_prorations")
	_, err := r.api.Subscriptions.Update(sub.ID, p)
	must(t, err)
	equal(t, "no charge now", len(r.box.Charges("")), 1)
	up, err := r.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Customer: &sub.Customer.ID})
	must(t, err)
	equal(t, "announced", up.Total, 4900+1500)
	r.advance(half)
	equal(t, "charged", r.box.Charges("")[1].Amount, 4900+1500)
	r.advance(31 * 24 * time.Hour)
	equal(t, "once", r.box.Charges("")[2].Amount, 4900)
}

func TestRefund(t *testing.T) {
	r := newRig(t)
	in := r.sub(r.subscribe(r.pro).ID).LatestInvoice
	refund := func(amount int64) error {
		p := &stripe.RefundParams{PaymentIntent: &in.PaymentIntent.ID}
		if amount > 0 {
			p.Amount = &amount
		}
		_, err := r.api.Refunds.New(p)
		return err
	}
	must(t, refund(900))
	has(t, stripeError(t, refund(1001)).Msg, "greater than unrefunded amount")
	must(t, refund(0))
	equal(t, "again", stripeError(t, refund(0)).Code, stripe.ErrorCodeChargeAlreadyRefunded)
	equal(t, "refunded", r.box.Charges("")[0].Refunded, 1900)
	ch, err := r.api.Charges.Get(in.Charge.ID, nil)
	must(t, err)
	equal(t, "charge", ch.Refunded && ch.AmountRefunded == 1900, true)
	has(t, join(r.eventTypes()), "charge.refunded")
}

// TestRetriesAreSet: as many tries, and at such pauses, as the options say; each
// failure's event tells when the next one is.
func TestRetriesAreSet(t *testing.T) {
	for name, days := range map[string][]int{"none": {}, "two": {1, 2}, "many": {3, 5, 7, 7, 7}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *sandbox.Options) { o.RetryDays = days })
			sub := r.subscribe(r.pro)
			r.useCard(sub.Customer.ID, "pm_card_chargeCustomerFail")
			at := time.Unix(sub.CurrentPeriodEnd, 0)
			must(t, r.box.AdvanceTo(at))
			for i, d := range days {
				at = at.AddDate(0, 0, d)
				got := r.sub(sub.ID)
				equal(t, "status", got.Status, stripe.SubscriptionStatusPastDue)
				equal(t, "tries", got.LatestInvoice.AttemptCount, int64(i+1))
				equal(t, "next", got.LatestInvoice.NextPaymentAttempt, at.Unix())
				must(t, r.box.AdvanceTo(at))
			}
			got := r.sub(sub.ID)
			equal(t, "at last", got.Status, stripe.SubscriptionStatusCanceled)
			equal(t, "why", got.CancellationDetails.Reason, stripe.SubscriptionCancellationDetailsReasonPaymentFailed)
			equal(t, "no more tries", got.LatestInvoice.NextPaymentAttempt, 0)
			told := r.failures()
			equal(t, "failures told", len(told), len(days)+1)
			equal(t, "the last names no other", told[len(told)-1], 0)
			if len(days) > 0 {
				equal(t, "the first names the second", told[0], time.Unix(sub.CurrentPeriodEnd, 0).AddDate(0, 0, days[0]).Unix())
			}
		})
	}
}

// failures are the next attempts that the events of failed payments told, oldest
// first.
func (r *rig) failures() (next []int64) {
	r.t.Helper()
	it := r.api.Events.List(&stripe.EventListParams{Type: stripe.String("invoice.payment_failed")})
	for it.Next() {
		at, _ := it.Event().Data.Object["next_payment_attempt"].(float64)
		next = append([]int64{int64(at)}, next...)
	}
	must(r.t, it.Err())
	return next
}
