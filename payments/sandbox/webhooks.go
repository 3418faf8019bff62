package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// endpoint is a webhook endpoint.
type endpoint struct {
	ID, URL, Secret, Description string
	Events                       []string
	Disabled                     bool
	Own                          bool // set by SetWebhook
	Created                      int64
	Metadata                     map[string]string
}

// delivery is one event on its way to one endpoint.
type delivery struct{ Event, Endpoint string }

const (
	maxAttempts = 20
	maxPause    = 30 * time.Second
)

// outbox runs the background work of a server.
type outbox struct {
	once    sync.Once
	wg      sync.WaitGroup
	stop    chan struct{}
	stopped sync.Once
	wake    chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
}

func (o *outbox) init() {
	o.stop, o.wake = make(chan struct{}), make(chan struct{}, 1)
	o.ctx, o.cancel = context.WithCancel(context.Background())
}

func (o *outbox) start(loop func()) {
	o.once.Do(func() { o.wg.Go(loop) })
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) every(d time.Duration, f func()) {
	o.wg.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for o.pauseFor(t.C) {
			f()
		}
	})
}

// pauseFor waits and reports false when the server closes.
func (o *outbox) pauseFor(c <-chan time.Time) bool {
	select {
	case <-c:
		return true
	case <-o.stop:
		return false
	}
}

func (o *outbox) close() {
	o.stopped.Do(func() { close(o.stop); o.cancel() })
	o.wg.Wait()
}

// SetWebhook sends every event from now on to url, signed with
// Options.WebhookSecret. An empty url ends it.
func (s *Server) SetWebhook(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { _ = s.save() }() // the next change writes the whole state again
	s.dirty = true
	for _, e := range s.st.Endpoints.oldest() {
		if e.Own {
			e.URL, e.Secret, e.Disabled = url, s.opt.WebhookSecret, url == ""
			return
		}
	}
	if url == "" {
		return
	}
	e := &endpoint{ID: s.newID("we_1", 23), URL: url, Secret: s.opt.WebhookSecret, Events: []string{"*"}, Own: true, Created: s.now()}
	s.st.Endpoints.put(e.ID, e)
}

// enqueue adds the deliveries of an event. With the queue held, they wait.
func (s *Server) enqueue(ev *event) {
	for _, e := range s.st.Endpoints.oldest() {
		if e.Disabled || !wants(e.Events, ev.Type) {
			continue
		}
		d := []delivery{{ev.ID, e.ID}}
		if s.st.Twice {
			d = append(d, d[0])
		}
		if s.st.Holding {
			s.st.Held = append(s.st.Held, d...)
			continue
		}
		s.st.Queue = append(s.st.Queue, d...)
		s.out.start(s.deliverLoop)
	}
}

// deliverLoop sends the queue in order; a failing delivery is repeated with
// growing pauses before the next one gets its turn.
func (s *Server) deliverLoop() {
	attempt := 0
	for {
		d, ok := s.head()
		if !ok {
			select {
			case <-s.out.wake:
				continue
			case <-s.out.stop:
				return
			}
		}
		err := s.send(d)
		if s.out.ctx.Err() != nil {
			return
		}
		if attempt++; err == nil || attempt >= maxAttempts {
			attempt = 0
			s.sent(d)
			continue
		}
		pause := min(s.opt.RetryDelay<<min(attempt-1, 20), maxPause)
		if pause <= 0 {
			pause = maxPause
		}
		if !s.out.pauseFor(time.After(pause)) {
			return
		}
	}
}

func (s *Server) head() (delivery, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.st.Queue) == 0 {
		return delivery{}, false
	}
	return s.st.Queue[0], true
}

func (s *Server) sent(d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.st.Queue, d); i >= 0 {
		s.st.Queue = slices.Delete(s.st.Queue, i, i+1)
		s.dirty = true
	}
}

