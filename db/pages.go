package db

import (
	"sync"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite asks for the memory of each page of its caches by itself, with room for
// what it notes about the page: 4.3 kB, of which its allocator makes 8. So they
// have a slab of their own in which they lie side by side. It takes half of the
// memory, which a commit, that empties all caches, does not hand back only for it
// to be fetched again.
const (
	pageLeast = 4096 + 1 // what a page of a cache takes: more than a page of the file,
	pageSlot  = 4096 + 5*64
	slabPages = (readCache + 2000) / 4 // of all readers and of the writer
)

// slab is a stretch of memory with a slot for each page. Nothing of it is taken
// from the system before it is used. Its other memory is from SQLite's allocator.
type slab struct {
	once              sync.Once
	begin, end        uintptr
	malloc, size      uintptr
	realloc, giveBack uintptr
	mu                sync.Mutex
	fresh             uintptr   // from here on no slot was ever used
	free              []uintptr // slots that were
}

// SQLite has one allocator in a process, and calls it by functions without a receiver.
var pages slab //nolint:gochecknoglobals // see above

// install makes SQLite use the slab, unless it has begun to work without it.
func (s *slab) install() {
	s.once.Do(func() {
		tls := libc.NewTLS()
		defer tls.Close()
		at := libc.Xcalloc(tls, 1, types.Size_t(unsafe.Sizeof(sqlite3.Tsqlite3_mem_methods{})))
		arg := libc.Xcalloc(tls, 1, types.Size_t(unsafe.Sizeof(at)))
		defer libc.Xfree(tls, at)
		defer libc.Xfree(tls, arg)
		methods := *(**sqlite3.Tsqlite3_mem_methods)(unsafe.Pointer(&at)) //nolint:gosec // SQLite's own memory
		if sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_GETMALLOC, libc.VaList(arg, at)) != sqlite3.SQLITE_OK {
			return
		}
		s.malloc, s.size, s.realloc, s.giveBack = methods.FxMalloc, methods.FxSize, methods.FxRealloc, methods.FxFree
		methods.FxMalloc, methods.FxSize, methods.FxRealloc, methods.FxFree = pointer(pageMalloc), pointer(pageSize), pointer(pageRealloc), pointer(pageFree)
		if sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_MALLOC, libc.VaList(arg, at)) != sqlite3.SQLITE_OK {
			return
		}
		if s.begin = libc.Xmalloc(tls, slabPages*pageSlot); s.begin != 0 {
			s.fresh, s.end = s.begin, s.begin+slabPages*pageSlot
		}
	})
}

// pointer is a function as SQLite calls it.
func pointer[F any](f F) uintptr {
	return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f})) //nolint:gosec // as the driver does it
}

// function is what a pointer points to.
func function[F any](p uintptr) F {
	return *(*F)(unsafe.Pointer(&struct{ p uintptr }{p})) //nolint:gosec // as the driver does it
}

func (s *slab) holds(p uintptr) bool { return s.begin <= p && p < s.end }

// take returns a slot, 0 if there is none left.
func (s *slab) take() (slot uintptr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.free) - 1; last >= 0 {
		slot, s.free = s.free[last], s.free[:last]
	} else if s.fresh < s.end {
		slot = s.fresh
		s.fresh += pageSlot
	}
	return slot
}

func (s *slab) put(slot uintptr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, slot)
}

// The four functions of SQLite's allocator.

func pageMalloc(tls *libc.TLS, n int32) uintptr {
	if n >= pageLeast && n <= pageSlot {
		if slot := pages.take(); slot != 0 {
			return slot
		}
	}
	return function[func(*libc.TLS, int32) uintptr](pages.malloc)(tls, n)
}

func pageSize(tls *libc.TLS, p uintptr) int32 {
	if pages.holds(p) {
		return pageSlot
	}
	return function[func(*libc.TLS, uintptr) int32](pages.size)(tls, p)
}

func pageRealloc(tls *libc.TLS, p uintptr, n int32) uintptr {
	if !pages.holds(p) {
		return function[func(*libc.TLS, uintptr, int32) uintptr](pages.realloc)(tls, p, n)
	}
	if n <= pageSlot {
		return p
	}
	larger := pageMalloc(tls, n)
	if larger != 0 {
		libc.Xmemcpy(tls, larger, p, pageSlot)
		pages.put(p)
	}
	return larger
}

func pageFree(tls *libc.TLS, p uintptr) {
	if pages.holds(p) {
		pages.put(p)
		return
	}
	function[func(*libc.TLS, uintptr)](pages.giveBack)(tls, p)
}
