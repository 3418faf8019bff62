package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// Mutant is a fault that is put into the mechanism on purpose, to see that the
// invariants notice it. Nil is the product as it is.
type Mutant struct {
	Name      string
	tx        func(r *run, tx billing.Tx) billing.Tx
	processor func(r *run, p billing.Processor) billing.Processor
	wire      func(r *run, req *http.Request)
	event     func(r *run, e billing.Event, body []byte)
	// The doors, which are handlers in the product.
	verify func(body []byte, header string, secrets []string, now time.Time) (billing.Event, error)
	opened func(r *run, s *billing.Service, p billing.Principal, page billing.Request)
	tenant func(p billing.Principal, orgInBody string) billing.Principal
}

// verifyWebhook is the webhook's door.
func (m *Mutant) verifyWebhook(body []byte, header string, secrets []string, now time.Time) (billing.Event, error) {
	if m == nil || m.verify == nil {
		return payments.VerifyWebhook(body, header, secrets, now, false)
	}
	return m.verify(body, header, secrets, now)
}

// onOpened is what the door of the approve page does after it was opened by a GET.
func (m *Mutant) onOpened(r *run, s *billing.Service, p billing.Principal, page billing.Request) {
	if m != nil && m.opened != nil {
		m.opened(r, s, p, page)
	}
}

// forOrg is for whom a request counts that names an org in its body.
func (m *Mutant) forOrg(p billing.Principal, orgInBody string) billing.Principal {
	if m != nil && m.tenant != nil {
		return m.tenant(p, orgInBody)
	}
	return p
}

func (m *Mutant) wrapTx(r *run, tx billing.Tx) billing.Tx {
	if m == nil || m.tx == nil {
		return tx
	}
	return m.tx(r, tx)
}

func (m *Mutant) wrapProcessor(r *run, p billing.Processor) billing.Processor {
	if m == nil || m.processor == nil {
		return p
	}
	return m.processor(r, p)
}

func (m *Mutant) onWire(r *run, req *http.Request) {
	if m != nil && m.wire != nil {
		m.wire(r, req)
	}
}

func (m *Mutant) onEvent(r *run, e billing.Event, body []byte) {
	if m != nil && m.event != nil {
		m.event(r, e, body)
	}
}

// Mutants are put around the product's code, where it meets the store and Stripe:
// nothing in the code itself knows of them.
func Mutants() []*Mutant {
	return []*Mutant{
		{Name: "payload_writes", event: writePayload},
		{Name: "fetch_without_cas", tx: func(_ *run, tx billing.Tx) billing.Tx { return withoutCAS{tx} }},
		{Name: "synced_to_the_end", tx: func(_ *run, tx billing.Tx) billing.Tx { return syncedToTheEnd{tx} }},
		{Name: "event_not_stored", tx: func(_ *run, tx billing.Tx) billing.Tx { return forgetful{tx} }},
		{Name: "check_call_mark", tx: func(_ *run, tx billing.Tx) billing.Tx { return markedLate{tx} }},
		{Name: "consume_then_call", tx: func(r *run, tx billing.Tx) billing.Tx { return inMemory{tx, r} }},
		{Name: "no_lease", tx: func(_ *run, tx billing.Tx) billing.Tx { return leaseless{tx} }},
		{Name: "no_from_state", tx: func(_ *run, tx billing.Tx) billing.Tx { return unguarded{tx} }},
		{Name: "empty_secret_accepted", verify: acceptUnsigned},
		{Name: "get_approves", opened: approveOnGet},
		{Name: "org_from_body", tenant: func(p billing.Principal, org string) billing.Principal { p.OrgID = org; return p }},
		{Name: "token_reusable", tx: func(_ *run, tx billing.Tx) billing.Tx { return reusable{tx} }},
		{Name: "no_audit", tx: func(_ *run, tx billing.Tx) billing.Tx { return silent{tx} }},
		{Name: "replay_5xx", tx: func(r *run, tx billing.Tx) billing.Tx { return faultKeeper{tx, r} }},
		{Name: "new_key_on_retry", wire: newKey},
		{Name: "no_proration_date", wire: noProrationDate},
		{Name: "lost_answer_is_failure", processor: func(_ *run, p billing.Processor) billing.Processor { return hasty{p} }},
	}
}

