package billing_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func try(plan string) billing.Proposal {
	return billing.Proposal{Verb: billing.VerbStartTrial, Plan: plan}
}

// summary reads the org of the cast as its owner does.
func summary(t *testing.T, w *worldtest.World, c worldtest.Cast) billing.Summary {
	t.Helper()
	sum, err := w.Service.Summary(ctx, c.Owner)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// allowed is what the host is answered when the org's customer creates so much.
func allowed(w *worldtest.World, orgID, resource string, n int64) bool {
	_, err := w.Service.Check(ctx, billing.Principal{Actor: billing.Actor{Kind: billing.KindHost}}, orgID, resource, n)
	return err == nil
}

// engines runs a test in a world on each database.
func engines(t *testing.T, o worldtest.Options, f func(t *testing.T, w *worldtest.World)) {
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			o := o
			o.Postgres = postgres
			f(t, worldtest.New(t, o))
		})
	}
}

// TestTrialToTheSecond: a trial gives its plan's allowances at once, to the last
// second, and takes them back although no worker runs.
func TestTrialToTheSecond(t *testing.T) {
	for _, stripe := range []bool{true, false} {
		engines(t, worldtest.Options{Catalog: "capacity", NoStripe: !stripe}, func(t *testing.T, w *worldtest.World) {
			c := w.NewCast("acme", "", "")
			if s := summary(t, w, c); !s.TrialAvailable || s.BillingState() != "" || s.Plan.ID != "free" {
				t.Fatalf("before: %+v", s)
			}
			if allowed(w, c.Org.ID, "retained_bundle_cap", 151) {
				t.Error("Free allows 151")
			}
			out := propose(t, w.Service, c.Owner, try("solo"), billing.StatusTrialStarted, nil)
			ends := worldtest.Start.AddDate(0, 0, 30)
			if !out.EffectiveAt.Equal(ends) || out.Plan != "solo" {
				t.Errorf("outcome %+v, want the end %v", out, ends)
			}
			if org := w.Org(c.Org.ID); org.CustomerID != "" {
				t.Error("the trial made a customer at Stripe")
			}
			for _, at := range []struct {
				advance   time.Duration
				days      int
				state     string
				plan      string
				cap       int64
				scheduled int
			}{
				{0, 30, "trialing", "solo", 900, 1},
				{time.Second, 30, "trialing", "solo", 900, 1},
				{24 * time.Hour, 29, "trialing", "solo", 900, 1},
				{29*24*time.Hour - 2*time.Second, 1, "trialing", "solo", 900, 1}, // the last second
				{time.Second, 0, "trial_expired", "free", 150, 0},
				{365 * 24 * time.Hour, 0, "trial_expired", "free", 150, 0},
			} {
				w.Advance(at.advance)
				s := summary(t, w, c)
				trial := s.Subscription.Trial
				if s.BillingState() != at.state || s.Plan.ID != at.plan || trial.DaysRemaining(s.Now) != at.days || len(s.Scheduled) != at.scheduled || s.TrialAvailable {
					t.Errorf("at %v: %q on %s, %d days, %v, available %v; want %+v", s.Now, s.BillingState(), s.Plan.ID, trial.DaysRemaining(s.Now), s.Scheduled, s.TrialAvailable, at)
				}
				if !allowed(w, c.Org.ID, "retained_bundle_cap", at.cap) || allowed(w, c.Org.ID, "retained_bundle_cap", at.cap+1) {
					t.Errorf("at %v: the cap is not %d", s.Now, at.cap)
				}
			}
		})
	}
}

