package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/countersignhq/countersign/billing"
)

// org is an org with an owner and agents who, one consent after the other, buy
// one unit more. It keeps what it was told, not what is.
type org struct {
	w        *world
	id, name string
	customer string
	owner    billing.Principal
	cookie   *http.Cookie // the owner's
	at       string       // address of the replica to speak to; empty: the world's only one
	keys     []string     // of its agents
	units    int64        // additional ones, as far as it was told
	asks     int          // of the present agent
	told     int          // consents that it was told are done
	under    *consent     // that is under way
}

// consent is one consent from the question to its end.
type consent struct {
	request, token string
	web            bool
	decided        bool // a press or a token was sent, and maybe heard
}

// asksEach is how often an agent asks: the product allows ten an hour.
const asksEach = 10

// answer is what the tests read of an answer.
type answer struct {
	code         int
	Status       string          `json:"-"` // in words; that of an error is a number
	RawStatus    json.RawMessage `json:"status"`
	Next         string
	Error        string          `json:"-"`
	RawError     json.RawMessage `json:"error"`
	Request      string
	ConfirmToken string `json:"confirm_token"`
	Details      struct{ Reason, Request string }
	Result       struct{ Status string }
	raw          []byte
	retryAfter   string
}

// send makes one call. An error means that nobody knows whether it was heard.
func (w *world) send(ctx context.Context, r *http.Request) (a answer, err error) {
	w.sent.Add(1)
	defer func() {
		if ctx.Err() == nil && (err != nil || a.code >= 500) {
			w.failed.Add(1)
		}
	}()
	res, err := w.client.Do(r.WithContext(ctx))
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		return a, err
	}
	a.code, a.retryAfter = res.StatusCode, res.Header.Get("Retry-After")
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/") {
		if err = json.Unmarshal(a.raw, &a); err != nil {
			return a, fmt.Errorf("%w in %s", err, a.raw)
		}
		_ = json.Unmarshal(a.RawStatus, &a.Status)
		_ = json.Unmarshal(a.RawError, &a.Error) // a poll's is an object
	}
	return a, nil
}

func (w *world) request(method, path, body string) *http.Request {
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return r
}

// agent calls the API with the key of the org's n-th agent.
func (o *org) agent(ctx context.Context, n int, method, path, body string) (answer, error) {
	r := o.w.request(method, path, body)
	o.aim(r)
	r.Header.Set("Authorization", "Bearer "+o.keys[n])
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return o.w.send(ctx, r)
}

// aim sends a request to the org's replica.
func (o *org) aim(r *http.Request) {
	if o.at != "" {
		r.Host, r.URL.Host = r.URL.Host, o.at
	}
}

func (o *org) page(ctx context.Context, path string) (answer, error) {
	r := o.w.request(http.MethodGet, path, "")
	o.aim(r)
	r.AddCookie(o.cookie)
	return o.w.send(ctx, r)
}

