package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// receiver is a host application that answers as it is told.
type receiver struct {
	billing.Receipt
	ids []string
}

func (*receiver) Target() string { return "host" }

func (h *receiver) Deliver(_ context.Context, id, _ string) billing.Receipt {
	h.ids = append(h.ids, id)
	return h.Receipt
}

// hookSite is a site whose host application listens, with an operator.
func hookSite(t *testing.T) (*site, *receiver, suspect) {
	h := &receiver{Receipt: billing.Receipt{Status: 200}}
	s := newSite(t, worldtest.Options{Configure: func(c *billing.Config) { c.Deliverer = h }})
	return s, h, s.operator()
}

// tell puts events of the org into the outbox.
func (s *site) tell(org string, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		s.ok(s.Store.InsertEvent(s.t.Context(), billing.OutboxEvent{
			ID: id, OrgID: org, Type: billing.EventLimitReached, Payload: `{"id":"` + id + `","data":{"plan":"<b>"}}`, CreatedAt: s.Box.Now(), State: billing.DeliveryPending,
		}))
	}
}

func (s *site) deliver() {
	s.t.Helper()
	for {
		found, err := s.Service.DeliverNext(s.t.Context())
		s.ok(err)
		if !found {
			return
		}
	}
}

// reads asserts what a page says, and what it does not say.
func (a answer) reads(not string, words ...string) answer {
	a.t.Helper()
	a.is(200, "")
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			a.t.Errorf("%s does not say %q", a.what, w)
		}
	}
	if not != "" && strings.Contains(a.body, not) {
		a.t.Errorf("%s says %q", a.what, not)
	}
	return a
}

// follow presses the form of a page that posts to the action and returns the
// page that it leads to.
func (s *site) follow(by caller, page answer, action string) answer {
	s.t.Helper()
	a := s.submit(by, action, page.at(action)).is(http.StatusSeeOther, "")
	return s.get(by, a.header.Get("Location"))
}

func TestAdminWebhooks(t *testing.T) {
	s, h, op := hookSite(t)
	p := s.people("acme", "", "")
	const page = "/admin/webhooks"
	s.get(op.caller, page).reads("Held up", "Nothing was told yet.", "Nothing waits")

	h.Receipt = billing.Receipt{Status: 503, Fault: billing.FaultStatus}
	s.tell(p.Org.ID, "evt_1", "evt_2")
	s.deliver()
	list := s.get(op.caller, page).reads("Nothing waits", "Held up", "limit.reached: answered 503, tried once", "2 waiting", "in 5 s", "Trying again", "Try all now")
	one := s.get(op.caller, page+"/evt_1").reads("<b>", "Answered 503", "Not taken", `&#34;id&#34;: &#34;evt_1&#34;`, "Next try", p.Org.Name)

	h.Receipt = billing.Receipt{Status: 204}
	again := s.follow(op.caller, one, page+"/evt_1/replay").reads("", "Queued. It is sent when its turn comes.")
	s.get(op.caller, page+"/evt_1?done=replayed").reads("Queued.") // nobody else's link makes it say so
	s.deliver()
	if got := strings.Join(h.ids, " "); got != "evt_1 evt_1 evt_2" {
		t.Errorf("sent %q", got)
	}
	s.get(op.caller, page+"/evt_1").reads("Try now", "Delivered", "Taken", "Replay")
	s.follow(op.caller, again, page+"/evt_1/replay")
	s.get(op.caller, page+"?state=delivered").reads("evt_1", "evt_2")
	if _, pressed := list.formTo(page + "/evt_1/replay"); !pressed {
		t.Error("the queue has no button of its own")
	}
	s.get(op.caller, page+"/evt_9").is(404, "")
	s.submit(op.caller, page+"/evt_9/replay", adminForm(s, op, page+"/evt_9/replay")).is(404, "")
}

