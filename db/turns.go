package db

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jmoiron/sqlx"
)

// SQLite has one writer. The transactions of this process take turns with it, in
// the order in which they came, and those that wait for each other are committed
// together: a commit waits for the disk, however little is in it. Each but the
// first of a batch is a savepoint, so one that fails undoes only itself, and
// nobody is answered before all of it is on the disk.

// mostTogether bounds how long the first of a batch waits for the last.
const mostTogether = 32

// turns says whose turn it is to write.
type turns struct {
	most    int // share a commit
	mu      sync.Mutex
	taken   bool
	waiting []chan struct{} // in the order of coming; closing one hands the turn over
	open    *batch          // not yet committed; for whoever's turn it is
}

// batch is a transaction of the database with those of some callers in it.
type batch struct {
	tx    *sqlx.Tx
	size  int
	spoil bool          // it can only be rolled back
	over  chan struct{} // closed when it has ended
	err   error         // with which it ended; then nothing of it was written
}

// inTurn is transaction for SQLite.
func (q queries) inTurn(ctx context.Context, f func(q queries) error) error {
	if err := q.s.turns.take(ctx); err != nil {
		return outside(fmt.Errorf("db: begin: %w", err))
	}
	var news []string
	b, err := q.s.turns.use(ctx, q.s.writer, func(tx *sqlx.Tx) error {
		return f(queries{s: q.s, tx: tx, news: &news})
	})
	if b != nil {
		// Whatever f has seen and said may be of others in the batch.
		<-b.over
		if b.err != nil {
			return outside(fmt.Errorf("db: commit: %w", b.err))
		}
	}
	if err == nil {
		q.s.tellOf(news)
	}
	return err
}

// take waits for a turn, until ctx ends.
func (t *turns) take(ctx context.Context) error {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	t.waiting = append(t.waiting, mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, mine); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
		return ctx.Err()
	}
	return nil // the turn had come meanwhile
}

// use runs f in the open batch, or begins one, and gives the turn away, even if
// f panics. It returns the batch that f was run in.
func (t *turns) use(ctx context.Context, writer *sqlx.DB, f func(tx *sqlx.Tx) error) (*batch, error) {
	defer t.pass()
	err := ctx.Err()
	if err == nil && t.open == nil {
		t.open, err = newBatch(ctx, writer)
	}
	if err != nil {
		return nil, outside(fmt.Errorf("db: begin: %w", err))
	}
	return t.open, t.open.add(f)
}

// pass hands the turn to who has waited longest. The batch ends with the turn of
// the last who waits for it.
func (t *turns) pass() {
	for {
		t.mu.Lock()
		b := t.open
		if b == nil || len(t.waiting) > 0 && b.size < t.most && !b.spoil {
			t.hand()
			t.mu.Unlock()
			return
		}
		t.open = nil
		t.mu.Unlock()
		b.end()
	}
}

func (t *turns) hand() {
	if t.taken = len(t.waiting) > 0; t.taken {
		close(t.waiting[0])
		t.waiting = t.waiting[1:]
	}
}

func newBatch(ctx context.Context, writer *sqlx.DB) (*batch, error) {
	// It is not the caller's alone, so it does not end with the caller.
	tx, err := writer.BeginTxx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, err
	}
	return &batch{tx: tx, over: make(chan struct{})}, nil
}

// add runs f, and undoes what it did if it fails or panics. The first has the
// whole transaction for itself: it needs no savepoint.
func (b *batch) add(f func(tx *sqlx.Tx) error) error {
	b.size++
	first, failed := b.size == 1, true
	if !first {
		b.must("SAVEPOINT turn")
	}
	defer func() {
		switch {
		case first:
			b.spoil = failed
		case failed:
			b.must("ROLLBACK TO turn")
			b.must("RELEASE turn")
		default:
			b.must("RELEASE turn")
		}
	}()
	err := f(b.tx)
	failed = err != nil
	return err
}

// must spoils the batch if the statement fails: SQLite has then rolled back more
// than it was asked to, for want of space on the disk for example.
func (b *batch) must(statement string) {
	if _, err := b.tx.ExecContext(context.Background(), statement); err != nil && b.err == nil {
		b.spoil, b.err = true, err
	}
}

func (b *batch) end() {
	if b.spoil {
		_ = b.tx.Rollback()
	} else {
		b.err = b.tx.Commit()
	}
	close(b.over)
}
