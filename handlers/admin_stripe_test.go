package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// unclear stores a switch to Scale of which nobody knows the end, nor do Stripe's
// events tell it any more.
func (s *site) unclear(p people, id string, state billing.IntentState) string {
	s.t.Helper()
	sub := s.World.Sync(p.Org.ID)
	q, err := s.Service.Preview(s.t.Context(), p.Owner, "scale")
	s.ok(err)
	at := s.Service.Now()
	won, err := s.Store.InsertIntent(s.t.Context(), billing.Intent{
		ID: id, OrgID: p.Org.ID, Actor: p.Owner.Actor, DecidedBy: p.Owner.Actor, Quote: q, From: sub.State,
		State: state, Attempt: 1, CreatedAt: at.AddDate(0, 0, -30), CalledAt: at, FinishedAt: at,
	})
	s.ok(err)
	if !won {
		s.t.Fatal("there is an open intent already")
	}
	return id
}

func TestAdminReviews(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("other", "pro", visa)
	op := s.operator().caller
	s.get(op, "/admin/stripe").reads("Outcome unknown", "No change waits for you.", "No difference was found.", "not yet")
	s.get(op, "/admin").reads("A change waits for you")

	one := "/admin/reviews/" + s.unclear(p, "int_one", billing.IntentNeedsReview)
	two := "/admin/reviews/" + s.unclear(q, "int_two", billing.IntentNeedsReview)
	s.Advance(time.Hour)
	s.get(op, "/admin").reads("", "A change waits for you", "2<span")
	s.get(op, "/admin/stripe").reads("No change waits for you.", p.Org.Name+": switch to Scale", q.Org.Name, one, two)
	page := s.get(op, one).reads("Settled", "Stripe shows nothing of it", "Sent to Stripe", "int_one", "It did not happen", `<td>Pro</td>`, `<td>Scale</td>`)
	page = s.follow(op, page, one+"/look").reads("", "Read from Stripe just now.", "Stripe shows nothing of it")

	form := page.at(one + "/failed")
	if a := s.submit(op, one+"/failed", form); a.status != 400 || !strings.Contains(a.body, "Say why") || !strings.Contains(a.body, `role="alert"`) {
		t.Errorf("without a reason: %d %.3000s", a.status, a.body)
	}
	if a := s.submit(op, one+"/happened", page.at(one+"/happened")); a.status != 400 || !strings.Contains(a.body, "Say why") {
		t.Errorf("against what is seen, without a reason: %d", a.status)
	}
	for _, tc := range []struct {
		path, token string
		status      int
	}{{two + "/failed", form.Get("form_token"), 403}, {one + "/failed", "", 403}, {one + "/done", form.Get("form_token"), 404}} {
		bad := url.Values{"form_token": {tc.token}, "reason": {"r"}}
		if a := s.submit(op, tc.path, bad); a.status != tc.status {
			t.Errorf("%s: %d, want %d", tc.path, a.status, tc.status)
		}
	}
	form.Set("reason", "no such call in the dashboard")
	a := s.submit(op, one+"/failed", form).is(303, "")
	s.get(op, a.header.Get("Location")).reads("Settle it", "Settled: it did not happen.", "no such call in the dashboard", "It did not happen")
	if a = s.submit(op, one+"/failed", form); a.status != 409 || !strings.Contains(a.body, "settled already") {
		t.Errorf("twice: %d", a.status)
	}
	s.get(op, "/admin/stripe").reads(p.Org.Name+": switch", q.Org.Name)
	s.get(p.owner, "/settings/billing").reads("is looking at your last change")
	s.get(q.owner, "/settings/billing").reads("", "The operator of this service is looking at your last change", "Nothing is charged twice")
	for _, path := range []string{"/admin/reviews/int_none", "/admin/reviews/"} {
		if a := s.get(op, path); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// TestAdminSyncSays what was different, in words.
func TestAdminSyncSays(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	op := s.operator().caller
	path := "/admin/orgs/" + p.Org.ID
	sub := s.World.Sync(p.Org.ID)
	page := s.get(op, path)
	page = s.follow(op, page, path+"/sync").reads("Taken over", "No difference")
	s.ok(s.Box.CancelAtPeriodEnd(sub.SubscriptionID, true))
	page = s.follow(op, page, path+"/sync").reads("No difference", "Taken over from Stripe", "Stripe says ends with the period, we had nothing scheduled.")
	s.Box.FailNext(503, 50)
	if a := s.do(call{as: op, method: "POST", path: path + "/sync", kind: formKind, body: page.at(path + "/sync").Encode(), mayFail: true}); a.status != 503 || !strings.Contains(a.body, "Nothing was changed") {
		t.Errorf("%d %.300s", a.status, a.body)
	}
}
