package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/countersignhq/countersign/api"
)

// What people read of the server's answers.

func printStanding(w io.Writer, b api.V1Summary) {
	u, t := b.CapacityUnits, b.Trial
	var f facts
	f.add("Plan", "%s", b.Plan)
	f.add("State", "%s", orDash(b.BillingState))
	if d := b.PastDue; d != nil {
		f.add("Unpaid", "%s", unpaidText(api.PastDue{Plan: d.Plan, AmountCents: d.Amount, Currency: d.Currency, FailedAt: d.FailedAt, KeepUntil: d.KeepUntil, LostAt: d.LostAt, NextTryAt: d.NextTryAt}))
	}
	f.add("Active projects", "%d", b.ActiveProjects)
	if u.Total > 0 {
		f.add("Capacity", "%s", unitsText(u))
	}
	if r := u.PendingReduction; r != nil {
		f.add("Scheduled", "%d units (%d additional) from %s", r.Total, r.AdditionalPurchased, when(r.EffectiveAt))
	}
	f.add("Usage window", "%s to %s", when(b.UsageWindow.StartsAt), when(b.UsageWindow.EndsAt))
	f.add("Trial", "%s", trialText(t))
	f.add("Stripe customer", "%s", orDash(b.StripeCustomerID))
	f.print(w)
	if len(b.Allowances) == 0 {
		return
	}
	rows := [][]string{{"ALLOWANCE", "USED", "LIMIT"}}
	for _, name := range slices.Sorted(maps.Keys(b.Allowances)) {
		a := b.Allowances[name]
		rows = append(rows, []string{name, fmt.Sprint(a.Used), limit(a.Limit)})
	}
	fmt.Fprintln(w)
	columns(w, rows)
}

func unitsText(u api.V1Units) string {
	return fmt.Sprintf("%d units (%d included, %d additional)", u.Total, u.Included, u.AdditionalPurchased)
}

// unpaidText says what a failed payment means: "$49.00 since …, scale until …".
func unpaidText(d api.PastDue) string {
	text := "a payment failed"
	if d.AmountCents != nil && d.Currency != nil {
		text = money(*d.AmountCents, *d.Currency) + " failed"
	}
	text += " on " + whenOr(d.FailedAt, "an unknown day")
	switch {
	case d.KeepUntil != nil:
		text += fmt.Sprintf("; %s until %s", orDash(d.Plan), when(*d.KeepUntil))
	case d.Plan != nil:
		text += fmt.Sprintf("; without %s since %s, until it is paid", *d.Plan, whenOr(d.LostAt, "then"))
	default:
		text += "; the subscription was cancelled"
	}
	if d.NextTryAt != nil {
		text += "; next try " + when(*d.NextTryAt)
	}
	return text
}

