package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// buckets are the upper bounds of the request durations that are counted.
var buckets = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond,
	500 * time.Millisecond, 2500 * time.Millisecond, 10 * time.Second, 30 * time.Second,
}

// routeCounts counts the requests of a route. Routes are labels, addresses are
// not: those would tell of tenants and never end.
type routeCounts struct {
	classes [6]atomic.Int64 // by hundreds of the status; 0: nothing was sent
	within  [len(buckets) + 1]atomic.Int64
	nanos   atomic.Int64
}

func (c *routeCounts) add(status int, took time.Duration) {
	class := status / 100
	if class >= len(c.classes) {
		class = 0
	}
	c.classes[class].Add(1)
	c.nanos.Add(int64(took))
	i := 0
	for i < len(buckets) && took > buckets[i] {
		i++
	}
	c.within[i].Add(1)
}

// noRoute is the label of requests for what is not there.
const noRoute = "none"

// WriteMetrics writes the counts of requests in Prometheus' text format.
func (rt *Router) WriteMetrics(w io.Writer) {
	routes := slices.Sorted(maps.Keys(rt.counts))
	fmt.Fprint(w, "# HELP countersign_http_requests_total Requests answered.\n# TYPE countersign_http_requests_total counter\n")
	for _, route := range routes {
		for class := range rt.counts[route].classes {
			if n := rt.counts[route].classes[class].Load(); n > 0 {
				fmt.Fprintf(w, "countersign_http_requests_total{route=%q,status=\"%dxx\"} %d\n", route, class, n)
			}
		}
	}
	fmt.Fprintf(w, "# HELP countersign_event_streams Open streams of events.\n# TYPE countersign_event_streams gauge\ncountersign_event_streams %d\n", rt.streams.open())
	const name = "countersign_http_request_duration_seconds"
	fmt.Fprintf(w, "# HELP %s Time to the end of the answer.\n# TYPE %[1]s histogram\n", name)
	for _, route := range routes {
		rt.counts[route].write(w, name, route)
	}
}

func (c *routeCounts) write(w io.Writer, name, route string) {
	var all int64
	for i := range c.within {
		all += c.within[i].Load()
	}
	if all == 0 {
		return
	}
	var sum int64
	for i, b := range buckets {
		sum += c.within[i].Load()
		fmt.Fprintf(w, "%s_bucket{route=%q,le=\"%s\"} %d\n", name, route, strconv.FormatFloat(b.Seconds(), 'g', -1, 64), sum)
	}
	sum += c.within[len(buckets)].Load()
	fmt.Fprintf(w, "%s_bucket{route=%q,le=\"+Inf\"} %d\n%[1]s_sum{route=%[2]q} %[4]g\n%[1]s_count{route=%[2]q} %[3]d\n",
		name, route, sum, time.Duration(c.nanos.Load()).Seconds())
}

// BearerIs lets those through who send the token. Without a token nobody is,
// and there is nothing to see.
func (r *Request) BearerIs(token string) error {
	if token == "" {
		return billing.ErrNotFound
	}
	key, _, err := bearerKey(r.Header)
	if err != nil {
		return err
	}
	got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return billing.ErrUnauthorized.Say("Send the token for metrics as a bearer token.")
	}
	return nil
}
