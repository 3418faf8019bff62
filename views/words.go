package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

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

// per is how often a price recurs: "a month".
func per(interval string) string {
	if interval == "" {
		return ""
	}
	return "a " + interval
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
