package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// Formats of dates. Days stand alone where the hour does not matter; moments
// carry their zone, which is always UTC.
const (
	formatDay      = "2 January 2006"
	formatShortDay = "2 Jan 2006"
	formatDayMonth = "2 Jan"
	formatMoment   = "2 January 2006, 15:04 UTC"
)

func day(t time.Time) Time      { return timeAs(t, formatDay) }
func shortDay(t time.Time) Time { return timeAs(t, formatShortDay) }

// Moment is a time as pages show it.
func Moment(t time.Time) Time { return moment(t) }

func moment(t time.Time) Time { return timeAs(t, formatMoment) }

func timeAs(t time.Time, format string) Time {
	if t.IsZero() {
		return Time{}
	}
	t = t.UTC()
	return Time{ISO: t.Format(time.RFC3339), Text: t.Format(format)}
}

// momentFrom is a moment with its distance from now.
func momentFrom(t, now time.Time) Time {
	out := moment(t)
	if !t.IsZero() {
		out.Relative = relative(t, now)
	}
	return out
}

// relative says how far t is from now, in one unit.
func relative(t, now time.Time) string {
	d := t.Sub(now)
	words := distance(d.Abs())
	switch {
	case words == "":
		return "just now"
	case d > 0:
		return "in " + words
	}
	return words + " ago"
}

// distance is d in its largest whole unit; empty below a minute.
func distance(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int64(d / unit.size); n == 1 {
			return "1 " + unit.name
		} else if n > 1 {
			return strconv.FormatInt(n, 10) + " " + unit.name + "s"
		}
	}
	return ""
}

// money writes minor units of a currency: "$19.00", "−$9.50".
func money(amount int64, currency string) string {
	return strings.Replace(billing.Money{Amount: amount, Currency: currency}.String(), "-", "−", 1)
}

// per is how often a price recurs: "a month".
func per(interval string) string {
	if interval == "" {
		return ""
	}
	return "a " + interval
}

// price writes a recurring price: "$19.00 a month".
func price(amount int64, currency, interval string) string {
	return strings.TrimSpace(money(amount, currency) + " " + per(interval))
}

// number writes a count with its thousands apart: "10,000".
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// limitOf writes what a plan allows of a resource: "10 agents",
// "10,000 API calls a month", "Unlimited rows".
func limitOf(r billing.Resource, l billing.Limit) string {
	if l.Unlimited {
		return "Unlimited " + r.Plural
	}
	words := number(l.Value) + " " + r.Label(l.Value)
	if r.Kind == billing.Counter {
		words += " a month"
	}
	return words
}

var brands = map[string]string{
	"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover",
	"diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay",
}

func brand(s string) string {
	if name, ok := brands[s]; ok {
		return name
	}
	return "Card"
}

// cardWords is "Visa ending 4242".
func cardWords(c *billing.Card) string {
	if c == nil {
		return ""
	}
	return brand(c.Brand) + " ending " + c.Last4
}

// actor is how somebody is called: a person by name, an agent as such.
func actor(a billing.Actor) string {
	switch {
	case a.Kind == billing.KindAgent:
		return "agent " + a.Name
	case a.Name == "":
		return "somebody"
	}
	return a.Name
}

// names lists people: "Ada Lovelace, Grace Hopper".
func names(list []billing.Membership) string {
	var out []string
	for _, m := range list {
		name := m.User.Name
		if name == "" {
			name = m.User.Email
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// askOwner is what somebody reads who may look and not act.
func askOwner(owners []billing.Membership) string {
	if len(owners) == 0 {
		return "Ask an owner of the organisation."
	}
	return fmt.Sprintf("Ask an owner: %s.", names(owners))
}

// capital makes the first letter upper-case: resource labels are lower-case in
// the catalogue.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// planName is a plan's name, or its id when the catalogue no longer has it.
func planName(c *billing.Catalog, id string) string {
	if p, ok := c.Plan(id); ok {
		return p.Name
	}
	return id
}
