package db

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestApprove(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		a := approval("apr_1")
		must(t, s.InsertApproval(ctx, a))
		d := decision(a)
		d.Quote.DueNow = 1738
		if !ok(s.Approve(ctx, d))(t) {
			t.Fatal("every clause holds and yet it was not approved")
		}
		want := a
		want.State, want.DecidedAt, want.DecidedBy, want.Assurance = billing.ApprovalApproved, d.At, d.By, d.Assurance
		want.Quote, want.OpDigest, want.IntentID = d.Quote, d.OpDigest, d.IntentID
		same(t, "approved", ok(s.Approval(ctx, acme, a.ID))(t), want)
		if ok(s.Approve(ctx, d))(t) {
			t.Error("approved twice")
		}
	})
}

// Each clause of the guard, broken alone, holds the approval back.
func TestApproveGuard(t *testing.T) {
	sql := func(statement string) func(*testing.T, fixture, *billing.Decision) {
		return func(t *testing.T, s fixture, _ *billing.Decision) {
			if _, err := s.writer.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	decide := func(f func(d *billing.Decision)) func(*testing.T, fixture, *billing.Decision) {
		return func(_ *testing.T, _ fixture, d *billing.Decision) { f(d) }
	}
	clauses := []struct {
		name   string
		breach func(t *testing.T, s fixture, d *billing.Decision)
	}{
		{"another org", decide(func(d *billing.Decision) { d.OrgID = other })},
		{"another request", decide(func(d *billing.Decision) { d.ApprovalID = "apr_2" })},
		{"another operation", decide(func(d *billing.Decision) { d.BaseDigest = "base-other" })},
		{"the subscription changed", sql(`UPDATE subscriptions SET version = 2 WHERE org_id = 'org_acme'`)},
		{"the quote is from an older version", decide(func(d *billing.Decision) { d.SubscriptionVersion = 0 })},
		{"already denied", sql(`UPDATE approvals SET state = 'denied' WHERE id = 'apr_1'`)},
		{"the key is revoked", func(t *testing.T, s fixture, _ *billing.Decision) {
			if _, err := s.writer.Exec(`UPDATE credentials SET revoked_at = created_at`); err != nil {
				t.Fatal(err)
			}
		}},
		{"the key is paused", func(t *testing.T, s fixture, _ *billing.Decision) {
			must(t, s.PauseCredential(t.Context(), acme, key, t0))
		}},
		{"the key is gone", sql(`DELETE FROM credentials`)},
		{"the decider is a member now", sql(`UPDATE members SET role = 'member'`)},
		{"the decider left", sql(`DELETE FROM members`)},
		{"the decider is of another org", func(t *testing.T, s fixture, d *billing.Decision) {
			u := billing.User{ID: "usr_eve", Email: "eve@other.test", Name: "Eve", CreatedAt: t0}
			ok(s.PutMember(t.Context(), other, u, billing.RoleOwner))(t)
			d.DeciderUserID = u.ID
		}},
		{"expired by the clock, though the caller's is behind", func(_ *testing.T, s fixture, _ *billing.Decision) {
			s.clock.advance(time.Hour)
		}},
		{"expired by the caller's clock", decide(func(d *billing.Decision) { d.At = t0.Add(time.Hour) })},
		{"another change is under way", func(t *testing.T, s fixture, _ *billing.Decision) {
			moving := approval("apr_moving")
			moving.State = billing.ApprovalIndeterminate
			must(t, s.InsertApproval(t.Context(), moving))
		}},
	}
	for _, c := range clauses {
		t.Run(c.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s fixture) {
				a := approval("apr_1")
				must(t, s.InsertApproval(t.Context(), a))
				d := decision(a)
				c.breach(t, s, &d)
				before := ok(s.Approval(t.Context(), acme, a.ID))(t)
				if ok(s.Approve(t.Context(), d))(t) {
					t.Error("approved")
				}
				same(t, "request", ok(s.Approval(t.Context(), acme, a.ID))(t), before)
			})
		})
	}
}

