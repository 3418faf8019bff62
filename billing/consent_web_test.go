package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestOpeningWritesNothing (W1): scanners and previews open every link.
func TestOpeningWritesNothing(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{OnDisk: true})
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	stranger := w.NewCast("evil", "", "").Owner
	before := w.Dump()
	for i := range 100 {
		who := []billing.Principal{c.Owner, c.Admin, c.Member, stranger, c.Agent}[i%5]
		if _, err := w.Service.OpenRequest(ctx, who, out.Approval.ID); i%5 < 3 && err != nil {
			t.Fatal(err)
		}
	}
	if after := w.Dump(); after != before {
		t.Errorf("the database changed:\n%s\n---\n%s", before, after)
	}
	if !strings.Contains(before, out.Approval.ID) || w.Plan(c.Org.ID) != "pro" {
		t.Error("the dump does not hold the request, or the plan changed")
	}
}

// TestWhoSeesARequest: the right person in whichever of their orgs it is, and
// for everybody else it is not there.
func TestWhoSeesARequest(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	other := w.NewCast("other", "pro", visa)
	id := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval.ID
	// Both are signed in to the other org and have a place in this one.
	_, err := w.Service.AddMember(ctx, c.Org.ID, other.Member.Email, "both", billing.RoleOwner)
	noError(t, err)
	_, err = w.Service.AddMember(ctx, c.Org.ID, other.Owner.Email, "both", billing.RoleMember)
	noError(t, err)

	for _, tc := range []struct {
		name   string
		p      billing.Principal
		id     string
		err    error
		decide bool
	}{
		{"owner", c.Owner, id, nil, true},
		{"billing admin", c.Admin, id, nil, true},
		{"member", c.Member, id, nil, false},
		{"a member of the org they look at, an owner of the request's", other.Member, id, nil, true},
		{"an owner of the org they look at, a member of the request's", other.Owner, id, nil, false},
		{"foreign org", other.Admin, id, billing.ErrNotFound, false},
		{"unknown id", c.Owner, "apr_00000000000000000000000000", billing.ErrNotFound, false},
		{"the owner's tool", c.OwnerTool, id, billing.ErrNotFound, false},
		{"the agent itself", c.Agent, id, billing.ErrNotFound, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := w.Service.OpenRequest(ctx, tc.p, tc.id)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error = %v, want %v", err, tc.err)
			}
			if err != nil {
				if r.Org.Name != "" || r.Approval.ID != "" {
					t.Errorf("something is told: %+v", r)
				}
				_, err = w.Service.Decide(ctx, tc.p, tc.id, billing.Verdict{Reason: "other"})
				fails(t, err, tc.err)
				return
			}
			if r.CanDecide != tc.decide || (r.Sealed != "") != tc.decide || (r.OpDigest != "") != tc.decide || (len(r.Deciders) > 0) == tc.decide {
				t.Errorf("can decide %v, form %v, deciders %d", r.CanDecide, r.Sealed != "", len(r.Deciders))
			}
			if tc.decide {
				return
			}
			for _, v := range []billing.Verdict{{Approve: true}, {Reason: "other"}, {NotMe: true}} {
				_, err = w.Service.Decide(ctx, tc.p, tc.id, v)
				fails(t, err, billing.ErrForbidden)
			}
		})
	}
	if r, err := pressed(t, w.Service, other.Member, id); err != nil || r.Approval.State != billing.ApprovalSucceeded || r.Approval.DecidedBy.ID != other.Member.ID {
		t.Errorf("decided from another org: %s by %+v, %v", r.Approval.State, r.Approval.DecidedBy, err)
	}
	if w.Plan(c.Org.ID) != "scale" || w.Plan(other.Org.ID) != "pro" {
		t.Errorf("plans are %s and %s", w.Plan(c.Org.ID), w.Plan(other.Org.ID))
	}
}

