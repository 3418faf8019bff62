package db

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const subscriptionColumns = `s.org_id{!}, s.customer_id, s.subscription_id, s.item_id, s.status, s.plan{!}, s.period_start,
	s.period_end, s.cancel_at_period_end{!}, s.credit{!}, s.unknown_price, s.card, s.next_invoice, s.action, s.scheduled_by,
	s.version{!}, s.row_version{!}, s.synced_seq{!}, s.synced_at, s.units, s.past_due_since,
	s.ended_unpaid_at, s.lapsed_at, s.dirty_seq{!}, s.trial_plan, s.trial_started_at, s.trial_ends_at,
	s.trial_converted_at, s.trial_expired_at`

// savedFields is how many of the columns SaveState writes; it leaves the count of
// reasons to look and the trial alone.
const savedFields = 23

func subscriptionFields(s *billing.Subscription) []any {
	return []any{
		&s.OrgID, (*text)(&s.CustomerID), (*text)(&s.SubscriptionID), (*text)(&s.ItemID), (*text)(&s.Status), &s.Plan,
		(*stamp)(&s.PeriodStart), (*stamp)(&s.PeriodEnd), &s.CancelAtPeriodEnd, &s.Credit, (*text)(&s.UnknownPrice),
		asJSON(&s.Card), asJSON(&s.Next), asJSON(&s.Action), asJSON(&s.ScheduledBy), &s.Version, &s.RowVersion, &s.SyncedSeq,
		(*stamp)(&s.SyncedAt), asJSON(&s.Units), (*stamp)(&s.PastDueSince), (*stamp)(&s.EndedUnpaidAt), (*stamp)(&s.LapsedAt), &s.DirtySeq, (*text)(&s.Trial.Plan), (*stamp)(&s.Trial.StartedAt),
		(*stamp)(&s.Trial.EndsAt), (*stamp)(&s.Trial.ConvertedAt), (*stamp)(&s.Trial.ExpiredAt),
	}
}

// Subscription implements billing.SubscriptionTx.
func (q queries) Subscription(ctx context.Context, orgID string) (billing.Subscription, error) {
	return one(ctx, q, subscriptionFields, `SELECT `+subscriptionColumns+` FROM subscriptions s WHERE s.org_id = $1`, orgID)
}

// MarkDirty implements billing.SubscriptionTx.
func (q queries) MarkDirty(ctx context.Context, orgID string) error {
	_, err := q.bumpDirty(ctx, orgID)
	if errors.Is(err, billing.ErrNotFound) {
		return nil
	}
	return err
}

// bumpDirty counts one more reason to look at Stripe and returns its number. It
// leaves row_version alone: a sync that is under way may still be saved, and
// the org stays dirty for the next one.
func (q queries) bumpDirty(ctx context.Context, orgID string) (int64, error) {
	return written(ctx, q, scalar[int64], `UPDATE subscriptions SET dirty_seq = dirty_seq + 1,
		dirty_since = CASE WHEN dirty_seq > synced_seq THEN dirty_since ELSE $2 END
		WHERE org_id = $1 RETURNING dirty_seq`, orgID, stamp(q.s.now()))
}

// DirtyOrgs implements billing.SubscriptionTx.
func (q queries) DirtyOrgs(ctx context.Context, limit int) ([]string, error) {
	return many(ctx, q, scalar[string], `SELECT org_id FROM subscriptions WHERE dirty_seq > synced_seq
		ORDER BY dirty_since, org_id LIMIT $1`, limit)
}

// SaveState implements billing.SubscriptionTx.
func (q queries) SaveState(ctx context.Context, sub billing.Subscription, invoices []billing.Invoice) (saved bool, err error) {
	err = q.atomically(ctx, func(q queries) error {
		fields := subscriptionFields(&sub)
		saved, err = q.guarded(ctx, `UPDATE subscriptions SET customer_id = $2, subscription_id = $3, item_id = $4, status = $5,
			plan = $6, period_start = $7, period_end = $8, cancel_at_period_end = $9, credit = $10, unknown_price = $11,
			card = $12, next_invoice = $13, action = $14, scheduled_by = $15, version = $16, row_version = row_version + 1,
			synced_seq = $18, synced_at = $19, units = $20, past_due_since = $21, ended_unpaid_at = $22, lapsed_at = $23
			WHERE org_id = $1 AND row_version = $17`, fields[:savedFields]...)
		if err != nil || !saved {
			return err
		}
		q.changed(sub.OrgID)
		if err := q.replaceInvoices(ctx, sub.OrgID, invoices); err != nil {
			return err
		}
		return q.exec(ctx, `UPDATE webhook_inbox SET done_at = $3
			WHERE org_id = $1 AND done_at IS NULL AND dirty_seq <= $2`, sub.OrgID, sub.SyncedSeq, stamp(sub.SyncedAt))
	})
	return saved, err
}

// MarkRead implements billing.SubscriptionTx. The row stays what it is for a sync
// that is under way.
func (q queries) MarkRead(ctx context.Context, sub billing.Subscription) error {
	return q.exec(ctx, `UPDATE subscriptions SET synced_at = $3 WHERE org_id = $1 AND row_version = $2`,
		sub.OrgID, sub.RowVersion, stamp(sub.SyncedAt))
}

// SetSchedule implements billing.SubscriptionTx. It is a write of the row, so a
// sync that began before starts again instead of writing the old value back.
func (q queries) SetSchedule(ctx context.Context, orgID string, by *billing.Schedule) error {
	return q.exec(ctx, `UPDATE subscriptions SET scheduled_by = $2, row_version = row_version + 1 WHERE org_id = $1`,
		orgID, asJSON(&by))
}

