package billing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestTokenLivesAMinute: by the database's clock, whatever the replica's says.
func TestTokenLivesAMinute(t *testing.T) {
	for _, skew := range []time.Duration{0, 5 * time.Minute, -5 * time.Minute} {
		for after, late := range map[time.Duration]bool{0: false, 59 * time.Second: false, 60 * time.Second: true, time.Hour: true} {
			t.Run(fmt.Sprintf("%s later, clock off by %s", after, skew), func(t *testing.T) {
				w, _, c := seamed(t, "pro", worldtest.Options{Configure: func(cfg *billing.Config) {
					right := cfg.Clock
					cfg.Clock = billing.ClockFunc(func() time.Time { return right.Now().Add(skew) })
				}})
				w.Advance(time.Hour)
				out := asked(t, w.Service, c.Agent, upgrade("scale"))
				w.Advance(after)
				confirm := with(out.Token, upgrade("scale"))
				if !late {
					propose(t, w.Service, c.Agent, confirm, billing.StatusSwitched, nil)
					return
				}
				propose(t, w.Service, c.Agent, confirm, "", billing.ErrTokenExpired)
				if got := w.Plan(c.Org.ID); got != "pro" {
					t.Errorf("plan is %q", got)
				}
			})
		}
	}
}

// TestTokenIsBound: what comes back with the token is what was asked, or
// nothing happens and the token is used up by the attempt.
func TestTokenIsBound(t *testing.T) {
	for _, tc := range []struct {
		name     string
		ask      billing.Proposal
		confirm  billing.Proposal
		want     billing.Status // empty: a mismatch
		schedule bool           // a person has scheduled the downgrade before
	}{
		{name: "the same again", ask: upgrade("scale"), confirm: upgrade("scale"), want: billing.StatusSwitched},
		{name: "plan left out means as bound, not the default plan", ask: upgrade("scale"), confirm: upgrade(""), want: billing.StatusSwitched},
		{name: "downgrade", ask: downgrade(), confirm: downgrade(), want: billing.StatusDowngradeScheduled},
		{name: "resume", ask: upgrade("pro"), confirm: upgrade(""), schedule: true, want: billing.StatusResumed},
		{name: "other plan", ask: upgrade("scale"), confirm: upgrade("pro")},
		{name: "no such plan", ask: upgrade("scale"), confirm: upgrade("gold")},
		{name: "downgrade for an upgrade", ask: upgrade("scale"), confirm: downgrade()},
		{name: "upgrade for a downgrade", ask: downgrade(), confirm: upgrade("")},
		{name: "upgrade to the bound plan of a downgrade", ask: downgrade(), confirm: upgrade("free")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, _, c := seamed(t, "pro", worldtest.Options{})
			w.Advance(time.Hour)
			if tc.schedule {
				propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
			}
			out := asked(t, w.Service, c.Agent, tc.ask)
			if tc.want != "" {
				propose(t, w.Service, c.Agent, with(out.Token, tc.confirm), tc.want, nil)
				state(t, w, out.Approval, billing.ApprovalSucceeded)
				return
			}
			before := w.Sync(c.Org.ID)
			propose(t, w.Service, c.Agent, with(out.Token, tc.confirm), "", billing.ErrTokenMismatch)
			_, err := w.Service.Propose(ctx, c.Agent, with(out.Token, tc.ask))
			fails(t, err, billing.ErrTokenInvalid, "reason", "superseded")
			if after := w.Sync(c.Org.ID); after.Version != before.Version || charges(w, c) != 0 {
				t.Errorf("something changed: %+v", after.State)
			}
		})
	}
}

