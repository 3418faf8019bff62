package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// agent is a program with a key, speaking HTTP.
type agent struct {
	t         *testing.T
	base, key string
}

// request is an agent's request for approval.
type request struct {
	ID      string `json:"request"`
	Status  string `json:"status"`
	URL     string `json:"approval_url"`
	Poll    string `json:"polling_url"`
	Code    string `json:"check_code"`
	Message string `json:"message"`
}

// ask asks for a change in web mode.
func (a *agent) ask(verb, body string) request {
	a.t.Helper()
	var r request
	a.must(http.MethodPost, a.base+"/api/billing/"+verb, body, &r)
	if r.Status != "web-approve-required" || r.URL == "" {
		a.t.Fatalf("%s %s: %+v", verb, body, r)
	}
	return r
}

// upgrade asks for the plan in web mode.
func (a *agent) upgrade(plan string) request {
	a.t.Helper()
	return a.ask("upgrade", fmt.Sprintf(`{"plan":%q,"mode":"web","reason":"The nightly import needs more rows."}`, plan))
}

// status is the answer to a poll.
type status struct {
	Status string
	Next   string
	Result struct {
		Status, Plan, Code string
		AmountChargedCents int64
		AmountCharged      int64 `json:"amount_charged"` // of the second published API
	}
	Denied *struct{ Reason, Note string }
	Error  *struct {
		Code    string `json:"error"`
		Message string
	}
}

// poll asks once, and waits up to so many seconds for news.
func (a *agent) poll(r request, wait int) status {
	a.t.Helper()
	var s status
	a.must(http.MethodGet, fmt.Sprintf("%s&wait=%d", r.Poll, wait), "", &s)
	return s
}

// follow polls like a patient agent until the request has ended, and returns
// every status on the way.
func (a *agent) follow(r request) (all []string, last status) {
	a.t.Helper()
	for range 20 {
		last = a.poll(r, 25)
		if n := len(all); n == 0 || all[n-1] != last.Status {
			all = append(all, last.Status)
		}
		if last.Next != "poll" {
			return all, last
		}
	}
	a.t.Errorf("request %s does not end: %v", r.ID, all)
	return all, last
}

func (a *agent) must(method, address, body string, out any) {
	a.t.Helper()
	code, raw := send(a.t, method, address, a.key, "application/json", body)
	if code != http.StatusOK {
		a.t.Fatalf("%s %s %s: %d %s", method, address, body, code, raw)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		a.t.Fatalf("%s %s: %v in %s", method, address, err, raw)
	}
}

// send makes one request with a bearer key.
func send(t *testing.T, method, address, key, media, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		req.Header.Set("Content-Type", media)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, raw
}

// stripe asks the sandbox's API what really happened.
type stripe struct {
	t         *testing.T
	base, key string
}

type charge struct {
	Amount           int64
	Status, Customer string
}

// paid lists what an org was charged successfully, newest first, in minor units.
func (s stripe) paid(org string) []int64 {
	s.t.Helper()
	var customers struct {
		Data []struct{ ID, Name string }
	}
	s.get("/v1/customers?limit=100", &customers)
	i := slices.IndexFunc(customers.Data, func(c struct{ ID, Name string }) bool { return c.Name == org })
	if i < 0 {
		return nil
	}
	var charges struct{ Data []charge }
	s.get("/v1/charges?limit=100&customer="+url.QueryEscape(customers.Data[i].ID), &charges)
	var out []int64
	for _, c := range charges.Data {
		if c.Status == "succeeded" {
			out = append(out, c.Amount)
		}
	}
	return out
}

func (s stripe) get(path string, out any) {
	s.t.Helper()
	code, raw := send(s.t, http.MethodGet, s.base+path, s.key, "", "")
	if code != http.StatusOK {
		s.t.Fatalf("stripe %s: %d %s", path, code, raw)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		s.t.Fatal(err)
	}
}

// advance moves the sandbox's clock as its control page does: by an hour, a day
// or to the next renewal.
func (s stripe) advance(by string) {
	s.t.Helper()
	code, raw := send(s.t, http.MethodPost, s.base+"/control/advance", s.key, "application/x-www-form-urlencoded", "by="+by)
	if code != http.StatusOK {
		s.t.Fatalf("advance by %s: %d %s", by, code, raw)
	}
}
