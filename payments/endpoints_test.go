package payments

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestEndpoints(t *testing.T) {
	r := newRoom(t)
	if all, err := r.Endpoints(r.ctx); err != nil || len(all) != 0 {
		t.Fatalf("%v %v", all, err)
	}
	but := slices.DeleteFunc(EventTypes(), func(e string) bool { return e == "invoice.paid" })
	r.endpoint(url.Values{"url": {"https://a.example/all"}, "enabled_events[]": {"*"}})
	r.endpoint(url.Values{"url": {"https://a.example/most"}, "enabled_events[]": but})
	r.endpoint(url.Values{"url": {"https://a.example/each"}, "enabled_events[]": append(EventTypes(), "charge.refunded")})
	all, err := r.Endpoints(r.ctx)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v %v", all, err)
	}
	for _, e := range all {
		var missing []string
		if strings.HasSuffix(e.URL, "/most") {
			missing = []string{"invoice.paid"}
		}
		if !e.Enabled || e.Version != APIVersion || !slices.Equal(e.Missing, missing) {
			t.Errorf("%+v", e)
		}
	}
}

// endpoint calls the sandbox as Stripe's dashboard does.
func (r *room) endpoint(form url.Values) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.url+"/v1/webhook_endpoints", strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer sk_test_room")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		r.t.Fatalf("%d %s", res.StatusCode, body)
	}
}
