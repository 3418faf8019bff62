package billing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// Drift is state at Stripe that differs from ours although nothing told us of a
// change: no webhook, no event in Stripe's list, no change of our own under way.
// A reading takes it over like everything else; that it was there at all says
// that something is broken.

// DriftKind is what differed.
type DriftKind string

// The kinds of drift.
const (
	DriftPlan     DriftKind = "plan"
	DriftUnits    DriftKind = "units"
	DriftStatus   DriftKind = "status"   // and the period
	DriftSchedule DriftKind = "schedule" // what is to change later
	DriftCustomer DriftKind = "customer" // the card, the credit
	DriftInvoices DriftKind = "invoices"
)

// DriftKinds lists them all.
func DriftKinds() []DriftKind {
	return []DriftKind{DriftPlan, DriftUnits, DriftStatus, DriftSchedule, DriftCustomer, DriftInvoices}
}

// Difference is one thing that Stripe says otherwise than we had it, in words
// without secrets. Of a plan they are its id.
type Difference struct {
	Kind DriftKind `json:"kind"`
	Had  string    `json:"had"`
	Has  string    `json:"has"`
}

// EventDrift is drift in the audit log.
const EventDrift = "drift.found"

// DriftCase is drift that was found, and where.
type DriftCase struct {
	AuditEvent
	OrgName string
}