// TestTokenInvalid: each reason, with the way to a lost answer where there is one.
func TestTokenInvalid(t *testing.T) {
	for _, tc := range []struct {
		name   string
		spoil  func(t *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string)
		reason string
		points bool // to the request
	}{
		{"made up", func(_ *testing.T, _ *worldtest.World, c worldtest.Cast, _ billing.Outcome) (billing.Principal, string) {
			return c.Agent, "csc_made_up"
		}, "unknown", false},
		{"another agent's", func(_ *testing.T, _ *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			return c.OtherAgent, out.Token
		}, "unknown", false},
		{"C7 another key of the same agent", func(_ *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			twin, _ := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, PrincipalID: c.Agent.ID, Name: "deploy-bot"})
			return twin, out.Token
		}, "unknown", false},
		{"an agent of another org", func(_ *testing.T, w *worldtest.World, _ worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			return w.NewCast("evil", "pro", visa).Agent, out.Token
		}, "unknown", false},
		{"asked again", func(t *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			asked(t, w.Service, c.Agent, upgrade("scale"))
			return c.Agent, out.Token
		}, "superseded", false},
		{"asked for a page instead", func(t *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
			return c.Agent, out.Token
		}, "superseded", false},
		{"C5 used", func(t *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			propose(t, w.Service, c.Agent, with(out.Token, upgrade("scale")), billing.StatusSwitched, nil)
			return c.Agent, out.Token
		}, "used", true},
		{"approved on the web", func(t *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			_, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
			noError(t, err)
			return c.Agent, out.Token
		}, "used", true},
		{"denied on the web", func(t *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			_, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, billing.Verdict{Reason: "not_now"})
			noError(t, err)
			return c.Agent, out.Token
		}, "used", true},
		{"canceled", func(t *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) (billing.Principal, string) {
			_, err := w.Service.CancelApproval(ctx, c.Agent, out.Approval.ID)
			noError(t, err)
			return c.Agent, out.Token
		}, "used", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, _, c := seamed(t, "pro", worldtest.Options{})
			w.Advance(time.Hour)
			out := asked(t, w.Service, c.Agent, upgrade("scale"))
			p, token := tc.spoil(t, w, c, out)
			paid := charges(w, c)
			_, err := w.Service.Propose(ctx, p, with(token, upgrade("scale")))
			fails(t, err, billing.ErrTokenInvalid, "reason", tc.reason)
			if tc.points {
				fails(t, err, billing.ErrTokenInvalid, "request", out.Approval.ID, "polling_url", w.Service.PollingURL(out.Approval.ID))
			}
			if charges(w, c) != paid {
				t.Error("the token ran again")
			}
		})
	}
}

// TestLostAnswerIsFetched (C5): the answer of a confirm that never arrived is
// read by a poll, word for word.
func TestLostAnswerIsFetched(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, upgrade("scale"))
	done := propose(t, w.Service, c.Agent, with(out.Token, upgrade("scale")), billing.StatusSwitched, nil)
	a, err := w.Service.Status(ctx, c.Agent, out.Approval.ID, 0)
	noError(t, err)
	if a.State != billing.ApprovalSucceeded || a.Result == nil || a.Result.Charged != done.Charged || a.Result.Status != done.Status || charges(w, c) != 1 {
		t.Errorf("poll says %s %+v, the call said %+v, %d charges", a.State, a.Result, done, charges(w, c))
	}
	if a.Assurance != billing.AssuranceAgent || a.DecidedBy.ID != c.Agent.ID {
		t.Errorf("recorded as %s by %s", a.Assurance, a.DecidedBy.ID)
	}
}

