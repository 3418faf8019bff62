package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// What Stripe sends and allows, and what is to come of it.
const (
	hooksPerSecond = 200
	stripeReads    = 100 // a second
	hookedOrgs     = 10_000
	ackWithin      = 100.0 // ms, of ninety-nine in a hundred
	convergeWithin = 120.0 // s, after the last webhook
	boxSize        = 200
	hookSecret     = "whsec_bench"
	hookStripeKey  = "sk_test_bench"
)

// flood is a server with many orgs, and a Stripe where something happens to them
// all the time.
type flood struct {
	stripe *limited
	base   string // of Stripe
	app    *app
	addr   string
	orgs   []flooded
	took   []float64 // of each acknowledgement, in seconds
	mu     sync.Mutex
	failed error
	giving sync.Mutex // of cards
}

// flooded is an org and the card that it was given last.
type flooded struct {
	id, customer, card string
	box                *sandbox.Server // where the customer is
}

// benchWebhooks measures how fast webhooks are acknowledged, and how long after
// the last one everybody's state is what Stripe says.
func benchWebhooks(ctx context.Context, f benchFlags, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(f.data, "countersign-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if f.profiles != "" {
		stop, err := profiled(filepath.Join(f.profiles, "webhooks.pprof"))
		if err != nil {
			return err
		}
		defer stop()
	}
	// Stripe is in this process too, and holds more than the server ever does.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	return onEach(ctx, f, filepath.Join(dir, "webhooks.db"), out, func(t *table, url, on string) error {
		return floodOnce(ctx, f, url, t, on)
	})
}

func floodOnce(ctx context.Context, f benchFlags, database string, t *table, on string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &flood{}
	fmt.Fprintf(os.Stderr, "%s: preparing\n", on)
	served, err := w.prepare(ctx, database, cmp.Or(f.orgs, hookedOrgs))
	if err != nil {
		return err
	}
	defer w.app.store.Close()
	fmt.Fprintf(os.Stderr, "%s: %d webhooks a second for %v\n", on, hooksPerSecond, f.webhookSpan)
	w.stripe.on.Store(true)
	began, cpu, all := time.Now(), used(os.Getpid()), usedByAll()
	if err = w.pour(ctx, f.webhookSpan); err != nil {
		return err
	}
	poured := time.Now()
	after, err := w.converged(ctx)
	if err != nil {
		return err
	}
	slices.Sort(w.took)
	told := t.row("webhooks acknowledged, p99", on).atMost(ackWithin, " ms").add(float64(len(w.took))/poured.Sub(began).Seconds(), 1e3*quantile(w.took, 99))
	told.note = fmt.Sprintf("%d webhooks; median %.1f ms, slowest %.1f ms", len(w.took), 1e3*quantile(w.took, 50), 1e3*w.took[len(w.took)-1])
	reads := w.stripe.reads.Load()
	row := t.row("converged after the last one", on).atMost(convergeWithin, " s").add(float64(reads)/time.Since(began).Seconds(), after.Seconds())
	row.note = fmt.Sprintf("%d organisations; %d reads of Stripe, %d of them refused (429)", len(w.orgs), reads, w.stripe.refused.Load())
	cpu, all = used(os.Getpid())-cpu, usedByAll()-all
	told.note += fmt.Sprintf("; %.0f %% of a processor for it all", 100*cpu/time.Since(began).Seconds())
	t.others = append(t.others, max(0, all-cpu)/time.Since(began).Seconds()/float64(runtime.NumCPU()))
	wrong, err := w.differ(ctx)
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d organisations have another card than at Stripe", wrong)
	}
	cancel()
	return errors.Join(err, <-served)
}

// prepare starts Stripe and the server, and gives each org a subscription that
// was read.
func (w *flood) prepare(ctx context.Context, database string, n int) (served chan error, err error) {
	w.stripe = &limited{where: map[string]*sandbox.Server{}, limit: rate.NewLimiter(stripeReads, stripeReads/10)}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = newServer(w.stripe, slog.New(slog.DiscardHandler)).Serve(l) }()
	w.base = "http://" + l.Addr().String()
	catalog, err := billing.Builtin("flat")
	if err != nil {
		return nil, err
	}
	p := parts{
		baseURL: "http://localhost", secret: "a secret of the benchmark, of no use elsewhere", database: database, catalog: catalog,
		log: slog.New(slog.DiscardHandler), verify: verifier([]string{hookSecret}, time.Now, false),
	}
	if p.processor, err = payments.New(payments.Options{SecretKey: hookStripeKey, APIBase: w.base, Catalog: catalog, ReadsPerSecond: readsLive}); err != nil {
		return nil, err
	}
	if w.app, err = build(ctx, p); err != nil {
		return nil, err
	}
	if err = w.settle(ctx, catalog, n); err != nil {
		return nil, err
	}
	if l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	w.addr = l.Addr().String()
	served = make(chan error, 1)
	go func() { served <- w.app.run(ctx, l, 0) }()
	return served, nil
}

