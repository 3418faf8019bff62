package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestRecent: people see what waits until time has ended it; programs list it
// by calls of their own.
func TestRecent(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	most := billing.RecentLimits{Invoices: 5, Limits: 5, Waiting: 5}
	out := asked(t, w.Service, c.Agent, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Mode: billing.ModeWeb, Reason: "more"})
	r, err := w.Service.Recent(ctx, c.Member, most)
	if noError(t, err); len(r.Waiting) != 1 || r.Waiting[0].ID != out.Approval.ID || len(r.Invoices) == 0 {
		t.Errorf("%+v", r)
	}
	w.Advance(out.Approval.ExpiresAt.Sub(w.Box.Now()) + time.Second)
	if r, err = w.Service.Recent(ctx, c.Owner, most); err != nil || len(r.Waiting) != 0 {
		t.Errorf("after its end: %+v %v", r.Waiting, err)
	}
	for _, p := range []billing.Principal{c.Agent, hostApp(w)} {
		if _, err = w.Service.Recent(ctx, p, most); !errors.Is(err, billing.ErrForbidden) {
			t.Errorf("%s: %v", p.Kind, err)
		}
	}
}

// TestOverviewOfTheCaller: a summary is made of what was read with the caller,
// if it is of the caller's org.
func TestOverviewOfTheCaller(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, other := w.NewCast("acme", "pro", visa), w.NewCast("zebra", "", "")
	p, err := w.Service.AuthenticateOverview(ctx, c.AgentKey)
	if noError(t, err); p.Overview == nil || p.OrgID != c.Org.ID {
		t.Fatalf("%+v", p)
	}
	p.Overview.Pending = 7
	if sum, err := w.Service.Summary(ctx, p); err != nil || sum.Pending != 7 {
		t.Errorf("read again: %+v %v", sum, err)
	}
	p.OrgID = other.Org.ID
	if sum, err := w.Service.Summary(ctx, p); err != nil || sum.Org.ID != other.Org.ID || sum.Pending != 0 {
		t.Errorf("of the wrong org: %+v %v", sum, err)
	}
	for _, key := range []string{"", "csa_x", c.AgentKey + "x"} {
		if _, err := w.Service.AuthenticateOverview(ctx, key); !errors.Is(err, billing.ErrUnauthorized) {
			t.Errorf("%q: %v", key, err)
		}
	}
	noError(t, w.Store.RevokeCredential(ctx, c.Org.ID, p.CredentialID, w.Box.Now()))
	if _, err := w.Service.AuthenticateOverview(ctx, c.AgentKey); !errors.Is(err, billing.ErrUnauthorized) {
		t.Errorf("a revoked key: %v", err)
	}
}