// formTo reports whether the page has a form that posts to the action.
func (a answer) formTo(action string) (form, bool) {
	for _, f := range a.forms() {
		if f.action == action {
			return f, true
		}
	}
	return form{}, false
}

func adminForm(s *site, op suspect, path string) url.Values {
	return url.Values{"form_token": {s.Service.FormToken(op.p, "admin:"+path)}}
}

// TestAdminResumesWebhooks: after 410 nothing is sent until the operator says so.
func TestAdminResumesWebhooks(t *testing.T) {
	s, h, op := hookSite(t)
	p := s.people("acme", "", "")
	h.Receipt = billing.Receipt{Status: 410, Fault: billing.FaultStatus}
	s.tell(p.Org.ID, "evt_1", "evt_2")
	s.deliver()
	page := s.get(op.caller, "/admin/webhooks").reads("Held up", "The application wants no more webhooks", "410 Gone", "Resume")
	s.get(op.caller, "/admin/webhooks/evt_1").reads("any moment", "nothing is sent at present")
	h.Receipt = billing.Receipt{Status: 200}
	s.deliver()
	s.follow(op.caller, page, "/admin/webhooks/resume").reads("wants no more", "Everything that waits is due now.")
	s.deliver()
	if got := strings.Join(h.ids, " "); got != "evt_1 evt_1 evt_2" {
		t.Errorf("sent %q", got)
	}
}

// TestAdminWebhooksFilterAndPages: the filter goes with the pages.
func TestAdminWebhooksFilterAndPages(t *testing.T) {
	s, _, op := hookSite(t)
	p, q := s.people("acme", "", ""), s.people("zebra", "", "")
	for i := range 60 {
		s.tell(p.Org.ID, fmt.Sprintf("evt_%02d", i))
	}
	s.tell(q.Org.ID, "evt_other")
	first := s.get(op.caller, "/admin/webhooks?state=pending&type=limit.reached&org="+p.Org.ID).reads("evt_other", "evt_59", "evt_10")
	next := first.link("/admin/webhooks?before=")
	if u, _ := url.Parse(next); u.Query().Get("org") != p.Org.ID || u.Query().Get("state") != "pending" || u.Query().Get("type") != "limit.reached" {
		t.Errorf("the next page is %q", next)
	}
	if second := s.get(op.caller, next).reads("evt_other", "evt_00"); second.link("/admin/webhooks?before=") != "" {
		t.Error("a page after the last")
	}
	for query, want := range map[string]string{
		"org=org_none": "Nothing matches.", "type=none": "Nothing matches.", "state=failed": "Nothing matches.", "before=evt_none": "Nothing matches.", "state=&type=&org=": "evt_59",
		"org=" + q.Org.ID: "evt_other", "type=<script>": "Nothing matches.",
	} {
		s.get(op.caller, "/admin/webhooks?"+query).reads("<script>", want)
	}
}

func TestAdminInbox(t *testing.T) {
	s, _, op := hookSite(t)
	s.get(op.caller, "/admin/webhooks/inbox").reads("", "Nothing came yet.")
	s.get(op.caller, "/admin/webhooks/inbox?state=waiting").reads("", "Nothing waits: every event is in a reading of Stripe.")
	p := s.people("acme", "pro", visa)
	for i := range 55 {
		s.ok(s.Service.Receive(t.Context(), billing.Event{ID: fmt.Sprintf("evt_%02d", i), Type: "invoice.paid", CustomerID: p.Customer, CreatedAt: s.Box.Now()}))
	}
	s.ok(s.Service.Receive(t.Context(), billing.Event{ID: "evt_stranger", Type: "invoice.paid", CustomerID: "cus_none", CreatedAt: s.Box.Now()}))
	first := s.get(op.caller, "/admin/webhooks/inbox").reads("evt_00", "evt_stranger", "a customer that is not ours", "Left out", "evt_54", "/admin/orgs/"+p.Org.ID, "Waiting")
	s.get(op.caller, first.link("/admin/webhooks/inbox?before=")).reads("evt_54", "evt_00")
	waiting := s.get(op.caller, "/admin/webhooks/inbox?state=waiting").reads("evt_stranger", "evt_54")
	s.get(op.caller, waiting.link("/admin/webhooks/inbox?before=")).reads("evt_54", "evt_00")
	s.Sync(p.Org.ID)
	s.get(op.caller, "/admin/webhooks/inbox?state=waiting").reads("evt_54", "Nothing waits")
	s.get(op.caller, "/admin/webhooks/inbox").reads("", "Done")
}

