package payments

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

func TestDiffCatalog(t *testing.T) {
	c, err := billing.Builtin("capacity")
	if err != nil {
		t.Fatal(err)
	}
	r := bareRoom(t, c)
	diffs, err := r.DiffCatalog(r.ctx, c)
	if err != nil || len(diffs) != 4 {
		t.Fatalf("%v, %v", diffs, err)
	}
	for _, d := range diffs {
		if !d.Missing || d.Differs != nil || d.LookupKey == "" {
			t.Errorf("%+v", d)
		}
	}
	if _, err = r.PushCatalog(r.ctx, c); err != nil {
		t.Fatal(err)
	}
	if diffs, err = r.DiffCatalog(r.ctx, c); err != nil || len(diffs) != 0 {
		t.Fatalf("after the push: %v, %v", diffs, err)
	}
	dearer := *c
	dearer.Plans = append([]billing.Plan(nil), c.Plans...)
	last := &dearer.Plans[len(dearer.Plans)-1]
	last.Price.Amount++
	diffs, err = r.DiffCatalog(r.ctx, &dearer)
	if err != nil || len(diffs) != 1 || diffs[0].Missing || diffs[0].LookupKey != last.Price.LookupKey || !strings.Contains(diffs[0].Differs.Error(), "4900") {
		t.Errorf("a dearer plan: %v, %v", diffs, err)
	}
	for _, call := range r.server.Calls() {
		if call.Method == http.MethodPost && strings.HasPrefix(call.Path, "/v1/prices/") {
			t.Errorf("an existing price was changed: %s", call.Path)
		}
	}
}

// More prices than Stripe takes at once are asked for in several calls.
func TestDiffCatalogInBatches(t *testing.T) {
	c, err := billing.Builtin("flat")
	if err != nil {
		t.Fatal(err)
	}
	r := bareRoom(t, c)
	many := *c
	for len(many.Plans) < 2*maxKeys {
		p := c.Plans[len(c.Plans)-1]
		p.Price.LookupKey = "extra_" + strings.Repeat("x", len(many.Plans))
		many.Plans = append(many.Plans[:len(many.Plans):len(many.Plans)], p)
	}
	diffs, err := r.DiffCatalog(r.ctx, &many)
	if want := len(many.Plans) - 1; err != nil || len(diffs) != want { // all but the free one
		t.Errorf("%d of %d, %v", len(diffs), want, err)
	}
}
