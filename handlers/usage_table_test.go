package handlers

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestUsageTableIsNoFormula(t *testing.T) {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for id, cell := range map[string]string{
		"agents": "agents", "=1+1": "'=1+1", "+1": "+1", "-1": "-1", "-1+1": "'-1+1", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\rx": "\"'\rx\"",
		`a,"b`: `"a,""b"`, "": "",
	} {
		got, err := usageTable(billing.UsageHistory{
			Resource: billing.Resource{ID: id}, Days: []billing.UsageDay{{Day: day, Value: 1 << 62, Closing: 3}, {Day: day.AddDate(0, 0, 1)}},
			Limits: []billing.Limit{{Value: 10}, {Unlimited: true}},
		})
		if want := "resource,day,value,closing,limit\n" + cell + ",2026-11-23,4611686018427387904,3,10\n" + cell + ",2026-11-24,0,0,unlimited\n"; err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", id, got, err)
		}
	}
}
