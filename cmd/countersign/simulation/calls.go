package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/handlers"
)

// apiCall is a call of an agent under an Idempotency-Key, which it repeats until it
// has an answer that is one.
type apiCall struct {
	asked
	method, path, body, key string
	fault                   []byte    // the last that was heard
	answer                  *recorder // that was heard and is none to ask again after
	began                   time.Time // when the call was made that was answered so
}

// door is the product's own server in front of a replica. Few histories need it.
func (p *replica) door(r *run) http.Handler {
	if p.handler == nil {
		base, err := url.Parse(baseURL)
		if err != nil {
			panic(err) // a constant
		}
		p.handler = handlers.New(handlers.Config{
			Service: p.service, BaseURL: base, SessionKey: []byte(sealKey), Clock: billing.ClockFunc(r.now), Log: r.log,
		})
	}
	return p.handler
}

// cutOff is when the server ends a connection, before another one may run the call.
const cutOff = 40 * time.Second

// places are where the API takes each wish.
var places = map[billing.Verb][2]string{
	billing.VerbUpgrade:      {http.MethodPost, "/api/billing/upgrade"},
	billing.VerbDowngrade:    {http.MethodPost, "/api/billing/downgrade"},
	billing.VerbIncrease:     {http.MethodPost, "/v1/billing/capacity/increase"},
	billing.VerbReduce:       {http.MethodPost, "/v1/billing/capacity/scheduled-reduction"},
	billing.VerbStartTrial:   {http.MethodPost, "/v1/billing/trial/start"},
	billing.VerbKeepCapacity: {http.MethodDelete, "/v1/billing/capacity/scheduled-reduction"},
}

func newCall(a asked, n int) *apiCall {
	if a.proposal.Verb == billing.VerbResume { // which has no address of its own
		a.proposal = billing.Proposal{Verb: billing.VerbUpgrade, Plan: "team", ConfirmToken: a.proposal.ConfirmToken, Mode: a.proposal.Mode}
	}
	pr := a.proposal
	body := map[string]any{}
	if pr.Verb == billing.VerbStartTrial {
		body["target_plan"] = pr.Plan
	} else if pr.Plan != "" {
		body["plan"] = pr.Plan
	}
	if pr.Units != nil {
		body["target_additional_capacity_units"] = *pr.Units
	}
	if pr.Mode != "" {
		body["mode"] = pr.Mode
	}
	if pr.ConfirmToken != "" {
		body["confirm_token"] = pr.ConfirmToken
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings and numbers
	}
	at := places[pr.Verb]
	return &apiCall{asked: a, method: at[0], path: at[1], body: string(text), key: fmt.Sprintf("call-%d", n)}
}

// call is an agent's wish by the API, or its confirmation of one.
func (r *run) call(s Step) {
	c := newCall(asked{org: orgOf(s.A), agent: int(s.A>>8) % 2, proposal: r.wish(s)}, len(r.sentCalls))
	if a, ok := r.choose(s.A >> 16); ok && s.B>>20%3 > 0 && a.token != "" {
		a.proposal.ConfirmToken = a.token
		c = newCall(a, len(r.sentCalls))
	}
	r.sentCalls = append(r.sentCalls, c)
	r.begin(s, "call "+c.key, func(*billing.Service) { r.send(r.turn.replica, c) })
}

// callAgain repeats a call, one that has no answer rather than one that has.
func (r *run) callAgain(s Step) {
	if len(r.sentCalls) == 0 {
		return
	}
	c := r.sentCalls[int(s.A)%len(r.sentCalls)]
	for _, other := range r.sentCalls {
		if c.answer != nil && s.B%4 > 0 && other.answer == nil {
			c = other
		}
	}
	r.begin(s, "call again "+c.key, func(*billing.Service) { r.send(r.turn.replica, c) })
}

// send makes a call once. Who dies meanwhile hears nothing.
func (r *run) send(p *replica, c *apiCall) int {
	req, err := http.NewRequestWithContext(r.ctx, c.method, c.path, strings.NewReader(c.body))
	if err != nil {
		r.violate("error", "%s: %v", c.key, err)
		return 0
	}
	req.RequestURI, req.RemoteAddr = c.path, "192.0.2.1:1"
	req.Header.Set("Authorization", "Bearer "+r.w.cast[c.org].keys[c.agent])
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", c.key)
	if c.proposal.ConfirmToken != "" {
		r.pressed[c.id] = true
	}
	began, rec := r.now(), &recorder{head: http.Header{}}
	p.door(r).ServeHTTP(rec, req)
	if r.pass("answer"); r.now().Sub(began) >= cutOff {
		return 0
	}
	r.heard(c, rec, began)
	return rec.status
}

// heard takes an answer. One that is final is the answer to every repetition.
func (r *run) heard(c *apiCall, rec *recorder, began time.Time) {
	r.trace(fmt.Sprintf("%s %s: %d", c.key, c.path, rec.status))
	r.reach(fmt.Sprintf("call: %dxx", rec.status/100))
	switch {
	case rec.status == http.StatusUnauthorized || rec.status == http.StatusForbidden || rec.status == http.StatusTooManyRequests:
		return // not let in
	case rec.status >= http.StatusInternalServerError || rec.head.Get("Retry-After") != "":
		c.fault = rec.body
		if c.answer == nil {
			r.reach("call to be repeated")
		}
		return
	case c.answer == nil:
		c.answer, c.began = rec, began
		r.follow(c)
		return
	}
	r.reach("call repeated")
	if r.now().Sub(c.began) < billing.ReplayLife && (c.answer.status != rec.status || !bytes.Equal(c.answer.body, rec.body)) {
		r.violate("I1", "%s was answered with %d %s, and its repetition with %d %s", c.key, c.answer.status, c.answer.body, rec.status, rec.body)
	}
}

// follow keeps what an answer asks the agent to go on with.
func (r *run) follow(c *apiCall) {
	var out struct {
		Request string
		Token   string `json:"confirm_token"`
		Page    string `json:"checkoutUrl"`
	}
	if err := json.Unmarshal(c.answer.body, &out); err != nil {
		r.violate("read", "the answer to %s: %v", c.key, err)
	}
	r.handOut(out.Page)
	if c.proposal.ConfirmToken == "" && out.Request != "" {
		r.asks = append(r.asks, asked{c.org, c.agent, out.Request, out.Token, c.proposal})
	}
}

// callsEnd: with nothing wrong any more, each call gets an answer.
func (r *run) callsEnd() {
	for _, c := range r.sentCalls {
		if c.answer != nil {
			continue
		}
		if status := r.send(r.replicas[0], c); status >= http.StatusInternalServerError {
			r.violate("I3", "%s %s %s is answered with %d %s, however often it is made", c.key, c.path, c.body, status, c.fault)
		}
	}
}