// TestKeyEndsBetween (C8): a key that is paused or revoked after the ask
// confirms nothing, although the call was let in before.
func TestKeyEndsBetween(t *testing.T) {
	for _, tc := range []struct {
		name  string
		end   func(w *worldtest.World, c worldtest.Cast) error
		want  error
		state billing.ApprovalState
	}{
		{"paused", func(w *worldtest.World, c worldtest.Cast) error {
			return w.Store.PauseCredential(ctx, c.Org.ID, c.Agent.CredentialID, w.Box.Now())
		}, billing.ErrKeyPaused, billing.ApprovalPending},
		{"revoked", func(w *worldtest.World, c worldtest.Cast) error {
			return w.Store.RevokeCredential(ctx, c.Org.ID, c.Agent.CredentialID, w.Box.Now())
		}, billing.ErrTokenInvalid, billing.ApprovalInvalidated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, _, c := seamed(t, "pro", worldtest.Options{})
			out := asked(t, w.Service, c.Agent, upgrade("scale"))
			noError(t, tc.end(w, c))
			propose(t, w.Service, c.Agent, with(out.Token, upgrade("scale")), "", tc.want)
			state(t, w, out.Approval, tc.state)
			if got := w.Plan(c.Org.ID); got != "pro" {
				t.Errorf("plan is %q", got)
			}
		})
	}
}

// TestPriceChangedBetween (C9): what the user said yes to is not what it costs
// now, so the user is asked again.
func TestPriceChangedBetween(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	first := asked(t, w.Service, c.Agent, upgrade("scale"))
	s.dearer()
	again := propose(t, w.Service, c.Agent, with(first.Token, upgrade("scale")), billing.StatusConfirmationRequired, nil)
	if again.Changed == nil || again.Changed.DueNow != first.Approval.Quote.DueNow || again.Approval.Quote.DueNow != first.Approval.Quote.DueNow+100 {
		t.Fatalf("changed %+v, now %+v", again.Changed, again.Approval.Quote)
	}
	if again.Approval.ID != first.Approval.ID || again.Approval.OpDigest == first.Approval.OpDigest || again.Approval.BaseDigest != first.Approval.BaseDigest {
		t.Errorf("request %s→%s, digest %s→%s", first.Approval.ID, again.Approval.ID, first.Approval.OpDigest, again.Approval.OpDigest)
	}
	_, err := w.Service.Propose(ctx, c.Agent, with(first.Token, upgrade("scale")))
	fails(t, err, billing.ErrTokenInvalid, "reason", "superseded")
	if charges(w, c) != 0 {
		t.Error("charged at the old price")
	}
	out := propose(t, w.Service, c.Agent, with(again.Token, upgrade("scale")), billing.StatusSwitched, nil)
	if !out.AmountDiffers { // the seam lies about a dollar, so Stripe charges another amount
		t.Error("a charge that differs from the quote was not told")
	}
}

// TestSubscriptionMovedOnBetween: what was asked is no longer a change.
func TestSubscriptionMovedOnBetween(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, upgrade("scale"))
	propose(t, w.Service, c.Owner, upgrade("scale"), billing.StatusSwitched, nil)
	propose(t, w.Service, c.Agent, with(out.Token, upgrade("scale")), "", billing.ErrOutdated)
	if charges(w, c) != 1 {
		t.Errorf("%d charges", charges(w, c))
	}
}

// TestWrongTokensLock (C11).
func TestWrongTokensLock(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	for i := range 5 {
		propose(t, w.Service, c.Agent, with(fmt.Sprint("csc_guess", i), upgrade("scale")), "", billing.ErrTokenInvalid)
		w.Advance(time.Minute)
	}
	out := asked(t, w.Service, c.Agent, upgrade("scale"))
	_, err := w.Service.Propose(ctx, c.Agent, with(out.Token, upgrade("scale")))
	fails(t, err, billing.ErrConsentLocked)
	other := asked(t, w.Service, c.OtherAgent, downgrade())
	propose(t, w.Service, c.OtherAgent, with(other.Token, downgrade()), billing.StatusDowngradeScheduled, nil)

	w.Advance(5*time.Minute - time.Second) // the first guess is 9:59 old
	out = asked(t, w.Service, c.Agent, upgrade("scale"))
	_, err = w.Service.Propose(ctx, c.Agent, with(out.Token, upgrade("scale")))
	fails(t, err, billing.ErrConsentLocked)
	w.Advance(2 * time.Second)
	propose(t, w.Service, c.Agent, with(out.Token, upgrade("scale")), billing.StatusSwitched, nil)
}

