package simulation

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// What time does by itself: trials end, graces end, polls wait.

// atHome is the org that never paid, the only one that may try a plan.
const atHome = 2

// trial is somebody's wish for a trial, or for the plan while one is running.
func (r *run) trial(s Step) {
	org := atHome
	if s.A%8 == 0 {
		org = orgOf(s.A)
	}
	pr := billing.Proposal{Verb: billing.VerbStartTrial, Plan: []string{"solo", "team"}[s.B%2]}
	if sub, err := r.w.store.Subscription(r.ctx, r.w.cast[org].org.ID); err == nil && sub.Trial.Active(r.now()) && s.A>>4%4 > 0 {
		pr.Verb = billing.VerbUpgrade
	}
	if s.B>>8%3 == 0 {
		r.request(s, org, int(s.A>>8)%2, pr)
		return
	}
	r.press(s, org, pr)
}

// reduction schedules fewer units, and often takes that back.
func (r *run) reduction(s Step) {
	one := int64(1)
	reduce, keep := billing.Proposal{Verb: billing.VerbReduce, Units: &one}, billing.Proposal{Verb: billing.VerbKeepCapacity}
	if s.B%4 == 0 {
		r.request(s, 1, int(s.A>>8)%2, reduce)
		return
	}
	r.presses++
	n := r.presses
	r.begin(s, "reduction", func(service *billing.Service) {
		for i, pr := range []billing.Proposal{reduce, keep}[:1+s.B>>8%2] {
			pr.RequestKey = fmt.Sprintf("reduction-%d-%d", n, i)
			out, err := service.Propose(r.ctx, r.person(1, 0), pr)
			r.outcome("reduction", out, err)
			r.pass("changes their mind")
		}
	})
}

// moments are when time alone changes what is in force, and what Stripe does then.
func (r *run) moments() (all []time.Time) {
	for _, c := range r.w.cast {
		sub, err := r.w.store.Subscription(r.ctx, c.org.ID)
		if err != nil {
			continue
		}
		for _, at := range []time.Time{sub.Trial.EndsAt, sub.PeriodEnd} {
			if at.After(r.now()) {
				all = append(all, at)
			}
		}
		if end := sub.PastDueSince.Add(billing.DefaultPastDueGrace); sub.Status == billing.StatusPastDue && end.After(r.now()) {
			all = append(all, end, end, end, end) // it comes seldom
		}
	}
	return all
}

// boundary goes to one of the moments, or to the second before or after it.
func (r *run) boundary(s Step) {
	all := r.moments()
	if len(all) == 0 {
		return
	}
	at := all[int(s.A)%len(all)].Add(time.Duration(int(s.B%4)-1) * time.Second)
	if d := at.Sub(r.now()); d > 0 {
		r.advance(d)
	}
	r.reach("fault: clock at a boundary")
}

// readAll holds what each org reads at this moment against what it may have.
func (r *run) readAll(s Step) {
	r.begin(s, "read", func(service *billing.Service) {
		for n := range r.w.cast {
			over, err := r.w.store.Overview(r.ctx, r.w.cast[n].org.ID)
			if err != nil {
				r.violate("read", "overview: %v", err)
				continue
			}
			r.checkUnits(service, n, over)
		}
	})
}

// poll waits for what becomes of a request, and has to be told within the second.
func (r *run) poll(s Step) {
	a, ok := r.choose(s.A)
	if !ok {
		return
	}
	wait := time.Duration(5+s.B%20) * time.Second
	r.begin(s, "poll", func(service *billing.Service) {
		p, err := service.Authenticate(r.ctx, r.w.cast[a.org].keys[a.agent])
		if err != nil {
			return
		}
		began := r.now()
		out, err := service.Status(r.ctx, p, a.id, wait)
		switch took := r.now().Sub(began); {
		case err != nil:
			r.reach("error: " + billing.CodeOf(err))
		case took == 0:
		case out.State != billing.ApprovalPending:
			r.reach("poll was told")
		case took < wait:
			r.violate("I3", "a poll of %s for %s ended after %s without news", a.id, wait, took)
		default:
			r.reach("poll in vain")
		}
	})
}

