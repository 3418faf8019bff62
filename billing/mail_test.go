package billing_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// inWords is a mail in a line, for tests to compare: to whom and what.
func inWords(m billing.Mail) string {
	who, _, _ := strings.Cut(m.To.Email, "@")
	what := ""
	switch t := m.Message.(type) {
	case billing.RequestWaits:
		what = fmt.Sprintf("waits %s by %s%s%s", t.Quote.ToPlan, t.Agent, word(t.Sender != "", ", sent"), word(t.Last, ", last"))
	case billing.RequestAnswered:
		what = fmt.Sprintf("%s %s by %s%s", word(t.Approved, "approved")+word(!t.Approved, "denied"), t.Quote.ToPlan, t.By, word(t.Paused, ", paused"))
	case billing.AgentChange:
		what = fmt.Sprintf("%s %s by %s, charged %d", t.End, t.Quote.ToPlan, t.By.Name, t.Charged)
	case billing.PaymentFailed:
		what = fmt.Sprintf("unpaid %d for %s, again %s, kept until %s%s%s", t.Amount.Amount, t.Plan, dayWord(t.NextTry), dayWord(t.KeepUntil), word(t.Out, ", out"), word(t.Ended, ", ended"))
	case billing.TrialEnding:
		what = "trial of " + t.Plan
	case billing.InvoicePaid:
		what = fmt.Sprintf("paid %d for %s", t.Amount.Amount, t.Description)
	}
	return who + ": " + what
}

func word(on bool, s string) string {
	if on {
		return s
	}
	return ""
}

func dayWord(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("2 Jan")
}

// mails asserts who has got which mails since the last time, in any order.
func mails(t *testing.T, w *worldtest.World, want ...string) []billing.Mail {
	t.Helper()
	all := w.Mails()
	got := make([]string, len(all))
	for i, m := range all {
		got[i] = inWords(m)
		if m.ID == "" || m.Org.ID == "" || !strings.HasPrefix(m.URL, w.BaseURL+"/") {
			t.Errorf("%s: %+v", got[i], m)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("mailed:\n %s\nwant:\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
	return all
}

// both is a mail to each of the two who can decide.
func both(what string) []string { return []string{"owner: " + what, "admin: " + what} }

func allOf(lists ...[]string) []string { return slices.Concat(lists...) }

// TestMailsOfARequest: who is told of an agent's request and of what comes of it.
func TestMailsOfARequest(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w := worldtest.New(t, o)
		c := w.NewCast("acme", "pro", visa)
		mails(t, w, both("paid 1900 for Pro")...)

		a := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval
		asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))) // joins
		sent := mails(t, w, both("waits scale by deploy-bot")...)
		if len(sent) == 2 && (sent[0].URL != w.Service.ApprovalURL(a.ID) || sent[0].ID == sent[1].ID) {
			t.Errorf("%+v", sent)
		}
		noError(t, w.Service.SendToDeciders(ctx, c.Member, a.ID))
		noError(t, w.Service.SendToDeciders(ctx, c.Member, a.ID)) // is heard once an hour
		mails(t, w, both("waits scale by deploy-bot, sent")...)

		_, err := w.Service.Decide(ctx, c.Owner, a.ID, billing.Verdict{NotMe: true})
		noError(t, err)
		mails(t, w, "admin: denied scale by owner@acme.test, paused")

		asked(t, w.Service, c.OtherAgent, upgrade("scale")) // in chat: its user is there
		mails(t, w)
		a = asked(t, w.Service, c.OtherAgent, onWeb(upgrade("scale"))).Approval
		mails(t, w, both("waits scale by other-bot")...)
		r, err := pressed(t, w.Service, c.Admin, a.ID)
		noError(t, err)
		done := fmt.Sprintf("done scale by admin@acme.test, charged %d", r.Approval.Result.Charged)
		receipt := fmt.Sprintf("paid %d for Change to Scale", r.Approval.Result.Charged)
		w.Advance(time.Hour)
		mails(t, w, allOf(both(done), both(receipt))...) // and none of the approval itself

		out := asked(t, w.Service, c.OtherAgent, downgrade())
		propose(t, w.Service, c.OtherAgent, with(out.Token, downgrade()), billing.StatusDowngradeScheduled, nil)
		mails(t, w, both("done free by other-bot, charged 0")...)
		propose(t, w.Service, c.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"}, billing.StatusResumed, nil)
		mails(t, w) // a person's own change
	})
}