// TestFormIsBound: a press counts only with the quote that we showed to this
// session for this request, not long ago.
func TestFormIsBound(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, w *worldtest.World, c worldtest.Cast, v *billing.Verdict)
		ok    bool
	}{
		{"as shown", func(*testing.T, *worldtest.World, worldtest.Cast, *billing.Verdict) {}, true},
		{"a quarter of an hour later", func(_ *testing.T, w *worldtest.World, _ worldtest.Cast, _ *billing.Verdict) {
			w.Advance(15 * time.Minute)
		}, true},
		{"a second more", func(_ *testing.T, w *worldtest.World, _ worldtest.Cast, _ *billing.Verdict) {
			w.Advance(15*time.Minute + time.Second)
		}, false},
		{"another session's", func(t *testing.T, w *worldtest.World, c worldtest.Cast, v *billing.Verdict) {
			id := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval.ID
			*v = formOf(opened(t, w.Service, c.Admin, id))
		}, false},
		{"another request's", func(t *testing.T, w *worldtest.World, c worldtest.Cast, v *billing.Verdict) {
			id := asked(t, w.Service, c.OtherAgent, onWeb(upgrade("scale"))).Approval.ID
			*v = formOf(opened(t, w.Service, c.Owner, id))
		}, false},
		{"another digest", func(_ *testing.T, _ *worldtest.World, _ worldtest.Cast, v *billing.Verdict) {
			v.OpDigest = strings.Repeat("0", len(v.OpDigest))
		}, false},
		{"no digest", func(_ *testing.T, _ *worldtest.World, _ worldtest.Cast, v *billing.Verdict) { v.OpDigest = "" }, false},
		{"another seal", func(_ *testing.T, _ *worldtest.World, _ worldtest.Cast, v *billing.Verdict) {
			v.Sealed = v.Sealed[:len(v.Sealed)-4] + "AAAA"
		}, false},
		{"no seal", func(_ *testing.T, _ *worldtest.World, _ worldtest.Cast, v *billing.Verdict) { v.Sealed = "" }, false},
		{"the seal of the settings page", func(t *testing.T, w *worldtest.World, c worldtest.Cast, v *billing.Verdict) {
			o, err := w.Service.Review(ctx, c.Owner, summary(t, w, c), "scale")
			noError(t, err)
			v.Sealed = o.Sealed
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, _, c := seamed(t, "pro", worldtest.Options{})
			w.Advance(time.Hour)
			out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
			page := opened(t, w.Service, c.Owner, out.Approval.ID)
			v := formOf(page)
			tc.spoil(t, w, c, &v)
			r, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, v)
			if tc.ok {
				noError(t, err)
				if paid := charges(w, c); paid != 1 || r.Approval.Result.Charged != page.Quote.DueNow {
					t.Errorf("%d charges, shown %d, charged %d", paid, page.Quote.DueNow, r.Approval.Result.Charged)
				}
				return
			}
			fails(t, err, billing.ErrQuoteChanged)
			if r.Previous == nil || r.Approval.State != billing.ApprovalPending || charges(w, c) != 0 {
				t.Errorf("previous %v, state %s, %d charges", r.Previous, r.Approval.State, charges(w, c))
			}
			if r, err = w.Service.Decide(ctx, c.Owner, out.Approval.ID, formOf(r)); err != nil || r.Approval.State != billing.ApprovalSucceeded {
				t.Errorf("the fresh form: %s, %v", r.Approval.State, err)
			}
		})
	}
}

// TestStalePrice (W12): the page shows old and new and wants a fresh press.
func TestStalePrice(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	id := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval.ID
	page := opened(t, w.Service, c.Owner, id)
	s.dearer()
	r, err := w.Service.Decide(ctx, c.Owner, id, formOf(page))
	fails(t, err, billing.ErrQuoteChanged, "before", page.Quote.DueNow, "now", page.Quote.DueNow+100)
	if r.Previous == nil || r.Previous.DueNow != page.Quote.DueNow || r.Quote.DueNow != page.Quote.DueNow+100 || charges(w, c) != 0 {
		t.Errorf("previous %+v, now %+v", r.Previous, r.Quote)
	}
}

// TestOutdatedRequest: the subscription has moved on, so there is nothing left
// to approve, only to deny.
func TestOutdatedRequest(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	id := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval.ID
	page := opened(t, w.Service, c.Owner, id)
	propose(t, w.Service, c.Owner, upgrade("scale"), billing.StatusSwitched, nil)
	r, err := w.Service.Decide(ctx, c.Owner, id, formOf(page))
	fails(t, err, billing.ErrOutdated)
	if !r.Outdated || r.Sealed != "" || charges(w, c) != 1 {
		t.Errorf("outdated %v, form %q, %d charges", r.Outdated, r.Sealed, charges(w, c))
	}
	_, err = w.Service.Decide(ctx, c.Owner, id, billing.Verdict{Reason: "other"})
	noError(t, err)
}

