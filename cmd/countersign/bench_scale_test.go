package main

import (
	"slices"
	"testing"

	"github.com/countersignhq/countersign/db"
)

// What is filled in at once has everything that an org has: it can be asked for
// like one that the service made.
func TestFillWith(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/orgs.db"
	tenants, ids, err := fillWith(t.Context(), url, fewOrgs+500)
	if err != nil || len(tenants) != fewOrgs || len(ids) != 500 || !slices.IsSorted(ids) {
		t.Fatalf("%d tenants, %d others, %v", len(tenants), len(ids), err)
	}
	store, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if r, err := store.Reconciliation(t.Context()); err != nil || r.Running || r.FinishedAt.IsZero() {
		t.Errorf("the night's pass is still to come: %+v, %v", r, err)
	}
	like, err := store.Overview(t.Context(), tenants[0].Org)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{ids[0], ids[250], ids[499]} {
		o, err := store.Overview(t.Context(), id)
		if err != nil || o.Subscription.Plan != planBefore || !slices.Equal(o.Usage, like.Usage) || o.Org.CustomerID != "cus_"+id {
			t.Errorf("%s: %v, %+v", id, err, o)
		}
		members, err := store.Members(t.Context(), id)
		if err != nil || len(members) != 1 {
			t.Errorf("%s: members %v, %v", id, members, err)
		}
	}
}

// Nobody is asked for twice, and nobody left out.
func TestPart(t *testing.T) {
	var all []int
	for n := range 3 {
		all = append(all, part([]int{1, 2, 3, 4, 5, 6, 7}, n, 3)...)
	}
	if !slices.Equal(all, []int{1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("%v", all)
	}
}