// checkTerms: what is in force is the plan of who pays, or is within the grace, or
// tries it, and nothing else (I16). What it goes by is told apart from the code.
func (r *run) checkTerms(n int, sub billing.Subscription, sum billing.Summary) {
	now, name := r.now(), r.w.cast[n].org.Name
	want := r.w.catalog.Free().ID
	switch t := sub.Trial; {
	case sub.Status == billing.StatusActive || sub.Status == billing.StatusTrialing:
		want = sub.Plan
	case sub.Status == billing.StatusPastDue && now.Before(sub.PastDueSince.AddDate(0, 0, 14)):
		r.reach("grace runs")
		want = sub.Plan
	case sub.Status == billing.StatusPastDue:
		r.reach("grace is over")
	case t.Plan != "" && t.ConvertedAt.IsZero() && now.Before(t.EndsAt) && !sub.Status.Live():
		r.reach("trial runs")
		want = t.Plan
	case t.Plan != "" && t.ConvertedAt.IsZero():
		r.reach("trial is over")
	}
	if sum.Plan.ID != want {
		r.violate("I16", "%s is %q, tries %+v, and has the plan %s instead of %s", name, sub.Status, sub.Trial, sum.Plan.ID, want)
	}
	r.checkTrial(n, sub.Trial)
}

// checkTrial: there is one for each org, for ever, and as long as it was said.
func (r *run) checkTrial(n int, t billing.Trial) {
	name, known := r.w.cast[n].org.Name, r.trials[n]
	switch {
	case known.Plan != "" && (t.Plan != known.Plan || !t.StartedAt.Equal(known.StartedAt) || !t.EndsAt.Equal(known.EndsAt)):
		r.violate("I13", "%s had the trial %+v, and has %+v", name, known, t)
	case !known.ConvertedAt.IsZero() && !t.ConvertedAt.Equal(known.ConvertedAt):
		r.violate("I13", "%s converted its trial at %s, and at %s", name, known.ConvertedAt, t.ConvertedAt)
	case t.Plan != "" && !t.EndsAt.Equal(t.StartedAt.AddDate(0, 0, 30)):
		r.violate("I14", "%s: a trial from %s to %s", name, t.StartedAt, t.EndsAt)
	case t.Plan != "" && !t.ConvertedAt.IsZero():
		r.reach("trial converted")
	}
	r.trials[n] = t
}

// checkRecord: the last record of a plan that came into force is of the one that is
// (I19), and every end is written down by now.
func (r *run) checkRecord(n int, over billing.Overview, sum billing.Summary) error {
	c, last := r.w.cast[n], r.w.catalog.Free().ID
	err := r.query(`SELECT facts FROM audit_log WHERE org_id = ? AND event = ? ORDER BY seq`, func(scan func(...any) error) error {
		var facts string
		if err := scan(&facts); err != nil {
			return err
		}
		var terms struct{ From, To string }
		err := json.Unmarshal([]byte(facts), &terms)
		if last != terms.From {
			r.violate("I19", "%s had the plan %s, and went from %s to %s", c.org.Name, last, terms.From, terms.To)
		}
		last = terms.To
		return err
	}, c.org.ID, billing.EventPlanInForce)
	if err != nil {
		return err
	}
	if last != sum.Plan.ID {
		r.violate("I19", "%s has the plan %s, and the last record is of %s", c.org.Name, sum.Plan.ID, last)
	}
	sub, now := over.Subscription, r.now()
	if t := sub.Trial; t.Expired(now) && t.ExpiredAt.IsZero() {
		r.violate("I19", "the end of the trial of %s is not written down: %+v", c.org.Name, t)
	}
	if over := sub.Status == billing.StatusPastDue && !sub.Entitles(billing.DefaultPastDueGrace, now); over != !sub.LapsedAt.IsZero() && sub.Status != billing.StatusUnpaid {
		r.violate("I19", "the grace of %s from %s on: lapsed at %s", c.org.Name, sub.PastDueSince, sub.LapsedAt)
	}
	return r.checkOwing(n, sub)
}

// checkOwing: the grace counts from when Stripe first asked for the oldest invoice
// that is not paid.
func (r *run) checkOwing(n int, sub billing.Subscription) error {
	if sub.Status != billing.StatusPastDue {
		return nil
	}
	open, err := r.list("/v1/invoices?status=open&limit=100&customer=" + sub.CustomerID)
	if err != nil {
		return err
	}
	var since int64
	for _, raw := range open {
		var invoice struct {
			Reason string `json:"billing_reason"`
			Status struct {
				Finalized int64 `json:"finalized_at"`
			} `json:"status_transitions"`
		}
		if err = json.Unmarshal(raw, &invoice); err != nil {
			return err
		}
		if at := invoice.Status.Finalized; invoice.Reason == "subscription_cycle" && (since == 0 || at < since) {
			since = at
		}
	}
	if since != 0 && sub.PastDueSince.Unix() != since {
		r.violate("I16", "%s owes since %s, and is said to since %s", r.w.cast[n].org.Name, time.Unix(since, 0).UTC(), sub.PastDueSince)
	}
	return nil
}