// TestAskingIsLimited (C12).
func TestAskingIsLimited(t *testing.T) {
	t.Run("ten an hour, thirty a day", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		for hour := range 3 {
			for range 10 {
				out := asked(t, w.Service, c.Agent, upgrade("scale"))
				_, err := w.Service.CancelApproval(ctx, c.Agent, out.Approval.ID)
				noError(t, err)
			}
			_, err := w.Service.Propose(ctx, c.Agent, upgrade("scale"))
			if hour < 2 {
				fails(t, err, billing.ErrTooManyAsks, "limit", 10, "per_seconds", 3600)
			} else {
				fails(t, err, billing.ErrTooManyAsks)
			}
			asked(t, w.Service, c.OtherAgent, upgrade("scale"))
			w.Advance(time.Hour + time.Second)
		}
		_, err := w.Service.Propose(ctx, c.Agent, upgrade("scale"))
		fails(t, err, billing.ErrTooManyAsks, "limit", 30, "per_seconds", 86400)
		w.Advance(22 * time.Hour)
		asked(t, w.Service, c.Agent, upgrade("scale"))
	})
	t.Run("an identical ask is no new one", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		for range 12 {
			asked(t, w.Service, c.Agent, upgrade("scale"))
		}
	})
	t.Run("three wait per agent", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		fill(t, w, c.Agent, 3)
		_, err := w.Service.Propose(ctx, c.Agent, upgrade("scale"))
		fails(t, err, billing.ErrTooManyPending)
		asked(t, w.Service, c.OtherAgent, upgrade("scale"))
	})
	t.Run("ten wait per org", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		for i := range 4 {
			p, _ := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, Name: fmt.Sprint("bot", i)})
			fill(t, w, p, []int{3, 3, 3, 1}[i])
		}
		_, err := w.Service.Propose(ctx, c.Agent, upgrade("scale"))
		fails(t, err, billing.ErrTooManyPending)
		w.Advance(time.Minute) // those in chat have expired by themselves
		asked(t, w.Service, c.Agent, upgrade("scale"))
	})
}

// fill puts n requests for actions yet to come among the waiting ones.
func fill(t *testing.T, w *worldtest.World, p billing.Principal, n int) {
	t.Helper()
	out := asked(t, w.Service, p, downgrade())
	_, err := w.Service.CancelApproval(ctx, p, out.Approval.ID)
	noError(t, err)
	for i := range n {
		a := *out.Approval
		a.ID = fmt.Sprintf("%su%d", a.ID[:28], i) // no id of ours has a u
		a.Quote.Change = billing.Change{Action: billing.Action(fmt.Sprint("capacity.", i))}
		noError(t, w.Store.InsertApproval(ctx, a))
	}
}

