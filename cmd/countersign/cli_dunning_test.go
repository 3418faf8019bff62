package main

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
)

// TestUnpaidText: what `billing get` says of a payment that failed.
func TestUnpaidText(t *testing.T) {
	at := func(day int) *time.Time { d := time.Date(2026, 4, day, 12, 0, 0, 0, time.UTC); return &d }
	amount, currency, plan := int64(4900), "usd", "scale"
	for name, row := range map[string]struct {
		d    api.PastDue
		want string
	}{
		"kept":      {api.PastDue{Plan: &plan, AmountCents: &amount, Currency: &currency, FailedAt: at(2), KeepUntil: at(16), NextTryAt: at(5)}, "$49.00 failed on " + when(*at(2)) + "; scale until " + when(*at(16)) + "; next try " + when(*at(5))},
		"lost":      {api.PastDue{Plan: &plan, AmountCents: &amount, Currency: &currency, FailedAt: at(2), LostAt: at(16)}, "$49.00 failed on " + when(*at(2)) + "; without scale since " + when(*at(16)) + ", until it is paid"},
		"cancelled": {api.PastDue{FailedAt: at(2), LostAt: at(16)}, "a payment failed on " + when(*at(2)) + "; the subscription was cancelled"},
	} {
		if got := unpaidText(row.d); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}
