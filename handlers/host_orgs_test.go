package handlers_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func (s *site) send(as caller, method, path, body string) answer {
	s.t.Helper()
	return s.do(call{as: as, method: method, path: path, kind: jsonKind, body: body})
}

// TestHostOrg: a host makes an org of its own, lets its people in by a link, and
// takes one out again, which counts with the next click.
func TestHostOrg(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	host := s.host()
	put := func(body string, status int) answer {
		t.Helper()
		return s.send(host, http.MethodPut, "/api/host/orgs/customer-42", body).is(status, "")
	}
	first := put(`{"name":"Acme","members":[{"email":"ada@acme.test","name":"Ada","role":"owner"},{"email":"bob@acme.test","role":"member"}]}`, 201)
	again := put(`{"name":"Acme","members":[{"email":"ada@acme.test","name":"Ada","role":"owner"},{"email":"bob@acme.test","role":"member"}]}`, 200)
	if first.body != again.body || first.text("id") != "customer-42" || len(first.object()["members"].([]any)) != 2 {
		t.Errorf("first %s\nagain %s", first.body, again.body)
	}
	if a := put(`{"name":"Acme"}`, 200); a.text("timeZone") != "UTC" || a.text("locale") != "en" {
		t.Error(a.body)
	}
	if a := put(`{"name":"Acme","timeZone":"America/St_Johns","locale":"fr-ca"}`, 200); a.text("timeZone") != "America/St_Johns" || a.text("locale") != "fr-CA" {
		t.Error(a.body)
	}
	for body, want := range map[string][3]string{
		`{"name":"Acme","timeZone":"Mars/Olympus"}`: {"invalid_request", "timeZone", `There is no time zone "Mars/Olympus". Use an IANA name such as "Europe/Berlin", or "UTC".`},
		`{"name":"Acme","timeZone":"Local"}`:        {"invalid_request", "timeZone", `There is no time zone "Local". Use an IANA name such as "Europe/Berlin", or "UTC".`},
		`{"name":"Acme","timeZone":""}`:             {"invalid_field", "timeZone", ""},
		`{"name":"Acme","timeZone":2}`:              {"invalid_field", "timeZone", ""},
		`{"name":"Acme","locale":"de_DE"}`:          {"invalid_request", "locale", `There is no locale "de_DE". Use a BCP 47 tag such as "en" or "de-CH".`},
		`{"name":"Acme","locale":"xx"}`:             {"invalid_request", "locale", `There is no locale "xx". Use a BCP 47 tag such as "en" or "de-CH".`},
		`{"name":"Acme","locale":""}`:               {"invalid_field", "locale", ""},
		`{"name":"Acme","time_zone":"UTC"}`:         {"unknown_field", "time_zone", ""},
	} {
		a := s.send(host, http.MethodPut, "/api/host/orgs/customer-42", body).is(400, want[0])
		if field := a.detail("field"); field != want[1] || want[2] != "" && !strings.Contains(a.body, strconv.Quote(want[2])) {
			t.Errorf("%s: %s", body, a.body)
		}
	}

	enter := func(body string) (cookie, next string) {
		t.Helper()
		link := s.send(host, http.MethodPost, "/api/host/sso", body).is(200, "").text("url")
		path := strings.TrimPrefix(link, s.BaseURL)
		s.secrets.add(strings.TrimPrefix(path, "/login/"))
		for range 2 { // a GET signs nobody in
			if page := s.get(nobody, path); page.status != 200 || len(page.header.Values("Set-Cookie")) != 0 {
				t.Fatalf("%d %v", page.status, page.header)
			}
		}
		in := s.submit(nobody, path, url.Values{})
		if in.status != 303 || s.submit(nobody, path, url.Values{}).status != 404 {
			t.Fatalf("the link: %d", in.status)
		}
		cookie, _, _ = strings.Cut(in.header.Get("Set-Cookie"), ";")
		return cookie, in.header.Get("Location")
	}
	page := func(cookie string) answer {
		t.Helper()
		return s.do(call{as: nobody, method: http.MethodGet, path: "/settings/billing", header: map[string]string{"Cookie": cookie}})
	}
	bob, next := enter(`{"org":"customer-42","email":"bob@acme.test","next":"/settings/approvals"}`)
	if next != "/settings/approvals" {
		t.Errorf("led to %s", next)
	}
	if a := page(bob); a.status != 200 || !strings.Contains(a.body, "Acme") {
		t.Errorf("the page: %d", a.status)
	}
	eve, next := enter(`{"org":"customer-42","email":"eve@acme.test","name":"Eve","role":"billing_admin"}`)
	if next != "/settings/billing" || page(eve).status != 200 {
		t.Errorf("led to %s", next)
	}
	put(`{"name":"Acme","members":[{"email":"ada@acme.test","role":"owner"},{"email":"eve@acme.test","role":"member"}]}`, 200)
	if page(bob).status != 303 || page(eve).status != 200 {
		t.Error("who was left out is still in, or who stayed is out")
	}
}