// TestBadAdminWebhooks: addresses that no page of ours has, and presses that no
// form of ours makes, change nothing.
func TestBadAdminWebhooks(t *testing.T) {
	s, _, op := hookSite(t)
	p := s.people("acme", "", "")
	s.tell(p.Org.ID, "evt_1")
	same := s.unchanged()
	long := strings.Repeat("a", 101)
	const page = "/admin/webhooks"
	for path, status := range map[string]int{
		page + "?state=open": 404, page + "?state=PENDING": 404, page + "?before=evt_1'%20OR%201=1--": 404, page + "?before=" + long: 404,
		page + "?before=%00": 400, page + "?state=%ff": 400, page + "?org=%zz": 400, page + "?token=x": 400,
		page + "/inbox?state=done": 404, page + "/inbox?before=a-b": 404, page + "/inbox?before=" + long: 404,
		page + "/evt_": 404, page + "/EVT_1": 404, page + "/evt_1%00": 404, page + "/" + strings.Repeat("e", 5000): 404, page + "/..%2forgs": 404,
		page + "/evt_1/replay": 405, page + "/resume": 404, page + "/": 404,
	} {
		if a := s.get(op.caller, path); a.status != status {
			t.Errorf("GET %.60s: %d, want %d", path, a.status, status)
		}
	}
	good := adminForm(s, op, page+"/evt_1/replay")
	for _, tc := range []struct {
		name, method, path string
		form               url.Values
		status             int
	}{
		{"no token", "POST", page + "/evt_1/replay", url.Values{}, 403},
		{"the token of another event", "POST", page + "/evt_1/replay", adminForm(s, op, page+"/evt_2/replay"), 403},
		{"the token of the other action", "POST", page + "/resume", good, 403},
		{"a token twice", "POST", page + "/evt_1/replay", url.Values{"form_token": {good.Get("form_token"), "x"}}, 400},
		{"an event that is none", "POST", page + "/evt_2/replay", adminForm(s, op, page+"/evt_2/replay"), 404},
		{"PUT", "PUT", page + "/evt_1/replay", good, 405},
		{"DELETE", "DELETE", page + "/evt_1", good, 405},
		{"POST to the page", "POST", page, good, 405},
		{"POST to the inbox", "POST", page + "/inbox", good, 405},
	} {
		if a := s.do(call{as: op.caller, method: tc.method, path: tc.path, kind: formKind, body: tc.form.Encode()}); a.status != tc.status {
			t.Errorf("%s: %d, want %d", tc.name, a.status, tc.status)
		}
	}
	if a := s.do(call{as: op.caller, method: "POST", path: page + "/evt_1/replay", kind: formKind, body: good.Encode(), header: map[string]string{"Sec-Fetch-Site": "cross-site"}}); a.status != 403 {
		t.Errorf("from another site: %d", a.status)
	}
	same("none of it")
}

// link is the first address on the page that begins so; "" if there is none.
func (a answer) link(begin string) string {
	_, rest, found := strings.Cut(a.body, `href="`+strings.ReplaceAll(begin, "&", "&amp;"))
	if !found {
		return ""
	}
	rest, _, _ = strings.Cut(rest, `"`)
	return begin + strings.ReplaceAll(rest, "&amp;", "&")
}
