package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// action is one kind of step of a history.
type action string

// The actions.
const (
	actAsk       action = "agent asks"
	actCall      action = "agent calls"
	actAgain     action = "agent calls again"
	actWait      action = "agent waits"
	actTrial     action = "trial"
	actReduction action = "reduction, or not"
	actBoundary  action = "time comes to a boundary"
	actRead      action = "everybody reads"
	actLapse     action = "worker ends trials and graces"
	actConfirm   action = "agent confirms"
	actCancel    action = "agent cancels"
	actPoll      action = "agent polls"
	actApprove   action = "person approves"
	actDeny      action = "person denies"
	actClick     action = "person clicks"
	actRevoke    action = "person revokes a key"
	actDemote    action = "person loses the role"
	actPay       action = "person pays a checkout"
	actBank      action = "person answers the bank"
	actPortal    action = "change in the portal"
	actDashboard action = "change in the dashboard"
	actCard      action = "another card"
	actDecline   action = "next payment declined"
	actDeliver   action = "event arrives"
	actTwice     action = "event arrives twice"
	actDrop      action = "events are lost"
	actForge     action = "forged event"
	actSync      action = "worker syncs"
	actRecover   action = "worker recovers"
	actReconcile action = "worker reconciles"
	actExpire    action = "worker expires"
	actClock     action = "time passes"
	actCrash     action = "replica crashes"
	actFault     action = "fault"
)

// weights say how often each action is chosen, in a fixed order.
var weights = []struct {
	action
	n int
}{
	{actConfirm, 140},
	{actApprove, 140},
	{actClick, 110},
	{actDeny, 12},
	{actCancel, 10},
	{actPoll, 10},
	{actRevoke, 4},
	{actDemote, 3},
	{actPay, 25},
	{actBank, 40},
	{actPortal, 15},
	{actDashboard, 15},
	{actCard, 25},
	{actDecline, 15},
	{actDeliver, 80},
	{actTwice, 15},
	{actDrop, 8},
	{actForge, 5},
	{actSync, 40},
	{actRecover, 45},
	{actReconcile, 6},
	{actExpire, 6},
	{actClock, 90},
	{actCrash, 40},
	{actFault, 120},
	{actCall, 60},
	{actAgain, 60},
	{actWait, 20},
	{actTrial, 40},
	{actReduction, 20},
	{actBoundary, 35},
	{actRead, 20},
	{actLapse, 15},
}

// then are the first of weights, by which the histories were made that are kept.
const then = 25

// Step is one thing that happens, and how many pieces of the tasks go on after it.
type Step struct {
	Action  action
	A, B, C uint32 // choices, whatever they are for
	Pieces  int
	Seed    uint64 // of the order in which tasks go on
}

// String implements fmt.Stringer.
func (s Step) String() string {
	return fmt.Sprintf("%s (%d %d %d), then %d pieces", s.Action, s.A%100, s.B%100, s.C%100, s.Pieces)
}

// Plan is a history before it happens.
type Plan struct {
	Seed  uint64
	Steps []Step
}

// String lists the steps.
func (p Plan) String() string {
	var out strings.Builder
	for i, s := range p.Steps {
		fmt.Fprintf(&out, "  %2d. %s\n", i+1, s)
	}
	return out.String()
}

// random is the randomness of a seed: to be repeated, and no secret.
func random(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // see above
}

// NewPlan makes the plan of a seed: 2 to 6 agents' requests among 9 to 28 other
// steps. Many short histories meet more than few long ones.
func NewPlan(seed uint64) Plan { return newPlan(seed, len(weights), 9, 20) }

// LongPlan has 28 to 72 other steps.
func LongPlan(seed uint64) Plan { return newPlan(seed, len(weights), 28, 45) }

// keptPlan is LongPlan as it was when the kept seeds were found.
func keptPlan(seed uint64) Plan { return newPlan(seed, then, 28, 45) }

func newPlan(seed uint64, kinds, least, more int) Plan {
	rnd := random(seed, 0x5eed)
	p := Plan{Seed: seed}
	total := 0
	for _, w := range weights[:kinds] {
		total += w.n
	}
	for range least + rnd.IntN(more) {
		n, i := rnd.IntN(total), 0
		for n >= weights[i].n {
			n -= weights[i].n
			i++
		}
		p.Steps = append(p.Steps, newStep(rnd, weights[i].action))
	}
	for range 2 + rnd.IntN(5) { // most of them early, so that there is something to decide
		at := rnd.IntN(1 + len(p.Steps)*2/3)
		p.Steps = slices.Insert(p.Steps, at, newStep(rnd, actAsk))
	}
	return p
}

func newStep(rnd *rand.Rand, a action) Step {
	s := Step{Action: a, A: rnd.Uint32(), B: rnd.Uint32(), C: rnd.Uint32(), Seed: rnd.Uint64()}
	s.Pieces = rnd.IntN(12)
	if a == actAsk || a == actCall {
		s.Pieces += 10
	}
	return s
}
