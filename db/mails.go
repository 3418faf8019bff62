package db

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// InsertMails implements billing.MailTx.
func (q queries) InsertMails(ctx context.Context, d billing.MailDraft) error {
	return q.exec(ctx, `INSERT INTO mails (org_id, key, user_id, kind, message, asker, created_at, state, tries, due_at)
		SELECT m.org_id, $2, m.user_id, $3, $4, $5, CAST($6 AS {time}), 'pending', 0, CAST($7 AS {time}) FROM members m
		WHERE m.org_id = $1 AND m.role IN ('owner', 'billing_admin') AND m.user_id <> $8
		AND NOT EXISTS (SELECT 1 FROM instance WHERE restored_at > $9)
		ORDER BY m.user_id
		ON CONFLICT (org_id, key, user_id) DO NOTHING`,
		d.OrgID, d.Key, d.Kind, d.Message, text(d.Asker), stamp(d.At), stamp(d.DueAt), d.Except, stamp(d.FactAt))
}

// WithdrawMails implements billing.MailTx.
func (q queries) WithdrawMails(ctx context.Context, orgID, key string) error {
	return q.exec(ctx, `DELETE FROM mails WHERE org_id = $1 AND key = $2 AND tries = 0`, orgID, key)
}

// CountMails implements billing.MailTx.
func (q queries) CountMails(ctx context.Context, orgID, asker string, since time.Time) (int, error) {
	return one(ctx, q, scalar[int], `SELECT count(DISTINCT key) FROM mails WHERE org_id = $1 AND asker = $2 AND created_at > $3`,
		orgID, asker, stamp(since))
}

func mailFields(m *billing.StoredMail) []any {
	return []any{&m.OrgID, &m.Key, &m.UserID, &m.Kind, &m.Message, (*stamp)(&m.CreatedAt), &m.Tries}
}

// TakeMail implements billing.MailTx. The time from which others may try is the
// lease; the number of tries proves whose it is.
func (q queries) TakeMail(ctx context.Context, now, leaseUntil time.Time) (billing.StoredMail, error) {
	return written(ctx, q, mailFields, `UPDATE mails SET tries = tries + 1, due_at = $2
		WHERE (org_id, key, user_id) IN (SELECT org_id, key, user_id FROM mails WHERE due_at <= $1 ORDER BY due_at LIMIT 1 {skip_locked})
		RETURNING org_id, key, user_id, kind, message, created_at, tries`, stamp(now), stamp(leaseUntil))
}

type addressee struct {
	user billing.User
	role billing.Role
}

// Reader implements billing.MailTx.
func (q queries) Reader(ctx context.Context, orgID, userID string) (billing.User, billing.Role, error) {
	r, err := one(ctx, q, func(r *addressee) []any {
		return []any{&r.user.ID, &r.user.Email, &r.user.Name, (*stamp)(&r.user.CreatedAt), (*text)(&r.role)}
	}, `SELECT u.id, u.email, u.name, u.created_at, m.role FROM users u
		LEFT JOIN members m ON m.user_id = u.id AND m.org_id = $1 WHERE u.id = $2`, orgID, userID)
	return r.user, r.role, err
}

// SettleMail implements billing.MailTx.
func (q queries) SettleMail(ctx context.Context, m billing.StoredMail, to billing.MailState, at time.Time) (bool, error) {
	due, finished := stamp{}, stamp(at)
	if to == billing.MailPending {
		due, finished = finished, due
	}
	return q.guarded(ctx, `UPDATE mails SET state = $5, due_at = $6, finished_at = $7
		WHERE org_id = $1 AND key = $2 AND user_id = $3 AND tries = $4 AND state = 'pending'`,
		m.OrgID, m.Key, m.UserID, m.Tries, to, due, finished)
}

type waitingMails struct {
	n      int
	oldest time.Time
}

// WaitingMails implements billing.MailTx.
func (q queries) WaitingMails(ctx context.Context) (int, time.Time, error) {
	w, err := one(ctx, q, func(w *waitingMails) []any { return []any{&w.n, (*stamp)(&w.oldest)} },
		`SELECT count(*), min(created_at) FROM mails WHERE due_at IS NOT NULL`)
	return w.n, w.oldest, err
}