// TestMailsWhileStripeIsAway: an approval is told of by itself only where its
// change takes long.
func TestMailsWhileStripeIsAway(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Mails()
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	form := formOf(opened(t, w.Service, c.Owner, out.Approval.ID))
	s.apply = func(billing.Order, func() (billing.Applied, error)) (billing.Applied, error) {
		return billing.Applied{}, errors.New("no answer")
	}
	_, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, form)
	noError(t, err)
	mails(t, w) // the request waits no longer, and what became of it is not known
	w.Advance(2 * time.Minute)
	mails(t, w, "admin: approved scale by owner@acme.test")
	s.apply = nil
	recoverAll(t, w, w.Service)
	w.Sync(c.Org.ID)
	_, paid := w.Paid(c.Customer)
	mails(t, w, allOf(both(fmt.Sprintf("done scale by owner@acme.test, charged %d", paid-1900)), both(fmt.Sprintf("paid %d for Change to Scale", paid-1900)))...)
}

func TestMailsOfABank(t *testing.T) {
	w, _, c, _, failure := bankAsks(t)
	all := w.Mails()
	if len(all) == 0 || inWords(all[len(all)-1])[6:] != " bank scale by owner@acme.test, charged 0" {
		t.Errorf("%v", all)
	}
	answerBank(t, failure.ActionURL, "complete", 200)
	w.Sync(c.Org.ID)
	_, paid := w.Paid(c.Customer)
	mails(t, w, allOf(both(fmt.Sprintf("done scale by owner@acme.test, charged %d", paid-1900)), both(fmt.Sprintf("paid %d for Change to Scale", paid-1900)))...)
}

// TestAnAgentCannotFloodAnInbox: three of its requests are mailed in an hour and
// ten in a day, whatever it does; other agents' are.
func TestAnAgentCannotFloodAnInbox(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w := worldtest.New(t, o)
		c := w.NewCast("acme", "pro", visa)
		w.Mails()
		asks := func(p billing.Principal, times int) (got []string) {
			for range times {
				out := asked(t, w.Service, p, onWeb(upgrade("scale")))
				for _, m := range w.Mails() {
					if m.To.Email == "owner@acme.test" {
						got = append(got, inWords(m))
					}
				}
				_, err := w.Service.CancelApproval(ctx, p, out.Approval.ID)
				noError(t, err)
			}
			return got
		}
		const one, last = "owner: waits scale by deploy-bot", "owner: waits scale by deploy-bot, last"
		if got := asks(c.Agent, 8); !slices.Equal(got, []string{one, one, last}) {
			t.Errorf("in an hour: %v", got)
		}
		if got := asks(c.OtherAgent, 1); len(got) != 1 {
			t.Errorf("another agent: %v", got)
		}
		day := 3
		for range 5 {
			w.Advance(61 * time.Minute)
			day += len(asks(c.Agent, 4))
		}
		if day != 10 {
			t.Errorf("%d in a day", day)
		}
		w.Advance(24 * time.Hour)
		if got := asks(c.Agent, 1); !slices.Equal(got, []string{one}) {
			t.Errorf("on the next day: %v", got)
		}
	})
}

// TestReceiptsOnce: a mail for each payment, however often and by whom Stripe is
// looked at.
func TestReceiptsOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w := worldtest.New(t, o)
		c := w.NewCast("acme", "pro", visa)
		other := w.Replica()
		look := func() {
			t.Helper()
			var at sync.WaitGroup
			for _, s := range []*billing.Service{w.Service, other, w.Service, other} {
				at.Go(func() {
					_, err := s.SyncOrg(ctx, c.Org.ID)
					noError(t, err)
				})
			}
			at.Wait()
		}
		look()
		for _, m := range mails(t, w, both("paid 1900 for Pro")...) {
			paid := m.Message.(billing.InvoicePaid)
			if paid.Card == nil || paid.Card.Last4 != "4242" || paid.Number == "" || paid.HostedURL == "" || len(paid.Lines) != 1 || paid.Lines[0].Amount != 1900 {
				t.Errorf("%+v", paid)
			}
		}
		until(t, w, renewal)
		for range 2 { // the same event comes twice
			noError(t, w.Service.Receive(ctx, billing.Event{ID: "evt_1", Type: "invoice.paid", CustomerID: c.Customer, CreatedAt: renewal}))
			noError(t, w.Service.SyncDirty(ctx))
		}
		look()
		mails(t, w, both("paid 1900 for Pro")...)
		w.Advance(24 * time.Hour)
		look()
		mails(t, w)
	})
}