const (
	invoiceColumns = `description, ` + invoiceLine
	invoiceLine    = `id{!}, number{!}, created_at{!}, amount{!}, currency{!}, status{!}, hosted_url{!}, pdf_url{!}`
)

func invoiceFields(i *billing.Invoice) []any {
	return []any{
		&i.Description, &i.ID, &i.Number, (*stamp)(&i.CreatedAt), &i.Amount.Amount, &i.Amount.Currency, &i.Status,
		&i.HostedURL, &i.PDFURL,
	}
}

// replaceInvoices makes the mirror equal to the list for the time that the list
// covers: a reading holds the newest invoices, and the older ones stay, those of
// its oldest moment too. Most syncs find nothing to do.
func (q queries) replaceInvoices(ctx context.Context, orgID string, invoices []billing.Invoice) error {
	if len(invoices) == 0 {
		return nil
	}
	oldest := slices.MinFunc(invoices, func(a, b billing.Invoice) int { return a.CreatedAt.Compare(b.CreatedAt) }).CreatedAt
	have, err := many(ctx, q, invoiceFields, `SELECT `+invoiceColumns+` FROM invoices WHERE org_id = $1 AND created_at >= $2`,
		orgID, stamp(oldest))
	if err != nil {
		return err
	}
	for _, old := range have {
		i := slices.IndexFunc(invoices, func(i billing.Invoice) bool { return i.ID == old.ID })
		if i >= 0 && sameInvoice(invoices[i], old) || i < 0 && !old.CreatedAt.After(oldest) {
			continue
		}
		if err := q.exec(ctx, `DELETE FROM invoices WHERE org_id = $1 AND id = $2`, orgID, old.ID); err != nil {
			return err
		}
	}
	for _, i := range invoices {
		if slices.ContainsFunc(have, func(old billing.Invoice) bool { return sameInvoice(i, old) }) {
			continue
		}
		if err := q.exec(ctx, `INSERT INTO invoices (org_id, `+invoiceColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, append([]any{orgID}, invoiceFields(&i)...)...); err != nil {
			return err
		}
	}
	return nil
}

func sameInvoice(a, b billing.Invoice) bool {
	at := a.CreatedAt
	a.CreatedAt, a.Paid = b.CreatedAt, b.Paid
	return a == b && at.Truncate(time.Microsecond).Equal(b.CreatedAt)
}

var selectInvoices = `SELECT description, ` + lineOf(invoiceLine) + ` FROM invoices`

func invoiceLineFields(i *billing.Invoice) []any { return lineFrom(1, invoiceFields(i)) }

// Invoices implements billing.SubscriptionTx.
func (q queries) Invoices(ctx context.Context, orgID, before string, limit int) ([]billing.Invoice, error) {
	return many(ctx, q, invoiceLineFields, selectInvoices+`
		WHERE org_id = $1 AND ($2 = '' OR (created_at, id) < (SELECT b.created_at, b.id FROM invoices b WHERE b.org_id = $1 AND b.id = $2))
		ORDER BY created_at DESC, id DESC LIMIT $3`, orgID, before, limit)
}

// PaidSince implements billing.SubscriptionTx.
func (q queries) PaidSince(ctx context.Context, orgID string, since time.Time) ([]billing.Invoice, error) {
	return many(ctx, q, func(i *billing.Invoice) []any {
		return []any{(*stamp)(&i.CreatedAt), &i.Amount.Amount, &i.Amount.Currency}
	}, `SELECT created_at, amount, currency FROM invoices
		WHERE org_id = $1 AND created_at >= $2 AND status = 'paid' ORDER BY created_at, id`, orgID, stamp(since))
}

// StoreEvent implements billing.SubscriptionTx. The event takes the number of
// the reason that it is, counted after it was stored: only a sync that began
// later can have seen that number.
func (q queries) StoreEvent(ctx context.Context, orgID string, e billing.Event, receivedAt time.Time) (stored bool, err error) {
	err = q.atomically(ctx, func(q queries) error {
		stored, err = q.guarded(ctx, `INSERT INTO webhook_inbox (id, type, customer_id, org_id, created_at, received_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			e.ID, e.Type, text(e.CustomerID), text(orgID), stamp(e.CreatedAt), stamp(receivedAt))
		if err != nil || !stored || orgID == "" {
			return err
		}
		seq, err := q.bumpDirty(ctx, orgID)
		if err != nil {
			return err
		}
		return q.exec(ctx, `UPDATE webhook_inbox SET dirty_seq = $2 WHERE id = $1`, e.ID, seq)
	})
	return stored, err
}

// EventCursor implements billing.SubscriptionTx; the zero time at the start.
func (q queries) EventCursor(ctx context.Context) (time.Time, error) {
	at, err := one(ctx, q, scalar[stamp], `SELECT at FROM event_cursor WHERE id = 1`)
	if errors.Is(err, billing.ErrNotFound) {
		return time.Time{}, nil
	}
	return time.Time(at), err
}

// SetEventCursor implements billing.SubscriptionTx.
func (q queries) SetEventCursor(ctx context.Context, at time.Time) error {
	return q.exec(ctx, `INSERT INTO event_cursor (id, at, looked_at) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET at = excluded.at, looked_at = excluded.looked_at`, stamp(at), stamp(q.s.now()))
}
