package faults

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// wire is the network between the product and something that it needs.
type wire struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// Directions of what is let go wrong.
const (
	answers  = "downstream"
	requests = "upstream"
)

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &wire{t: t, proxy: toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", to)}
	if err := w.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.proxy.Stop)
	return w
}

// toxic is one thing that goes wrong on a wire.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
}

func (w *wire) poison(x toxic) {
	w.t.Helper()
	raw, err := json.Marshal(x)
	if err == nil {
		_, err = w.proxy.Toxics.AddToxicJson(strings.NewReader(string(raw)))
	}
	if err != nil {
		w.t.Error(err)
	}
}

func (w *wire) heal() { w.proxy.Toxics.ResetToxics(w.t.Context()) }

// stripeWire puts a wire between the product and the sandbox.
func (w *world) stripeWire() *wire {
	w.t.Helper()
	line := newWire(w.t, strings.TrimPrefix(w.stripeURL, "http://"))
	w.stripeURL = "http://" + line.proxy.Listen
	return line
}

// databaseWire puts one between the product and PostgreSQL.
func (w *world) databaseWire() *wire {
	w.t.Helper()
	u, err := url.Parse(w.direct)
	if err != nil {
		w.t.Fatal(err)
	}
	line := newWire(w.t, u.Host)
	u.Host = line.proxy.Listen
	w.database = u.String()
	return line
}
