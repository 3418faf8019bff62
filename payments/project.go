package payments

import (
	"cmp"
	"slices"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// Snapshot is what Stripe says about one customer, as fetched.
type Snapshot struct {
	Customer      *stripe.Customer
	Subscriptions []*stripe.Subscription // in any order
	Upcoming      *stripe.Invoice        // of the live subscription; nil if there will be none
	Invoices      []*stripe.Invoice      // the newest ones, in any order
	// Owed is the newest invoice of a subscription that is behind, with its payment.
	Owed *stripe.Invoice
}

// Projection is a Snapshot in the domain's words.
type Projection struct {
	State    billing.State
	Invoices []billing.Invoice // newest first
	// Warnings are what an operator has to look at; they change nothing here.
	Warnings []Warning
}

// Warning is something at Stripe that should not be.
type Warning struct {
	Code WarningCode
	IDs  []string // of the Stripe objects concerned, sorted
}

// WarningCode says what is wrong.
type WarningCode string

// The warnings.
const (
	WarnDeletedCustomer  WarningCode = "customer_deleted"
	WarnTwoSubscriptions WarningCode = "two_subscriptions" // the older live one counts
	WarnUnknownPrice     WarningCode = "unknown_price"     // in no plan of the catalogue
	WarnTwoPlans         WarningCode = "two_plans"         // in one subscription; the highest counts
	WarnUnclearUnits     WarningCode = "unclear_units"     // additional units of another plan, or twice
)

// Project is pure, and the order of the lists in s makes no difference to it.
//
// With an unknown price State.Plan is empty and State.UnknownPrice set: the
// caller keeps the plan and the units that it has. A deleted customer has an empty
// State.CustomerID and the free plan.
func Project(c *billing.Catalog, s Snapshot) Projection {
	p := projector{catalog: c, s: s}
	p.out.State.Plan = c.Free().ID
	p.out.Invoices = p.invoices()
	if s.Customer == nil || s.Customer.Deleted {
		if s.Customer != nil {
			p.warn(WarnDeletedCustomer, s.Customer.ID)
		}
		return p.out
	}
	p.out.State.CustomerID = s.Customer.ID
	p.out.State.Credit = max(0, -s.Customer.Balance)
	sub := p.pick()
	p.out.State.Card = card(s.Customer, sub)
	if sub != nil {
		p.subscription(sub)
	}
	return p.out
}

type projector struct {
	catalog *billing.Catalog
	s       Snapshot
	out     Projection
}

func (p *projector) warn(code WarningCode, ids ...string) {
	slices.Sort(ids)
	p.out.Warnings = append(p.out.Warnings, Warning{Code: code, IDs: ids})
}

// pick returns the subscription that counts: the oldest live one, else the
// newest of those that are over or never began, else nil.
func (p *projector) pick() *stripe.Subscription {
	live, rest := splitLive(p.s.Subscriptions)
	if len(live) > 1 {
		ids := make([]string, len(live))
		for i, s := range live {
			ids[i] = s.ID
		}
		p.warn(WarnTwoSubscriptions, ids...)
	}
	switch {
	case len(live) > 0:
		kept := slices.MinFunc(live, byAge)
		p.out.State.Duplicates = p.duplicates(live, kept)
		return kept
	case len(rest) > 0:
		return slices.MaxFunc(rest, byAge)
	}
	return nil
}

func splitLive(subs []*stripe.Subscription) (live, rest []*stripe.Subscription) {
	for _, s := range subs {
		if billing.SubscriptionStatus(s.Status).Live() {
			live = append(live, s)
		} else {
			rest = append(rest, s)
		}
	}
	return live, rest
}

// byAge is a total order, so that the pick does not depend on the list's order.
func byAge(a, b *stripe.Subscription) int {
	return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
}

func (p *projector) subscription(sub *stripe.Subscription) {
	st := &p.out.State
	st.SubscriptionID = sub.ID
	st.Status = billing.SubscriptionStatus(sub.Status)
	st.PeriodStart, st.PeriodEnd = unix(sub.CurrentPeriodStart), unix(sub.CurrentPeriodEnd)
	if behind(st.Status) {
		st.PastDueSince = p.owingSince(sub)
	}
	if !st.Status.Live() {
		p.ended(sub)
		return
	}
	st.CancelAtPeriodEnd = endsWithPeriod(sub)
	p.items(sub)
	p.schedule(sub)
	st.Action = p.action(sub)
	if u := p.s.Upcoming; u != nil && !st.CancelAtPeriodEnd {
		st.Next = &billing.NextInvoice{
			Date:   st.PeriodEnd,
			Amount: billing.Money{Amount: u.AmountDue, Currency: string(u.Currency)},
			Lines:  lines(u),
		}
	}
}

// endsWithPeriod reports a scheduled cancellation. Stripe's portal may set a
// cancel_at instead of the flag; at or before the period's end it means the same.
func endsWithPeriod(sub *stripe.Subscription) bool {
	return sub.CancelAtPeriodEnd || sub.CancelAt != 0 && sub.CancelAt <= sub.CurrentPeriodEnd
}

// items finds the plan among the subscription's items, and the units on top.
func (p *projector) items(sub *stripe.Subscription) {
	st := &p.out.State
	var plans, units, unknown []*stripe.SubscriptionItem
	for _, it := range itemsOf(sub) {
		switch _, unit, ok := planOf(p.catalog, it.Price); {
		case !ok:
			unknown = append(unknown, it)
		case unit:
			units = append(units, it)
		default:
			plans = append(plans, it)
		}
	}
	if len(unknown) > 0 {
		p.warn(WarnUnknownPrice, priceIDs(unknown)...)
	}
	if len(plans) > 1 {
		p.warn(WarnTwoPlans, priceIDs(plans)...)
	}
	if len(plans) == 0 {
		st.Plan = ""
		st.UnknownPrice = "none" // nothing but units, or nothing at all
		if len(unknown) > 0 {
			first := slices.MinFunc(unknown, func(a, b *stripe.SubscriptionItem) int { return cmp.Compare(a.ID, b.ID) })
			st.ItemID, st.UnknownPrice = first.ID, priceID(first.Price)
		}
		return
	}
	best := slices.MaxFunc(plans, p.byRank)
	plan, _, _ := planOf(p.catalog, best.Price)
	st.ItemID, st.Plan = best.ID, plan.ID
	p.units(units, plan)
}

func (p *projector) byRank(a, b *stripe.SubscriptionItem) int {
	pa, _, _ := planOf(p.catalog, a.Price)
	pb, _, _ := planOf(p.catalog, b.Price)
	return cmp.Or(cmp.Compare(pa.Rank, pb.Rank), cmp.Compare(b.ID, a.ID))
}

// planOf reads the plan from a price: by lookup key, or, for a price that has
// lost its key to a newer one, by the mark that PushCatalog leaves on it.
func planOf(c *billing.Catalog, pr *stripe.Price) (plan billing.Plan, unit, ok bool) {
	if pr == nil {
		return billing.Plan{}, false, false
	}
	if plan, unit, ok = c.ByLookupKey(pr.LookupKey); ok {
		return plan, unit, true
	}
	plan, ok = c.Plan(pr.Metadata[metaPlan])
	return plan, pr.Metadata[metaUnit] != "", ok && plan.Paid()
}

// action is the open invoice that keeps a change or the subscription waiting.
func (p *projector) action(sub *stripe.Subscription) *billing.PaymentAction {
	if sub.PendingUpdate == nil && !behind(billing.SubscriptionStatus(sub.Status)) {
		return nil
	}
	inv := p.openInvoice(sub)
	if inv == nil {
		return nil
	}
	a := paymentAction(inv)
	if sub.PendingUpdate != nil {
		a.Plan = p.pendingPlan(sub.PendingUpdate, inv)
		return a
	}
	a.NeedsBank = waitsForBank(p.s.Owed, inv.ID)
	return a
}

// waitsForBank reports whether the invoice is the one, and its payer is to confirm
// the payment.
func waitsForBank(inv *stripe.Invoice, id string) bool {
	return inv != nil && inv.ID == id && inv.PaymentIntent != nil && inv.PaymentIntent.Status == stripe.PaymentIntentStatusRequiresAction
}

// behind reports whether a renewal is unpaid.
func behind(s billing.SubscriptionStatus) bool {
	return s == billing.StatusPastDue || s == billing.StatusUnpaid
}

// ended reads why a subscription is over: the last try to collect failed, or
// somebody ended it.
func (p *projector) ended(sub *stripe.Subscription) {
	why := sub.CancellationDetails
	if sub.Status != stripe.SubscriptionStatusCanceled || why == nil || why.Reason != stripe.SubscriptionCancellationDetailsReasonPaymentFailed {
		return
	}
	st := &p.out.State
	st.EndedUnpaidAt, st.PastDueSince = unix(sub.EndedAt), p.owingSince(sub)
	if inv := p.openInvoice(sub); inv != nil {
		st.Action = paymentAction(inv)
	}
}

// pendingPlan is the plan that a pending update leads to: the present one, if it
// is about units only. The price in it may be a bare id; then the invoice's own
// lines say which plan is being paid.
func (p *projector) pendingPlan(u *stripe.SubscriptionPendingUpdate, inv *stripe.Invoice) string {
	var found []string
	add := func(pr *stripe.Price) {
		if plan, unit, ok := planOf(p.catalog, pr); ok && !unit {
			found = append(found, plan.ID)
		}
	}
	for _, it := range u.SubscriptionItems {
		add(it.Price)
	}
	if len(found) == 0 {
		for _, l := range linesOf(inv) {
			if l.Amount > 0 {
				add(l.Price)
			}
		}
	}
	if len(found) == 0 {
		return p.out.State.Plan
	}
	return slices.Min(found)
}

// card is the card that the next charge goes to, if it is a card.
func card(cus *stripe.Customer, sub *stripe.Subscription) *billing.Card {
	var pm *stripe.PaymentMethod
	if cus.InvoiceSettings != nil {
		pm = cus.InvoiceSettings.DefaultPaymentMethod
	}
	if sub != nil && sub.DefaultPaymentMethod != nil {
		pm = sub.DefaultPaymentMethod
	}
	if pm == nil || pm.Card == nil {
		return nil
	}
	return &billing.Card{
		Brand: string(pm.Card.Brand), Last4: pm.Card.Last4,
		ExpMonth: int(pm.Card.ExpMonth), ExpYear: int(pm.Card.ExpYear),
	}
}

func itemsOf(sub *stripe.Subscription) []*stripe.SubscriptionItem {
	if sub.Items == nil {
		return nil
	}
	return sub.Items.Data
}

func priceID(p *stripe.Price) string {
	if p == nil {
		return "none"
	}
	return p.ID
}

func priceIDs(items []*stripe.SubscriptionItem) []string {
	ids := make([]string, len(items))
	for i, it := range items {
		ids[i] = priceID(it.Price)
	}
	return ids
}
