package faults

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"
)

var (
	consents = flag.Int("consents", 4200, "how many consents the crash tests execute at least")
	seed     = flag.Uint64("seed", 1, "of the moments at which processes are killed")
)

const (
	crowd = 12 // people and agents who act at once
	// mostKills bounds how long a run takes: every one leaves orgs waiting for a
	// lease.
	mostKills = 40
)

// TestCrashes kills processes with kill -9 at random moments while agents ask
// and are given consent: in chat, and by a press on the page. Every consent is
// carried out once.
func TestCrashes(t *testing.T) {
	share := (*consents + 1) / 2
	t.Run("the product on SQLite", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "")
		w.survive(share, func(r *replica, _ *rand.Rand) { r.kill(); r.serve() })
	})
	t.Run("the product and PostgreSQL", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t)
		w := newWorld(t, c.dsn())
		w.survive(share, func(r *replica, at *rand.Rand) {
			switch at.IntN(4) {
			case 0:
				c.crash()
				c.begin()
			case 1:
				c.crashChild(at.IntN)
			case 2:
				c.crash()
				r.kill()
				c.begin()
				r.serve()
			default:
				r.kill()
				r.serve()
			}
			eventually(t, "the server to find the database again", patience, r.ready)
		})
	})
}

// survive drives n consents while crash is called again and again, and holds
// what was done against what is written.
func (w *world) survive(n int, crash func(*replica, *rand.Rand)) {
	t := w.t
	// An org whose change was cut off waits for the lease; the others go on.
	w.populate(n/8+2*crowd, 2, "solo", 0)
	w.hear()
	r := w.replica()
	r.serve()
	began := time.Now()
	through := w.drive(w.orgs, n)
	at := rand.New(rand.NewPCG(*seed, uint64(n)))
	kills := 0
	for pending := true; pending; {
		select {
		case <-time.After(time.Second + time.Duration(at.Int64N(int64(3*time.Second)))):
			if kills < mostKills {
				crash(r, at)
				kills++
			}
		case err := <-through:
			if pending = false; err != nil {
				t.Fatalf("after %d kills: %v", kills, err)
			}
		}
	}
	took := time.Since(began)
	w.rest()
	b := w.balance()
	told := 0
	for _, o := range w.orgs {
		told += o.told
	}
	if b.executed < n || b.twice+b.lost > 0 || told > b.executed {
		t.Errorf("%+v, of which the callers heard %d", b, told)
	}
	figure(t, "consents=%d twice=%d lost=%d refused=%d kills=%d in %s (%s)", b.executed, b.twice, b.lost, b.refused, kills, took.Round(time.Second), t.Name())
}

// drive has a crowd go through consents of the orgs until n are through and
// nobody is in the middle of one, and reports once.
func (w *world) drive(orgs []*org, n int) <-chan error {
	ctx, cancel := context.WithTimeout(w.t.Context(), 15*time.Minute)
	turns := make(chan *org, 4*len(orgs))
	for _, o := range orgs {
		turns <- o
	}
	var through atomic.Int64
	var idle sync.WaitGroup // orgs that may still do something
	idle.Add(len(orgs))
	failed := make(chan error, crowd)
	for i := range crowd {
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case o := <-turns:
					s, err := o.turn(ctx, i%4 == 0, func() bool { return through.Load() >= int64(n) }, &through)
					switch s {
					case later:
						time.AfterFunc(300*time.Millisecond, func() { turns <- o })
					case ended:
						turns <- o
					case broken:
						failed <- err
						cancel()
					default:
						idle.Done()
					}
				}
			}
		}()
	}
	result := make(chan error, 1)
	all := make(chan struct{})
	go func() { idle.Wait(); close(all) }()
	go func() {
		defer cancel()
		select {
		case <-all:
			if got := through.Load(); got < int64(n) {
				result <- fmt.Errorf("only %d consents could be asked for", got)
			}
			result <- nil
		case err := <-failed:
			result <- err
		case <-ctx.Done():
			result <- ctx.Err()
		}
	}()
	return result
}

// turn takes the org's consent as far as it goes now.
func (o *org) turn(ctx context.Context, web bool, enough func() bool, through *atomic.Int64) (step, error) {
	for {
		if o.under == nil && enough() {
			return no, nil
		}
		s, err := o.advance(ctx, web)
		if s == ended {
			through.Add(1)
		}
		if s != again {
			return s, err
		}
	}
}