// TestTrialRefusals: once for each org, from Free only, of plans that offer it.
func TestTrialRefusals(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{Catalog: "capacity"})
	free, paying := w.NewCast("free", "", ""), w.NewCast("paying", "solo", visa)
	partner := w.NewCast("partner", "", "")
	op, _ := w.SignInOperator()
	if err := w.Service.SetDesignPartner(ctx, op, partner.Org.ID, true, "a friend"); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		p    billing.Principal
		plan string
		want error
	}{
		"no such plan":           {free.Owner, "gold", billing.ErrUnknownPlan},
		"no plan":                {free.Owner, "", billing.ErrUnknownPlan},
		"the free plan":          {free.Owner, "free", billing.ErrTrialNotAvailable},
		"a subscription":         {paying.Owner, "team", billing.ErrTrialNotAvailable},
		"a design partner":       {partner.Owner, "team", billing.ErrTrialNotAvailable},
		"not one who can manage": {free.Member, "solo", billing.ErrForbidden},
		"an agent of a payer":    {paying.Agent, "team", billing.ErrTrialNotAvailable},
	} {
		if _, err := w.Service.Propose(ctx, row.p, try(row.plan)); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	propose(t, w.Service, free.OwnerTool, try("solo"), billing.StatusTrialStarted, nil)
	propose(t, w.Service, free.Owner, try("team"), "", billing.ErrTrialNotAvailable)
	propose(t, w.Service, free.Owner, increase(2), "", billing.ErrTrialConversion)
	propose(t, w.Service, free.Agent, reduce(0), "", billing.ErrTrialConversion)
	w.Advance(31 * 24 * time.Hour)
	propose(t, w.Service, free.Owner, try("solo"), "", billing.ErrTrialNotAvailable)
	propose(t, w.Service, free.Owner, increase(2), "", billing.ErrNoSubscription)
	flat := worldtest.New(t, worldtest.Options{})
	propose(t, flat.Service, flat.NewCast("acme", "", "").Owner, try("pro"), "", billing.ErrTrialNotAvailable)
}

// TestTrialByAnAgent: an agent asks for it in both modes, and only consent
// starts it.
func TestTrialByAnAgent(t *testing.T) {
	for _, noStripe := range []bool{false, true} {
		w := worldtest.New(t, worldtest.Options{Catalog: "capacity", NoStripe: noStripe})
		chat, web := w.NewCast("chat", "", ""), w.NewCast("web", "", "")
		out := propose(t, w.Service, chat.Agent, try("solo"), billing.StatusConfirmationRequired, nil)
		if q := out.Approval.Quote; q.DueNow != 0 || q.TrialDays != 30 || q.Change.Action != billing.ActionStartTrial {
			t.Errorf("quote %+v", q)
		}
		if text := w.Service.Message("chat", *out.Approval); !strings.Contains(text, "30 days, no card") {
			t.Error(text)
		}
		if summary(t, w, chat).Plan.ID != "free" {
			t.Error("asking has started it")
		}
		token := out.Token
		propose(t, w.Service, chat.Agent, billing.Proposal{Verb: billing.VerbStartTrial, Plan: "solo", ConfirmToken: token}, billing.StatusTrialStarted, nil)
		propose(t, w.Service, chat.Agent, billing.Proposal{Verb: billing.VerbStartTrial, ConfirmToken: token}, "", billing.ErrTokenInvalid)

		pr := try("team")
		pr.Mode = billing.ModeWeb
		out = propose(t, w.Service, web.Agent, pr, billing.StatusWebApproveRequired, nil)
		r, err := w.Service.OpenRequest(ctx, web.Owner, out.Approval.ID)
		if err != nil || r.StripeDown || r.Sealed == "" || r.To.ID != "team" {
			t.Fatalf("the page: %+v, %v", r, err)
		}
		if r, err = w.Service.Decide(ctx, web.Owner, out.Approval.ID, billing.Verdict{Approve: true, OpDigest: r.OpDigest, Sealed: r.Sealed}); err != nil {
			t.Fatal(err)
		}
		if r.Approval.State != billing.ApprovalSucceeded || r.Approval.Result.Status != billing.StatusTrialStarted || summary(t, w, web).Plan.ID != "team" {
			t.Errorf("after: %s %+v", r.Approval.State, r.Approval.Result)
		}
	}
}

// TestTrialRaces: of many who start a trial at once, for two plans and on two
// replicas, one does, and every loser is told that there is none.
func TestTrialRaces(t *testing.T) {
	engines(t, worldtest.Options{Catalog: "capacity", NoStripe: true}, func(t *testing.T, w *worldtest.World) {
		replicas := []*billing.Service{w.Service, w.Replica()}
		for round := range 20 {
			c := w.NewCast("acme"+string(rune('a'+round)), "", "")
			var won, lost sync.Map
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					out, err := replicas[i%2].Propose(ctx, c.Owner, try([]string{"solo", "team"}[i/2%2]))
					switch {
					case err == nil && out.Status == billing.StatusTrialStarted:
						won.Store(i, out.Plan)
					case errors.Is(err, billing.ErrTrialNotAvailable), errors.Is(err, billing.ErrChangeInProgress):
						lost.Store(i, err)
					default:
						t.Errorf("%d: %+v, %v", i, out, err)
					}
				})
			}
			all.Wait()
			var plans []string
			won.Range(func(_, plan any) bool { plans = append(plans, plan.(string)); return true })
			if len(plans) != 1 || summary(t, w, c).Plan.ID != plans[0] {
				t.Fatalf("started %v, in force %s", plans, summary(t, w, c).Plan.ID)
			}
		}
	})
}

