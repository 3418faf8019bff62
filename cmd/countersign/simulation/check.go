package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/countersignhq/countersign/billing"
)

// intentRow is an intent as the database holds it.
type intentRow struct {
	id, org, approval, state string
	attempt                  int
	quote                    billing.Quote
	result                   *billing.Outcome
	kind                     billing.PrincipalKind // of who asked
}

// approvalRow is a request as the database holds it.
type approvalRow struct {
	id, org, state, intent string
	quote                  billing.Quote
	result                 *billing.Outcome
}

// facts is everything that the invariants are held against.
type facts struct {
	intents   []intentRow
	approvals map[string]approvalRow
	audit     map[string][]string // events by subject
	effects   map[string]int      // changes that Stripe carried out, by intent
	pended    map[string]bool     // intents whose change waited for the bank
	charged   map[string]int64    // succeeded charges by intent, minor units
	touched   map[string]bool     // intents of which Stripe has heard
}

// check holds the invariants of docs/reliability.md against the database and
// Stripe's own log.
func (r *run) check() error {
	f, err := r.facts()
	if err != nil {
		return err
	}
	for _, i := range f.intents {
		r.reach("intent: " + i.state)
		r.checkIntent(f, i)
		r.checkMoney(f, i)
	}
	for id := range f.effects {
		if !hasIntent(f, id) {
			r.violate("I2", "Stripe carried out a change of %s, which is no intent", id)
		}
	}
	r.checkApprovals(f)
	for n := range r.w.cast {
		if err := r.checkOrg(n); err != nil {
			return err
		}
	}
	return nil
}

func hasIntent(f *facts, id string) bool {
	for _, i := range f.intents {
		if i.id == id {
			return true
		}
	}
	return false
}

// checkIntent: each consent leads to at most one change at Stripe (I1), each
// change has a consent (I2), and none is left over (I3).
func (r *run) checkIntent(f *facts, i intentRow) {
	n := f.effects[i.id]
	// Where nothing is charged, the same again after somebody else has put it back
	// cannot be told from the first time.
	if n > 1 && (f.charged[i.id] != 0 || !r.disturbed(i)) {
		r.violate("I1", "%s (%s to %s with %d) was carried out %d times", i.id, i.quote.Change.Action, i.quote.ToPlan, i.quote.ToUnits, n)
	}
	switch i.state {
	case "pending", "calling":
		r.violate("I3", "%s is still %s", i.id, i.state)
	case "refused":
		if f.touched[i.id] {
			r.violate("I3", "%s was refused after Stripe had been asked", i.id)
		}
	case "failed":
		// A reduction that came in the moment of the call is not taken back by it.
		late := i.quote.Change.Action == billing.ActionKeepCapacity && r.disturbed(i)
		if n > 0 && !f.pended[i.id] && !late && r.caused(i.id) {
			r.violate("I3", "%s counts as failed, but Stripe has carried it out", i.id)
		}
	}
	if i.kind != billing.KindAgent || i.approval == "" {
		if i.kind == billing.KindAgent && i.quote.Change.Action != billing.ActionResume {
			r.violate("I2", "%s of an agent has no consent", i.id)
		}
		return
	}
	a := f.approvals[i.approval]
	if a.intent != i.id || a.org != i.org || a.quote.Change != i.quote.Change {
		r.violate("I2", "%s does not match its consent %s", i.id, i.approval)
	}
}

// caused reports whether a call of the intent's has changed anything at Stripe:
// what somebody else had made of it a moment before is not changed again.
func (r *run) caused(intent string) bool {
	for after := ""; ; {
		events, err := r.list("/v1/events?limit=100" + after)
		if err != nil {
			r.violate("read", "events: %v", err)
		}
		if len(events) == 0 {
			return false
		}
		for _, raw := range events {
			var e struct {
				ID      string
				Request struct {
					Key string `json:"idempotency_key"`
				}
			}
			if err = json.Unmarshal(raw, &e); err != nil {
				r.violate("read", "event: %v", err)
			}
			if id, ours := intentOf(e.Request.Key); ours && id == intent {
				return true
			}
			after = "&starting_after=" + e.ID
		}
	}
}

// checkMoney: what was agreed to is what was charged, to the cent, unless
// somebody else has changed the subscription in between; then the result says so.
func (r *run) checkMoney(f *facts, i intentRow) {
	charged := f.charged[i.id]
	if i.state == "failed" || i.state == "refused" {
		if charged != 0 && !f.pended[i.id] {
			r.violate("I6", "%s did not happen and %d was charged", i.id, charged)
		}
		return
	}
	if i.state != "done" || i.result == nil || f.effects[i.id] == 0 || f.pended[i.id] {
		return
	}
	if i.result.Charged != charged {
		// The sum of several changes is told by I1.
		if f.effects[i.id] == 1 && !r.disturbed(i) {
			r.violate("I6", "%s says that %d was charged, and it was %d", i.id, i.result.Charged, charged)
		}
	}
	if charged != i.quote.DueNow && !r.disturbed(i) {
		r.violate("I6", "%s: agreed %d, charged %d", i.id, i.quote.DueNow, charged)
	}
}

