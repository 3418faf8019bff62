package handlers

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/web"
)

// description is the part of the OpenAPI document that tests look at.
type description struct {
	Paths map[string]map[string]struct {
		OperationID string                     `json:"operationId"`
		Security    []map[string][]string      `json:"security"`
		Responses   map[string]json.RawMessage `json:"responses"`
	} `json:"paths"`
}

func described(t testing.TB) description {
	t.Helper()
	var d description
	if err := json.Unmarshal(api.OpenAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// answerOf is the name of the schema that a success has.
func answerOf(t testing.TB, method, path string, status int) string {
	t.Helper()
	op := described(t).Paths[path][strings.ToLower(method)]
	var answer struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			} `json:"schema"`
		} `json:"content"`
	}
	raw, ok := op.Responses[map[int]string{200: "200", 202: "202"}[status]]
	if !ok || json.Unmarshal(raw, &answer) != nil {
		t.Fatalf("%s %s: %d is not described", method, path, status)
	}
	return strings.TrimPrefix(answer.Content["application/json"].Schema.Ref, "#/components/schemas/")
}

// Every call is described, and nothing is described that is not there.
func TestDescriptionIsOfTheRoutes(t *testing.T) {
	d, s := described(t), newSite(t, worldtest.Options{})
	var here, there []string
	for _, r := range s.router.Routes() {
		if r.Door == web.DoorAPI || r.Door == web.DoorMachine && !strings.HasPrefix(r.Path, "/static/") {
			here = append(here, r.Method+" "+r.Path)
		}
	}
	for path, ops := range d.Paths {
		for method, op := range ops {
			there = append(there, strings.ToUpper(method)+" "+path)
			if open := len(op.Security) == 0; open == (strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/v1/")) || op.OperationID == "" {
				t.Errorf("%s %s: security %v, operation %q", method, path, op.Security, op.OperationID)
			}
		}
	}
	slices.Sort(here)
	slices.Sort(there)
	if !slices.Equal(here, there) {
		t.Errorf("routes %v\ndescribed %v", here, there)
	}
	if w := s.get(who{}, "/openapi.json"); w.Code != 200 || w.Body.String() != string(api.OpenAPI()) {
		t.Errorf("%d %s", w.Code, w.Header())
	}
}

// TestRoleMatrix goes through every route with every kind of caller. What a
// caller may do is said once, here, by door; the exceptions are the table's.
func TestRoleMatrix(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	_, reader := s.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, Name: "reader", Scopes: []string{billing.ScopeRead}})
	_, host := s.Key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	_, plainTool := s.Key(billing.NewKey{Kind: billing.KindMember, OrgID: c.Org.ID, PrincipalID: c.Member.ID, Name: "member"})
	callers := map[string]who{
		"nobody": {}, "owner": {session: c.OwnerCookie}, "admin": {session: c.AdminCookie}, "member": {session: c.MemberCookie},
		"agent": {key: c.AgentKey}, "reader": {key: reader}, "host": {key: host}, "owner token": {key: c.OwnerToken}, "member token": {key: plainTool},
	}
	refused := map[string]map[string]int{ // by route or else by door, then by caller
		string(web.DoorPage):  {"nobody": 303, "agent": 303, "reader": 303, "host": 303, "owner token": 303, "member token": 303},
		string(web.DoorAPI):   {"nobody": 401, "host": 403},
		string(web.DoorAdmin): {"nobody": 303, "agent": 303, "reader": 303, "host": 303, "owner token": 303, "member token": 303, "owner": 303, "admin": 303, "member": 303},
		"POST change":         {"nobody": 401, "host": 403, "reader": 403, "member": 403, "member token": 403},
		"wish":                {"nobody": 401, "host": 403, "reader": 403},
		"follow":              {"nobody": 401, "reader": 404, "host": 404, "owner": 404, "admin": 404, "member": 404, "owner token": 404, "member token": 404},
		"cancel":              {"nobody": 401, "host": 404, "owner": 404, "admin": 404, "member": 403, "owner token": 404, "member token": 403, "reader": 403},
		string(web.DoorOpen):  {}, string(web.DoorMachine): {},
	}
	for _, r := range s.router.Routes() {
		if strings.HasPrefix(r.Path, "/api/host/") || strings.HasPrefix(r.Path, "/v1/") || r.Door == web.DoorStream {
			continue // of TestRoleMatrixGenerated
		}
		s.Advance(time.Minute) // the limit of writes
		rule := string(r.Door)
		switch {
		case r.Path == "/api/web-approve/cancel":
			rule = "cancel"
		case r.Path == "/api/billing/request-limit-increase":
			rule = "wish"
		case r.Path == pathStatus:
			rule = "follow"
		case r.Door == web.DoorAPI && r.Method == http.MethodPost:
			rule = "POST change"
		}
		for name, u := range callers {
			request := s.ask(c.AgentKey, "scale").Request
			target := strings.NewReplacer("{request}", request, "{token}", "csl_x", "{file}", "x.css", "{$}", "").Replace(r.Path)
			if r.Path == pathStatus {
				target += "?request=" + request
				s.Advance(10e9) // polls keep their distance
			}
			body := "{}"
			if r.Path == "/api/web-approve/cancel" {
				body = `{"request":"` + request + `"}`
			}
			if r.Path == "/api/billing/downgrade" || r.Path == "/api/billing/upgrade" {
				body = `{"confirm_token":"csc_none"}` // nothing is changed on the way
				if u.session != "" || name == "owner token" {
					body = `{"plan":"gold"}`
				}
			}
			var got int
			if r.Method == http.MethodGet {
				got = s.get(u, target).Code
			} else if r.Door == web.DoorAPI {
				got = s.post(u, target, body).Code
			} else {
				got = s.submit(u, target, nil).Code
			}
			want, isRefused := refused[rule][name]
			if isRefused && got != want {
				t.Errorf("%s %s by %s: %d, want %d", r.Method, r.Path, name, got, want)
			}
			if !isRefused && r.Door == web.DoorAPI && (got == 401 || got == 403 || got == 404) {
				t.Errorf("%s %s by %s: %d, may not be refused", r.Method, r.Path, name, got)
			}
			if got >= 500 {
				t.Errorf("%s %s by %s: %d", r.Method, r.Path, name, got)
			}
		}
	}
	if got := s.Plan(c.Org.ID); got != "pro" {
		t.Errorf("the plan is %s afterwards", got)
	}
}
