package db

import (
	"fmt"
	"testing"

	"modernc.org/sqlite"

	"github.com/countersignhq/countersign/billing"
)

// TestLookaside: with many statements kept, a read still finds memory that is the
// connection's own.
func TestLookaside(t *testing.T) {
	s, ctx := openAt(t, newURL(t, sqliteEngine), Options{MaxConns: 1}), t.Context()
	for i := range 40 {
		if _, err := one(ctx, s.queries, scalar[int], fmt.Sprintf(`SELECT count(*) + %d FROM orgs o JOIN subscriptions s ON s.org_id = o.id WHERE o.id = $1 AND s.plan <> ''`, i), "org_1"); err != nil {
			t.Fatal(err)
		}
	}
	read := func() {
		if _, err := s.Recent(ctx, "org_1", billing.RecentLimits{Invoices: 1, Limits: 1, Waiting: 1}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	missed := func() (n int) {
		c, err := s.readers.Conn(ctx)
		must(t, err)
		defer func() { must(t, c.Close()) }()
		must(t, c.Raw(func(conn any) error {
			_, n, err = conn.(*preparingConn).Conn.(interface {
				Status(op sqlite.DBStatusOp, reset bool) (current, high int, err error)
			}).Status(sqlite.DBStatusLookasideMissFull, true)
			return err
		}))
		return n
	}
	missed()
	if read(); missed() > 0 {
		t.Errorf("a read asked the common allocator for memory")
	}
}
