package handlers

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

const unknownRequest = "apr_00000000000000000000000000"

func (s *site) poll(key, request string) api.ApprovalStatus {
	s.t.Helper()
	s.Advance(10 * time.Second) // polls keep their distance
	return read[api.ApprovalStatus](s.t, s.get(who{key: key}, pathStatus+"?request="+request), 200)
}

// decision is the form of the approve page with a press added.
func (s *site) decision(u who, request, press string, more ...string) url.Values {
	s.t.Helper()
	form := forms(s.get(u, pathApprove+request), pathApprove+request, "", "")
	form.Set("decision", press)
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// The story in web mode: an agent asks, an owner reads and approves, the poll
// says so.
func TestApproveStory(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner := who{session: c.OwnerCookie}
	w := s.post(who{key: c.AgentKey}, "/api/billing/upgrade", `{"plan":"scale","mode":"web","reason":"<b>more</b> rows"}`)
	asked := read[api.Change](t, w, 200)
	if asked.Status != "web-approve-required" || asked.ExpiresIn != 86400 || asked.Interval != 5 || asked.ConfirmToken != "" || asked.Why != "requested" ||
		asked.PollingURL != s.BaseURL+pathStatus+"?request="+asked.Request {
		t.Errorf("%s", w.Body)
	}
	if got := s.poll(c.AgentKey, asked.Request); got.Status != "pending" || got.Next != "poll" || got.Opened || got.Result != nil || got.ExpiresIn != 86390 {
		t.Errorf("%+v", got)
	}

	out := s.get(who{}, pathApprove+asked.Request)
	contains(t, out, 200, "Sign in", "next=%2Fapprove%2F"+asked.Request)
	if strings.Contains(out.Body.String(), "acme") || strings.Contains(out.Body.String(), "$") || strings.Contains(out.Body.String(), "Scale") {
		t.Error("somebody who is signed out learns something")
	}
	page := s.get(owner, pathApprove+asked.Request)
	contains(t, page, 200, "Upgrade acme to Scale?", "Approve, pay $30.00 now", asked.CheckCode, "&lt;b&gt;more&lt;/b&gt; rows", "owner@acme.test")
	if got := s.poll(c.AgentKey, asked.Request); got.Opened {
		t.Error("a GET has written that the page was opened")
	}
	beacon := forms(page, pathApprove+asked.Request+"/opened", "", "")
	if w := s.submit(owner, pathApprove+asked.Request+"/opened", beacon); w.Code != 204 {
		t.Errorf("opened: %d %s", w.Code, w.Body)
	}
	if got := s.poll(c.AgentKey, asked.Request); !got.Opened {
		t.Error("nobody has opened the page")
	}

	form := s.decision(owner, asked.Request, "approve")
	if w = s.submit(owner, pathApprove+asked.Request, form); w.Code != 303 || w.Header().Get("Location") != pathApprove+asked.Request {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	contains(t, s.submit(owner, pathApprove+asked.Request, form), 409, "acme is on Scale") // a second press tells the truth
	contains(t, s.get(owner, pathApprove+asked.Request), 200, "acme is on Scale")
	got := s.poll(c.AgentKey, asked.Request)
	result, _ := got.Result.(map[string]any)
	if got.Status != "completed" || got.Next != "stop" || got.ExpiresIn != 0 || result["status"] != "switched" || result["amountChargedCents"] != 3000.0 {
		t.Errorf("%+v", got)
	}
	if n, total := s.Paid(c.Customer); n != 2 || total != 1900+3000 {
		t.Errorf("%d charges of %d", n, total)
	}
}

func TestDeny(t *testing.T) {
	for name, c := range map[string]struct {
		form   []string
		reason string
		paused bool
	}{
		"plain":      {nil, "other", false},
		"with words": {[]string{"reason", "too_expensive", "note", "Next month."}, "too_expensive", false},
		"made up":    {[]string{"reason", "because"}, "other", false},
		"not me":     {[]string{"reason", "not_me"}, "not_me", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, worldtest.Options{})
			cast := s.NewCast("acme", "pro", visa)
			owner := who{session: cast.OwnerCookie}
			request := s.ask(cast.AgentKey, "scale").Request
			w := s.submit(owner, pathApprove+request, s.decision(owner, request, "deny", c.form...), "HX-Request: true")
			contains(t, w, 200, "Denied. Nothing changed.", `id="main"`)
			got := s.poll(cast.AgentKey, request)
			if got.Status != "denied" || got.Denied == nil || got.Denied.Reason != c.reason || got.Next != "stop" {
				t.Errorf("%+v %+v", got, got.Denied)
			}
			again := s.post(who{key: cast.AgentKey}, "/api/billing/upgrade", `{"plan":"scale","mode":"web"}`)
			if want := map[bool]int{false: 429, true: 403}[c.paused]; again.Code != want {
				t.Errorf("asking again: %d, want %d: %s", again.Code, want, again.Body)
			}
			if s.Plan(cast.Org.ID) != "pro" {
				t.Error("the plan has changed")
			}
		})
	}
}