func TestApproveInChatNeedsTheKeyOnly(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		for i, breach := range []string{`DELETE FROM members`, `UPDATE credentials SET paused_at = created_at`} {
			a := approval(fmt.Sprint("apr_", i))
			must(t, s.InsertApproval(t.Context(), a))
			d := decision(a)
			d.DeciderUserID = ""
			if _, err := s.writer.Exec(breach); err != nil {
				t.Fatal(err)
			}
			if got := ok(s.Approve(t.Context(), d))(t); got != (i == 0) {
				t.Errorf("after %s: approved = %v", breach, got)
			}
			if _, err := s.writer.Exec(`UPDATE approvals SET state = 'denied'`); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// By the database's own clock, a caller whose clock is behind gains nothing.
func TestApproveAsksTheServersClock(t *testing.T) {
	for _, e := range []engine{sqliteEngine, postgresEngine} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			s := fixture{Store: openAt(t, newURL(t, e), Options{})}
			s.seed(t)
			now := ok(s.Now(t.Context()))(t)
			if d := time.Since(now); d < -time.Minute || d > time.Minute {
				t.Errorf("the database's clock says %v", now)
			}
			for life, want := range map[time.Duration]bool{-time.Second: false, time.Hour: true} {
				a := approval("apr_" + life.String())
				a.CreatedAt, a.ExpiresAt = now.Add(-time.Hour), now.Add(life)
				a.Quote.Change.Action = billing.Action(life.String())
				must(t, s.InsertApproval(t.Context(), a))
				d := decision(a)
				d.At = now.Add(-time.Minute)
				if got := ok(s.Approve(t.Context(), d))(t); got != want {
					t.Errorf("%v before its end: approved = %v, want %v", life, got, want)
				}
			}
		})
	}
}

// race runs f eight times at once and returns how often it won.
func race(t *testing.T, f func(i int) (bool, error)) int {
	t.Helper()
	var wins atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 8 {
		wg.Go(func() {
			<-start
			won, err := f(i)
			if err != nil {
				t.Errorf("racer %d: %v", i, err)
			}
			if won {
				wins.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(wins.Load())
}

func TestRacesHaveOneWinner(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		// A second replica: half of the racers use it.
		twin := openAt(t, s.url, Options{Clock: s.clock.Now})
		store := func(i int) *Store { return []*Store{s.Store, twin}[i%2] }
		one := approval("apr_one")
		must(t, s.InsertApproval(ctx, one))
		link := billing.SignInLink{Hash: []byte("link"), Email: "ann@acme.test", Next: "/", CreatedAt: t0, ExpiresAt: t0.Add(time.Hour)}
		must(t, s.InsertSignInLink(ctx, link))
		must(t, s.InsertToken(ctx, token(one.ID, "token")))
		ok(s.InsertIntent(ctx, withOrg(intent("int_claim"), acme)))(t)

		races := []struct {
			name string
			f    func(i int) (bool, error)
		}{
			{"approve", func(i int) (bool, error) { return store(i).Approve(ctx, decision(one)) }},
			{"token", func(i int) (bool, error) { return store(i).UseToken(ctx, []byte("token"), t0) }},
			{"link", func(i int) (bool, error) {
				_, err := store(i).UseSignInLink(ctx, link.Hash, t0)
				if errors.Is(err, billing.ErrNotFound) {
					return false, nil
				}
				return err == nil, err
			}},
			{"claim", func(i int) (bool, error) {
				return store(i).ClaimIntent(ctx, acme, "int_claim", t0, t0.Add(time.Minute))
			}},
			{"take over", func(i int) (bool, error) {
				_, err := store(i).TakeStaleIntent(ctx, t0.Add(time.Hour), t0.Add(2*time.Hour), 0)
				if errors.Is(err, billing.ErrNotFound) {
					return false, nil
				}
				return err == nil, err
			}},
			{"intent", func(i int) (bool, error) {
				return store(i).InsertIntent(ctx, withOrg(intent(fmt.Sprint("int_", i)), other))
			}},
			{"state", func(i int) (bool, error) {
				return store(i).SaveState(ctx, billing.Subscription{OrgID: acme, RowVersion: 1, Version: 1, State: billing.State{Plan: "pro"}}, nil)
			}},
			{"customer", func(i int) (bool, error) { return store(i).SetCustomer(ctx, acme, fmt.Sprint("cus_", i)) }},
			{"checkout", func(i int) (bool, error) {
				return store(i).SetCheckout(ctx, acme, 0, &billing.Checkout{ID: fmt.Sprint("cs_", i)})
			}},
			{"event", func(i int) (bool, error) {
				return store(i).StoreEvent(ctx, acme, billing.Event{ID: "evt_1", Type: "t", CreatedAt: t0}, t0)
			}},
		}
		for _, r := range races {
			if wins := race(t, r.f); wins != 1 {
				t.Errorf("%s: %d winners, want 1", r.name, wins)
			}
		}
		if seq := ok(s.Subscription(ctx, acme))(t).DirtySeq; seq != 1 {
			t.Errorf("one event counted %d times", seq)
		}
	})
}

func withOrg(i billing.Intent, org string) billing.Intent {
	i.OrgID = org
	return i
}

// Eight different requests of one org are approved at once, each in a
// transaction that also stores its intent: one change gets under way.
func TestRacingApprovalsOfOneOrg(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i := range 8 {
			a := approval(fmt.Sprint("apr_", i))
			a.Actor.ID = fmt.Sprint("agt_", i)
			must(t, s.InsertApproval(ctx, a))
		}
		wins := race(t, func(i int) (won bool, err error) {
			err = s.InTx(ctx, func(tx billing.Tx) error {
				a, err := tx.Approval(ctx, acme, fmt.Sprint("apr_", i))
				if err != nil {
					return err
				}
				if won, err = tx.Approve(ctx, decision(a)); err != nil || !won {
					return err
				}
				won, err = tx.InsertIntent(ctx, intent(fmt.Sprint("int_", i)))
				return err
			})
			return won, err
		})
		if wins != 1 {
			t.Errorf("%d changes under way, want 1", wins)
		}
	})
}