// TestHistoryIsNotMailed: not what was paid before the org was here, nor what is
// found a week late.
func TestHistoryIsNotMailed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w := worldtest.New(t, o)
		late := w.NewCast("late", "pro", visa)
		former, err := w.Stripe.EnsureCustomer(ctx, billing.Org{ID: "org_elsewhere"}, "a@b.test")
		noError(t, err)
		_, err = w.Box.Subscribe(former, "pro_month", visa)
		noError(t, err)
		w.Mails()
		w.Advance(24 * time.Hour)
		c := w.NewCast("acme", "", "")
		_, err = w.Store.SetCustomer(ctx, c.Org.ID, former)
		noError(t, err)
		if sub := w.Sync(c.Org.ID); sub.Plan != "pro" {
			t.Fatalf("on %s", sub.Plan)
		}
		mails(t, w)
		until(t, w, renewal.AddDate(0, 0, 8)) // nobody looked for a week
		w.Sync(late.Org.ID)
		mails(t, w)
	})
}

// TestMailsOfAnUnpaidRenewal: each try that failed is told of once, and the end.
func TestMailsOfAnUnpaidRenewal(t *testing.T) {
	week := 7 * 24 * time.Hour
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		o.Configure = func(c *billing.Config) { c.PastDueGrace = &week }
		w := worldtest.New(t, o)
		c := failing(t, w, "acme", "scale")
		told := map[string]int{}
		for range 60 {
			w.Sync(c.Org.ID)
			w.Sync(c.Org.ID)
			noError(t, w.Service.EndGraces(ctx))
			for _, m := range w.Mails() {
				told[inWords(m)]++
			}
			w.Advance(12 * time.Hour)
		}
		want := map[string]int{}
		for _, what := range []string{
			"paid 4900 for Scale",
			"unpaid 4900 for scale, again 5 Apr, kept until 9 Apr",
			"unpaid 4900 for scale, again 10 Apr, kept until 9 Apr",
			"unpaid 4900 for scale, again 17 Apr, kept until never, out",
			"unpaid 4900 for scale, again never, kept until never, out, ended",
		} {
			for _, line := range both(what) {
				want[line] = 1
			}
		}
		if !maps.Equal(told, want) {
			t.Errorf("mailed\n %v\nwant\n %v", told, want)
		}
	})
}

// TestMailsThatAreLate are not sent: what they ask for is done.
func TestMailsThatAreLate(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := failing(t, w, "acme", "scale")
	d := w.NewCast("other", "pro", visa)
	w.Sync(d.Org.ID)
	out := asked(t, w.Service, d.Agent, onWeb(upgrade("scale")))
	pay(t, w, c)
	w.Sync(c.Org.ID)
	_, err := w.Service.CancelApproval(ctx, d.Agent, out.Approval.ID)
	noError(t, err)
	_, err = w.Service.AddMember(ctx, d.Org.ID, "admin@other.test", "admin", billing.RoleMember)
	noError(t, err)
	for _, m := range w.Mails() {
		if _, paid := m.Message.(billing.InvoicePaid); !paid || m.To.Email == "admin@other.test" {
			t.Errorf("mailed %s", inWords(m))
		}
	}
}

// TestMailsOutliveTheServer: a mail is sent although the process died before or
// during the try, and the mail server was away; once for each reader.
func TestMailsOutliveTheServer(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w := worldtest.New(t, o)
		c := w.NewCast("acme", "pro", visa)
		w.Mails()
		asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
		w.Service = w.Replica() // the one that wrote it is gone
		now, err := w.Store.Now(ctx)
		noError(t, err)
		_, err = w.Store.TakeMail(ctx, now, now.Add(time.Minute)) // so is this one
		noError(t, err)
		if got := w.Mails(); len(got) != 1 {
			t.Errorf("%d mails while the other is somebody's", len(got))
		}
		down := errors.New("no route to host")
		tries := 0
		w.Mail.Answer = func(billing.Mail) error { tries++; return down }
		w.Advance(time.Minute)
		mails(t, w)
		mails(t, w) // not before its time
		w.Advance(10 * time.Minute)
		mails(t, w)
		if tries != 2 {
			t.Errorf("%d tries", tries)
		}
		w.Mail.Answer = nil
		w.Advance(time.Hour)
		if got := w.Mails(); len(got) != 1 {
			t.Errorf("%d mails when the server is back", len(got))
		}
		w.Advance(24 * time.Hour)
		mails(t, w)
		if n, _, err := w.Service.WaitingMails(ctx); n != 0 || err != nil {
			t.Errorf("%d wait, %v", n, err)
		}
	})
}