func TestDecisionIsRefused(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	stranger := s.NewCast("globex", "pro", visa)
	owner, member := who{session: c.OwnerCookie}, who{session: c.MemberCookie}
	request := s.ask(c.AgentKey, "scale").Request
	other := s.ask(stranger.AgentKey, "scale").Request
	good := s.decision(owner, request, "approve")
	with := func(name, value string) url.Values {
		f := maps.Clone(good)
		f[name] = []string{value}
		return f
	}
	target := pathApprove + request
	memberForm := with("form_token", s.Service.FormToken(c.Member, decidePurpose(request, good.Get("op_digest"))))
	for name, w := range map[string]struct{ got, want int }{
		"no decision":            {s.submit(owner, target, with("decision", "")).Code, 400},
		"a third decision":       {s.submit(owner, target, with("decision", "maybe")).Code, 400},
		"other digest":           {s.submit(owner, target, with("op_digest", strings.Repeat("0", 64))).Code, 403},
		"forged quote":           {s.submit(owner, target, with("quote", good.Get("quote")+"x")).Code, 409},
		"no token":               {s.submit(owner, target, with("form_token", "")).Code, 403},
		"token for money forms":  {s.submit(owner, target, with("form_token", s.Service.FormToken(c.Owner, billingPurpose(c.Org.ID)))).Code, 403},
		"form of another org":    {s.submit(owner, pathApprove+other, good).Code, 403},
		"another org's":          {s.submit(owner, pathApprove+other, with("form_token", s.Service.FormToken(c.Owner, decidePurpose(other, good.Get("op_digest"))))).Code, 404},
		"member":                 {s.submit(member, target, memberForm).Code, 403},
		"signed out":             {s.submit(who{}, target, good).Code, 303},
		"agent":                  {s.submit(who{key: c.AgentKey}, target, good).Code, 303},
		"from another site":      {s.submit(owner, target, good, "Sec-Fetch-Site: cross-site").Code, 403},
		"from a sibling":         {s.submit(owner, target, good, "Sec-Fetch-Site: same-site").Code, 403},
		"without headers":        {s.submit(owner, target, good, "Sec-Fetch-Site: ").Code, 403},
		"malformed id":           {s.submit(owner, pathApprove+"apr_x", with("form_token", s.Service.FormToken(c.Owner, decidePurpose("apr_x", good.Get("op_digest"))))).Code, 404},
		"opened by another's":    {s.submit(owner, pathApprove+other+"/opened", url.Values{"form_token": {s.Service.FormToken(c.Owner, openedPurpose(other))}}).Code, 404},
		"opened without a token": {s.submit(owner, target+"/opened", url.Values{"a": {"b"}}).Code, 403},
	} {
		if w.got != w.want {
			t.Errorf("%s: %d, want %d", name, w.got, w.want)
		}
	}
	if got := s.poll(c.AgentKey, request); got.Status != "pending" || got.Opened {
		t.Errorf("%+v", got)
	}
	if n, _ := s.Paid(c.Customer); n != 1 {
		t.Errorf("%d charges", n)
	}
}

// What belongs to somebody else looks like what does not exist.
func TestForeignIsUnknown(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c, stranger := s.NewCast("acme", "pro", visa), s.NewCast("globex", "pro", visa)
	foreign := s.ask(stranger.AgentKey, "scale").Request
	mine := s.ask(c.AgentKey, "scale").Request
	for name, at := range map[string]func(id string) (int, string){
		"page": func(id string) (int, string) {
			w := s.get(who{session: c.OwnerCookie}, pathApprove+id)
			return w.Code, w.Body.String()
		},
		"status": func(id string) (int, string) {
			w := s.get(who{key: c.AgentKey}, pathStatus+"?request="+id)
			return w.Code, w.Body.String()
		},
		"cancel": func(id string) (int, string) {
			w := s.post(who{key: c.AgentKey}, "/api/web-approve/cancel", `{"request":"`+id+`"}`)
			return w.Code, w.Body.String()
		},
	} {
		wantCode, wantBody := at(unknownRequest)
		if wantCode != http.StatusNotFound {
			t.Errorf("%s of an unknown id: %d", name, wantCode)
		}
		for what, id := range map[string]string{"foreign": foreign, "malformed": "apr_x", "upper case": strings.ToUpper(mine), "longer": mine + "0"} {
			if code, body := at(id); code != wantCode || body != wantBody {
				t.Errorf("%s of a %s id: %d %s, unknown is %d %s", name, what, code, body, wantCode, wantBody)
			}
		}
	}
	if code := s.get(who{key: c.OtherKey}, pathStatus+"?request="+mine).Code; code != http.StatusNotFound {
		t.Errorf("another agent of the org: %d", code)
	}
	signedOut := s.get(who{}, pathApprove+unknownRequest).Body.String()
	if got := s.get(who{}, pathApprove+mine).Body.String(); strings.ReplaceAll(got, mine, unknownRequest) != signedOut {
		t.Error("signed out, a real request looks different from an unknown one")
	}
}