func TestOnePendingPerPrincipalAndAction(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertApproval(ctx, approval("apr_1")))
		if err := s.InsertApproval(ctx, approval("apr_2")); err == nil {
			t.Error("a second pending request of the same action was stored")
		}
		otherAction := approval("apr_3")
		otherAction.Quote.Change = billing.Change{Action: billing.ActionResume}
		must(t, s.InsertApproval(ctx, otherAction))
		otherAgent := approval("apr_4")
		otherAgent.Actor.ID = "agt_2"
		must(t, s.InsertApproval(ctx, otherAgent))

		// The way that the domain makes room, also for one that only time ended.
		must(t, s.InTx(ctx, func(tx billing.Tx) error {
			old := approval("apr_1")
			old.State, old.DecidedAt, old.ReplacedBy = billing.ApprovalSuperseded, t0, "apr_5"
			if won := ok(tx.EndApproval(ctx, old))(t); !won {
				t.Error("not ended")
			}
			return tx.InsertApproval(ctx, approval("apr_5"))
		}))
		old := ok(s.Approval(ctx, acme, "apr_1"))(t)
		if old.State != billing.ApprovalSuperseded || old.ReplacedBy != "apr_5" || !old.DecidedAt.Equal(t0) {
			t.Errorf("superseded: %+v", old)
		}
	})
}

func TestEndApproval(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		a := approval("apr_1")
		must(t, s.InsertApproval(ctx, a))
		end := a
		end.DecidedAt, end.DecidedBy = t0, billing.Actor{Kind: billing.KindHuman, ID: owner, Name: "Ann"}
		end.Denial = &billing.Denial{Reason: "too_expensive", Note: "no"}
		for _, state := range []billing.ApprovalState{billing.ApprovalPending, billing.ApprovalApproved, billing.ApprovalSucceeded} {
			end.State = state
			if _, err := s.EndApproval(ctx, end); err == nil {
				t.Errorf("ended as %s", state)
			}
		}
		end.State = billing.ApprovalDenied
		foreign := end
		foreign.OrgID = other
		if ok(s.EndApproval(ctx, foreign))(t) {
			t.Error("another org ended it")
		}
		if !ok(s.EndApproval(ctx, end))(t) || ok(s.EndApproval(ctx, end))(t) {
			t.Error("must end once")
		}
		same(t, "denied", ok(s.Approval(ctx, acme, a.ID))(t), end)
	})
}

