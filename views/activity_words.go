package views

import (
	"strings"

	"github.com/countersignhq/countersign/billing"
)

// fact reads what the audit log knows of one event. What is missing, or of
// another kind than it should be, is left out: old entries stay readable.
type fact struct {
	Locale
	billing.AuditEvent
	catalog *billing.Catalog
}

func (in Locale) factOf(c *billing.Catalog, e billing.AuditEvent) fact { return fact{in, e, c} }

func (f fact) text(name string) string {
	s, _ := f.Facts[name].(string)
	return s
}

// amount is a whole number. JSON has none: it is a float64 once it was stored.
func (f fact) amount(name string) int64 {
	n, _ := f.Facts[name].(float64)
	return int64(n)
}

func (f fact) plan(name string) string { return planName(f.catalog, f.text(name)) }

func (f fact) sum(name, after string) string {
	if n := f.amount(name); n > 0 {
		return f.Locale.money(n, f.catalog.Currency) + " " + after
	}
	return ""
}

// request is the id of the request that it is about.
func (f fact) request() string {
	for _, id := range []string{f.Subject, f.text("request")} {
		if strings.HasPrefix(id, "apr_") {
			return id
		}
	}
	return ""
}

func (f fact) resource(name string) string {
	if r, ok := f.catalog.Resource(f.text(name)); ok {
		return r.Plural
	}
	return f.text(name)
}

// limit is a number, or none at all.
func (f fact) limit(name string) string {
	v, there := f.Facts[name]
	if there && v == nil {
		return copyUnlimited
	}
	return f.number(f.amount(name))
}

// aim is what a change is to do: "switch to Scale".
func (f fact) aim() string {
	switch billing.Action(f.text("action")) {
	case billing.ActionChangePlan:
		return "switch to " + f.plan("plan")
	case billing.ActionResume:
		return "keep the plan"
	case billing.ActionScheduleDowngrade:
		return "downgrade at the end of the period"
	case billing.ActionIncrease:
		return "add capacity"
	case billing.ActionReduce:
		return "reduce capacity at the end of the period"
	case billing.ActionKeepCapacity:
		return "keep the capacity"
	case billing.ActionStartTrial:
		return "start a trial of " + f.plan("plan")
	case billing.ActionCancelDuplicate:
		return "end a second subscription"
	}
	return "change the plan"
}

func (f fact) units(which string) string {
	plan, _ := f.catalog.Plan(f.text(which))
	return f.number(plan.With(f.amount(which + "_units")).TotalUnits())
}