// writePayload copies the state out of an event, as if it were news.
func writePayload(r *run, e billing.Event, body []byte) {
	var in struct {
		Data struct {
			Object struct {
				Object   string
				Customer string
				Status   string
				Cancel   bool `json:"cancel_at_period_end"`
				Items    struct {
					Data []struct {
						Quantity int64
						Price    struct {
							Key string `json:"lookup_key"`
						}
					}
				}
			}
		}
	}
	o := &in.Data.Object
	if json.Unmarshal(body, &in) != nil || o.Object != "subscription" {
		return
	}
	org, err := r.w.store.OrgByCustomer(r.ctx, o.Customer)
	if err != nil {
		return
	}
	sub, err := r.w.store.Subscription(r.ctx, org)
	if err != nil {
		return
	}
	sub.Status, sub.CancelAtPeriodEnd = billing.SubscriptionStatus(o.Status), o.Cancel
	sub.Units.Additional = 0
	for _, it := range o.Items.Data {
		if plan, unit, ok := r.w.catalog.ByLookupKey(it.Price.Key); ok && unit {
			sub.Units.Additional = it.Quantity
		} else if ok {
			sub.Plan = plan.ID
		}
	}
	sub.SyncedSeq = sub.DirtySeq
	_, _ = r.w.store.SaveState(r.ctx, sub, nil)
}

// withoutCAS writes every reading, whatever was written since it began.
type withoutCAS struct{ billing.Tx }

func (m withoutCAS) SaveState(ctx context.Context, sub billing.Subscription, invoices []billing.Invoice) (bool, error) {
	now, err := m.Subscription(ctx, sub.OrgID)
	if err != nil {
		return false, err
	}
	sub.RowVersion = now.RowVersion
	return m.Tx.SaveState(ctx, sub, invoices)
}

// syncedToTheEnd counts news as seen that came while Stripe was read.
type syncedToTheEnd struct{ billing.Tx }

func (m syncedToTheEnd) SaveState(ctx context.Context, sub billing.Subscription, invoices []billing.Invoice) (bool, error) {
	now, err := m.Subscription(ctx, sub.OrgID)
	if err != nil {
		return false, err
	}
	sub.SyncedSeq = now.DirtySeq
	return m.Tx.SaveState(ctx, sub, invoices)
}

// forgetful acknowledges events without keeping them.
type forgetful struct{ billing.Tx }

func (forgetful) StoreEvent(context.Context, string, billing.Event, time.Time) (bool, error) {
	return true, nil
}

// markedLate writes down that Stripe was called only after the call.
type markedLate struct{ billing.Tx }

func (m markedLate) ClaimIntent(ctx context.Context, orgID, id string, _, _ time.Time) (bool, error) {
	i, err := m.Intent(ctx, orgID, id)
	return err == nil && i.State == billing.IntentPending, err
}

func (m markedLate) SettleIntent(ctx context.Context, i billing.Intent, from billing.IntentState) (bool, error) {
	if from == billing.IntentCalling {
		if _, err := m.Tx.ClaimIntent(ctx, i.OrgID, i.ID, i.FinishedAt, i.FinishedAt); err != nil {
			return false, err
		}
	}
	return m.Tx.SettleIntent(ctx, i, from)
}

// inMemory keeps a pending intent in its own process until it is over.
type inMemory struct {
	billing.Tx
	run *run
}

func (m inMemory) InsertIntent(ctx context.Context, i billing.Intent) (bool, error) {
	if i.ApprovalID == "" {
		return m.Tx.InsertIntent(ctx, i)
	}
	m.run.kept[i.ID] = i
	return true, nil
}

func (m inMemory) ClaimIntent(ctx context.Context, orgID, id string, now, until time.Time) (bool, error) {
	if _, ok := m.run.kept[id]; ok {
		return true, nil
	}
	return m.Tx.ClaimIntent(ctx, orgID, id, now, until)
}

func (m inMemory) SettleIntent(ctx context.Context, i billing.Intent, from billing.IntentState) (bool, error) {
	if kept, ok := m.run.kept[i.ID]; ok {
		delete(m.run.kept, i.ID)
		if _, err := m.Tx.InsertIntent(ctx, kept); err != nil {
			return false, err
		}
		if from == billing.IntentCalling {
			if _, err := m.Tx.ClaimIntent(ctx, i.OrgID, i.ID, i.FinishedAt, i.FinishedAt); err != nil {
				return false, err
			}
		}
	}
	return m.Tx.SettleIntent(ctx, i, from)
}

