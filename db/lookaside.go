package db

import (
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// A connection of SQLite has small memory of its own, for which it need not ask the
// allocator that all share and that is locked for each piece. Statements that are
// kept soon fill the 48 kB of it that are usual, so that reads were left with none.
const (
	lookasideSlot  = 1200 // bytes, the usual size
	lookasideSlots = 1000 // instead of 40; taken from the system as it is used
)

// lookaside has connections of SQLite that are opened from now on begin with so
// much. Once SQLite is at work this changes nothing.
var lookaside = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.Xmalloc(tls, 16)
	defer libc.Xfree(tls, args)
	sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_LOOKASIDE, libc.VaList(args, int32(lookasideSlot), int32(lookasideSlots)))
})