// TestHostAgent: a key is made once for an Idempotency-Key, and told again.
func TestHostAgent(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, host := s.people("acme", "pro", visa), s.host()
	path := "/api/host/orgs/" + p.Org.ID + "/agents"
	create := func(key, body string) answer {
		t.Helper()
		c := call{as: host, method: http.MethodPost, path: path, kind: jsonKind, body: body}
		if key != "" {
			c.header = map[string]string{"Idempotency-Key": key}
		}
		a := s.do(c)
		if a.status == 201 {
			s.secrets.add(a.object()["key"].(map[string]any)["secret"].(string))
		}
		return a
	}
	secret := func(a answer) caller {
		return caller{"issued", a.object()["key"].(map[string]any)["secret"].(string), ""}
	}
	first := create("k1", `{"name":"importer","scopes":["billing:read"]}`).is(201, "")
	again := create("k1", `{"name":"importer","scopes":["billing:read"]}`).is(201, "")
	if first.body != again.body || first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("first %s\nagain %s", first.body, again.body)
	}
	create("k1", `{"name":"exporter"}`).is(422, "idempotency_conflict")
	s.get(secret(first), "/api/billing").is(200, "active")
	s.post(secret(first), "/api/billing/upgrade", `{"plan":"scale"}`).is(403, "insufficient_scope")

	second := create("", `{"principal":"`+first.text("id")+`"}`).is(201, "")
	if second.text("id") != first.text("id") || second.text("name") != "importer" {
		t.Errorf("another key: %s", second.body)
	}
	request := s.ask(secret(second), "scale")
	for range 2 {
		s.do(call{as: host, method: http.MethodDelete, path: path + "/" + first.text("id")}).is(204, "")
	}
	s.get(secret(second), "/api/billing").is(401, "unauthorized")
	if page := s.get(p.owner, "/approve/"+request); page.status != 200 || strings.Contains(page.body, `name="decision"`) {
		t.Errorf("the request can still be decided: %d", page.status)
	}
	s.get(p.agent, "/api/billing").is(200, "active")
}