func TestMoveApproval(t *testing.T) {
	const (
		pending, approved, executing  = billing.ApprovalPending, billing.ApprovalApproved, billing.ApprovalExecuting
		succeeded, failed, unclear    = billing.ApprovalSucceeded, billing.ApprovalFailed, billing.ApprovalIndeterminate
		denied                        = billing.ApprovalDenied
		expired, canceled, superseded = billing.ApprovalExpired, billing.ApprovalCanceled, billing.ApprovalSuperseded
	)
	all := []billing.ApprovalState{pending, approved, executing, succeeded, failed, unclear, denied, expired, canceled, superseded}
	allowed := map[[2]billing.ApprovalState]bool{
		{approved, executing}: true, {approved, succeeded}: true, {approved, failed}: true, {approved, unclear}: true,
		{executing, succeeded}: true, {executing, failed}: true, {executing, unclear}: true,
		{unclear, succeeded}: true, {unclear, failed}: true,
	}
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertApproval(ctx, approval("apr_1")))
		for _, from := range all {
			for _, to := range all {
				if _, err := s.writer.Exec(`UPDATE approvals SET state = $1`, from); err != nil {
					t.Fatal(err)
				}
				moved := ok(s.MoveApproval(ctx, acme, "apr_1", to, nil, t0))(t)
				if moved != allowed[[2]billing.ApprovalState{from, to}] {
					t.Errorf("%s → %s: moved = %v", from, to, moved)
				}
				if now := ok(s.Approval(ctx, acme, "apr_1"))(t).State; moved && now != to || !moved && now != from {
					t.Errorf("%s → %s: moved = %v and is now %s", from, to, moved, now)
				}
			}
		}
	})
}

func TestMoveApprovalKeepsTheResult(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		a := approval("apr_1")
		a.State = billing.ApprovalApproved
		must(t, s.InsertApproval(ctx, a))
		out := billing.Outcome{Status: billing.StatusFailed, Failure: &billing.Failure{Code: "payment_action_required"}}
		ok(s.MoveApproval(ctx, acme, a.ID, billing.ApprovalIndeterminate, &out, t0))(t)
		ok(s.MoveApproval(ctx, acme, a.ID, billing.ApprovalFailed, nil, t0))(t)
		same(t, "result", ok(s.Approval(ctx, acme, a.ID))(t).Result, &out)
		if ok(s.MoveApproval(ctx, other, a.ID, billing.ApprovalFailed, nil, t0))(t) {
			t.Error("another org moved it")
		}
	})
}

func TestRequoteAndOpen(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		a := approval("apr_1")
		must(t, s.InsertApproval(ctx, a))
		a.Quote.DueNow, a.Quote.SubscriptionVersion, a.OpDigest = 99, 3, "op-new"
		if !ok(s.RequoteApproval(ctx, a))(t) {
			t.Error("not requoted")
		}
		must(t, s.MarkOpened(ctx, acme, a.ID, t0))
		must(t, s.MarkOpened(ctx, acme, a.ID, t0.Add(time.Hour)))
		a.OpenedAt = t0 // the first time counts
		same(t, "requoted", ok(s.Approval(ctx, acme, a.ID))(t), a)
		end := a
		end.State = billing.ApprovalCanceled
		ok(s.EndApproval(ctx, end))(t)
		if ok(s.RequoteApproval(ctx, a))(t) {
			t.Error("requoted after its end")
		}
	})
}

func TestExpireApprovals(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i := range 4 {
			a := approval(fmt.Sprint("apr_", i))
			a.Actor.ID = fmt.Sprint("agt_", i)
			a.ExpiresAt = t0.Add(time.Duration(i) * time.Minute)
			must(t, s.InsertApproval(ctx, a))
		}
		at := t0.Add(2 * time.Minute) // the third ends at this very instant
		first := ok(s.ExpireApprovals(ctx, at, 2))(t)
		second := ok(s.ExpireApprovals(ctx, at, 2))(t)
		third := ok(s.ExpireApprovals(ctx, at, 2))(t)
		if len(first) != 2 || len(second) != 1 || second[0].ID != "apr_2" || second[0].State != billing.ApprovalExpired || len(third) != 0 {
			t.Errorf("expired %v, %v, %v", first, second, third)
		}
		a := ok(s.Approval(ctx, acme, "apr_1"))(t)
		if a.State != billing.ApprovalExpired || !a.DecidedAt.Equal(a.ExpiresAt) {
			t.Errorf("expired: %+v", a)
		}
		if a := ok(s.Approval(ctx, acme, "apr_3"))(t); a.State != billing.ApprovalPending {
			t.Errorf("too early: %s", a.State)
		}
	})
}

