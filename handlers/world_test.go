package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/web"
)

const visa = "pm_card_visa"

// site is the whole server over real parts. Every JSON answer that a test sees
// is held against the OpenAPI description.
type site struct {
	*worldtest.World
	t      testing.TB
	router *web.Router
	schema *jsonschema.Compiler
}

var sessionKey = bytes.Repeat([]byte("s"), 32)

func newSite(t testing.TB, o worldtest.Options) *site {
	t.Helper()
	w := worldtest.New(t, o)
	base, err := url.Parse(w.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(api.OpenAPI()))
	if err != nil {
		t.Fatal(err)
	}
	schema := jsonschema.NewCompiler()
	if err := schema.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return &site{World: w, t: t, schema: schema, router: newRouter(Config{
		Service: w.Service, BaseURL: base, SessionKey: sessionKey, Clock: billing.ClockFunc(w.Box.Now),
		Log:         slog.New(slog.NewTextHandler(w.Log, nil)),
		FormTargets: []string{"https://checkout.stripe.com"}, Ready: w.Service.Ready,
		VerifyWebhook: func(body []byte, signature string) (billing.Event, error) {
			if signature != "good" {
				return billing.Event{}, errors.New("not signed")
			}
			return billing.Event{ID: "evt_1", Type: "customer.subscription.updated", CustomerID: string(body), CreatedAt: w.Box.Now()}, nil
		},
	})}
}

// who sends a request: a bearer key, a person's session token, or nobody.
type who struct{ key, session string }

func (s *site) send(u who, method, target, contentType, body string, heads ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if u.key != "" {
		req.Header.Set("Authorization", "Bearer "+u.key)
	}
	if u.session != "" {
		base, _ := url.Parse(s.BaseURL)
		c, err := web.SessionCookie(base, sessionKey, u.session)
		if err != nil {
			s.t.Fatal(err)
		}
		req.AddCookie(c)
	}
	if contentType != "application/json" || u.session != "" {
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, h := range heads {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, req)
	s.described(method, req.URL.Path, w)
	return w
}

// described holds a JSON answer against the description of its operation.
func (s *site) described(method, path string, w *httptest.ResponseRecorder) {
	s.t.Helper()
	if !strings.HasPrefix(path, "/api/") || w.Code == http.StatusMethodNotAllowed {
		return
	}
	name := "Error"
	if w.Code < 300 {
		name = answerOf(s.t, method, path, w.Code)
	}
	schema, err := s.schema.Compile("openapi.json#/components/schemas/" + name)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		s.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
	if err = schema.Validate(body); err != nil {
		s.t.Errorf("%s %s %d is not as described: %v\n%s", method, path, w.Code, err, w.Body)
	}
}

func (s *site) get(u who, target string, heads ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(u, http.MethodGet, target, "", "", heads...)
}

func (s *site) post(u who, target, body string, heads ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(u, http.MethodPost, target, "application/json", body, heads...)
}

func (s *site) submit(u who, target string, form url.Values, heads ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.send(u, http.MethodPost, target, "application/x-www-form-urlencoded", form.Encode(), heads...)
}

// ask is an agent's first call for a plan on the web; it returns the request.
func (s *site) ask(key, plan string) api.Change {
	s.t.Helper()
	return read[api.Change](s.t, s.post(who{key: key}, "/api/billing/upgrade", `{"plan":"`+plan+`","mode":"web"}`), 200)
}

// read decodes an answer after a look at its status.
func read[T any](t testing.TB, w *httptest.ResponseRecorder, status int) (v T) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// forms returns the hidden fields of the page's forms by what they post to; of
// several with one target, that whose fields have the wanted value.
func forms(w *httptest.ResponseRecorder, action, field, value string) url.Values {
	for _, f := range formTag.FindAllStringSubmatch(w.Body.String(), -1) {
		if html.UnescapeString(f[1]) != action {
			continue
		}
		fields := url.Values{}
		for _, m := range hiddenTag.FindAllStringSubmatch(f[2], -1) {
			fields.Set(m[1], html.UnescapeString(m[2]))
		}
		if field == "" || fields.Get(field) == value {
			return fields
		}
	}
	return nil
}
