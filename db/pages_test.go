package db

import (
	"strings"
	"testing"

	"modernc.org/libc"
)

// TestPages: what a cache of SQLite holds is in the slab, and all else is not.
func TestPages(t *testing.T) {
	s := openAt(t, newURL(t, sqliteEngine), Options{})
	name := strings.Repeat("a text longer than a page. ", 1000)
	if got, err := one(t.Context(), s.queries, scalar[string], `SELECT $1 || $1`, name); err != nil || got != name+name {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	pages.mu.Lock()
	used := int(pages.fresh-pages.begin)/pageSlot - len(pages.free)
	pages.mu.Unlock()
	if used < 3 {
		t.Errorf("%d pages in the slab", used)
	}
}

// TestSlab: slots do not overlap and are used again, what grows out of one keeps
// its content, and when none is left there is other memory.
func TestSlab(t *testing.T) {
	openAt(t, newURL(t, sqliteEngine), Options{}) // installs it
	tls := libc.NewTLS()
	defer tls.Close()
	for _, n := range []int32{1, pageLeast - 1, pageSlot + 1, 100_000} {
		p := pageMalloc(tls, n)
		if pages.holds(p) || pageSize(tls, p) < n {
			t.Errorf("%d bytes: %d, in the slab %v", n, pageSize(tls, p), pages.holds(p))
		}
		pageFree(tls, p)
	}
	a, b := pageMalloc(tls, pageLeast), pageMalloc(tls, pageSlot)
	if !pages.holds(a) || !pages.holds(b) || max(a, b)-min(a, b) < pageSlot || pageSize(tls, a) != pageSlot {
		t.Fatalf("%x and %x, %d bytes", a, b, pageSize(tls, a))
	}
	libc.Xmemset(tls, a, 'a', pageSlot)
	if same := pageRealloc(tls, a, pageSlot); same != a {
		t.Error("moved for nothing")
	}
	grown := pageRealloc(tls, a, 3*pageSlot)
	if pages.holds(grown) || libc.GoString(grown)[:pageSlot] != strings.Repeat("a", pageSlot) {
		t.Error("the content is lost")
	}
	pageFree(tls, grown)
	pageFree(tls, b)

	small := slab{begin: 1 << 20, fresh: 1 << 20, end: 1<<20 + 2*pageSlot}
	first, second := small.take(), small.take()
	if first == 0 || second != first+pageSlot || small.take() != 0 {
		t.Errorf("%x %x", first, second)
	}
	if small.put(first); small.take() != first || small.take() != 0 {
		t.Error("a slot that was given back is not used again")
	}
}
