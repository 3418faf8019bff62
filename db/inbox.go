package db

import (
	"context"

	"github.com/countersignhq/countersign/billing"
)

func inboxFields(e *billing.InboxEvent) []any {
	return []any{
		&e.ID, &e.Type, (*text)(&e.CustomerID), (*stamp)(&e.CreatedAt), (*text)(&e.OrgID), (*text)(&e.OrgName),
		(*stamp)(&e.ReceivedAt), (*stamp)(&e.DoneAt),
	}
}

// Inbox implements billing.OperatorTx.
func (q queries) Inbox(ctx context.Context, f billing.InboxFilter) ([]billing.InboxEvent, error) {
	waiting := ""
	if f.Waiting {
		waiting = ` AND i.done_at IS NULL AND i.org_id IS NOT NULL`
	}
	return many(ctx, q, inboxFields, `SELECT i.id, i.type, i.customer_id, i.created_at, i.org_id, o.name, i.received_at, i.done_at
		FROM webhook_inbox i LEFT JOIN orgs o ON o.id = i.org_id
		WHERE ($1 = '' OR (i.received_at, i.id) < (SELECT b.received_at, b.id FROM webhook_inbox b WHERE b.id = $1))`+waiting+`
		ORDER BY i.received_at DESC, i.id DESC LIMIT $2`, f.Before, f.Limit)
}

func queueFields(g *billing.Queue) []any { return append(deliveryFields(&g.Head), &g.Waiting) }

// HeldUp implements billing.OutboxTx.
func (q queries) HeldUp(ctx context.Context, limit int) ([]billing.Queue, error) {
	return many(ctx, q, queueFields, `SELECT `+outboxColumns+`, o.name, l.due_at,
		(SELECT count(*) FROM outbox w WHERE w.org_id = l.org_id AND w.state = 'pending')
		FROM outbox_lanes l JOIN orgs o ON o.id = l.org_id JOIN outbox e ON e.org_id = l.org_id
			AND e.seq = (SELECT min(f.seq) FROM outbox f WHERE f.org_id = l.org_id AND f.state = 'pending')
		WHERE l.due_at IS NOT NULL AND e.tries > 0
		ORDER BY l.due_at DESC, l.org_id LIMIT $1`, limit)
}