func TestApprovalsPage(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i := range 5 {
			a := approval(fmt.Sprint("apr_", i))
			a.State = billing.ApprovalDenied
			a.CreatedAt = t0.Add(time.Duration(i/2) * time.Second) // pairs at one instant
			if i == 4 {
				a.State, a.Actor.ID = billing.ApprovalPending, "agt_2"
			}
			must(t, s.InsertApproval(ctx, a))
		}
		ids := func(f billing.ApprovalFilter) (all []string) {
			for _, a := range ok(s.Approvals(ctx, acme, f))(t) {
				all = append(all, a.ID)
			}
			return all
		}
		var walked []string
		for before := ""; ; {
			page := ids(billing.ApprovalFilter{Before: before, Limit: 2})
			if len(page) == 0 {
				break
			}
			walked, before = append(walked, page...), page[len(page)-1]
		}
		newestFirst := []string{"apr_4", "apr_3", "apr_2", "apr_1", "apr_0"}
		same(t, "page by page", walked, newestFirst)
		same(t, "all", ids(billing.ApprovalFilter{}), newestFirst)
		same(t, "by state", ids(billing.ApprovalFilter{State: billing.ApprovalPending}), newestFirst[:1])
		same(t, "by principal", ids(billing.ApprovalFilter{PrincipalID: agent}), newestFirst[1:])
		same(t, "after one that is unknown", len(ids(billing.ApprovalFilter{Before: "apr_x"})), 0)
		same(t, "another org's", len(ok(s.Approvals(ctx, other, billing.ApprovalFilter{}))(t)), 0)

		counts := ok(s.CountApprovals(ctx, acme, agent, t0.Add(time.Second)))(t)
		same(t, "counts", counts, map[billing.ApprovalState]int{billing.ApprovalDenied: 2})
	})
}

func TestApprovalOrg(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertApproval(ctx, approval("apr_1")))
		same(t, "org", ok(s.ApprovalOrg(ctx, "apr_1", owner))(t), acme)
		_, err := s.ApprovalOrg(ctx, "apr_1", "usr_eve")
		missing(t, "for a stranger", err)
	})
}

func token(approvalID, hash string) billing.ConfirmToken {
	return billing.ConfirmToken{
		Hash: []byte(hash), OrgID: acme, ApprovalID: approvalID, PrincipalID: agent, CredentialID: key,
		CreatedAt: t0, ExpiresAt: t0.Add(time.Minute),
	}
}

func TestTokens(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertApproval(ctx, approval("apr_1")))
		for _, h := range []string{"used", "late", "dead"} {
			must(t, s.InsertToken(ctx, token("apr_1", h)))
		}
		same(t, "token", ok(s.Token(ctx, acme, []byte("late")))(t), token("apr_1", "late"))
		_, err := s.Token(ctx, other, []byte("late"))
		missing(t, "another org's token", err)

		use := func(hash string, at time.Duration) bool { return ok(s.UseToken(ctx, []byte(hash), t0.Add(at)))(t) }
		if !use("used", 59*time.Second) || use("used", 59*time.Second) {
			t.Error("must be used once")
		}
		if use("late", time.Minute) {
			t.Error("used at the end of its life")
		}
		must(t, s.KillTokens(ctx, "apr_1", t0.Add(time.Second)))
		if use("dead", 2*time.Second) {
			t.Error("used a dead one")
		}
		if tok := ok(s.Token(ctx, acme, []byte("used")))(t); !tok.DeadAt.IsZero() || !tok.UsedAt.Equal(t0.Add(59*time.Second)) {
			t.Errorf("used: %+v", tok)
		}
		for i := range 3 {
			must(t, s.InsertTokenFailure(ctx, acme, agent, t0.Add(time.Duration(i)*time.Second)))
		}
		same(t, "failures", ok(s.CountTokenFailures(ctx, acme, agent, t0.Add(time.Second)))(t), 2)
		same(t, "failures of another", ok(s.CountTokenFailures(ctx, acme, "agt_2", t0))(t), 0)
	})
}