func (o *org) post(ctx context.Context, path string, form url.Values) (answer, error) {
	r := o.w.request(http.MethodPost, path, form.Encode())
	o.aim(r)
	r.AddCookie(o.cookie)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", o.w.url)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return o.w.send(ctx, r)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// form is the form of a page that posts to action and has the words in it.
func form(page []byte, action, words string) (url.Values, bool) {
	for rest := string(page); ; {
		_, after, ok := strings.Cut(rest, `action="`+action+`"`)
		if !ok {
			return nil, false
		}
		inside, tail, _ := strings.Cut(after, "</form>")
		if rest = tail; !strings.Contains(inside, words) {
			continue
		}
		fields := url.Values{}
		for _, m := range hidden.FindAllStringSubmatch(inside, -1) {
			fields.Set(m[1], html.UnescapeString(m[2]))
		}
		return fields, true
	}
}

// What became of a step.
type step int

const (
	again  step = iota // right away
	later              // when others had their turn
	ended              // the consent is through
	no                 // no agent of this org may ask any more
	broken             // what must not be
)

// advance takes the org's consent one step on.
func (o *org) advance(ctx context.Context, web bool) (step, error) {
	switch c := o.under; {
	case c == nil:
		return o.ask(ctx, web)
	case c.decided:
		return o.follow(ctx, c)
	case c.web:
		return o.press(ctx, c)
	default:
		return o.confirm(ctx, c)
	}
}

// present is the agent whose turn it is.
func (o *org) present() int { return o.asks / asksEach }

const increase = "/v1/billing/capacity/increase"

func (o *org) ask(ctx context.Context, web bool) (step, error) {
	if o.present() >= len(o.keys) {
		return no, nil
	}
	mode := "chat"
	if web {
		mode = "web"
	}
	a, err := o.agent(ctx, o.present(), http.MethodPost, increase, fmt.Sprintf(`{"target_additional_capacity_units":%d,"mode":%q}`, o.units+1, mode))
	switch {
	case err != nil, a.code >= 500, a.Error == "another_change_in_progress", a.Error == "change_rejected":
		// The server was killed, still has to recover, or has not yet seen at Stripe
		// what came of the last consent.
		return later, nil //nolint:nilerr // see above
	case a.Error == "approval_limit":
		o.asks = (o.present() + 1) * asksEach
		return again, nil
	case a.code != http.StatusOK || a.Request == "":
		return broken, fmt.Errorf("%s asks: %d %s", o.name, a.code, a.raw)
	}
	o.under = &consent{request: a.Request, token: a.ConfirmToken, web: web}
	return again, nil
}

func (o *org) confirm(ctx context.Context, c *consent) (step, error) {
	a, err := o.agent(ctx, o.present(), http.MethodPost, increase, fmt.Sprintf(`{"target_additional_capacity_units":%d,"confirm_token":%q}`, o.units+1, c.token))
	switch {
	case err != nil, a.code >= 500:
		c.decided = true
		return later, nil //nolint:nilerr // the server was killed
	case a.code == http.StatusOK && a.Status == "capacity-increased":
		return o.done()
	case a.code == http.StatusOK, a.code == http.StatusAccepted, a.Error == "consent_token_invalid" && a.Details.Reason == "used":
		c.decided = true
		return again, nil
	case a.Error == "another_change_in_progress":
		return later, nil
	case a.Error == "consent_token_expired", a.Error == "quote_changed":
		return o.askAgain()
	}
	return broken, fmt.Errorf("%s confirms: %d %s", o.name, a.code, a.raw)
}

func (o *org) press(ctx context.Context, c *consent) (step, error) {
	path := "/approve/" + c.request
	page, err := o.page(ctx, path)
	if err != nil || page.code >= 500 {
		return later, nil //nolint:nilerr // the server was killed
	}
	fields, ok := form(page.raw, path, `value="approve"`)
	if !ok {
		c.decided = true // the page says how it stands; the poll does so, too
		return later, nil
	}
	fields.Set("decision", "approve")
	a, err := o.post(ctx, path, fields)
	if c.decided = true; err == nil && a.code >= 400 && a.code < 500 && !bytes.Contains(a.raw, []byte(c.request)) {
		return broken, fmt.Errorf("%s approves: %d %s", o.name, a.code, a.raw)
	}
	return again, nil
}

// follow polls for what became of the consent. One that waits still was not
// heard, so it is given again.
func (o *org) follow(ctx context.Context, c *consent) (step, error) {
	a, err := o.agent(ctx, o.present(), http.MethodGet, "/api/web-approve/status?request="+c.request, "")
	switch {
	case err != nil, a.code >= 500, a.code == http.StatusTooManyRequests:
		return later, nil //nolint:nilerr // the server was killed
	case a.code != http.StatusOK:
		return broken, fmt.Errorf("%s polls: %d %s", o.name, a.code, a.raw)
	case a.Status == "pending":
		c.decided = false
		return again, nil
	case a.Next == "poll":
		return later, nil
	case a.Status == "completed" && a.Result.Status == "capacity-increased":
		return o.done()
	case a.Status == "expired", a.Status == "failed" && bytes.Contains(a.RawError, []byte(`"quote_changed"`)):
		return o.askAgain()
	}
	return broken, fmt.Errorf("%s follows: %s", o.name, a.raw)
}

// askAgain gives a consent up that came to nothing: its time was over, or its
// price was worked out from what was known before a crash, and held no longer.
func (o *org) askAgain() (step, error) {
	o.under = nil
	o.asks++
	return later, nil
}

func (o *org) done() (step, error) {
	o.under = nil
	o.units++
	o.told++
	o.asks++
	return ended, nil
}