// leaseless takes over what another process is at.
type leaseless struct{ billing.Tx }

func (m leaseless) TakeStaleIntent(ctx context.Context, now, until time.Time, _ time.Duration) (billing.Intent, error) {
	return m.Tx.TakeStaleIntent(ctx, now.Add(time.Hour), until, 0)
}

// reusable lets a token confirm again what it has confirmed.
type reusable struct{ billing.Tx }

func (m reusable) Token(ctx context.Context, orgID string, hash []byte) (billing.ConfirmToken, error) {
	t, err := m.Tx.Token(ctx, orgID, hash)
	t.UsedAt, t.DeadAt = time.Time{}, time.Time{}
	return t, err
}

func (reusable) UseToken(context.Context, []byte, time.Time) (bool, error) { return true, nil }

func (m reusable) Approval(ctx context.Context, orgID, id string) (billing.Approval, error) {
	a, err := m.Tx.Approval(ctx, orgID, id)
	if a.IntentID != "" {
		a.State = billing.ApprovalPending
	}
	return a, err
}

func (m reusable) Approve(ctx context.Context, d billing.Decision) (bool, error) {
	if a, err := m.Tx.Approval(ctx, d.OrgID, d.ApprovalID); err != nil || a.IntentID != "" {
		return err == nil, err
	}
	return m.Tx.Approve(ctx, d)
}

// faultKeeper keeps a fault as the answer to a call, where the call was to be
// forgotten so that its repetition runs it again.
type faultKeeper struct {
	billing.Tx
	run *run
}

func (m faultKeeper) DropCall(ctx context.Context, c billing.Call) error {
	return m.run.replicas[0].service.FinishCall(ctx, c, billing.Answer{Status: http.StatusServiceUnavailable, Type: "application/problem+json", Body: []byte(`{}`)})
}

// silent does not keep a record of what was done.
type silent struct{ billing.Tx }

func (m silent) Audit(ctx context.Context, e billing.AuditEvent) error {
	if e.Event == "change.done" {
		return nil
	}
	return m.Tx.Audit(ctx, e)
}

// newKey gives each repetition of a call a key of its own.
func newKey(r *run, req *http.Request) {
	key := req.Header.Get("Idempotency-Key")
	if _, ours := intentOf(key); !ours {
		return
	}
	if r.sent[key]++; r.sent[key] > 1 {
		req.Header.Set("Idempotency-Key", fmt.Sprintf("%s.%d", key, r.sent[key]))
	}
}

// noProrationDate lets Stripe compute the price of the moment of the call.
func noProrationDate(_ *run, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	form, err := url.ParseQuery(string(body))
	if err == nil && req.Method == http.MethodPost && form.Has("proration_date") {
		form.Del("proration_date")
		body = []byte(form.Encode())
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// hasty takes a call without an answer for one that failed.
type hasty struct{ billing.Processor }

func (m hasty) Apply(ctx context.Context, o billing.Order) (billing.Applied, error) {
	a, err := m.Processor.Apply(ctx, o)
	if err != nil && !errors.Is(err, billing.ErrStripeBusy) && billing.CodeOf(err) == "internal" {
		err = billing.ErrRejected
	}
	return a, err
}

// unguarded ends an intent whatever state it is in.
type unguarded struct{ billing.Tx }

func (m unguarded) SettleIntent(ctx context.Context, i billing.Intent, _ billing.IntentState) (bool, error) {
	now, err := m.Intent(ctx, i.OrgID, i.ID)
	if err != nil {
		return false, err
	}
	i.Attempt = now.Attempt
	if _, err = m.Tx.SettleIntent(ctx, i, now.State); err != nil {
		return false, err
	}
	return true, nil
}

// acceptUnsigned takes the empty secret for one.
func acceptUnsigned(body []byte, header string, secrets []string, now time.Time) (billing.Event, error) {
	e, err := payments.VerifyWebhook(body, header, secrets, now, false)
	if err != nil && header == sandbox.Sign(body, "", now.Unix()) {
		return billing.Event{ID: "evt_unsigned", CreatedAt: now}, nil
	}
	return e, err
}

// approveOnGet takes the opening of the page for a press on it.
func approveOnGet(r *run, s *billing.Service, p billing.Principal, page billing.Request) {
	_, _ = s.Decide(r.ctx, p, page.Approval.ID, billing.Verdict{Approve: true, OpDigest: page.OpDigest, Sealed: page.Sealed})
}
