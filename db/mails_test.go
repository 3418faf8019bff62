package db

import (
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func draft(key string) billing.MailDraft {
	return billing.MailDraft{OrgID: acme, Key: key, Kind: "receipt", Message: `{"number":"A-1"}`, Asker: agent, FactAt: t0, At: t0, DueAt: t0}
}

func (s fixture) takesMail(t *testing.T) billing.StoredMail {
	t.Helper()
	return ok(s.TakeMail(t.Context(), s.clock.Now(), s.clock.Now().Add(time.Minute)))(t)
}

func (s fixture) noMail(t *testing.T, what string) {
	t.Helper()
	m, err := s.TakeMail(t.Context(), s.clock.Now(), s.clock.Now().Add(time.Minute))
	missing(t, what+": took "+m.Key, err)
}

// TestMailsAreForThoseWhoDecide, once for each fact, and not for the one who has
// made the decision.
func TestMailsAreForThoseWhoDecide(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for _, p := range []struct{ id, role string }{{"usr_admin", "billing_admin"}, {"usr_member", "member"}} {
			ok(s.PutMember(ctx, acme, billing.User{ID: p.id, Email: p.id + "@acme.test", Name: p.id, CreatedAt: t0}, billing.Role(p.role)))(t)
		}
		for range 2 {
			must(t, s.InsertMails(ctx, draft("a")))
		}
		readers := map[string]bool{}
		for range 2 {
			m := s.takesMail(t)
			readers[m.UserID] = true
			m.UserID = ""
			same(t, "mail", m, billing.StoredMail{OrgID: acme, Key: "a", Kind: "receipt", Message: `{"number":"A-1"}`, CreatedAt: t0, Tries: 1})
		}
		if !readers[owner] || !readers["usr_admin"] {
			t.Errorf("mails for %v", readers)
		}
		s.noMail(t, "all are taken")
		d := draft("b")
		d.Except = owner
		must(t, s.InsertMails(ctx, d))
		same(t, "reader", s.takesMail(t).UserID, "usr_admin")
		u, role, err := s.Reader(ctx, acme, "usr_admin")
		must(t, err)
		if u.Email != "usr_admin@acme.test" || role != billing.RoleBillingAdmin {
			t.Errorf("reader %+v, %s", u, role)
		}
		must(t, s.exec(ctx, `DELETE FROM members WHERE user_id = 'usr_admin'`))
		if _, role, err = s.Reader(ctx, acme, "usr_admin"); role != "" || err != nil {
			t.Errorf("who has left is %q, %v", role, err)
		}
	})
}

func TestMailsAreCountedAndWithdrawn(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i, at := range []time.Time{t0, t0.Add(time.Minute), t0.Add(2 * time.Minute)} {
			d := draft(string(rune('a' + i)))
			d.At, d.DueAt = at, at
			must(t, s.InsertMails(ctx, d))
		}
		same(t, "since", ok(s.CountMails(ctx, acme, agent, t0))(t), 2)
		same(t, "another's", ok(s.CountMails(ctx, acme, "agt_2", t0))(t), 0)
		tried := s.takesMail(t)
		same(t, "due first", tried.Key, "a")
		s.noMail(t, "the others are not due")
		for _, key := range []string{"a", "b"} {
			must(t, s.WithdrawMails(ctx, acme, key))
		}
		n, oldest, err := s.WaitingMails(ctx)
		if must(t, err); n != 2 || !oldest.Equal(t0) {
			t.Errorf("%d wait since %v", n, oldest)
		}
		s.clock.advance(time.Hour)
		same(t, "what was tried stays", s.takesMail(t).Key, "a")
		same(t, "after the withdrawn one", s.takesMail(t).Key, "c")
	})
}

// TestMailsAreSettledByWhoTookThem: a lease that ran out proves nothing.
func TestMailsAreSettledByWhoTookThem(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertMails(ctx, draft("a")))
		died := s.takesMail(t)
		s.clock.advance(time.Minute)
		again := s.takesMail(t)
		same(t, "tries", again.Tries, 2)
		if ok(s.SettleMail(ctx, died, billing.MailSent, t0))(t) {
			t.Error("settled by one whose lease had run out")
		}
		if !ok(s.SettleMail(ctx, again, billing.MailPending, s.clock.Now().Add(time.Hour)))(t) {
			t.Error("not settled")
		}
		s.noMail(t, "it waits for its next try")
		s.clock.advance(time.Hour)
		last := s.takesMail(t)
		if !ok(s.SettleMail(ctx, last, billing.MailDropped, s.clock.Now()))(t) || ok(s.SettleMail(ctx, last, billing.MailSent, s.clock.Now()))(t) {
			t.Error("settled never or twice")
		}
		s.clock.advance(time.Hour)
		s.noMail(t, "it is finished")
		must(t, s.InsertMails(ctx, draft("a")))
		s.noMail(t, "nobody is told twice")
		same(t, "pruned", ok(s.Prune(ctx, billing.PruneMails, t0, 9))(t), int64(0))
		same(t, "pruned later", ok(s.Prune(ctx, billing.PruneMails, s.clock.Now(), 9))(t), int64(1))
	})
}

// TestMailsAndARestoration: what waits is given up, and what is older is not
// written.
func TestMailsAndARestoration(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertMails(ctx, draft("a")))
		s.clock.advance(time.Hour)
		ok(s.Restore(ctx, s.clock.Now(), t0, false))(t)
		s.noMail(t, "it waited when the backup was made")
		late := draft("b")
		late.FactAt = s.clock.Now().Add(-time.Second)
		must(t, s.InsertMails(ctx, late))
		s.noMail(t, "it happened in the lost time")
		late.FactAt = s.clock.Now()
		must(t, s.InsertMails(ctx, late))
		same(t, "news", s.takesMail(t).Key, "b")
	})
}

func TestTakeMailTogether(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i := range 20 {
			must(t, s.InsertMails(ctx, draft(string(rune('a'+i)))))
		}
		var mu sync.Mutex
		taken := map[string]int{}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for {
					m, err := s.TakeMail(ctx, t0, t0.Add(time.Minute))
					if err != nil {
						return
					}
					mu.Lock()
					taken[m.Key]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		for key, n := range taken {
			if n != 1 {
				t.Errorf("%s was taken %d times", key, n)
			}
		}
		if len(taken) != 20 {
			t.Errorf("%d were taken", len(taken))
		}
	})
}