// provisionRows are what the host's own calls refuse.
func provisionRows() []bad {
	var rows []bad
	add := func(method, path, name, body string, status int, code, field string) {
		rows = append(rows, bad{name, call{method: method, path: "/api/host/" + path, kind: jsonKind, body: body}, status, code, field})
	}
	for _, path := range []string{"host/orgs/new/agents", "host/sso"} {
		rows = append(rows, shapes(path)...)
	}
	put := func(name, body string, status int, code, field string) {
		add("PUT", "orgs/new", name, body, status, code, field)
	}
	put("no name", `{}`, 400, "missing_field", "name")
	put("no body", ``, 400, "missing_field", "name")
	put("an id in the body", `{"name":"N","id":"x"}`, 400, "unknown_field", "id")
	put("a name of blanks", `{"name":" \t "}`, 400, "invalid_request", "name")
	put("a name that hides", `{"name":"\u202e\u200b"}`, 400, "invalid_request", "name")
	put("a long name", `{"name":"`+strings.Repeat("n", 101)+`"}`, 400, "invalid_request", "name")
	put("members null", `{"name":"N","members":null}`, 400, "invalid_field", "members")
	put("members an object", `{"name":"N","members":{}}`, 400, "invalid_field", "members")
	put("no members", `{"name":"N","members":[]}`, 400, "owner_required", "members")
	put("a member of no kind", `{"name":"N","members":["ada@acme.test"]}`, 400, "invalid_field", "members[0]")
	put("no owner", `{"name":"N","members":[{"email":"a@a.test","role":"member"}]}`, 400, "owner_required", "members")
	put("no role", `{"name":"N","members":[{"email":"a@a.test"}]}`, 400, "missing_field", "members[0].role")
	put("an unknown role", `{"name":"N","members":[{"email":"a@a.test","role":"root"}]}`, 400, "invalid_field", "members[0].role")
	put("a role in another case", `{"name":"N","members":[{"email":"a@a.test","role":"Owner"}]}`, 400, "invalid_field", "members[0].role")
	put("no address", `{"name":"N","members":[{"email":"a","role":"owner"}]}`, 400, "invalid_request", "members[0].email")
	put("two addresses", `{"name":"N","members":[{"email":"a@a.test, b@b.test","role":"owner"}]}`, 400, "invalid_request", "members[0].email")
	put("an address with a name", `{"name":"N","members":[{"email":"A <a@a.test>","role":"owner"}]}`, 400, "invalid_request", "members[0].email")
	put("an address with CRLF", `{"name":"N","members":[{"email":"a@a.test\r\nBcc: b@b.test","role":"owner"}]}`, 400, "invalid_request", "members[0].email")
	put("a member twice", `{"name":"N","members":[{"email":"a@a.test","role":"owner"},{"email":"A@A.test","role":"member"}]}`, 400, "invalid_request", "members[1].email")
	put("a field of a member", `{"name":"N","members":[{"email":"a@a.test","role":"owner","password":"x"}]}`, 400, "unknown_field", "members[0].password")
	for name, id := range map[string]string{"a long id": strings.Repeat("a", 65), "a dot": "a.b", "an at": "a@b", "a blank": "a%20b", "a quote": "a'--", "beyond ASCII": "%C3%A9", "a percent": "a%25", "a slash": "a%2Fb"} {
		add("PUT", "orgs/"+id, "id: "+name, `{"name":"N"}`, 400, "invalid_request", "org")
		add("POST", "orgs/"+id+"/agents", "agents of "+name, `{"name":"N"}`, 404, "not_found", "")
		add("DELETE", "orgs/"+id+"/agents/agt_x", "an agent of "+name, ``, 404, "not_found", "")
	}
	agents := func(name, body string, status int, code, field string) {
		add("POST", "orgs/new/agents", name, body, status, code, field)
	}
	agents("an unknown org", `{"name":"N"}`, 404, "not_found", "")
	agents("no name", `{}`, 400, "missing_field", "name")
	agents("a name that hides", `{"name":"\u200b"}`, 400, "invalid_request", "name")
	agents("no scopes", `{"name":"N","scopes":[]}`, 400, "invalid_request", "scopes")
	agents("an unknown scope", `{"name":"N","scopes":["billing:pay"]}`, 400, "invalid_field", "scopes[0]")
	agents("scopes in a string", `{"name":"N","scopes":"billing:read"}`, 400, "invalid_field", "scopes")
	agents("a secret of one's own", `{"name":"N","secret":"csa_x"}`, 400, "unknown_field", "secret")
	add("DELETE", "orgs/new/agents/agt_x", "a body", `{"force":true}`, 400, "unknown_field", "force")
	sso := func(name, body string, status int, code, field string) {
		add("POST", "sso", name, body, status, code, field)
	}
	sso("no org", `{"email":"a@a.test"}`, 400, "missing_field", "org")
	sso("no address", `{"org":"new"}`, 400, "missing_field", "email")
	sso("an address that is none", `{"org":"new","email":"a"}`, 400, "invalid_request", "email")
	sso("an unknown org", `{"org":"new","email":"a@a.test","role":"owner"}`, 404, "not_found", "")
	sso("an unknown role", `{"org":"new","email":"a@a.test","role":"root"}`, 400, "invalid_field", "role")
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\\\evil.example", "settings", "javascript:alert(1)", "/%0d%0aX:y", "/" + strings.Repeat("a", 300)} {
		sso("next "+next, `{"org":"new","email":"a@a.test","next":"`+next+`"}`, 400, "invalid_field", "next")
	}
	return rows
}
