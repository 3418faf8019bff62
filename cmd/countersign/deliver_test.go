package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

var (
	oldKey = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	newKey = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 24))
)

// hookTo is a hook to a server of the test.
func hookTo(t testing.TB, h http.Handler, secrets string) *hook {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	hook, err := newHook(srv.URL, secrets, true, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return hook
}

// The receiver's own library takes it, with the old secret and with the new one.
func TestWebhooksAreSigned(t *testing.T) {
	const body = `{"id":"evt_1","data":{"plan":"größer"}}`
	for _, c := range []struct {
		name, sender, receiver string
		ok                     bool
	}{
		{"one secret", oldKey, oldKey, true},
		{"rolling, the receiver has the old one", newKey + ", " + oldKey, oldKey, true},
		{"rolling, the receiver has the new one", newKey + "," + oldKey, newKey, true},
		{"another secret", oldKey, newKey, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			verifier, err := webhooks.NewWebhook(c.receiver)
			if err != nil {
				t.Fatal(err)
			}
			h := hookTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodPost || string(got) != body || r.Header.Get("webhook-id") != "evt_1" || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s %q %v", r.Method, got, r.Header)
				}
				if err := verifier.Verify(got, r.Header); (err == nil) != c.ok {
					t.Errorf("verify: %v", err)
				}
				if err := verifier.Verify(append(got, ' '), r.Header); err == nil {
					t.Error("another body was verified")
				}
				w.WriteHeader(http.StatusNoContent)
			}), c.sender)
			if r := h.Deliver(t.Context(), "evt_1", body); r != (billing.Receipt{Status: 204}) {
				t.Errorf("receipt %+v", r)
			}
		})
	}
}

func TestAnswersOfTheHost(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   billing.Receipt
	}{
		{"taken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, billing.Receipt{Status: 202}},
		{"fault", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, billing.Receipt{Status: 500, Fault: billing.FaultStatus}},
		{"gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, billing.Receipt{Status: 410, Fault: billing.FaultStatus}},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				panic("followed")
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, billing.Receipt{Status: 307, Fault: billing.FaultRedirect}},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, billing.Receipt{Fault: billing.FaultConnection}},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return // the sender has heard enough
				}
			}
		}, billing.Receipt{Status: 200}},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun := time.Now()
			if r := hookTo(t, c.answer, oldKey).Deliver(t.Context(), "evt_1", "{}"); r != c.want {
				t.Errorf("receipt %+v, want %+v", r, c.want)
			}
			if took := time.Since(begun); took > hookTimeout/2 {
				t.Errorf("listened for %v", took)
			}
		})
	}
}

func TestFaultsOnTheWay(t *testing.T) {
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	slow := hookTo(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}), oldKey)
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := slow.Deliver(soon, "evt_1", "{}"); r.Fault != billing.FaultTimeout {
		t.Errorf("no answer in time: %+v", r)
	}

	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	defer untrusted.Close()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for _, c := range []struct {
		address string
		want    billing.Fault
	}{
		{untrusted.URL, billing.FaultTLS},
		{"https" + strings.TrimPrefix(slow.address, "http"), billing.FaultTLS},
		{"http://" + closed.Addr().String(), billing.FaultConnection},
		{"http://no-such-host.invalid/", billing.FaultName},
	} {
		h, err := newHook(c.address, oldKey, true, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if r := h.Deliver(t.Context(), "evt_1", "{}"); r.Fault != c.want || r.Status != 0 {
			t.Errorf("%s: %+v, want %s", c.address, r, c.want)
		}
	}
}

// Whatever a name says, it is the address that is connected to which counts:
// localhost stands for a name that leads inside.
func TestPrivateTargetsAreNotCalled(t *testing.T) {
	called := false
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"} {
		h, err := newHook("https://"+host+":"+port, oldKey, false, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		transport := h.client.Transport.(*http.Transport)
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		if transport.Proxy != nil {
			t.Error("a proxy would connect to any address")
		}
		if r := h.Deliver(t.Context(), "evt_1", "{}"); r.Fault != billing.FaultRefused {
			t.Errorf("%s: %+v", host, r)
		}
	}
	if called {
		t.Error("the server was called")
	}
}