// TestChangedAfterThePress (W13): what changes at Stripe between the approval
// and its execution stops the execution.
func TestChangedAfterThePress(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	page := opened(t, w.Service, c.Owner, out.Approval.ID)
	subID := w.Sync(c.Org.ID).SubscriptionID
	s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		s.fetch = nil
		state(t, w, out.Approval, billing.ApprovalApproved)
		noError(t, w.Box.CancelAtPeriodEnd(subID, true))
		return do()
	}
	r, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, formOf(page))
	noError(t, err)
	if r.Approval.State != billing.ApprovalFailed || r.Approval.Result.Failure.Code != billing.ErrQuoteChanged.Code {
		t.Fatalf("%s %+v", r.Approval.State, r.Approval.Result)
	}
	if sub := w.Sync(c.Org.ID); sub.Plan != "pro" || !sub.CancelAtPeriodEnd || charges(w, c) != 0 {
		t.Errorf("%+v, %d charges", sub.State, charges(w, c))
	}
	asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))) // the way is free again
}

// TestReplayedPost (W8).
func TestReplayedPost(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	form := formOf(opened(t, w.Service, c.Owner, out.Approval.ID))
	first, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, form)
	noError(t, err)
	for _, v := range []billing.Verdict{form, {Reason: "not_now"}, {NotMe: true}} {
		r, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, v)
		fails(t, err, billing.ErrAlreadyDecided, "request", out.Approval.ID, "state", billing.ApprovalSucceeded)
		if r.Approval.DecidedBy.ID != c.Owner.ID || !r.Approval.DecidedAt.Equal(first.Approval.DecidedAt) {
			t.Errorf("now decided by %+v at %v", r.Approval.DecidedBy, r.Approval.DecidedAt)
		}
	}
	if charges(w, c) != 1 {
		t.Errorf("%d charges", charges(w, c))
	}
	if p, err := w.Service.Authenticate(ctx, c.AgentKey); err != nil || p.Paused {
		t.Errorf("paused %v, %v", p.Paused, err)
	}
}

// TestOneChangeAtATime (W11): a second request of the org waits while the first
// is carried out, and can be decided afterwards at what it costs then.
func TestOneChangeAtATime(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	first := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	second := asked(t, w.Service, c.OtherAgent, onWeb(downgrade()))
	for _, cancel := range []bool{true, false} { // the row has moved on since they asked
		noError(t, w.Box.CancelAtPeriodEnd(w.Sync(c.Org.ID).SubscriptionID, cancel))
		w.Sync(c.Org.ID)
	}
	form := formOf(opened(t, w.Service, c.Admin, second.Approval.ID))
	s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		s.apply = nil
		r, err := w.Service.Decide(ctx, c.Admin, second.Approval.ID, form)
		fails(t, err, billing.ErrChangeInProgress)
		if r.Approval.State != billing.ApprovalPending {
			t.Errorf("the second is %s", r.Approval.State)
		}
		propose(t, w.Service, c.Owner, downgrade(), "", billing.ErrChangeInProgress)
		return do()
	}
	_, err := pressed(t, w.Service, c.Owner, first.Approval.ID)
	noError(t, err)
	state(t, w, first.Approval, billing.ApprovalSucceeded)
	r, err := w.Service.Decide(ctx, c.Admin, second.Approval.ID, form)
	fails(t, err, billing.ErrQuoteChanged)
	r, err = w.Service.Decide(ctx, c.Admin, second.Approval.ID, formOf(r))
	if err != nil || r.Approval.State != billing.ApprovalSucceeded || !w.Sync(c.Org.ID).CancelAtPeriodEnd {
		t.Errorf("%s, %v", r.Approval.State, err)
	}
}