// together joins what there is to add.
func together(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

// words are an event's. Each family has a function of its own.
func (f fact) words(event string) (what, detail string) {
	family, verb, _ := strings.Cut(event, ".")
	switch family {
	case "approval":
		return f.approval(verb)
	case "change":
		return f.change(verb)
	case "plan", "capacity", "state":
		return f.inForce(family), ""
	case "limit", "override":
		return f.limits(event)
	case "org":
		return f.org(verb)
	case "member", "signin":
		return f.people(event), ""
	case "agent", "key", "token":
		return f.keys(event)
	}
	return f.rest(event)
}

func (f fact) approval(verb string) (what, detail string) {
	due := f.sum("due_now", "due now")
	switch verb {
	case "requested":
		return "Asked to " + f.aim(), due
	case "approved":
		return "Approved a request", due
	case "denied":
		return "Denied a request", ""
	case "canceled":
		return "Withdrew a request", ""
	case "expired":
		return "A request ended: nobody answered in time", ""
	case "superseded":
		return "Replaced a request by another one", ""
	case "invalidated":
		return "A request became void: the key that made it was revoked", ""
	}
	return f.rest(f.Event)
}

func (f fact) change(verb string) (what, detail string) {
	switch verb {
	case "requested":
		return "Ordered to " + f.aim(), f.sum("due_now", "due now")
	case "done":
		if f.text("failure") != "" {
			return "A change waits for the bank", ""
		}
		return "A change was carried out", together(f.sum("charged", "charged"), f.sum("credited", "credited"), f.sum("refunded", "refunded"))
	case "failed":
		return "A change failed", "Nothing changed"
	case "refused":
		return "A change was not carried out", "Something else had changed before"
	case "needs_review":
		return "A change is being checked", "Stripe's answer was lost"
	}
	return f.rest(f.Event)
}

// inForce is what counts from then on.
func (f fact) inForce(family string) string {
	switch family {
	case "plan":
		return "Plan in force: " + f.plan("from") + " → " + f.plan("to")
	case "capacity":
		return "Capacity in force: " + f.units("from") + " → " + f.units("to") + " units"
	}
	return "Subscription: " + statusName(f.text("from")) + " → " + statusName(f.text("to"))
}

func statusName(s string) string {
	switch billing.SubscriptionStatus(s) {
	case billing.StatusActive, billing.StatusUnpaid:
		return s
	case billing.StatusCanceled:
		return "cancelled"
	case billing.StatusTrialing:
		return "in trial"
	case billing.StatusPastDue:
		return "past due"
	case billing.StatusIncomplete:
		return "payment not finished"
	case billing.StatusIncompleteExpired:
		return "never paid"
	}
	return "none"
}

func (f fact) limits(event string) (what, detail string) {
	switch event {
	case "limit.requested":
		if f.amount("desired") > 0 {
			detail = f.number(f.amount("desired")) + " wanted"
		}
		return "Asked for more " + f.resource("kind"), detail
	case "limit.granted":
		return "Granted a higher limit of " + f.resource("resource"), f.limit("cap")
	case "limit.declined":
		return "Declined a higher limit", f.text("reason")
	case "override.set":
		return "Set a limit of " + f.resource("resource"), f.limit("cap")
	case "override.ended":
		return "Ended the limit of your own of " + f.resource("resource"), ""
	}
	return f.rest(event)
}

func (f fact) org(verb string) (what, detail string) {
	switch verb {
	case "created":
		return "Created the organisation", f.text("name")
	case "renamed":
		return "Renamed the organisation", f.text("before") + " → " + f.text("name")
	case "moved":
		return "Changed the time zone or the language", together(f.text("time_zone"), f.text("locale"))
	case "synced":
		return "Compared the subscription with Stripe", ""
	case "admin_override":
		if f.text("value") == "" {
			return "Took back the plan that was free of charge", ""
		}
		return "Gave a plan free of charge", f.plan("value")
	case "design_partner":
		if on, _ := f.Facts["value"].(bool); on {
			return "Made the organisation a design partner", ""
		}
		return "Ended the design partnership", ""
	}
	return f.rest(f.Event)
}

func (f fact) people(event string) string {
	role, _ := roleWords(billing.Role(f.text("role")))
	switch event {
	case "member.added":
		return "Added " + f.text("email") + " as " + lowerFirst(role.Text)
	case "member.removed":
		return "Removed " + f.text("email")
	case "member.renamed":
		return "Changed the name of " + f.text("email")
	case "member.role_changed":
		return "Made " + f.text("email") + " " + lowerFirst(role.Text)
	case "signin.linked":
		return "Signed somebody in"
	}
	what, _ := f.rest(event)
	return what
}

func (f fact) keys(event string) (what, detail string) {
	if prefix := f.text("prefix"); prefix != "" {
		detail = prefix + "…"
	}
	key := "an agent's key"
	if name := f.text("name"); name != "" {
		key = "a key of " + name
	}
	switch event {
	case "agent.created":
		return "Created the agent " + f.text("name"), detail
	case "agent.renamed":
		return "Renamed an agent", f.text("before") + " → " + f.text("name")
	case "key.issued":
		return "Created another key of " + f.text("name"), detail
	case "key.paused":
		return "Paused " + key, ""
	case "key.resumed":
		return "Lifted the pause of " + key, ""
	case "key.revoked":
		return "Revoked " + key, ""
	case "token.issued":
		return "Created a token for themselves", detail
	case "token.revoked":
		return "Revoked a token of their own", ""
	}
	return f.rest(event)
}

func (f fact) rest(event string) (what, detail string) {
	switch event {
	case billing.EventCustomerReleased:
		return "The customer was deleted at Stripe", ""
	case billing.EventDrift:
		return "Something was different at Stripe and was taken over", ""
	case "review.looked":
		return "Looked at a change that is being checked", ""
	case "webhook.replayed":
		return "Sent a message to your application again", f.text("type")
	}
	return event, ""
}