func trialText(t api.V1Trial) string {
	switch {
	case t.Active:
		return fmt.Sprintf("%s until %s, %s left", orDash(t.Plan), whenOr(t.EndsAt, "-"), count(int64(t.DaysRemaining), "day"))
	case t.ConvertedAt != nil:
		return fmt.Sprintf("%s, became a subscription on %s", orDash(t.Plan), when(*t.ConvertedAt))
	case t.ExpiredAt != nil:
		return fmt.Sprintf("%s, ended on %s", orDash(t.Plan), when(*t.ExpiredAt))
	case t.UsedAt != nil:
		return fmt.Sprintf("%s, used on %s", orDash(t.Plan), when(*t.UsedAt))
	case t.Available:
		return "can be started"
	}
	return "not available"
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func printSummary(w io.Writer, b api.Summary) {
	var f facts
	f.add("Organisation", "%s (%s)", b.Org.Name, b.Org.ID)
	f.add("Plan", "%s, %s a month", b.PlanName, money(b.MonthlyPriceCents, b.Currency))
	if b.DesignPartner {
		f.add("", "provided free of charge")
	}
	f.add("State", "%s", orDash(b.Status))
	if b.PastDue != nil {
		f.add("Unpaid", "%s", unpaidText(*b.PastDue))
	}
	if b.CurrentPeriodEnd != nil {
		verb := "Renews"
		if b.CancelAtPeriodEnd {
			verb = "Ends"
		}
		f.add(verb, "%s", when(*b.CurrentPeriodEnd))
	}
	if n := b.NextInvoice; n != nil {
		f.add("Next charge", "%s on %s", money(n.AmountCents, n.Currency), when(n.Date))
	}
	if c := b.Card; c != nil {
		f.add("Card", "%s ending %s, expires %02d/%d", c.Brand, c.Last4, c.ExpMonth, c.ExpYear)
	}
	if u := b.CapacityUnits; u != nil {
		f.add("Capacity", "%s", unitsText(api.V1Units{Total: u.Total, Included: u.Included, AdditionalPurchased: u.Additional}))
	}
	if t := b.Trial; t != nil && t.Active {
		f.add("Trial", "%s until %s, %s left", t.Plan, when(t.EndsAt), count(int64(t.DaysRemaining), "day"))
	}
	for _, c := range b.ScheduledChanges {
		f.add("Scheduled", "%s", scheduledText(c))
	}
	if b.PendingApprovals > 0 {
		f.add("Waiting", "%s for approval", count(int64(b.PendingApprovals), "request"))
	}
	if b.Stale {
		f.add("As of", "%s; Stripe does not answer", whenOr(b.SyncedAt, "an unknown time"))
	}
	f.print(w)
	rows := [][]string{{"RESOURCE", "IN USE", "LIMIT", "RESETS"}}
	for _, name := range slices.Sorted(maps.Keys(b.Usage)) {
		u := b.Usage[name]
		rows = append(rows, []string{name, fmt.Sprint(u.Active), limit(u.Cap), whenOr(u.ResetsAt, "-")})
	}
	fmt.Fprintln(w)
	columns(w, rows)
}

func scheduledText(c api.ScheduledChange) string {
	text := fmt.Sprintf("%s to %s", strings.ReplaceAll(c.Kind, "_", " "), c.Plan)
	if c.AdditionalUnits != nil {
		text += fmt.Sprintf(" with %d additional units", *c.AdditionalUnits)
	}
	text += " on " + when(c.EffectiveAt)
	if c.RequestedBy != nil {
		text += ", asked for by " + *c.RequestedBy
	}
	if c.ApprovedBy != nil {
		text += ", approved by " + *c.ApprovedBy
	}
	return text
}

// printPlans has a column for each plan and marks the one in force.
func printPlans(w io.Writer, plans []api.Plan) {
	rows := [][]string{{"PLAN"}, {"price"}, {"units"}, {"trial"}}
	resources := map[string]bool{}
	for _, p := range plans {
		name, price, units, trial := p.ID, "free", "-", "-"
		if p.Current {
			name += " *"
		}
		if p.Interval != nil {
			price = money(p.PriceCents, p.Currency) + " a " + *p.Interval
		}
		if u := p.Units; u != nil {
			units = fmt.Sprintf("%d, up to %d more at %s", u.Included, u.MaxAdditional, money(u.PriceCents, p.Currency))
		}
		if p.TrialDays != nil {
			trial = count(int64(*p.TrialDays), "day")
		}
		for i, cell := range []string{name, price, units, trial} {
			rows[i] = append(rows[i], cell)
		}
		for r := range p.Limits {
			resources[r] = true
		}
	}
	// Neither units nor trials: no row for them.
	rows = slices.DeleteFunc(rows, func(row []string) bool {
		return !slices.ContainsFunc(row[1:], func(cell string) bool { return cell != "-" })
	})
	for _, r := range slices.Sorted(maps.Keys(resources)) {
		row := []string{r}
		for _, p := range plans {
			row = append(row, limit(p.Limits[r]))
		}
		rows = append(rows, row)
	}
	columns(w, rows)
	fmt.Fprintln(w, "\n* in force; limits are without additional units")
}

func printQuote(w io.Writer, q api.Quote) {
	var f facts
	f.add("Change", "%s to %s", q.FromPlan, q.Plan)
	if q.FromUnits != nil && q.Units != nil {
		f.add("Additional units", "%d to %d", *q.FromUnits, *q.Units)
	}
	f.add("Due now", "%s", money(q.AmountDueNowCents, q.Currency))
	if q.CreditCents != 0 {
		f.add("Credit", "%s", money(q.CreditCents, q.Currency))
	}
	if q.TaxCents != 0 {
		f.add("Tax", "%s", money(q.TaxCents, q.Currency))
	}
	then := money(q.RecurringCents, q.Currency)
	if q.Interval != "" {
		then += " a " + q.Interval
	}
	f.add("Then", "%s", then)
	f.add("Takes effect", "%s", whenOr(q.EffectiveAt, "at once"))
	f.add("Next charge", "%s", whenOr(q.NextChargeAt, "none"))
	f.print(w)
	if len(q.Lines) == 0 {
		return
	}
	rows := [][]string{{"LINE", "AMOUNT"}}
	for _, l := range q.Lines {
		rows = append(rows, []string{l.Description, money(l.AmountCents, q.Currency)})
	}
	fmt.Fprintln(w)
	columns(w, rows)
}

func printInvoices(w io.Writer, list []api.Invoice) {
	if len(list) == 0 {
		fmt.Fprintln(w, "There are no invoices.")
		return
	}
	rows := [][]string{{"NUMBER", "DATE", "AMOUNT", "STATUS", "DESCRIPTION"}}
	for _, i := range list {
		rows = append(rows, []string{i.Number, when(i.Date), money(i.Amount, i.Currency), i.Status, i.Description})
	}
	columns(w, rows)
}

func printLimitRequests(w io.Writer, list []api.LimitRequest) {
	if len(list) == 0 {
		fmt.Fprintln(w, "Nothing was asked for.")
		return
	}
	rows := [][]string{{"REQUEST", "KIND", "WANTED", "STATUS", "ASKED", "ANSWER"}}
	for _, r := range list {
		wanted, answer := "-", "-"
		if r.DesiredValue != nil {
			wanted = fmt.Sprint(*r.DesiredValue)
		}
		switch {
		case r.Granted != nil:
			answer = strings.TrimSpace(fmt.Sprintf("%s until %s. %s", limit(r.Granted.Cap), whenOr(r.Granted.Until, "further notice"), r.Granted.Reason))
		case r.Declined != nil:
			answer = r.Declined.Reason
		}
		rows = append(rows, []string{r.Request, r.Kind, wanted, r.Status, when(r.AskedAt), answer})
	}
	columns(w, rows)
}