// disturbed reports whether somebody else changed the customer at Stripe between
// our last look and the call: Stripe takes no condition with a change.
func (r *run) disturbed(i intentRow) bool {
	from, to := -1, 0
	customer := ""
	for _, c := range r.calls {
		if c.intent != i.id {
			continue
		}
		if from < 0 {
			from, customer = c.previewed, c.customer
		}
		to = max(to, c.at)
	}
	for _, ch := range r.changes {
		if ch.at > from && ch.at <= to && (ch.customer == "" || ch.customer == customer) {
			return true
		}
	}
	return false
}

// checkApprovals: no approved consent is lost, and each has at most one intent.
func (r *run) checkApprovals(f *facts) {
	used := map[string]string{}
	for _, i := range f.intents {
		if i.approval == "" {
			continue
		}
		if other := used[i.approval]; other != "" {
			r.violate("I7", "%s was used for %s and for %s", i.approval, other, i.id)
		}
		used[i.approval] = i.id
	}
	for _, a := range f.approvals {
		r.reach("approval: " + a.state)
		if used[a.id] != "" && !r.pressed[a.id] {
			r.violate("I9", "%s was approved and nobody has agreed to it", a.id)
		}
		switch a.state {
		case "approved", "executing":
			r.violate("I3", "%s is still %s", a.id, a.state)
		case "succeeded", "failed", "indeterminate":
			if used[a.id] == "" {
				r.violate("I3", "%s was approved and has no intent", a.id)
			}
			if a.result == nil {
				r.violate("I3", "%s ended without a result", a.id)
			}
		default:
			if used[a.id] != "" {
				r.violate("I2", "%s is %s and has the intent %s", a.id, a.state, used[a.id])
			}
		}
	}
	r.checkAudit(f, used)
}

// checkAudit: of everything that was decided and done there is a record.
func (r *run) checkAudit(f *facts, used map[string]string) {
	count := func(subject, event string) (n int) {
		for _, e := range f.audit[subject] {
			if e == event {
				n++
			}
		}
		return n
	}
	once := func(subject, event string) {
		if n := count(subject, event); n != 1 {
			r.violate("I19", "%s: %d records of %s", subject, n, event)
		}
	}
	for _, a := range f.approvals {
		once(a.id, "approval.requested")
		if used[a.id] != "" {
			once(a.id, "approval.approved")
		}
		switch a.state {
		case "denied", "canceled", "expired", "superseded", "invalidated":
			once(a.id, "approval."+a.state)
		}
	}
	for _, i := range f.intents {
		if i.approval == "" {
			once(i.id, "change.requested")
		}
		// A change whose payment waits for the bank has a record of that, and one of
		// its end.
		if !f.pended[i.id] || count(i.id, "change."+i.state) != 2 {
			once(i.id, "change."+i.state)
		}
	}
}

// checkOrg: the row says what Stripe says (I4), there is one of everything (I13),
// the sums are right (I14), and only who pays has more than the free plan (I16).
func (r *run) checkOrg(n int) error {
	c := r.w.cast[n]
	over, err := r.w.store.Overview(r.ctx, c.org.ID)
	if err != nil {
		return err
	}
	sub, customer := over.Subscription, over.Org.CustomerID
	r.reach("subscription: " + string(sub.Status))
	if sum := r.checkUnits(r.replicas[0].service, n, over); sum != nil {
		if err = r.checkRecord(n, over, *sum); err != nil {
			return err
		}
	}
	if customer == "" {
		return nil
	}
	state, _, err := r.replicas[0].client.Fetch(r.ctx, customer)
	if err != nil {
		return err
	}
	if state.UnknownPrice != "" {
		state.Plan, state.Units.Additional = sub.Plan, sub.Units.Additional
	}
	if have, want := plain(sub.State), plain(state); !reflect.DeepEqual(have, want) {
		r.violate("I4", "%s: stored %v, at Stripe %v", c.org.Name, have, want)
	}
	if sub.Dirty() {
		r.violate("I4", "%s is still to be looked at", c.org.Name)
	}
	if len(r.pages) == 0 {
		return nil // nobody has opened a checkout, and nothing else makes a subscription
	}
	return r.checkSingles(n, customer)
}

// plain is a state as JSON says it.
func plain(s billing.State) (out map[string]any) {
	raw, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		panic(err) // it is kept as JSON
	}
	return out
}

// checkUnits reads what an org has at this moment.
func (r *run) checkUnits(service *billing.Service, n int, over billing.Overview) *billing.Summary {
	c, sub := r.w.cast[n], over.Subscription
	reader := c.owner
	reader.Overview = &over
	sum, err := service.Summary(r.ctx, reader)
	if err != nil {
		r.violate("read", "summary of %s: %v", c.org.Name, err)
		return nil
	}
	r.checkTerms(n, sub, sum)
	if u := sum.Plan.Units; u != nil && sum.Plan.TotalUnits() != u.Included+sum.Plan.Additional {
		r.violate("I14", "%s: %d units are not %d and %d", c.org.Name, sum.Plan.TotalUnits(), u.Included, sum.Plan.Additional)
	}
	if sub.Units.Additional < 0 || sub.Units.ReduceTo < 0 || sub.Credit < 0 {
		r.violate("I14", "%s: %+v", c.org.Name, sub.Units)
	}
	return &sum
}

