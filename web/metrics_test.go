package web

import (
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestMetricsAreByRoute(t *testing.T) {
	s := newSite(t, "http://127.0.0.1:8080")
	s.API("GET", "/api/things/{id}", Read, func(r *Request) error {
		s.now = s.now.Add(20 * time.Millisecond)
		if r.PathValue("id") == "panic" {
			panic("oh")
		}
		return ok(r)
	})
	s.API("GET", "/api/quiet", Read, ok)
	for _, target := range []string{"/api/things/org_1", "/api/things/org_2", "/api/things/panic", "/api/nothing", "/api/else"} {
		s.call("GET", target, "", asAgent)
	}
	s.call("GET", "/api/things/org_3", "")
	var out strings.Builder
	s.WriteMetrics(&out)
	for _, line := range []string{
		`countersign_http_requests_total{route="GET /api/things/{id}",status="2xx"} 2`,
		`countersign_http_requests_total{route="GET /api/things/{id}",status="4xx"} 1`,
		`countersign_http_requests_total{route="GET /api/things/{id}",status="5xx"} 1`,
		`countersign_http_requests_total{route="none",status="4xx"} 2`,
		`countersign_http_request_duration_seconds_bucket{route="GET /api/things/{id}",le="0.001"} 1`,
		`countersign_http_request_duration_seconds_bucket{route="GET /api/things/{id}",le="0.005"} 1`,
		`countersign_http_request_duration_seconds_bucket{route="GET /api/things/{id}",le="0.025"} 4`,
		`countersign_http_request_duration_seconds_bucket{route="GET /api/things/{id}",le="+Inf"} 4`,
		`countersign_http_request_duration_seconds_sum{route="GET /api/things/{id}"} 0.06`,
		`countersign_http_request_duration_seconds_count{route="GET /api/things/{id}"} 4`,
		`# TYPE countersign_http_request_duration_seconds histogram`,
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
	if strings.Contains(out.String(), "quiet") || strings.Contains(out.String(), "org_") {
		t.Errorf("too much is told:\n%s", out.String())
	}
}

func TestSlowAndOddRequestsAreCounted(t *testing.T) {
	var c routeCounts
	c.add(0, time.Hour)
	c.add(799, 0)
	if c.classes[0].Load() != 2 || c.within[len(buckets)].Load() != 1 {
		t.Errorf("%+v", &c)
	}
}

func TestBearerIs(t *testing.T) {
	for _, c := range []struct{ token, head, want string }{
		{"", "", "not_found"},
		{"", "Authorization: Bearer ", "not_found"},
		{"secret", "", "unauthorized"},
		{"secret", "Authorization: Bearer ", "unauthorized"},
		{"secret", "Authorization: Bearer secre", "unauthorized"},
		{"secret", "Authorization: Basic secret", "unauthorized"},
		{"secret", "Authorization: Bearer secret", ""},
	} {
		s, got := newSite(t, "http://127.0.0.1:8080"), ""
		s.Open("/metrics", func(r *Request) error {
			if err := r.BearerIs(c.token); err != nil {
				got = billing.CodeOf(err)
			}
			return r.NoContent()
		})
		heads := []string{}
		if c.head != "" {
			heads = append(heads, c.head)
		}
		s.call("GET", "/metrics", "", heads...)
		if got != c.want {
			t.Errorf("%q with %q: %q, want %q", c.token, c.head, got, c.want)
		}
	}
}
