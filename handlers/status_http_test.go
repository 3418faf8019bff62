package handlers_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestStatusShapes: what the poll says in each state a request can be in.
func TestStatusShapes(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	const keys = "denied error expires_in interval next opened receipt replaced_by request result status"
	for name, tc := range map[string]struct {
		act  func(p people, id string) // after the ask
		next string
		want map[string]any // besides the nulls
	}{
		"pending": {func(people, string) {}, "poll", map[string]any{"expires_in": 86395.0}},
		"completed": {func(p people, id string) {
			s.submit(p.owner, "/approve/"+id, s.decision(p.owner, id, "approve"))
		}, "stop", map[string]any{"result": map[string]any{"status": "switched", "plan": "scale", "amountChargedCents": 3000.0, "currency": "usd", "receipt": nil}}},
		"denied": {func(p people, id string) {
			form := s.decision(p.owner, id, "deny")
			form.Set("reason", "too_expensive")
			form.Set("note", "after the\tfunding \u202eround")
			s.submit(p.owner, "/approve/"+id, form)
		}, "stop", map[string]any{"denied": map[string]any{"reason": "too_expensive", "note": "after the funding round"}}},
		"expired":    {func(people, string) { s.Advance(24 * time.Hour) }, "stop", nil},
		"canceled":   {func(p people, id string) { s.post(p.agent, "/api/web-approve/cancel", `{"request":"`+id+`"}`) }, "stop", nil},
		"superseded": {func(p people, id string) { s.Advance(0) }, "stop", nil},
		"failed": {func(p people, id string) {
			s.ok(s.Box.GiveCard(p.Customer, declinesNext))
			s.submit(p.owner, "/approve/"+id, s.decision(p.owner, id, "approve"))
		}, "show_user", nil},
		"indeterminate": {func(p people, id string) {
			s.ok(s.Box.GiveCard(p.Customer, asksBank))
			s.submit(p.owner, "/approve/"+id, s.decision(p.owner, id, "approve"))
		}, "poll", nil},
		"in-review": {func(p people, id string) { s.lost(p, id) }, "show_user", map[string]any{"status": "indeterminate", "result": map[string]any{
			"status": "pending", "plan": "pro",
			"message": "It cannot be told yet whether this change was made: Stripe did not answer in time. Nothing more will be charged. The operator of this service looks at it; ask again later.",
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.people(name, "pro", visa)
			id, replacedBy := s.ask(p.agent, "scale"), any(nil)
			if name == "superseded" {
				id, replacedBy = s.superseded(p)
			}
			tc.act(p, id)
			s.Advance(5 * time.Second)
			a := s.get(p.agent, "/api/web-approve/status?request="+id).is(200, map[bool]string{true: "indeterminate", false: name}[name == "in-review"])
			v := a.object()
			if a.keys() != keys || v["request"] != id || v["interval"] != 5.0 || v["opened"] != false || v["next"] != tc.next {
				t.Errorf("%s", a.body)
			}
			if name == "failed" || name == "indeterminate" {
				checkProblem(t, v)
				return
			}
			want := map[string]any{"result": nil, "receipt": nil, "denied": nil, "error": nil, "replaced_by": replacedBy, "expires_in": 0.0}
			for k, w := range tc.want {
				want[k] = w
			}
			for k, w := range want {
				if fmt.Sprint(v[k]) != fmt.Sprint(w) {
					t.Errorf("%s is %v, want %v", k, v[k], w)
				}
			}
		})
	}
}

// lost leaves an approved request without an answer of Stripe's.
func (s *site) lost(p people, id string) {
	s.t.Helper()
	r, err := s.Service.OpenRequest(s.t.Context(), p.Owner, id)
	s.ok(err)
	a, i := r.Approval, s.unclear(p, "int_lost", billing.IntentNeedsReview)
	s.ok(s.Store.InTx(s.t.Context(), func(tx billing.Tx) error {
		_, err := tx.Approve(s.t.Context(), billing.Decision{
			OrgID: a.OrgID, ApprovalID: id, At: r.Now, By: p.Owner.Actor, Quote: r.Quote, OpDigest: r.OpDigest,
			BaseDigest: a.BaseDigest, SubscriptionVersion: r.Quote.SubscriptionVersion, IntentID: i,
		})
		if err == nil {
			_, err = tx.MoveApproval(s.t.Context(), a.OrgID, id, billing.ApprovalIndeterminate, &billing.Outcome{Status: billing.StatusPending, Plan: "pro", IntentID: i}, r.Now)
		}
		return err
	}))
}

// superseded makes an agent change its mind. On the way down from scale there
// are two plans to ask for.
func (s *site) superseded(p people) (id string, by any) {
	s.t.Helper()
	s.post(p.owner, "/api/billing/downgrade", "").is(200, "downgrade-scheduled")
	s.post(p.owner, "/api/billing/upgrade", `{"plan":"scale"}`).is(200, "switched")
	first := s.ask(p.agent, "pro")
	s.post(p.owner, "/api/billing/upgrade", `{"plan":"pro"}`).is(200, "switched")
	return first, s.ask(p.agent, "scale")
}

func checkProblem(t *testing.T, v map[string]any) {
	t.Helper()
	code := map[any]string{"failed": "payment_failed", "indeterminate": "payment_action_required"}[v["status"]]
	for _, k := range []string{"error", "result"} {
		if p, _ := v[k].(map[string]any); p["error"] != code || p["message"] == "" {
			t.Errorf("%s is %v", k, v[k])
		}
	}
}

// TestStatusWakes: a held poll answers within a second of the decision, and an
// early one is told to slow down.
func TestStatusWakes(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	id := s.ask(p.agent, "scale")
	form := s.decision(p.owner, id, "approve")
	var held sync.WaitGroup
	held.Go(func() {
		started := time.Now()
		a := s.get(p.agent, "/api/web-approve/status?wait=20&request="+id)
		if took := time.Since(started); a.status != 200 || a.object()["status"] == "pending" || took > 5*time.Second {
			t.Errorf("after %v: %d %s", took, a.status, a.body)
		}
	})
	s.submit(p.owner, "/approve/"+id, form)
	held.Wait()

	id = s.post(p.agent, "/api/billing/downgrade", `{"mode":"web"}`).is(200, "web-approve-required").text("request")
	s.get(p.agent, "/api/web-approve/status?request="+id).is(200, "pending")
	a := s.get(p.agent, "/api/web-approve/status?request="+id).is(429, "slow_down")
	if a.header.Get("Retry-After") != "10" || a.detail("interval") != 10.0 {
		t.Errorf("%v %s", a.header, a.body)
	}
}

// TestCancel: an agent withdraws its own request, once or twice, and no other.
func TestCancel(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, stranger := s.people("acme", "pro", visa), s.people("stranger", "pro", visa)
	id := s.ask(p.agent, "scale")
	body := `{"request":"` + id + `"}`
	same := s.unchanged()
	for _, by := range []caller{p.other, stranger.agent, stranger.owner, p.owner, p.tool} {
		s.post(by, "/api/web-approve/cancel", body).is(404, "not_found")
	}
	same("canceling another's request")
	s.post(p.agent, "/api/web-approve/cancel", body).is(200, "canceled")
	s.post(p.agent, "/api/web-approve/cancel", body).is(200, "canceled")
	if page := s.get(p.owner, "/approve/"+id); page.status != 200 || len(page.formsTo("/approve/"+id)) > 0 {
		t.Errorf("the page of a withdrawn request can be pressed: %d", page.status)
	}
	done := s.ask(p.agent, "scale")
	s.submit(p.owner, "/approve/"+done, s.decision(p.owner, done, "approve"))
	if a := s.post(p.agent, "/api/web-approve/cancel", `{"request":"`+done+`"}`).is(409, "already_decided"); a.detail("request") != done {
		t.Errorf("%s", a.body)
	}
	s.post(p.agent, "/api/web-approve/cancel", `{}`).is(400, "missing_field")
}

// formsTo are the fields of the page's forms that post to action.
func (a answer) formsTo(action string) []url.Values {
	a.t.Helper()
	var out []url.Values
	for _, f := range a.forms() {
		if f.action == action {
			out = append(out, f.fields)
		}
	}
	return out
}

// TestApprovalsList: an agent's own, a person's org's, by state and by page.
func TestApprovalsList(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, stranger := s.people("acme", "pro", visa), s.people("stranger", "pro", visa)
	mine, others, foreign := s.ask(p.agent, "scale"), s.ask(p.other, "scale"), s.ask(stranger.agent, "scale")
	list := func(by caller, query string) []string {
		t.Helper()
		var ids []string
		for _, row := range s.get(by, "/api/approvals"+query).is(200, "").object()["data"].([]any) {
			ids = append(ids, row.(map[string]any)["request"].(string))
		}
		slices.Sort(ids)
		return ids
	}
	both := []string{mine, others}
	slices.Sort(both)
	for _, tc := range []struct {
		by    caller
		query string
		want  []string
	}{
		{p.agent, "", []string{mine}},
		{p.other, "", []string{others}},
		{s.secondKey(p), "", []string{mine}},
		{p.owner, "", both},
		{p.admin, "?state=pending", both},
		{p.member, "", both},
		{p.tool, "", both},
		{p.owner, "?state=completed", nil},
		{stranger.owner, "", []string{foreign}},
		{stranger.agent, "?state=denied", nil},
	} {
		if got := list(tc.by, tc.query); !slices.Equal(got, tc.want) {
			t.Errorf("%s %s sees %v, want %v", tc.by.name, tc.query, got, tc.want)
		}
	}
	for _, bad := range []string{"state=succeeded", "state=Pending", "state=", "cursor=garbage", "cursor=apr_" + strings.Repeat("u", 26), "cursor="} {
		field, _, _ := strings.Cut(bad, "=")
		if a := s.get(p.owner, "/api/approvals?"+bad).is(400, "invalid_field"); a.detail("field") != field {
			t.Errorf("%s: %s", bad, a.body)
		}
	}
}

// TestApprovalsPages: a history longer than a page is read to its end.
func TestApprovalsPages(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	const asks = 56
	for i := range asks {
		by := []caller{p.agent, p.other}[i%2]
		s.post(by, "/api/web-approve/cancel", `{"request":"`+s.ask(by, "scale")+`"}`).is(200, "canceled")
		s.Advance(52 * time.Minute)
	}
	seen, cursor := map[string]bool{}, ""
	for pages := 0; ; pages++ {
		a := s.get(p.tool, "/api/approvals?state=canceled"+cursor).is(200, "")
		for _, row := range a.object()["data"].([]any) {
			seen[row.(map[string]any)["request"].(string)] = true
		}
		next, more := a.object()["next_cursor"].(string)
		if !more {
			break
		}
		if cursor = "&cursor=" + next; pages > 3 {
			t.Fatal("the pages do not end")
		}
	}
	if len(seen) != asks {
		t.Errorf("%d of %d requests", len(seen), asks)
	}
}

// TestExpiresIn: the ask's own life, within bounds, on the web only.
func TestExpiresIn(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	for _, n := range []int64{300, 604800} {
		a := s.post(p.agent, "/api/billing/upgrade", fmt.Sprintf(`{"plan":"scale","mode":"web","expires_in":%d}`, n)).is(200, "web-approve-required")
		if a.number("expires_in") != n {
			t.Errorf("asked for %d, got %d", n, a.number("expires_in"))
		}
		s.post(p.agent, "/api/web-approve/cancel", `{"request":"`+a.text("request")+`"}`).is(200, "canceled")
	}
	for _, n := range []string{"299", "604801", "-1", "0", "300.0", "3e2", `"300"`} {
		if a := s.post(p.agent, "/api/billing/upgrade", `{"plan":"scale","mode":"web","expires_in":`+n+`}`).is(400, "invalid_field"); a.detail("field") != "expires_in" {
			t.Errorf("%s: %s", n, a.body)
		}
	}
}