// TestRightsEndBetween (W14): the guard of the decision sees what has happened
// since the page was opened, and what happens while the press is looked at.
func TestRightsEndBetween(t *testing.T) {
	for _, tc := range []struct {
		name  string
		end   func(w *worldtest.World, c worldtest.Cast) error
		want  error
		state billing.ApprovalState
	}{
		{"approver demoted", func(w *worldtest.World, c worldtest.Cast) error {
			_, err := w.Service.AddMember(ctx, c.Org.ID, c.Owner.Email, "x", billing.RoleMember)
			return err
		}, billing.ErrForbidden, billing.ApprovalPending},
		{"key paused", func(w *worldtest.World, c worldtest.Cast) error {
			return w.Store.PauseCredential(ctx, c.Org.ID, c.Agent.CredentialID, w.Box.Now())
		}, billing.ErrKeyPaused, billing.ApprovalPending},
		{"key revoked", func(w *worldtest.World, c worldtest.Cast) error {
			return w.Store.RevokeCredential(ctx, c.Org.ID, c.Agent.CredentialID, w.Box.Now())
		}, billing.ErrAlreadyDecided, billing.ApprovalInvalidated},
		{"expired", func(w *worldtest.World, _ worldtest.Cast) error {
			return w.Box.Advance(5 * time.Minute)
		}, billing.ErrAlreadyDecided, ""},
		{"canceled", func(w *worldtest.World, c worldtest.Cast) error {
			list, err := w.Service.Approvals(ctx, c.Agent, billing.ApprovalFilter{})
			if err == nil {
				_, err = w.Service.CancelApproval(ctx, c.Agent, list[0].ID)
			}
			return err
		}, billing.ErrAlreadyDecided, billing.ApprovalCanceled},
	} {
		for _, when := range []string{"before the press", "during the press"} {
			t.Run(tc.name+"/"+when, func(t *testing.T) {
				w, s, c := seamed(t, "pro", worldtest.Options{})
				w.Advance(time.Hour)
				pr := onWeb(upgrade("scale"))
				pr.ExpiresIn = 300
				out := asked(t, w.Service, c.Agent, pr)
				form := formOf(opened(t, w.Service, c.Owner, out.Approval.ID))
				if when == "before the press" {
					noError(t, tc.end(w, c))
				} else {
					s.quote = func(*billing.Quote) {
						s.quote = nil
						noError(t, tc.end(w, c))
					}
				}
				r, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, form)
				fails(t, err, tc.want)
				if want := tc.state; want != "" && r.Approval.State != want || charges(w, c) != 0 || w.Plan(c.Org.ID) != "pro" {
					t.Errorf("request %s, %d charges, plan %s", r.Approval.State, charges(w, c), w.Plan(c.Org.ID))
				}
			})
		}
	}
}

// TestExpiry: a request ends at its second, for people and agents alike.
func TestExpiry(t *testing.T) {
	for _, tc := range []struct {
		name    string
		seconds int
		life    time.Duration
	}{
		{"default", 0, 24 * time.Hour},
		{"shortest", 300, 5 * time.Minute},
		{"shorter than that", 1, 5 * time.Minute},
		{"longest", 604800, 7 * 24 * time.Hour},
		{"longer than that", 604801, 7 * 24 * time.Hour},
	} {
		for _, late := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{false: "/a second before", true: "/at the second"}[late], func(t *testing.T) {
				w, _, c := seamed(t, "pro", worldtest.Options{})
				pr := onWeb(upgrade("scale"))
				pr.ExpiresIn = tc.seconds
				out := asked(t, w.Service, c.Agent, pr)
				if got := out.Approval.ExpiresAt.Sub(out.Approval.CreatedAt); got != tc.life {
					t.Fatalf("lives %s, want %s", got, tc.life)
				}
				w.Advance(tc.life - time.Second)
				page := opened(t, w.Service, c.Owner, out.Approval.ID)
				if !late {
					_, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, formOf(page))
					noError(t, err)
					return
				}
				w.Advance(time.Second)
				for _, v := range []billing.Verdict{formOf(page), {Reason: "not_now"}} {
					r, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, v)
					fails(t, err, billing.ErrAlreadyDecided, "state", billing.ApprovalExpired)
					if r.Approval.State != billing.ApprovalExpired || r.Sealed != "" {
						t.Errorf("the page says %s", r.Approval.State)
					}
				}
				if a, err := w.Service.Status(ctx, c.Agent, out.Approval.ID, 0); err != nil || a.State != billing.ApprovalExpired {
					t.Errorf("the agent hears %s, %v", a.State, err)
				}
				noError(t, w.Service.Expire(ctx))
				if a := state(t, w, out.Approval, billing.ApprovalExpired); !a.DecidedAt.Equal(a.ExpiresAt) {
					t.Errorf("ended at %v, not %v", a.DecidedAt, a.ExpiresAt)
				}
			})
		}
	}
}