// rest waits until no change is open any more.
func (w *world) rest() {
	w.t.Helper()
	conn := w.sql()
	eventually(w.t, "every open change to be taken up", 90*time.Second, func() bool {
		var n int
		err := conn.QueryRow(`SELECT count(*) FROM intents WHERE state IN ('pending', 'calling')`).Scan(&n)
		return err == nil && n == 0
	})
}

// sql is a connection of the test's own.
func (w *world) sql() *sql.DB {
	w.t.Helper()
	driver, source := "postgres", w.direct
	if path, ok := strings.CutPrefix(w.direct, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
	}
	conn, err := sql.Open(driver, source)
	if err != nil {
		w.t.Fatal(err)
	}
	conn.SetMaxIdleConns(0) // the server may be killed in between
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// balance is what the sandbox's record and the database say together.
type balance struct {
	executed int // consents that were carried out
	twice    int // of them more than once
	lost     int // consents that were given and neither carried out nor refused
	refused  int // changes that ended without anything done
}

// balance compares the ledger, the sandbox's subscriptions and charges, the
// intents and the approvals.
func (w *world) balance() (b balance) {
	w.t.Helper()
	conn := w.sql()
	ledger := w.ledger.counts()
	type intent struct{ id, org, state, approval string }
	intents := rows(w.t, conn, func(i *intent) []any { return []any{&i.id, &i.org, &i.state, &i.approval} },
		`SELECT id, org_id, state, COALESCE(approval_id, '') FROM intents`)
	done, of := map[string]int{}, map[string]intent{}
	for _, i := range intents {
		n := ledger[i.id]
		delete(ledger, i.id)
		of[i.approval] = i
		switch {
		case i.state == "done" && n == 0:
			b.lost++
			w.t.Errorf("%s of %s is done, and Stripe does not know it", i.id, i.org)
		case i.state == "done":
			b.executed++
			done[i.org]++
		case n > 0:
			b.executed++
			b.lost++
			w.t.Errorf("%s of %s is %s, and Stripe did it", i.id, i.org, i.state)
		default:
			b.refused++
		}
		if n > 1 {
			b.twice++
			w.t.Errorf("%s of %s was carried out %d times", i.id, i.org, n)
		}
	}
	for id := range ledger {
		b.lost++
		w.t.Errorf("Stripe did %s, which the database does not know", id)
	}
	b.lost += w.consentsWithout(conn, func(id string) string { return of[id].state })
	w.standing(done)
	return b
}

// consentsWithout counts the consents that were given and came to no end.
func (w *world) consentsWithout(conn *sql.DB, intent func(approval string) string) (n int) {
	w.t.Helper()
	type approval struct{ id, state string }
	given := rows(w.t, conn, func(a *approval) []any { return []any{&a.id, &a.state} }, `SELECT id, state FROM approvals`)
	for _, a := range given {
		want := map[string]string{"succeeded": "done", "failed": "refused"}[a.state]
		switch state := intent(a.id); a.state {
		case "pending", "expired", "superseded", "canceled", "denied", "invalidated":
			want = ""
			fallthrough
		default:
			if state != want && !(a.state == "failed" && state == "failed") {
				n++
				w.t.Errorf("request %s is %s, its change %q", a.id, a.state, state)
			}
		}
	}
	return n
}

// standing holds what each org has and paid at Stripe against what was done.
func (w *world) standing(done map[string]int) {
	w.t.Helper()
	for _, o := range w.orgs {
		var subs struct {
			Data []struct {
				Items struct {
					Data []struct {
						Quantity int64
						Price    struct {
							LookupKey string `json:"lookup_key"`
						}
					}
				}
			}
		}
		w.sandbox("GET", "/v1/subscriptions?customer="+o.customer, nil, &subs)
		var units int64
		for _, s := range subs.Data {
			for _, it := range s.Items.Data {
				if strings.Contains(it.Price.LookupKey, "unit") {
					units += it.Quantity
				}
			}
		}
		paid := 0
		for _, c := range w.box.Charges(o.customer) {
			if c.Status == "succeeded" {
				paid++
			}
		}
		if units != int64(done[o.id]) || paid != done[o.id]+1 {
			w.t.Errorf("%s holds %d units and was charged %d times, and %d consents are done", o.name, units, paid, done[o.id])
		}
	}
}

// rows reads all rows of a query into the fields of a T.
func rows[T any](t *testing.T, conn *sql.DB, fields func(*T) []any, query string, args ...any) (all []T) {
	t.Helper()
	list, err := conn.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	for list.Next() {
		var v T
		if err := list.Scan(fields(&v)...); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