// DifferencesOf are the differences that an event of the audit log tells of.
func DifferencesOf(e AuditEvent) (list []Difference) {
	raw, err := json.Marshal(e.Facts["differences"])
	if err != nil || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// driftCounts counts by kind since the start.
type driftCounts [6]atomic.Int64

// DriftCounts is how many differences of each kind were drift, since the start.
func (s *Service) DriftCounts() map[DriftKind]int64 {
	all := map[DriftKind]int64{}
	for i, kind := range DriftKinds() {
		all[kind] = s.drift[i].Load()
	}
	return all
}

// watch is a reading that nothing asked for but its caller.
type watch struct {
	by    Actor
	found []Difference  // what Stripe said otherwise than we had it
	drift bool          // nothing had told of it
	asked bool          // Stripe's list of events was read meanwhile
	later bool          // a reading that changes no row is written by the caller,
	same  *Subscription // who finds it here
}

// compare notes what a reading says otherwise than the row before it. again asks
// for another reading: news that is only late must not be taken for drift, so
// Stripe's list of events is read first, once.
func (w *watch) compare(ctx context.Context, s *Service, before, after Subscription, invoices []Invoice) (again bool, err error) {
	w.drift, w.same = false, nil
	if before.SyncedAt.IsZero() {
		return false, nil // never read before
	}
	known, err := s.store.Invoices(ctx, before.OrgID, "", NewestInvoices)
	if err != nil {
		return false, err
	}
	w.found = append(differences(before.State, after.State), invoiceDifferences(known, invoices)...)
	w.drift = len(w.found) > 0 && !before.Dirty()
	if w.drift && !w.asked {
		w.asked = true
		return true, s.Reconcile(ctx)
	}
	if w.later && !before.Dirty() && sameRow(before, after) && sameInvoices(known, invoices) {
		w.same = &after
	}
	return false, nil
}

// unchanged says that there is nothing to write but when it was read.
func (w *watch) unchanged() bool { return w != nil && w.same != nil }

// sameRow reports whether a reading changes nothing of a row but when it was read.
// What has to be acted upon, a second subscription or a deleted customer, is never
// the same.
func sameRow(before, after Subscription) bool {
	if len(after.Duplicates) > 0 || after.CustomerID == "" {
		return false
	}
	after.SyncedAt = before.SyncedAt
	had, err := json.Marshal(before)
	has, err2 := json.Marshal(after)
	return err == nil && err2 == nil && bytes.Equal(had, has)
}

// sameInvoices reports whether the newest that were read are the newest we have.
func sameInvoices(known, read []Invoice) bool {
	return len(read) == 0 || slices.EqualFunc(known, read, func(k, r Invoice) bool {
		at := r.CreatedAt
		r.CreatedAt, r.Paid = k.CreatedAt, nil
		return k == r && k.CreatedAt.Equal(at)
	})
}

// record writes drift into the audit log, unless something told of it or began
// to change it while we were reading.
func (w *watch) record(ctx context.Context, s *Service, tx Tx, orgID string) error {
	if w == nil || !w.drift {
		return nil
	}
	now, err := tx.Subscription(ctx, orgID)
	if err != nil {
		return err
	}
	open, err := tx.OpenIntent(ctx, orgID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if w.drift = !now.Dirty() && open.State != IntentCalling; !w.drift {
		return nil
	}
	return s.audit(ctx, tx, orgID, w.by, EventDrift, orgID, map[string]any{"differences": w.found})
}

// count counts and logs drift that was recorded.
func (w *watch) count(s *Service, orgID string) {
	if w == nil || !w.drift {
		return
	}
	for _, d := range w.found {
		s.drift[slices.Index(DriftKinds(), d.Kind)].Add(1)
		s.log.Error("Stripe says something that nothing told us of", "org", orgID, "kind", d.Kind, "had", d.Had, "has", d.Has)
	}
}

// differences says in what two states differ, in the order of their weight. What
// only passing time changes is none: the next charge and its lines.
func differences(a, b State) (list []Difference) {
	add := func(kind DriftKind, had, has string) {
		if had != has {
			list = append(list, Difference{kind, had, has})
		}
	}
	add(DriftPlan, planWord(a), planWord(b))
	add(DriftUnits, number(a.Units.Additional), number(b.Units.Additional))
	add(DriftStatus, stateWord(a), stateWord(b))
	add(DriftSchedule, scheduleWord(a), scheduleWord(b))
	add(DriftCustomer, customerWord(a), customerWord(b))
	add(DriftInvoices, actionWord(a), actionWord(b))
	return list
}

func number(n int64) string { return fmt.Sprintf("%d", n) }

func planWord(s State) string {
	if s.UnknownPrice != "" {
		return s.Plan + ", at a price that no plan has"
	}
	return s.Plan
}

func stateWord(s State) string {
	switch {
	case s.Status == StatusNone:
		return "no subscription"
	case s.PeriodEnd.IsZero():
		return fmt.Sprintf("%s (%s)", s.Status, s.SubscriptionID)
	}
	return fmt.Sprintf("%s until %s (%s)", s.Status, s.PeriodEnd.UTC().Format(time.DateOnly), s.SubscriptionID)
}

func scheduleWord(s State) string {
	switch {
	case s.CancelAtPeriodEnd:
		return "ends with the period"
	case s.Units.Reducing():
		return fmt.Sprintf("%d units from %s on", s.Units.ReduceTo, s.Units.ReduceAt.UTC().Format(time.DateOnly))
	case s.Units.Foreign:
		return "a schedule of Stripe's dashboard"
	}
	return "nothing scheduled"
}

func customerWord(s State) string {
	word := "no card"
	if c := s.Card; c != nil {
		word = fmt.Sprintf("%s ending %s, %02d/%d", c.Brand, c.Last4, c.ExpMonth, c.ExpYear)
	}
	if s.Credit != 0 {
		word += fmt.Sprintf(", credit %d", s.Credit)
	}
	return word
}

func actionWord(s State) string {
	if s.Action == nil {
		return "nothing to pay"
	}
	return s.Action.InvoiceID + " to pay"
}

// invoiceDifferences compares the invoices of a reading with those that we have.
// Drafts do not count: nothing tells of them before they are final. Nor do
// addresses, which Stripe makes anew.
func invoiceDifferences(known, read []Invoice) (list []Difference) {
	for _, i := range read {
		if i.Status == "draft" {
			continue
		}
		at := slices.IndexFunc(known, func(k Invoice) bool { return k.ID == i.ID })
		had, has := i.ID+" unknown", invoiceWord(i)
		if at >= 0 {
			had = invoiceWord(known[at])
		}
		if had != has {
			list = append(list, Difference{DriftInvoices, had, has})
		}
	}
	return list
}

func invoiceWord(i Invoice) string {
	return fmt.Sprintf("%s %s, %d %s", i.ID, i.Status, i.Amount.Amount, i.Amount.Currency)
}