// checkSingles: one live subscription and one Checkout that can be paid.
func (r *run) checkSingles(n int, customer string) error {
	name := r.w.cast[n].org.Name
	subs, err := r.list("/v1/subscriptions?limit=100&customer=" + customer)
	if err != nil {
		return err
	}
	if live := len(subs); live > 1 {
		r.violate("I13", "%s has %d live subscriptions", name, live)
	}
	pages, err := r.list("/v1/checkout/sessions?status=open&limit=100&customer=" + customer)
	if err != nil {
		return err
	}
	payable := 0
	for _, raw := range pages {
		var page struct{ URL string }
		if err = json.Unmarshal(raw, &page); err != nil {
			return err
		}
		if slices.Contains(r.pages, page.URL) { // nobody has the address of one whose answer was lost with the process
			payable++
		}
	}
	if payable > 1 {
		r.violate("I13", "%s has %d checkouts that can be paid", name, payable)
	}
	return nil
}

// list asks the sandbox as somebody with access to the account does.
func (r *run) list(path string) ([]json.RawMessage, error) {
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, path, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+stripeKey)
	rec := r.w.ask(req)
	var out struct{ Data []json.RawMessage }
	return out.Data, json.Unmarshal(rec.body, &out)
}

// checkCalling: at the moment of the call the intent is written down. How it
// stands then is held against what Stripe makes of the call.
func (r *run) checkCalling(c *call) {
	var state string
	err := r.query(`SELECT state FROM intents WHERE id = ?`, func(scan func(...any) error) error { return scan(&state) }, c.intent)
	if err != nil {
		r.violate("read", "intent of a call: %v", err)
	} else if state == "" {
		r.violate("I2", "%s under the key %s, of no intent", c.path, c.key)
	}
	c.before = state
}

func (r *run) facts() (*facts, error) {
	f := &facts{approvals: map[string]approvalRow{}, audit: map[string][]string{}, effects: map[string]int{}, pended: map[string]bool{}, charged: map[string]int64{}, touched: map[string]bool{}}
	err := r.query(`SELECT id, org_id, COALESCE(approval_id, ''), state, attempt, quote, COALESCE(result, 'null'), actor FROM intents ORDER BY created_at, id`, func(scan func(...any) error) error {
		var i intentRow
		var quote, result, actor string
		if err := scan(&i.id, &i.org, &i.approval, &i.state, &i.attempt, &quote, &result, &actor); err != nil {
			return err
		}
		var who billing.Actor
		err := errors.Join(json.Unmarshal([]byte(quote), &i.quote), json.Unmarshal([]byte(result), &i.result), json.Unmarshal([]byte(actor), &who))
		i.kind = who.Kind
		f.intents = append(f.intents, i)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = r.query(`SELECT id, org_id, state, COALESCE(intent_id, ''), quote, COALESCE(result, 'null') FROM approvals ORDER BY created_at, id`, func(scan func(...any) error) error {
		var a approvalRow
		var quote, result string
		if err := scan(&a.id, &a.org, &a.state, &a.intent, &quote, &result); err != nil {
			return err
		}
		err := errors.Join(json.Unmarshal([]byte(quote), &a.quote), json.Unmarshal([]byte(result), &a.result))
		f.approvals[a.id] = a
		return err
	})
	if err != nil {
		return nil, err
	}
	err = r.query(`SELECT COALESCE(subject, ''), event FROM audit_log ORDER BY seq`, func(scan func(...any) error) error {
		var subject, event string
		err := scan(&subject, &event)
		f.audit[subject] = append(f.audit[subject], event)
		return err
	})
	r.effects(f)
	return f, err
}

// effects reads from Stripe's log what was carried out, and from its charges
// what was paid.
func (r *run) effects(f *facts) {
	for _, c := range r.w.box.Calls() {
		id, ok := intentOf(c.IdempotencyKey)
		if !ok {
			continue
		}
		f.touched[id] = true
		if c.Status == http.StatusOK && !c.Replayed && strings.Count(c.IdempotencyKey, ":") == 2 {
			f.effects[id]++
		}
	}
	for _, c := range r.calls {
		if c.intent != "" && c.pended {
			f.pended[c.intent] = true
		}
	}
	for _, ch := range r.w.box.Charges("") {
		if id, ok := intentOf(ch.IdempotencyKey); ok && ch.Status == "succeeded" {
			f.charged[id] += ch.Amount - ch.Refunded
		}
	}
}

// intentOf reads the intent from an idempotency key.
func intentOf(key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, "cs:")
	id, _, _ := strings.Cut(rest, ":")
	return id, ok
}

func (r *run) query(text string, row func(scan func(...any) error) error, args ...any) error {
	rows, err := r.w.query(context.WithoutCancel(r.ctx), text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