func TestCallable(t *testing.T) {
	const public, inside, nobody = "public", "inside", "nobody"
	for text, want := range map[string]string{
		"8.8.8.8": public, "172.15.255.255": public, "172.32.0.0": public, "100.63.255.255": public, "100.128.0.0": public,
		"2606:4700::1111": public, "::ffff:8.8.8.8": public,
		"127.0.0.1": inside, "127.9.9.9": inside, "10.1.2.3": inside, "172.16.0.1": inside, "192.168.1.1": inside, "100.64.0.1": inside,
		"::1": inside, "fd12::1": inside, "::ffff:10.0.0.1": inside,
		"0.0.0.0": nobody, "169.254.169.254": nobody, "::ffff:169.254.169.254": nobody, "169.254.0.1": nobody, "100.100.100.200": nobody,
		"168.63.129.16": nobody, "224.0.0.1": nobody, "255.255.255.255": nobody, "::": nobody, "fe80::1": nobody, "fe80::1%eth0": nobody,
		"fd00:ec2::254": nobody, "ff02::1": nobody, "64:ff9b::a00:1": nobody, "2002:7f00:1::": nobody, "2001:0:1::1": nobody, "4000::1": nobody,
	} {
		a := netip.MustParseAddr(text)
		if got := callable(a, false); got != (want == public) {
			t.Errorf("%s: %v", text, got)
		}
		if got := callable(a, true); got != (want != nobody) {
			t.Errorf("%s with private ones allowed: %v", text, got)
		}
	}
}

func TestHookConfiguration(t *testing.T) {
	short := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23))
	long := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))
	for _, c := range []struct {
		name, url, secret, private string
		want                       error
	}{
		{"nothing", "", "", "false", nil},
		{"complete", "https://app.example.com/hooks?k=v", oldKey, "false", nil},
		{"rolling", "https://app.example.com", newKey + "," + oldKey, "false", nil},
		{"private", "http://billing.internal:8080/hooks", oldKey, "true", nil},
		{"no secret", "https://app.example.com", "", "false", errHookSecret},
		{"secret without its prefix", "https://app.example.com", strings.TrimPrefix(oldKey, "whsec_"), "false", errHookSecret},
		{"secret not base64", "https://app.example.com", "whsec_***", "false", errHookSecret},
		{"secret too short", "https://app.example.com", short, "false", errHookSecret},
		{"secret too long", "https://app.example.com", long, "false", errHookSecret},
		{"a comma too many", "https://app.example.com", oldKey + ",", "false", errHookSecret},
		{"in the clear", "http://app.example.com", oldKey, "false", errHookPlain},
		{"no host", "https:///hooks", oldKey, "false", errHookAddress},
		{"another scheme", "ftp://app.example.com", oldKey, "false", errHookAddress},
		{"a password", "https://u:hunter2@app.example.com", oldKey, "false", errHookAddress},
		{"not an address", "https://app.example.com:port", oldKey, "false", errHookAddress},
		{"neither yes nor no", "https://app.example.com", oldKey, "perhaps", errHookPrivate},
	} {
		h, err := hookFrom(func(name string) string {
			return map[string]string{
				"COUNTERSIGN_WEBHOOK_URL": c.url, "COUNTERSIGN_WEBHOOK_SECRET": c.secret, "COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE": c.private,
			}[name]
		})
		if !errors.Is(err, c.want) || (h != nil) != (c.want == nil && c.url != "") {
			t.Errorf("%s: %v, %v, want %v", c.name, h != nil, err, c.want)
		}
	}
}

// The whole way: a plan changes, and the receiver verifies what it gets, in the
// order of the facts, although its first answers are faults.
func TestHostReceives(t *testing.T) {
	for name, postgres := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			verifier, err := webhooks.NewWebhook(oldKey)
			if err != nil {
				t.Fatal(err)
			}
			var got, ids []string
			h := hookTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if err := verifier.Verify(body, r.Header); err != nil {
					t.Error(err)
				}
				ids = append(ids, r.Header.Get("webhook-id"))
				if len(ids) < 3 {
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				got = append(got, string(body))
			}), oldKey)
			world := worldtest.New(t, worldtest.Options{Postgres: postgres, Configure: func(c *billing.Config) { c.Deliverer = h }})
			c := world.NewCast("acme", "pro", "pm_card_visa")
			for range 6 {
				if _, err := world.Service.DeliverNext(t.Context()); err != nil {
					t.Fatal(err)
				}
				world.Advance(30 * time.Second)
			}
			if len(got) != 2 || ids[0] != ids[1] || ids[1] != ids[2] || ids[2] == ids[3] {
				t.Fatalf("ids %q, bodies %q", ids, got)
			}
			want := []string{
				fmt.Sprintf(`{"id":%q,"type":"billing.plan_changed","timestamp":"2026-03-02T12:00:00Z","org":%q,"data":{"from":"free","to":"pro","status":"active","actor":{"kind":"system","name":"Stripe"}}}`, ids[2], c.Org.ID),
				fmt.Sprintf(`{"id":%q,"type":"billing.state_changed","timestamp":"2026-03-02T12:00:00Z","org":%q,"data":{"from":"none","to":"active","plan":"pro"}}`, ids[3], c.Org.ID),
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("got  %s\nwant %s", got[i], want[i])
				}
			}
			if log := world.Log.String(); strings.Contains(log, h.address) || strings.Contains(log, oldKey) || !strings.Contains(log, "tried again") {
				t.Error("the log says too much, or too little")
			}
		})
	}
}