// TestAskingAgain: an identical ask joins the request that stands, another one
// replaces it.
func TestAskingAgain(t *testing.T) {
	t.Run("identical", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		w.Advance(time.Hour)
		first := asked(t, w.Service, c.Agent, upgrade("scale"))
		w.Advance(50 * time.Second)
		second := asked(t, w.Service, c.Agent, upgrade("scale"))
		if second.Approval.ID != first.Approval.ID || second.Token == first.Token {
			t.Fatalf("%s then %s", first.Approval.ID, second.Approval.ID)
		}
		propose(t, w.Service, c.Agent, with(first.Token, upgrade("scale")), "", billing.ErrTokenInvalid)
		w.Advance(50 * time.Second) // the first ask would be over by now
		propose(t, w.Service, c.Agent, with(second.Token, upgrade("scale")), billing.StatusSwitched, nil)
	})
	t.Run("other parameters", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{Catalog: threePlans(t)})
		first := asked(t, w.Service, c.Agent, upgrade("scale"))
		second := asked(t, w.Service, c.Agent, upgrade("giant"))
		if old := state(t, w, first.Approval, billing.ApprovalSuperseded); old.ReplacedBy != second.Approval.ID {
			t.Errorf("replaced by %q, want %s", old.ReplacedBy, second.Approval.ID)
		}
		if second.Approval.ReplacedBy != "" {
			t.Errorf("the new request says that %s replaced it", second.Approval.ReplacedBy)
		}
		_, err := w.Service.Propose(ctx, c.Agent, with(first.Token, upgrade("scale")))
		fails(t, err, billing.ErrTokenInvalid, "reason", "superseded")
	})
	t.Run("another action stands beside it", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		first, second := asked(t, w.Service, c.Agent, upgrade("scale")), asked(t, w.Service, c.Agent, downgrade())
		state(t, w, first.Approval, billing.ApprovalPending)
		state(t, w, second.Approval, billing.ApprovalPending)
	})
	t.Run("another agent's stands beside it", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		first, second := asked(t, w.Service, c.Agent, upgrade("scale")), asked(t, w.Service, c.OtherAgent, upgrade("scale"))
		if first.Approval.ID == second.Approval.ID {
			t.Error("two agents share a request")
		}
		state(t, w, first.Approval, billing.ApprovalPending)
	})
	t.Run("the last one expired", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		first := asked(t, w.Service, c.Agent, upgrade("scale"))
		w.Advance(time.Minute)
		second := asked(t, w.Service, c.Agent, upgrade("scale"))
		if first.Approval.ID == second.Approval.ID {
			t.Error("joined a request that was over")
		}
		state(t, w, first.Approval, billing.ApprovalExpired)
	})
}

// TestDenialHolds: what was denied is not asked again at once, and three times
// no pauses the key.
func TestDenialHolds(t *testing.T) {
	deny := func(t *testing.T, w *worldtest.World, c worldtest.Cast, out billing.Outcome) {
		t.Helper()
		_, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, billing.Verdict{Reason: "too_expensive"})
		noError(t, err)
	}
	t.Run("cool-down", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		out := asked(t, w.Service, c.Agent, upgrade("scale"))
		deny(t, w, c, out)
		w.Advance(15*time.Minute - time.Second)
		_, err := w.Service.Propose(ctx, c.Agent, upgrade("scale"))
		fails(t, err, billing.ErrCooldown, "request", out.Approval.ID)
		asked(t, w.Service, c.Agent, downgrade()) // something else may be asked
		w.Advance(time.Second)
		asked(t, w.Service, c.Agent, upgrade("scale"))
	})
	t.Run("three in a day pause the key", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		for range 3 {
			deny(t, w, c, asked(t, w.Service, c.Agent, upgrade("scale")))
			w.Advance(16 * time.Minute)
		}
		again, err := w.Service.Authenticate(ctx, c.AgentKey)
		noError(t, err)
		if !again.Paused {
			t.Fatal("not paused")
		}
		propose(t, w.Service, again, upgrade("scale"), "", billing.ErrKeyPaused)
		if _, err = w.Service.Summary(ctx, again); err != nil {
			t.Errorf("a paused key may read: %v", err)
		}
		noError(t, w.Store.PauseCredential(ctx, c.Org.ID, c.Agent.CredentialID, time.Time{}))
		asked(t, w.Service, c.Agent, upgrade("scale"))
	})
	t.Run("a day is counted from the denials, not from the asks", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		long := onWeb(downgrade())
		long.ExpiresIn = 7 * 24 * 3600
		old := asked(t, w.Service, c.Agent, long)
		w.Advance(3 * 24 * time.Hour)
		for range 2 {
			deny(t, w, c, asked(t, w.Service, c.Agent, upgrade("scale")))
			w.Advance(16 * time.Minute)
		}
		deny(t, w, c, old)
		if p, err := w.Service.Authenticate(ctx, c.AgentKey); err != nil || !p.Paused {
			t.Errorf("paused = %v, %v", p.Paused, err)
		}
	})
	t.Run("three in two days do not", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		for range 3 {
			deny(t, w, c, asked(t, w.Service, c.Agent, upgrade("scale")))
			w.Advance(13 * time.Hour)
		}
		if p, err := w.Service.Authenticate(ctx, c.AgentKey); err != nil || p.Paused {
			t.Errorf("paused = %v, %v", p.Paused, err)
		}
	})
}