func TestStatusParameters(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	request := s.ask(c.AgentKey, "scale").Request
	for query, want := range map[string]string{
		"": "missing_field", "?request=": "invalid_field", "?request=" + request + "&wait=26": "invalid_field", "?request=" + request + "&wait=x": "invalid_field",
		"?request=" + request + "&request=" + request: "duplicate_field", "?id=" + request: "unknown_field", "?request=" + request + "&token=x": "secret_in_query",
	} {
		if e := read[api.Error](t, s.get(who{key: c.AgentKey}, pathStatus+query), 400); e.Code != want {
			t.Errorf("%s: %s, want %s", query, e.Code, want)
		}
	}
	s.poll(c.AgentKey, request)
	w := s.get(who{key: c.AgentKey}, pathStatus+"?request="+request)
	if e := read[api.Error](t, w, 429); e.Code != "slow_down" || w.Header().Get("Retry-After") != "10" {
		t.Errorf("%+v, Retry-After %s", e, w.Header().Get("Retry-After"))
	}
	if got := s.poll(c.AgentKey, request); got.Interval != 10 {
		t.Errorf("the interval is %d", got.Interval)
	}
}

func TestCancelByAgent(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	request := s.ask(c.AgentKey, "scale").Request
	const cancel = "/api/web-approve/cancel"
	for range 2 { // twice is once
		if got := read[api.ApprovalStatus](t, s.post(who{key: c.AgentKey}, cancel, `{"request":"`+request+`"}`), 200); got.Status != "canceled" || got.Next != "stop" {
			t.Errorf("%+v", got)
		}
	}
	contains(t, s.get(who{session: c.OwnerCookie}, pathApprove+request), 200, "Withdrawn by deploy-bot")
	if e := read[api.Error](t, s.post(who{key: c.AgentKey}, cancel, ""), 400); e.Code != "missing_field" {
		t.Errorf("%+v", e)
	}
}

func TestApprovalsList(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner := who{session: c.OwnerCookie}
	list := func(u who, query string) api.List[api.Approval] {
		t.Helper()
		return read[api.List[api.Approval]](t, s.get(u, "/api/approvals"+query), 200)
	}
	if got := list(owner, ""); len(got.Data) != 0 || got.Data == nil || got.NextCursor != nil {
		t.Errorf("%+v", got)
	}
	request := s.ask(c.AgentKey, "scale").Request
	if got := list(owner, "?state=pending"); len(got.Data) != 1 || got.Data[0].Request != request || got.Data[0].Agent.Name != "deploy-bot" || got.Data[0].Action != "subscription.change_plan" {
		t.Errorf("%+v", got)
	}
	if got := list(who{key: c.OtherKey}, ""); len(got.Data) != 0 {
		t.Errorf("another agent sees %+v", got)
	}
	contains(t, s.get(owner, pathApprovals), 200, "deploy-bot", "/approve/"+request)
	for _, query := range []string{"?state=gone", "?cursor=1", "?cursor=apr_x"} {
		if w := s.get(owner, pathApprovals+query); w.Code != 404 {
			t.Errorf("page%s: %d", query, w.Code)
		}
	}
	contains(t, s.get(owner, pathBilling), 200, "deploy-bot", "/approve/"+request)
	s.Advance(25 * time.Hour)
	owner = who{key: c.OwnerToken} // the session is over, too
	if got := list(owner, "?state=pending"); len(got.Data) != 0 {
		t.Errorf("expired, it still is pending: %+v", got)
	}
	if got := list(owner, ""); len(got.Data) != 1 || got.Data[0].Status != "expired" {
		t.Errorf("%+v", got)
	}
	for _, query := range []string{"?state=gone", "?cursor=1", "?cursor=apr_x"} {
		if e := read[api.Error](t, s.get(owner, "/api/approvals"+query), 400); e.Code != "invalid_field" {
			t.Errorf("%s: %+v", query, e)
		}
	}
	if got := list(owner, "?cursor="+request); len(got.Data) != 0 {
		t.Errorf("older than the oldest: %+v", got)
	}
}

// A poll that waits is answered when the decision falls, not when its time is up.
func TestPollWakes(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner := who{session: c.OwnerCookie}
	request := s.ask(c.AgentKey, "scale").Request
	form := s.decision(owner, request, "deny")
	answer := make(chan api.ApprovalStatus, 1)
	go func() {
		var got api.ApprovalStatus
		w := s.send(who{key: c.AgentKey}, http.MethodGet, pathStatus+"?request="+request+"&wait=25", "", "")
		_ = json.Unmarshal(w.Body.Bytes(), &got) // anything else shows as no status
		answer <- got
	}()
	if w := s.submit(owner, pathApprove+request, form); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	select {
	case got := <-answer:
		if got.Status != "denied" {
			t.Errorf("%+v", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("the poll still waits")
	}
}