// settle makes the orgs, those of a box in a transaction.
func (w *flood) settle(ctx context.Context, catalog *billing.Catalog, n int) error {
	for len(w.orgs) < n {
		box, err := sandbox.New(sandbox.Options{SecretKey: hookStripeKey, PublicURL: w.base})
		if err != nil {
			return err
		}
		w.stripe.boxes = append(w.stripe.boxes, box)
		base := fmt.Sprintf("%s/box/%d", w.base, len(w.stripe.boxes)-1)
		stripe, err := payments.New(payments.Options{SecretKey: hookStripeKey, APIBase: base, Catalog: catalog})
		if err != nil {
			return err
		}
		if _, err = stripe.PushCatalog(ctx, catalog); err != nil {
			return err
		}
		err = w.app.store.InTx(ctx, func(tx billing.Tx) error {
			s := billing.New(billing.Config{Store: batch{tx}, Catalog: catalog, Clock: billing.ClockFunc(time.Now)})
			for range min(boxSize, n-len(w.orgs)) {
				if err := w.settleOne(ctx, s, tx, stripe, box); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *flood) settleOne(ctx context.Context, s *billing.Service, tx billing.Tx, stripe *payments.Client, box *sandbox.Server) error {
	org, err := s.AddOrg(ctx, "Acme", false)
	if err != nil {
		return err
	}
	customer, err := stripe.EnsureCustomer(ctx, org, "ada@bench.test")
	if err != nil {
		return err
	}
	if _, err = tx.SetCustomer(ctx, org.ID, customer); err != nil {
		return err
	}
	if _, err = box.Subscribe(customer, "pro_month", "pm_card_visa"); err != nil {
		return err
	}
	w.stripe.where[customer] = box
	sub, err := tx.Subscription(ctx, org.ID)
	if err != nil {
		return err
	}
	var list []billing.Invoice
	if sub.State, list, err = stripe.Fetch(ctx, customer); err != nil {
		return err
	}
	sub.SyncedAt = time.Now().UTC()
	if _, err = tx.SaveState(ctx, sub, list); err != nil {
		return err
	}
	w.orgs = append(w.orgs, flooded{id: org.ID, customer: customer, card: sub.Card.Last4, box: box})
	return nil
}

// pour sends webhooks at their times, whether those before were answered or not.
func (w *flood) pour(ctx context.Context, span time.Duration) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: hooksPerSecond}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	began := time.Now()
	for i := range int(span.Seconds() * hooksPerSecond) {
		due := began.Add(time.Duration(i) * time.Second / hooksPerSecond)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(due)):
		}
		all.Go(func() { w.note(w.news(ctx, client, i)) })
	}
	all.Wait()
	return w.failed
}

// news lets something happen to an org, and tells of it.
func (w *flood) news(ctx context.Context, client *http.Client, i int) (time.Duration, error) {
	kinds := payments.EventTypes()
	o := &w.orgs[rand.IntN(len(w.orgs))] //nolint:gosec // a load
	if err := w.happens(o); err != nil {
		return 0, err
	}
	body := fmt.Sprintf(`{"id":"evt_bench_%d","object":"event","api_version":"2023-10-16","created":%d,"livemode":false,"type":%q,"data":{"object":{"id":"x","object":"x","customer":%q}}}`,
		i, time.Now().Unix(), kinds[rand.IntN(len(kinds))], o.customer) //nolint:gosec // a load
	return w.send(ctx, client, body)
}

// happens gives the org the other card.
func (w *flood) happens(o *flooded) error {
	w.giving.Lock()
	defer w.giving.Unlock()
	card, last4 := "pm_card_visa", "4242"
	if o.card == last4 {
		card, last4 = "pm_card_mastercard", "4444"
	}
	o.card = last4
	return o.box.GiveCard(o.customer, card)
}

// send delivers a webhook, and returns how long its answer took.
func (w *flood) send(ctx context.Context, client *http.Client, body string) (time.Duration, error) {
	began := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.addr+"/stripe/webhook", bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err
	}
	at := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	r.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil))))
	res, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("a webhook was answered %d", res.StatusCode)
	}
	return time.Since(began), errors.Join(err, res.Body.Close())
}

func (w *flood) note(took time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took = append(w.took, took.Seconds())
	if w.failed == nil {
		w.failed = err
	}
}

// converged waits until nothing is left to be looked at.
func (w *flood) converged(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	for {
		left, err := w.app.store.Backlog(ctx)
		if err != nil {
			return 0, err
		}
		if left.DirtyOrgs == 0 && left.Inbox == 0 {
			return time.Since(began), nil
		}
		if time.Since(began) > 5*convergeWithin*time.Second {
			return 0, fmt.Errorf("%d organisations are still to be read", left.DirtyOrgs)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// differ counts the orgs of which the product knows another card than Stripe.
func (w *flood) differ(ctx context.Context) (wrong int, err error) {
	for _, o := range w.orgs {
		sub, err := w.app.store.Subscription(ctx, o.id)
		if err != nil {
			return 0, err
		}
		if sub.Card == nil || sub.Card.Last4 != o.card {
			wrong++
		}
	}
	return wrong, nil
}

// limited is a Stripe that answers so many reads a second and refuses the rest.
// It is many sandboxes, which look through all that they hold at every call, with
// a few customers each; /box/N leads to one of them without a limit.
type limited struct {
	boxes          []*sandbox.Server
	where          map[string]*sandbox.Server // by customer
	limit          *rate.Limiter
	on             atomic.Bool
	reads, refused atomic.Int64
}

// ServeHTTP implements http.Handler.
func (l *limited) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var n int
	if _, err := fmt.Sscanf(r.URL.Path, "/box/%d/", &n); err == nil {
		http.StripPrefix(fmt.Sprintf("/box/%d", n), l.boxes[n].Handler()).ServeHTTP(w, r)
		return
	}
	box := l.where[cmp.Or(r.URL.Query().Get("customer"), path.Base(r.URL.Path))]
	if box == nil { // the list of events
		box = l.boxes[0]
	}
	if r.Method == http.MethodGet && l.on.Load() {
		l.reads.Add(1)
		if !l.limit.Allow() {
			l.refused.Add(1)
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"Too many requests"}}`)
			return
		}
	}
	box.Handler().ServeHTTP(w, r)
}