// TestUndoWithoutConsent: an agent takes back at once what an agent scheduled,
// and asks before it takes back what a person did.
func TestUndoWithoutConsent(t *testing.T) {
	t.Run("an agent's", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		out := asked(t, w.Service, c.Agent, onWeb(downgrade()))
		_, err := pressed(t, w.Service, c.Admin, out.Approval.ID)
		noError(t, err)
		sum, err := w.Service.Summary(ctx, c.Owner)
		noError(t, err)
		if len(sum.Scheduled) != 1 || sum.Scheduled[0].By.ID != c.Agent.ID || sum.Scheduled[0].ApprovedBy != c.Admin.Name {
			t.Errorf("scheduled %+v", sum.Scheduled)
		}
		propose(t, w.Service, c.OtherAgent, upgrade("pro"), billing.StatusResumed, nil)
		if sub := w.Sync(c.Org.ID); sub.CancelAtPeriodEnd || sub.ScheduledBy != nil {
			t.Errorf("after the undo: %+v", sub)
		}
	})
	t.Run("a person's", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		propose(t, w.Service, c.OwnerTool, downgrade(), billing.StatusDowngradeScheduled, nil)
		out := propose(t, w.Service, c.Agent, upgrade("pro"), billing.StatusConfirmationRequired, nil)
		if out.Approval.Change().Action != billing.ActionResume || !w.Sync(c.Org.ID).CancelAtPeriodEnd {
			t.Errorf("asked for %+v", out.Approval.Change())
		}
	})
	t.Run("one from Stripe's portal", func(t *testing.T) {
		w, _, c := seamed(t, "pro", worldtest.Options{})
		noError(t, w.Box.CancelAtPeriodEnd(w.Sync(c.Org.ID).SubscriptionID, true))
		w.Sync(c.Org.ID)
		propose(t, w.Service, c.Agent, upgrade("pro"), billing.StatusConfirmationRequired, nil)
	})
}

// TestNoSecretIsKept (C10): what people and agents hold is neither in the
// database nor in the log.
func TestNoSecretIsKept(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{OnDisk: true})
	noError(t, w.Service.RequestSignIn(ctx, c.Owner.Email, "/settings/billing"))
	used, open := asked(t, w.Service, c.Agent, upgrade("scale")), asked(t, w.Service, c.OtherAgent, downgrade())
	propose(t, w.Service, c.Agent, with(used.Token, upgrade("scale")), billing.StatusSwitched, nil)
	propose(t, w.Service, c.Agent, with("csc_guess", upgrade("scale")), "", billing.ErrTokenInvalid)
	propose(t, w.Service, c.OtherAgent, with(open.Token, upgrade("scale")), "", billing.ErrTokenMismatch)
	kept := w.Dump() + w.Log.String()
	if !strings.Contains(kept, used.Approval.ID) {
		t.Fatal("nothing was kept at all")
	}
	for name, secret := range map[string]string{
		"used token": used.Token, "open token": open.Token, "agent's key": c.AgentKey, "member's token": c.OwnerToken,
		"cookie": c.OwnerCookie, "sign-in link": w.Mail.Links[0][len(w.BaseURL+"/login/"):], "guessed token": "csc_guess",
	} {
		if strings.Contains(kept, secret) || strings.Contains(kept, secret[4:]) {
			t.Errorf("the %s was kept", name)
		}
	}
}