// send posts one delivery, signed with the sandbox's own time.
func (s *Server) send(d delivery) error {
	s.mu.Lock()
	ev, e := s.st.Events.get(d.Event), s.st.Endpoints.get(d.Endpoint)
	if ev == nil || e == nil || e.Disabled {
		s.mu.Unlock()
		return nil
	}
	var payload bytes.Buffer
	err := json.Indent(&payload, s.encode(s.viewEvent(ev)), "", "  ")
	url, secret, now := e.URL, e.Secret, s.now()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(s.out.ctx, http.MethodPost, url, bytes.NewReader(payload.Bytes()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", Sign(payload.Bytes(), secret, now))
	res, err := s.opt.HTTPClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode >= 300 {
		return fmt.Errorf("sandbox: webhook answered %s", res.Status)
	}
	return nil
}

// Sign makes the Stripe-Signature header of a payload at a Unix time.
func Sign(payload []byte, secret string, t int64) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.", t)
	mac.Write(payload)
	return fmt.Sprintf("t=%d,v1=%s", t, hex.EncodeToString(mac.Sum(nil)))
}

func (s *Server) viewEndpoint(e *endpoint) obj {
	if e == nil {
		return nil
	}
	status := "enabled"
	if e.Disabled {
		status = "disabled"
	}
	return obj{
		"id": e.ID, "object": "webhook_endpoint", "api_version": APIVersion, "application": nil,
		"created": e.Created, "description": opt(e.Description), "enabled_events": e.Events,
		"livemode": false, "metadata": copyMeta(e.Metadata), "status": status, "url": e.URL,
	}
}

func (s *Server) createEndpoint(c *call) (obj, *apiError) {
	e := &endpoint{URL: c.p.need("url"), Events: c.p.strs("enabled_events"), Description: c.p.str("description")}
	meta, version := c.p.metadata(), c.p.str("api_version")
	switch {
	case len(e.Events) == 0:
		c.p.fail(required("enabled_events"))
	case version != "" && version != APIVersion:
		c.p.fail(invalid("", "api_version", "Invalid Stripe API version: %s. This sandbox speaks %s only.", version, APIVersion))
	case !strings.HasPrefix(e.URL, "http://") && !strings.HasPrefix(e.URL, "https://"):
		c.p.fail(invalid("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided."))
	}
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	e.ID, e.Secret, e.Created, e.Metadata = s.newID("we_1", 23), s.newID("whsec_", 32), s.now(), meta.apply(nil)
	s.st.Endpoints.put(e.ID, e)
	out := s.viewEndpoint(e)
	out["secret"] = e.Secret // Stripe shows it this once
	return out, nil
}

func (s *Server) endpoint(c *call) (*endpoint, *apiError) {
	e := s.st.Endpoints.get(c.r.PathValue("id"))
	if e == nil {
		return nil, missing("webhook_endpoint", "id", c.r.PathValue("id"))
	}
	return e, nil
}

func (s *Server) getEndpoint(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	e, fail := s.endpoint(c)
	if fail != nil {
		return nil, fail
	}
	return s.viewEndpoint(e), nil
}

func (s *Server) updateEndpoint(c *call) (obj, *apiError) {
	url, events, disabled := c.p.str("url"), c.p.strs("enabled_events"), c.p.bool("disabled")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	e, fail := s.endpoint(c)
	if fail != nil {
		return nil, fail
	}
	if url != "" {
		e.URL = url
	}
	if events != nil {
		e.Events = events
	}
	if c.p.has("disabled") {
		e.Disabled = disabled
	}
	return s.viewEndpoint(e), nil
}

func (s *Server) deleteEndpoint(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	e, fail := s.endpoint(c)
	if fail != nil {
		return nil, fail
	}
	delete(s.st.Endpoints.Rows, e.ID)
	s.st.Endpoints.Order = slices.DeleteFunc(s.st.Endpoints.Order, func(id string) bool { return id == e.ID })
	return obj{"id": e.ID, "object": "webhook_endpoint", "deleted": true}, nil
}

func (s *Server) listEndpoints(c *call) (obj, *apiError) {
	pg := c.p.page()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/webhook_endpoints", ids(&s.st.Endpoints, func(*endpoint) bool { return true }))
}