// TestMailsAreGivenUp after three days, or at once where the reader is not known.
func TestMailsAreGivenUp(t *testing.T) {
	for name, refused := range map[string]error{"away": errors.New("away"), "refused": fmt.Errorf("550: %w", billing.ErrMailRefused)} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			w := worldtest.New(t, worldtest.Options{})
			w.Mail.Answer = func(billing.Mail) error { tries++; return refused }
			w.NewCast("acme", "pro", visa)
			for range 40 {
				mails(t, w)
				w.Advance(2 * time.Hour)
			}
			if n, _, err := w.Service.WaitingMails(ctx); n != 0 || err != nil {
				t.Errorf("%d wait, %v", n, err)
			}
			got := w.Service.MailCounts()
			if want := map[string]int64{"away": 16, "refused": 1}[name]; got.Dropped != 2 || got.Sent != 0 || got.Failed != 2*want {
				t.Errorf("%+v after %d tries", got, tries)
			}
			log := w.Log.String()
			if strings.Count(log, "was given up") != 2 || strings.Contains(log, "@acme.test") {
				t.Errorf("the log says\n%s", log)
			}
			w.Advance(31 * 24 * time.Hour)
			noError(t, w.Service.Prune(ctx))
		})
	}
}

// TestReplicasSendOnce: many workers on one database send each mail once.
func TestReplicasSendOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w := worldtest.New(t, o)
		for i := range 8 {
			w.NewCast(fmt.Sprint("org", i), "pro", visa)
		}
		var all sync.WaitGroup
		for _, s := range []*billing.Service{w.Service, w.Replica()} {
			for range 4 {
				all.Go(func() {
					for found := true; found; {
						var err error
						if found, err = s.SendMail(ctx); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		all.Wait()
		seen := map[string]bool{}
		for _, m := range w.Mails() {
			if seen[m.ID] {
				t.Errorf("twice: %s", inWords(m))
			}
			seen[m.ID] = true
		}
		if len(seen) != 16 {
			t.Errorf("%d mails, want 16", len(seen))
		}
	})
}

// TestRestoredMails: what a backup holds and what happened in the lost time is not
// mailed again; what happens afterwards is.
func TestRestoredMails(t *testing.T) {
	for name, o := range map[string]worldtest.Options{"SQLite": {OnDisk: true}, "PostgreSQL": {Postgres: true}} {
		t.Run(name, func(t *testing.T) {
			w := worldtest.New(t, o)
			c := w.NewCast("acme", "pro", visa)
			asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))) // waits to be mailed
			backup := w.Backup()
			w.Advance(time.Hour)
			propose(t, w.Service, c.OwnerTool, upgrade("scale"), billing.StatusSwitched, nil)
			w.Advance(time.Hour)
			back := w.Restore(backup)
			_, err := back.Service.Restored(ctx, back.Stripe, billing.RestoreOptions{})
			noError(t, err)
			w.Advance(time.Minute)
			if sub := back.Sync(c.Org.ID); sub.Plan != "scale" {
				t.Fatalf("on %s", sub.Plan)
			}
			mails(t, back)
			until(t, back, renewal)
			back.Sync(c.Org.ID)
			mails(t, back, both("paid 4900 for Scale")...)
		})
	}
}

// TestWithoutAMailServer nothing is kept, and the log says that nobody can sign in.
func TestWithoutAMailServer(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{OnDisk: true, Configure: func(c *billing.Config) { c.Mailer = nil }})
	c := w.NewCast("acme", "pro", visa)
	asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	noError(t, w.Service.RequestSignIn(ctx, "owner@acme.test", "/"))
	if n := w.Count(`SELECT count(*) FROM mails`); n != 0 || !strings.Contains(w.Log.String(), "SMTP_URL is not set") {
		t.Errorf("%d mails, log %s", n, w.Log)
	}
}
