package billing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

var opal = billing.Actor{Kind: billing.KindHuman, ID: "usr_op", Name: "Opal"}

func TestOverrideOn(t *testing.T) {
	unlimited := billing.Limit{Unlimited: true}
	for _, tc := range []struct {
		raises     bool
		own, plan  billing.Limit
		want       billing.Limit
		comparison string
	}{
		{true, cap1(12), cap1(3), cap1(12), "a raise"},
		{true, cap1(12), cap1(30), cap1(30), "a raise that a higher plan outgrew"},
		{true, cap1(12), unlimited, unlimited, "a raise on an unlimited plan"},
		{true, unlimited, cap1(3), unlimited, "no limit"},
		{false, cap1(2), cap1(3), cap1(2), "less"},
		{false, cap1(2), cap1(1), cap1(1), "less, on a plan that has less still"},
		{false, cap1(2), unlimited, cap1(2), "less than no limit"},
		{false, cap1(3), cap1(3), cap1(3), "the same"},
	} {
		if got := (billing.Override{Cap: tc.own, Raises: tc.raises}).On(tc.plan); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.comparison, got, tc.want)
		}
	}
}

// TestOverrides: a limit of one's own counts at once and everywhere, for as long
// as it was given, and leaves a trace.
func TestOverrides(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, other, host := w.NewCast("acme", "", ""), w.NewCast("zebra", "", ""), hostApp(w)
	s := w.Service
	noError(t, s.ReportUsage(ctx, c.Org.ID, "agents", 3))
	caps := func() string {
		a, err := s.Check(ctx, host, c.Org.ID, "agents", 1)
		if err != nil {
			e, _ := errors.AsType[*billing.Error](err)
			a = billing.Allowance{Cap: cap1(e.Details["cap"].(int64))}
		}
		sum, serr := s.Summary(ctx, c.Owner)
		noError(t, serr)
		return fmt.Sprint(a.Cap, sum.Usage[0].Cap, err == nil)
	}
	expect := func(what, want string) {
		t.Helper()
		if got := caps(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	set := func(l billing.Limit, until time.Time) billing.Override {
		t.Helper()
		o, err := s.Override(ctx, opal, c.Org.ID, "agents", l, "  pilot ", until)
		noError(t, err)
		return o
	}
	expect("before", "{3 false} {3 false} false")
	o := set(cap1(12), w.Box.Now().Add(time.Hour))
	if !o.Raises || o.Reason != "pilot" || o.Author != opal {
		t.Errorf("%+v", o)
	}
	expect("a raise", "{12 false} {12 false} true")
	_, err := s.Check(ctx, host, other.Org.ID, "agents", 4)
	fails(t, err, billing.ErrOverLimit, "cap", int64(3))
	w.Advance(time.Hour)
	expect("an hour later", "{3 false} {3 false} false")
	set(billing.Limit{Unlimited: true, Value: 7}, time.Time{})
	w.Advance(time.Second)
	expect("no limit", "{0 true} {0 true} true")
	if o = set(cap1(2), time.Time{}); o.Raises {
		t.Error("2 is less than 3")
	}
	expect("less", "{2 false} {2 false} false")
	noError(t, s.EndOverride(ctx, opal, c.Org.ID, "agents"))
	expect("the plan's own", "{3 false} {3 false} false")
	fails(t, s.EndOverride(ctx, opal, c.Org.ID, "agents"), billing.ErrNotFound)

	list, err := s.Overrides(ctx, c.Org.ID)
	noError(t, err)
	if len(list) != 3 || list[0].Cap != cap1(2) || list[2].EndedAt.IsZero() {
		t.Errorf("%+v", list)
	}
	log, err := w.Store.AuditLog(ctx, c.Org.ID, 10)
	noError(t, err)
	var events []string
	for _, e := range log {
		if e.Actor == opal {
			events = append(events, fmt.Sprint(e.Event, " ", e.Facts["cap"]))
		}
	}
	if got := strings.Join(events, ", "); got != "override.ended <nil>, override.set 2, override.set <nil>, override.set 12" {
		t.Errorf("audit log: %s", got)
	}
}

// TestOverrideOutlivesAChange: a grant on Free takes nothing from one who pays
// for more.
func TestOverrideOutlivesAChange(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, host := w.NewCast("acme", "pro", visa), hostApp(w)
	_, err := w.Service.Override(ctx, opal, c.Org.ID, "agents", cap1(12), "pilot", time.Time{})
	noError(t, err)
	_, err = w.Service.Propose(ctx, c.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"})
	noError(t, err)
	a, err := w.Service.Check(ctx, host, c.Org.ID, "agents", 1)
	if noError(t, err); a.Cap != cap1(30) {
		t.Errorf("on Scale the cap is %+v", a.Cap)
	}
	sum, err := w.Service.Summary(ctx, c.Owner)
	noError(t, err)
	for plan, want := range map[string]int64{"free": 12, "pro": 12, "scale": 30} {
		p, _ := w.Service.Catalog().Plan(plan)
		if got := sum.CapOn(p, "agents"); got != cap1(want) {
			t.Errorf("on %s it would be %+v", plan, got)
		}
	}
}

func TestOverrideErrors(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	now := w.Box.Now()
	for name, tc := range map[string]struct {
		org, resource, reason string
		limit                 billing.Limit
		until                 time.Time
		want                  error
	}{
		"no such org":         {"org_none", "agents", "x", cap1(5), time.Time{}, billing.ErrNotFound},
		"no such resource":    {c.Org.ID, "seats", "x", cap1(5), time.Time{}, billing.ErrUnknownResource},
		"a negative limit":    {c.Org.ID, "agents", "x", cap1(-1), time.Time{}, billing.ErrInvalid},
		"a limit of 2⁵³":      {c.Org.ID, "agents", "x", cap1(1 << 53), time.Time{}, billing.ErrInvalid},
		"no reason":           {c.Org.ID, "agents", " \n", cap1(5), time.Time{}, billing.ErrInvalid},
		"a long reason":       {c.Org.ID, "agents", strings.Repeat("é", 501), cap1(5), time.Time{}, billing.ErrInvalid},
		"an end in the past":  {c.Org.ID, "agents", "x", cap1(5), now.Add(-time.Second), billing.ErrInvalid},
		"an end at this time": {c.Org.ID, "agents", "x", cap1(5), now, billing.ErrInvalid},
	} {
		_, err := w.Service.Override(ctx, opal, tc.org, tc.resource, tc.limit, tc.reason, tc.until)
		if t.Run(name, func(t *testing.T) { fails(t, err, tc.want) }); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if list, err := w.Service.Overrides(ctx, c.Org.ID); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