func TestCancel(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	twin, _ := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, PrincipalID: c.Agent.ID, Name: "deploy-bot"})
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	form := formOf(opened(t, w.Service, c.Owner, out.Approval.ID))
	for _, p := range []billing.Principal{c.OtherAgent, c.Owner, c.OwnerTool, w.NewCast("evil", "", "").Agent} {
		_, err := w.Service.CancelApproval(ctx, p, out.Approval.ID)
		fails(t, err, billing.ErrNotFound)
	}
	for range 2 { // twice is once
		a, err := w.Service.CancelApproval(ctx, twin, out.Approval.ID)
		if err != nil || a.State != billing.ApprovalCanceled || a.DecidedBy.ID != c.Agent.ID {
			t.Fatalf("%s by %s, %v", a.State, a.DecidedBy.ID, err)
		}
	}
	_, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, form)
	fails(t, err, billing.ErrAlreadyDecided, "state", billing.ApprovalCanceled)

	done := asked(t, w.Service, c.Agent, onWeb(downgrade()))
	_, err = pressed(t, w.Service, c.Owner, done.Approval.ID)
	noError(t, err)
	_, err = w.Service.CancelApproval(ctx, c.Agent, done.Approval.ID)
	fails(t, err, billing.ErrAlreadyDecided, "state", billing.ApprovalSucceeded)

	again := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	noError(t, w.Store.PauseCredential(ctx, c.Org.ID, c.Agent.CredentialID, w.Box.Now()))
	paused, err := w.Service.Authenticate(ctx, c.AgentKey)
	noError(t, err)
	if _, err = w.Service.CancelApproval(ctx, paused, again.Approval.ID); err != nil {
		t.Errorf("a paused key may withdraw: %v", err)
	}
}

func TestDeny(t *testing.T) {
	for _, tc := range []struct {
		name   string
		v      billing.Verdict
		want   billing.Denial
		paused bool
	}{
		{"with a reason", billing.Verdict{Reason: "too_expensive"}, billing.Denial{Reason: "too_expensive"}, false},
		{"with another", billing.Verdict{Reason: "not_now", Note: "after\u202e the\x00 audit\r\n"}, billing.Denial{Reason: "not_now", Note: "after the audit"}, false},
		{"without", billing.Verdict{}, billing.Denial{Reason: "other"}, false},
		{"with an unknown one", billing.Verdict{Reason: "<b>"}, billing.Denial{Reason: "other"}, false},
		{"I did not ask for this", billing.Verdict{NotMe: true, Reason: "not_now"}, billing.Denial{Reason: "not_me"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, _, c := seamed(t, "pro", worldtest.Options{})
			out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
			r, err := w.Service.Decide(ctx, c.Admin, out.Approval.ID, tc.v)
			noError(t, err)
			a, err := w.Service.Status(ctx, c.Agent, out.Approval.ID, 0)
			noError(t, err)
			if a.State != billing.ApprovalDenied || a.Denial == nil || *a.Denial != tc.want || r.Approval.DecidedBy.ID != c.Admin.ID {
				t.Errorf("%s %+v by %s", a.State, a.Denial, r.Approval.DecidedBy.ID)
			}
			if p, err := w.Service.Authenticate(ctx, c.AgentKey); err != nil || p.Paused != tc.paused {
				t.Errorf("paused = %v, %v", p.Paused, err)
			}
		})
	}
}

// TestWebhookBeforeTheAnswer (W18): Stripe's news arrives while its answer is
// still under way.
func TestWebhookBeforeTheAnswer(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		applied, err := do()
		noError(t, w.Service.Receive(ctx, billing.Event{ID: "evt_early", Type: "customer.subscription.updated", CustomerID: c.Customer, CreatedAt: w.Box.Now()}))
		noError(t, w.Service.SyncDirty(ctx))
		if sub, err := w.Store.Subscription(ctx, c.Org.ID); err != nil || sub.Plan != "scale" {
			t.Errorf("the webhook's sync read %q, %v", sub.Plan, err)
		}
		state(t, w, out.Approval, billing.ApprovalExecuting)
		return applied, err
	}
	r, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
	noError(t, err)
	if r.Approval.State != billing.ApprovalSucceeded || r.Approval.Result.Status != billing.StatusSwitched || charges(w, c) != 1 {
		t.Errorf("%s %+v, %d charges", r.Approval.State, r.Approval.Result, charges(w, c))
	}
}