// TestTrialConversion: only its own plan or a higher one can be bought, and what
// is bought takes the trial's place. One that has run out converts nothing.
func TestTrialConversion(t *testing.T) {
	engines(t, worldtest.Options{Catalog: "capacity"}, func(t *testing.T, w *worldtest.World) {
		c := w.NewCast("acme", "", "")
		propose(t, w.Service, c.Owner, try("team"), billing.StatusTrialStarted, nil)
		_, err := w.Service.Checkout(ctx, c.Owner, "solo")
		if !errors.Is(err, billing.ErrTrialRank) {
			t.Errorf("a lower plan: %v", err)
		}
		propose(t, w.Service, c.Agent, upgrade("solo"), "", billing.ErrTrialRank)
		if url, err := w.Service.Checkout(ctx, c.Owner, "team"); err != nil || url == "" {
			t.Errorf("its own plan: %v", err)
		}
		w.Advance(10 * 24 * time.Hour)
		w.Subscribe(w.Org(c.Org.ID), "team", visa)
		w.Sync(c.Org.ID)
		s := summary(t, w, c)
		if trial := s.Subscription.Trial; !trial.ConvertedAt.Equal(s.Now) || s.BillingState() != "active" || trial.Active(s.Now) || trial.Expired(s.Now) || len(s.Scheduled) != 0 {
			t.Errorf("converted: %+v %s %v", trial, s.BillingState(), s.Scheduled)
		}
		w.Advance(40 * 24 * time.Hour)
		if err := w.Service.EndTrials(ctx); err != nil {
			t.Fatal(err)
		}
		if trial := summary(t, w, c).Subscription.Trial; !trial.ExpiredAt.IsZero() {
			t.Errorf("a converted trial was ended: %+v", trial)
		}

		late := w.NewCast("late", "", "")
		propose(t, w.Service, late.Owner, try("solo"), billing.StatusTrialStarted, nil)
		w.Advance(31 * 24 * time.Hour)
		w.Subscribe(w.Org(late.Org.ID), "solo", visa)
		w.Sync(late.Org.ID)
		if s := summary(t, w, late); !s.Subscription.Trial.ConvertedAt.IsZero() || s.BillingState() != "active" {
			t.Errorf("bought after the end: %+v %s", s.Subscription.Trial, s.BillingState())
		}
	})
}

// TestTrialNews: the host hears of the start, of 7, 3 and 1 days, and of the end,
// each once; owners get the same three mails.
func TestTrialNews(t *testing.T) {
	engines(t, worldtest.Options{Catalog: "capacity", Configure: func(c *billing.Config) { c.Deliverer = &host{} }}, func(t *testing.T, w *worldtest.World) {
		c := w.NewCast("acme", "", "")
		propose(t, w.Service, c.Owner, try("solo"), billing.StatusTrialStarted, nil)
		var told []string
		var mails []billing.Mail
		for range 31 {
			for range 2 { // as often as the worker likes
				if err := w.Service.EndTrials(ctx); err != nil {
					t.Fatal(err)
				}
			}
			mails = append(mails, w.Mails()...)
			w.Advance(24 * time.Hour)
		}
		events, err := w.Service.Deliveries(ctx, billing.DeliveryFilter{OrgID: c.Org.ID, Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(events, func(a, b billing.Delivery) int { return cmp.Compare(b.Seq, a.Seq) })
		for _, e := range slices.Backward(events) {
			told = append(told, string(e.Type))
		}
		want := []string{"trial.started", "billing.plan_changed", "trial.ending", "trial.ending", "trial.ending", "trial.expired", "billing.plan_changed"}
		if !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
		var to, ends []string
		for _, m := range mails {
			ending := m.Message.(billing.TrialEnding)
			to, ends = append(to, m.To.Email), append(ends, fmt.Sprint(int(ending.EndsAt.Sub(m.At).Hours())/24))
		}
		slices.Sort(to)
		if to = slices.Compact(to); !slices.Equal(to, []string{"admin@acme.test", "owner@acme.test"}) || strings.Join(ends, " ") != "7 7 3 3 1 1" {
			t.Errorf("mailed to %v, %v days before", to, ends)
		}
	})
}
