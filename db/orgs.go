package db

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const (
	orgColumns = `o.name, ` + orgLine
	orgLine    = `o.id{!}, o.customer_id, o.design_partner{!}, o.checkout_seq{!}, o.checkout, o.created_at{!}, o.given_plan, o.time_zone, o.locale`

	insertOrg = `INSERT INTO orgs (name, id, customer_id, design_partner, checkout_seq, checkout, created_at, given_plan, time_zone, locale)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
)

func orgFields(o *billing.Org) []any {
	return []any{
		&o.Name, &o.ID, (*text)(&o.CustomerID), &o.DesignPartner, &o.CheckoutSeq, asJSON(&o.Checkout), (*stamp)(&o.CreatedAt),
		(*text)(&o.GivenPlan), (*text)(&o.Region.TimeZone), (*text)(&o.Region.Locale),
	}
}

// Now is the clock that was handed in, or the database's.
func (q queries) Now(ctx context.Context) (time.Time, error) {
	if q.s.engine == postgresEngine && q.s.clock == nil {
		t, err := one(ctx, q, scalar[stamp], `SELECT clock_timestamp()`)
		return time.Time(t), err
	}
	return q.s.now(), nil
}

// now is this process's time as it would come back from the database.
func (s *Store) now() time.Time { return s.wall().UTC().Truncate(time.Microsecond) }

// LockOrg implements billing.OrgTx; ErrNotFound if there is no such org.
func (q queries) LockOrg(ctx context.Context, orgID string) error {
	_, err := one(ctx, q, scalar[string], `SELECT id FROM orgs WHERE id = $1 {for_update}`, orgID)
	return err
}

// InsertOrg implements billing.OrgTx.
func (q queries) InsertOrg(ctx context.Context, org billing.Org, freePlan string) error {
	return q.atomically(ctx, func(q queries) error {
		err := q.exec(ctx, insertOrg, orgFields(&org)...)
		if err != nil {
			return err
		}
		return q.insertFreeSubscription(ctx, org.ID, freePlan)
	})
}

func (q queries) insertFreeSubscription(ctx context.Context, orgID, plan string) error {
	return q.exec(ctx, `INSERT INTO subscriptions (org_id, plan, cancel_at_period_end, credit, version, row_version, dirty_seq, synced_seq)
		VALUES ($1, $2, $3, 0, 1, 1, 0, 0)`, orgID, plan, false)
}

// Org implements billing.OrgTx.
func (q queries) Org(ctx context.Context, orgID string) (billing.Org, error) {
	return one(ctx, q, orgFields, `SELECT `+orgColumns+` FROM orgs o WHERE o.id = $1`, orgID)
}

// OrgByCustomer implements billing.OrgTx.
func (q queries) OrgByCustomer(ctx context.Context, customerID string) (string, error) {
	return one(ctx, q, scalar[string], `SELECT id FROM orgs WHERE customer_id = $1`, customerID)
}

// SetCustomer implements billing.OrgTx.
func (q queries) SetCustomer(ctx context.Context, orgID, customerID string) (bool, error) {
	return q.guarded(ctx, `UPDATE orgs SET customer_id = $2 WHERE id = $1 AND customer_id IS NULL`, orgID, customerID)
}

// SetCheckout implements billing.OrgTx.
func (q queries) SetCheckout(ctx context.Context, orgID string, seq int64, c *billing.Checkout) (bool, error) {
	next := seq
	if c != nil {
		next++
	}
	return q.guarded(ctx, `UPDATE orgs SET checkout = $3, checkout_seq = $4 WHERE id = $1 AND checkout_seq = $2`,
		orgID, seq, asJSON(&c), next)
}

const membershipColumns = `m.org_id, o.name, u.id, u.email, u.name, u.created_at, m.role`

func membershipFields(m *billing.Membership) []any {
	return append(append([]any{&m.OrgID, &m.OrgName}, userFields(&m.User)...), &m.Role)
}

// Members implements billing.OrgTx.
func (q queries) Members(ctx context.Context, orgID string) ([]billing.Membership, error) {
	return many(ctx, q, membershipFields, `SELECT `+membershipColumns+`
		FROM members m JOIN users u ON u.id = m.user_id JOIN orgs o ON o.id = m.org_id
		WHERE m.org_id = $1
		ORDER BY CASE m.role WHEN 'owner' THEN 0 ELSE 1 END, lower(u.name), u.id`, orgID)
}

// Memberships implements billing.OrgTx.
func (q queries) Memberships(ctx context.Context, userID string) ([]billing.Membership, error) {
	return many(ctx, q, membershipFields, `SELECT `+membershipColumns+`
		FROM members m JOIN users u ON u.id = m.user_id JOIN orgs o ON o.id = m.org_id
		WHERE m.user_id = $1
		ORDER BY lower(o.name), o.id`, userID)
}

// PutMember implements billing.OrgTx. An empty name leaves a known user's name.
func (q queries) PutMember(ctx context.Context, orgID string, user billing.User, role billing.Role) (stored billing.User, err error) {
	err = q.atomically(ctx, func(q queries) error {
		stored, err = written(ctx, q, userFields, `INSERT INTO users (id, email, name, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (email) DO UPDATE SET name = CASE excluded.name WHEN '' THEN users.name ELSE excluded.name END
			RETURNING id, email, name, created_at`, userFields(&user)...)
		if err != nil {
			return err
		}
		return q.exec(ctx, `INSERT INTO members (org_id, user_id, role) VALUES ($1, $2, $3)
			ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role`, orgID, stored.ID, role)
	})
	return stored, err
}

// The overview of an org is its name and a line. Of a counter only the windows
// are read that can be the present one: the calendar month, the billing period
// that is known, and the one after it. Rows of usage and of overrides are lines
// within the line.
const (
	overviewLine = overviewStart + `(SELECT` + pendingCount + ` AND a.org_id = o.id){!}, ` + overviewUsage

	pendingCount  = ` count(*) FROM approvals a WHERE a.state = 'pending' AND a.expires_at > $2`
	overviewStart = orgLine + `, ` + subscriptionColumns + `, `
	overviewUsage = `(SELECT string_agg(concat_ws('|', u.started_at, u.value, u.reported_at, u.resource), '
')
			FROM usage_counters u
			WHERE u.org_id = o.id AND (u.started_at = $3 OR u.started_at = $4 OR u.started_at = s.period_start OR u.started_at = s.period_end)),
		(SELECT string_agg(format('%s|%s|%s|%s|%s', v.raises, v.cap, v.expires_at, v.id, v.resource), '
')
			FROM overrides v WHERE v.org_id = o.id AND v.ended_at IS NULL)`
)

var selectOverview = `SELECT o.name, ` + lineOf(overviewLine) + `
		FROM orgs o JOIN subscriptions s ON s.org_id = o.id
		WHERE o.id = $1`

// Overview implements billing.OrgTx.
func (q queries) Overview(ctx context.Context, orgID string) (billing.Overview, error) {
	return one(ctx, q, func(o *billing.Overview) []any { return []any{&o.Org.Name, line(overviewFields(nil, o))} },
		selectOverview, q.overviewArgs(orgID)...)
}

// overviewArgs are the parameters of a statement that reads an overview, the
// first of which says whose.
func (q queries) overviewArgs(first any) []any {
	now := q.s.now()
	return append(make([]any, 0, 8), first, moment(now), gauge, moment(time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)))
}

// gauge is the window of what is not counted in windows.
var gauge any = moment(time.Time{})

// overviewFields adds those of overviewLine.
func overviewFields(fields []any, o *billing.Overview) []any {
	fields = append(fields, orgFields(&o.Org)[1:]...)
	fields = append(fields, subscriptionFields(&o.Subscription)...)
	return append(fields, &o.Pending, (*usageLines)(&o.Usage), (*overrideLines)(&o.Overrides))
}

// usageLines are rows of usage_counters as Overview's statement writes them.
type usageLines []billing.UsageRow

// read takes the lines apart.
func (l *usageLines) read(all string) error {
	*l = make(usageLines, 0, strings.Count(all, "\n")+1)
	for line := range strings.SplitSeq(all, "\n") {
		start, rest, _ := strings.Cut(line, "|")
		value, rest, _ := strings.Cut(rest, "|")
		reported, resource, _ := strings.Cut(rest, "|")
		row := billing.UsageRow{Resource: resource}
		var err1, err2, err3 error
		row.Start, err1 = parseTime(start)
		row.Value, err2 = strconv.ParseInt(value, 10, 64)
		row.ReportedAt, err3 = parseTime(reported)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		*l = append(*l, row)
	}
	return nil
}

// SetUsage implements billing.OrgTx.
func (q queries) SetUsage(ctx context.Context, orgID, resource string, start time.Time, value int64, at time.Time) error {
	return q.exec(ctx, `INSERT INTO usage_counters (org_id, resource, started_at, value, reported_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (org_id, resource, started_at) DO UPDATE SET value = excluded.value, reported_at = excluded.reported_at`,
		orgID, resource, window(start), value, stamp(at))
}

func auditFields(e *billing.AuditEvent) []any {
	return []any{&e.ID, &e.OrgID, (*stamp)(&e.At), asJSON(&e.Actor), &e.Event, &e.Subject, asJSON(&e.Facts)}
}

// Audit implements billing.OrgTx.
func (q queries) Audit(ctx context.Context, e billing.AuditEvent) error {
	err := q.exec(ctx, `INSERT INTO audit_log (id, org_id, at, actor, event, subject, facts)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, auditFields(&e)...)
	if err == nil {
		q.changed(e.OrgID)
	}
	return err
}

// AuditLog implements billing.OrgTx.
func (q queries) AuditLog(ctx context.Context, orgID string, limit int) ([]billing.AuditEvent, error) {
	return many(ctx, q, auditFields, `SELECT id, org_id, at, actor, event, subject, facts FROM audit_log
		WHERE org_id = $1 ORDER BY seq DESC LIMIT $2`, orgID, limit)
}

// Activity implements billing.OrgTx.
func (q queries) Activity(ctx context.Context, orgID string, f billing.ActivityFilter) ([]billing.AuditEvent, error) {
	var first, last string
	if kinds := f.Group.Kinds(); len(kinds) > 0 {
		first, last = string(kinds[0]), string(kinds[len(kinds)-1])
	}
	return many(ctx, q, auditFields, `SELECT id, org_id, at, actor, event, subject, facts FROM audit_log
		WHERE org_id = $1 AND ($2 = '' OR actor{json}->>'kind' IN ($2, $3))
			AND ($4 = '' OR seq < (SELECT b.seq FROM audit_log b WHERE b.org_id = $1 AND b.id = $4))
		ORDER BY seq DESC LIMIT $5`, orgID, first, last, f.Before, f.Limit)
}

// TermsLog implements billing.OrgTx.
func (q queries) TermsLog(ctx context.Context, orgID string, since time.Time) ([]billing.AuditEvent, error) {
	return many(ctx, q, auditFields, `SELECT id, org_id, at, actor, event, subject, facts FROM audit_log
		WHERE org_id = $1 AND at >= $2 AND event IN ('plan.changed', 'capacity.changed') ORDER BY seq`, orgID, stamp(since))
}

// Team implements billing.OrgTx.
func (q queries) Team(ctx context.Context, orgID string) ([]billing.TeamMember, error) {
	return many(ctx, q, func(m *billing.TeamMember) []any { return append(membershipFields(&m.Membership), (*stamp)(&m.SeenAt)) },
		`SELECT `+membershipColumns+`,
			(SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = m.user_id AND s.org_id = m.org_id)
		FROM members m JOIN users u ON u.id = m.user_id JOIN orgs o ON o.id = m.org_id
		WHERE m.org_id = $1
		ORDER BY CASE m.role WHEN 'owner' THEN 0 WHEN 'billing_admin' THEN 1 ELSE 2 END, lower(u.name), u.id`, orgID)
}
