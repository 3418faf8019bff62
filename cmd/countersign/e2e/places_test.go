package e2e

import (
	"testing"
)

// place is a product that runs, with a tab: it signs a person in there and
// returns them at Settings → Billing.
type place func(email string) journey

// places are where the states are.
var places = map[string]func(*testing.T) place{
	"flat": inDemo(flat), "units": inDemo(inUnits), "deciding": inDemo(flat), "done": inDemo(flat), "unpaid": inDemo(unpaid), "yen": inDemo(inYen),
	"unset": unset, "down": down, "held": holding,
}

// inDemo is a demo in which one person after the other sits down.
func inDemo(w wares) func(*testing.T) place {
	return func(t *testing.T) place {
		j, last := arrive(t, w, true), ""
		return func(email string) journey {
			switch email {
			case "":
				return journey{newTab(t, true), j.demo}
			case last:
				j.billing()
			default:
				j.signIn(email)
				last = email
			}
			return j
		}
	}
}

// inWorld is Ada in a world, which has her alone.
func inWorld(t *testing.T, w *world) place {
	j := journey{newTab(t, true), &demo{process: w.process, wares: flat, t: t, url: w.url}}
	w.signIn(j.tab)
	return func(string) journey {
		j.billing()
		return j
	}
}

// unset was never told a key of Stripe's.
func unset(t *testing.T) place {
	w := newWorld(t, false)
	w.serve()
	return inWorld(t, w)
}

// down cannot reach Stripe. A request waits there.
func down(t *testing.T) place {
	w := newWorld(t, true)
	w.serve()
	w.agent().upgrade("scale")
	p := inWorld(t, w)
	w.expected = "stripe_unavailable"
	w.gate.close()
	return p
}

// holding shows a request that was approved, while Stripe takes its time.
func holding(t *testing.T) place {
	w := newWorld(t, true)
	w.serve()
	r := w.agent().upgrade("scale")
	owner := newTab(t, true)
	w.signIn(owner)
	owner.open(r.URL)
	held := w.gate.catch(changesSubscription)
	owner.press("Approve, pay $")
	<-held.arrived
	t.Cleanup(func() {
		held.pass <- true
		owner.see("Acme is on Scale")
	})
	other := owner.sibling()
	other.open(r.URL)
	return func(string) journey { return journey{other, nil} }
}
