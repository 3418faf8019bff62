package billing

import (
	"testing"
	"time"
)

// TestAchieved: what is to be seen at Stripe says whether a change of units was
// made whose answer is lost.
func TestAchieved(t *testing.T) {
	at := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	has := func(additional int64) BoughtUnits { return BoughtUnits{Additional: additional} }
	reducing := BoughtUnits{Additional: 5, ReduceTo: 1, ReduceAt: at}
	for name, row := range map[string]struct {
		action Action
		to     int64
		status SubscriptionStatus
		units  BoughtUnits
		want   bool
	}{
		"more":                        {ActionIncrease, 5, StatusActive, has(5), true},
		"not yet more":                {ActionIncrease, 5, StatusActive, has(2), false},
		"fewer to come":               {ActionReduce, 1, StatusActive, reducing, true},
		"fewer by now":                {ActionReduce, 1, StatusActive, has(1), true},
		"another reduction":           {ActionReduce, 2, StatusActive, reducing, false},
		"no reduction":                {ActionReduce, 1, StatusActive, has(5), false},
		"kept":                        {ActionKeepCapacity, 5, StatusActive, has(5), true},
		"not kept":                    {ActionKeepCapacity, 5, StatusActive, reducing, false},
		"reduced before it was kept":  {ActionKeepCapacity, 5, StatusActive, has(1), false},
		"ended before it was kept":    {ActionKeepCapacity, 5, StatusCanceled, has(5), false},
		"ended before it became more": {ActionIncrease, 5, StatusCanceled, has(5), false},
	} {
		i := Intent{Quote: Quote{Change: Change{Action: row.action}, ToUnits: row.to}}
		if got := achieved(i, Subscription{State: State{Status: row.status, Units: row.units}}); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
