package handlers

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing/jsontext"
)

// The two summaries and what the host application may do are asked for far more
// than anything else, so their JSON is written by hand: half of what encoding/json
// takes. A test holds both equal, for every member that the types have.

// writer collects JSON. Its first error stays.
type writer struct {
	b   []byte
	err error
}

// raw writes what is JSON already.
func (w *writer) raw(s string) *writer {
	w.b = append(w.b, s...)
	return w
}

func (w *writer) text(s string) *writer {
	w.b = jsontext.AppendString(w.b, s)
	return w
}

func (w *writer) textOrNull(s *string) *writer {
	if s == nil {
		return w.raw("null")
	}
	return w.text(*s)
}

func (w *writer) number(n int64) *writer {
	w.b = strconv.AppendInt(w.b, n, 10)
	return w
}

func (w *writer) numberOrNull(n *int64) *writer {
	if n == nil {
		return w.raw("null")
	}
	return w.number(*n)
}

func (w *writer) truth(v bool) *writer {
	w.b = strconv.AppendBool(w.b, v)
	return w
}

func (w *writer) time(t time.Time) *writer { return w.wrote(jsontext.AppendTime(w.b, t)) }

func (w *writer) timeOrNull(t *time.Time) *writer {
	if t == nil {
		return w.raw("null")
	}
	return w.time(*t)
}

// value is what is rare enough for the library.
func (w *writer) value(v any) *writer { return w.wrote(jsontext.AppendValue(w.b, v)) }

func (w *writer) wrote(b []byte, err error) *writer {
	if w.b = b; w.err == nil {
		w.err = err
	}
	return w
}

// object writes a map with its names in their order.
func object[T any](w *writer, m map[string]T, each func(w *writer, v T)) *writer {
	if m == nil {
		return w.raw("null")
	}
	names := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(names)
	w.raw("{")
	for i, name := range names {
		if i > 0 {
			w.raw(",")
		}
		each(w.text(name).raw(":"), m[name])
	}
	return w.raw("}")
}

// end is the document, with a new line.
func (w *writer) end() ([]byte, error) { return append(w.b, '\n'), w.err }

func writeSummary(s *api.Summary) ([]byte, error) {
	w := &writer{b: make([]byte, 0, 1200)}
	w.raw(`{"org":{"id":`).text(s.Org.ID).raw(`,"name":`).text(s.Org.Name).raw(`},"plan":`).text(s.Plan)
	w.raw(`,"planName":`).text(s.PlanName).raw(`,"monthlyPriceCents":`).number(s.MonthlyPriceCents).raw(`,"currency":`).text(s.Currency)
	w.raw(`,"status":`).textOrNull(s.Status).raw(`,"cancelAtPeriodEnd":`).truth(s.CancelAtPeriodEnd)
	w.raw(`,"currentPeriodEnd":`).timeOrNull(s.CurrentPeriodEnd).raw(`,"scheduledChanges":`)
	if s.ScheduledChanges != nil && len(s.ScheduledChanges) == 0 {
		w.raw(`[]`)
	} else {
		w.value(s.ScheduledChanges)
	}
	w.raw(`,"nextInvoice":`)
	if n := s.NextInvoice; n == nil {
		w.raw(`null`)
	} else {
		w.raw(`{"date":`).time(n.Date).raw(`,"amountCents":`).number(n.AmountCents).raw(`,"currency":`).text(n.Currency).raw(`}`)
	}
	w.raw(`,"card":`)
	if c := s.Card; c == nil {
		w.raw(`null`)
	} else {
		w.raw(`{"brand":`).text(c.Brand).raw(`,"last4":`).text(c.Last4)
		w.raw(`,"expMonth":`).number(int64(c.ExpMonth)).raw(`,"expYear":`).number(int64(c.ExpYear)).raw(`}`)
	}
	w.raw(`,"designPartner":`).truth(s.DesignPartner).raw(`,"trial":`).optional(s.Trial == nil, s.Trial)
	if s.CapacityUnits != nil {
		w.raw(`,"capacityUnits":`).value(s.CapacityUnits)
	}
	object(w.raw(`,"usage":`), s.Usage, writeUsage).raw(`,"pendingApprovals":`).number(int64(s.PendingApprovals))
	if s.PastDue != nil {
		w.raw(`,"pastDue":`).value(s.PastDue)
	}
	if s.Stale {
		w.raw(`,"stale":true`)
	}
	if s.SyncedAt != nil {
		w.raw(`,"syncedAt":`).time(*s.SyncedAt)
	}
	return w.raw(`}`).end()
}

// optional is null, or a value that most have not.
func (w *writer) optional(none bool, v any) *writer {
	if none {
		return w.raw(`null`)
	}
	return w.value(v)
}

func writeUsage(w *writer, u api.Usage) {
	w.raw(`{"active":`).number(u.Active).raw(`,"cap":`).numberOrNull(u.Cap)
	if u.ResetsAt != nil {
		w.raw(`,"resetsAt":`).time(*u.ResetsAt)
	}
	w.raw(`}`)
}

func writeV1(v *api.V1Billing) ([]byte, error) {
	w, s := &writer{b: make([]byte, 0, 1200)}, &v.Billing
	w.raw(`{"billing":{"plan":`).text(s.Plan).raw(`,"billing_state":`).textOrNull(s.BillingState)
	w.raw(`,"stripe_customer_id":`).textOrNull(s.StripeCustomerID).raw(`,"active_projects":`).number(s.ActiveProjects)
	u := &s.CapacityUnits
	w.raw(`,"capacity_units":{"total":`).number(u.Total).raw(`,"included":`).number(u.Included)
	w.raw(`,"additional_purchased":`).number(u.AdditionalPurchased)
	w.raw(`,"pending_reduction":`).optional(u.PendingReduction == nil, u.PendingReduction)
	w.raw(`},"usage_window":{"starts_at":`).time(s.UsageWindow.StartsAt).raw(`,"ends_at":`).time(s.UsageWindow.EndsAt).raw(`}`)
	object(w.raw(`,"allowances":`), s.Allowances, func(w *writer, a api.V1Allowance) {
		w.raw(`{"used":`).number(a.Used).raw(`,"limit":`).numberOrNull(a.Limit).raw(`}`)
	})
	t := &s.Trial
	w.raw(`,"trial":{"available":`).truth(t.Available).raw(`,"active":`).truth(t.Active).raw(`,"plan":`).textOrNull(t.Plan)
	w.raw(`,"started_at":`).timeOrNull(t.StartedAt).raw(`,"ends_at":`).timeOrNull(t.EndsAt).raw(`,"used_at":`).timeOrNull(t.UsedAt)
	w.raw(`,"converted_at":`).timeOrNull(t.ConvertedAt).raw(`,"expired_at":`).timeOrNull(t.ExpiredAt)
	w.raw(`,"days_remaining":`).number(int64(t.DaysRemaining)).raw(`}`)
	if s.PastDue != nil {
		w.raw(`,"past_due":`).value(s.PastDue)
	}
	return w.raw(`}}`).end()
}

func writeAllowance(a *api.Allowance) ([]byte, error) {
	w := &writer{b: make([]byte, 0, 64)}
	w.raw(`{"allowed":`).truth(a.Allowed).raw(`,"active":`).number(a.Active).raw(`,"cap":`).numberOrNull(a.Cap)
	return w.raw(`}`).end()
}
