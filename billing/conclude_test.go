package billing

import "testing"

// TestVerdicts: the table in docs/reliability.md.
func TestVerdicts(t *testing.T) {
	paid := Intent{Quote: Quote{Change: Change{Action: ActionChangePlan}}, Attempt: 1}
	free := Intent{Quote: Quote{Change: Change{Action: ActionScheduleDowngrade}}, Attempt: 1}
	last := paid
	last.Attempt = maxAttempts
	second := Intent{Duplicate: "sub_2", Quote: Quote{Change: Change{Action: ActionCancelDuplicate}}, Attempt: 1}
	secondLast := second
	secondLast.Attempt = maxAttempts
	for name, row := range map[string]struct {
		i    Intent
		e    evidence
		want verdict
	}{
		"carried out":                            {paid, evidence{trace: traceFound, sight: SightOther}, verdictTraced},
		"carried out, and a fault":               {paid, evidence{trace: traceFound, sight: SightBefore, faulted: true}, verdictTraced},
		"a fault, all as before":                 {paid, evidence{trace: traceEarly, sight: SightBefore, faulted: true}, verdictAgain},
		"a fault, no event, as before":           {paid, evidence{trace: traceNone, sight: SightBefore, faulted: true}, verdictAgain},
		"a fault, moved on":                      {paid, evidence{trace: traceEarly, sight: SightOther, faulted: true}, verdictLater},
		"a fault, made":                          {paid, evidence{trace: traceEarly, sight: SightDone, faulted: true}, verdictLater},
		"a fault, events too old":                {paid, evidence{sight: SightBefore, faulted: true}, verdictReview},
		"five faults, an event may come":         {last, evidence{trace: traceEarly, sight: SightBefore, faulted: true}, verdictLater},
		"five faults, none came":                 {last, evidence{trace: traceNone, sight: SightBefore, faulted: true}, verdictNotDone},
		"no event yet":                           {paid, evidence{trace: traceEarly, sight: SightBefore}, verdictLater},
		"no event, as before":                    {paid, evidence{trace: traceNone, sight: SightBefore}, verdictNotDone},
		"no event, moved on":                     {paid, evidence{trace: traceNone, sight: SightOther}, verdictNotDone},
		"no event, bought by somebody":           {paid, evidence{trace: traceNone, sight: SightDone}, verdictNotDone},
		"no event, made by somebody":             {free, evidence{trace: traceNone, sight: SightDone}, verdictDone},
		"no event, its first step is made":       {free, evidence{trace: traceNone, sight: SightOther, halved: true}, verdictReview},
		"a fault after its first step":           {free, evidence{trace: traceEarly, sight: SightOther, halved: true, alone: true, faulted: true}, verdictAgain},
		"a fault after its first step, moved on": {free, evidence{trace: traceNone, sight: SightOther, halved: true, faulted: true}, verdictReview},
		"nothing to be known, made":              {paid, evidence{sight: SightDone}, verdictDone},
		"nothing to be known, waits":             {paid, evidence{sight: SightOther, waits: true}, verdictWaits},
		"nothing to be known, as before":         {paid, evidence{sight: SightBefore}, verdictReview},
		"nothing to be known, moved on":          {paid, evidence{sight: SightOther}, verdictReview},
		"a second subscription":                  {second, evidence{sight: SightOther, faulted: true}, verdictAgain},
		"a second subscription, no more":         {secondLast, evidence{sight: SightBefore, faulted: true}, verdictReview},
	} {
		if got := verdictOf(row.i, row.e); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}
