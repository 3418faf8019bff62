package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strings"
)

// Tape is what a request asked of the database: its statements in order, with
// their parameters, and where its transactions begin and end. A benchmark plays
// it back to learn what the statements alone cost.
type Tape struct{ steps []step }

// step is a statement, or with a text of begin, commit or rollback the edge of
// a transaction.
type step struct {
	text        string
	args        []any
	rows, write bool // answers with rows; goes to the writer
}

const (
	begin    = "BEGIN"
	commit   = "COMMIT"
	rollback = "ROLLBACK"
)

// Statements counts what is on the tape, and how much of it waits for the disk:
// transactions, and writes outside of one.
func (t *Tape) Statements() (all, commits int) {
	inside := false
	for _, s := range t.steps {
		switch s.text {
		case begin:
			inside = true
		case commit:
			inside = false
			commits++
		case rollback:
			inside = false
		default:
			all++
			if s.write && !inside {
				commits++
			}
		}
	}
	return all, commits
}

type tapeKey struct{}

// Record returns a context in which the statements of a Store that was opened
// with Options.Record go onto the tape. One request at a time may use it.
func Record(ctx context.Context, t *Tape) context.Context {
	return context.WithValue(ctx, tapeKey{}, t)
}

func put(ctx context.Context, s step) {
	if t, ok := ctx.Value(tapeKey{}).(*Tape); ok {
		t.steps = append(t.steps, s)
	}
}

// Play runs the statements of a tape on this store's connections, and reads
// every row that they answer with. There is nothing of ours in it but the loop.
func (s *Store) Play(ctx context.Context, t *Tape) error {
	var tx *sql.Tx
	defer func() {
		if tx != nil {
			_ = tx.Rollback()
		}
	}()
	for _, st := range t.steps {
		var err error
		switch st.text {
		case begin:
			tx, err = s.writer.BeginTx(ctx, nil)
		case commit:
			err, tx = tx.Commit(), nil
		case rollback:
			err, tx = tx.Rollback(), nil
		default:
			err = st.play(ctx, s.runner(tx, st))
		}
		if err != nil {
			return fmt.Errorf("db: play: %.60s: %w", st.text, err)
		}
	}
	return nil
}

type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (s *Store) runner(tx *sql.Tx, st step) runner {
	switch {
	case tx != nil:
		return tx
	case st.write:
		return s.writer
	}
	return s.readers
}

func (st step) play(ctx context.Context, on runner) error {
	if !st.rows {
		_, err := on.ExecContext(ctx, st.text, st.args...)
		return err
	}
	rows, err := on.QueryContext(ctx, st.text, st.args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	into := make([]any, len(columns))
	for i := range into {
		into[i] = new(sql.RawBytes)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// taped makes the connections of a pool record, if they shall.
func (s *Store) taped(c preparing, write bool) driver.Connector {
	if !s.record {
		return c
	}
	return recording{c, write}
}

// recording puts what the connections of a pool are asked onto tapes.
type recording struct {
	preparing
	write bool // the pool that writes; PostgreSQL's only one does
}

// Connect opens a connection that records.
func (r recording) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := r.preparing.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &recordingConn{preparingConn: c.(*preparingConn), write: r.write}, nil
}

type recordingConn struct {
	*preparingConn
	write bool
}

func (c *recordingConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	s, err := c.preparingConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return &recordingStmt{keptStmt: s.(*keptStmt), step: step{text: text, write: c.write && !strings.HasPrefix(text, "SELECT")}}, nil
}

func (c *recordingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.preparingConn.BeginTx(ctx, o)
	if err == nil {
		put(ctx, step{text: begin})
	}
	return recordingTx{tx, ctx}, err
}

type recordingTx struct {
	driver.Tx
	ctx context.Context // of the transaction: the driver's Commit has none
}

func (t recordingTx) Commit() error {
	put(t.ctx, step{text: commit})
	return t.Tx.Commit()
}

func (t recordingTx) Rollback() error {
	put(t.ctx, step{text: rollback})
	return t.Tx.Rollback()
}

type recordingStmt struct {
	*keptStmt
	step step
}

func (s *recordingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	put(ctx, s.step.with(args, false))
	return s.keptStmt.ExecContext(ctx, args)
}

func (s *recordingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	put(ctx, s.step.with(args, true))
	return s.keptStmt.QueryContext(ctx, args)
}

func (st step) with(args []driver.NamedValue, rows bool) step {
	st.rows, st.args = rows, make([]any, len(args))
	for i, a := range args {
		st.args[i] = a.Value
	}
	return st
}

// Scratch creates an empty PostgreSQL database beside the one that the URL
// names, for a benchmark, and returns its URL and the function that drops it.
// The user must be allowed to create databases.
func Scratch(ctx context.Context, beside string) (scratch string, drop func(context.Context) error, err error) {
	u, err := url.Parse(beside)
	if err != nil {
		return "", nil, errURL
	}
	admin, err := sql.Open("postgres", beside)
	if err != nil {
		return "", nil, errURL
	}
	u.Path = "/countersign_bench_" + strings.ToLower(rand.Text())
	name := u.Path[1:] // letters, digits and underscores: needs no quoting
	if _, err = admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, fmt.Errorf("db: scratch: %w", err)
	}
	return u.String(), func(ctx context.Context) error {
		defer func() { _ = admin.Close() }()
		_, err := admin.ExecContext(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
		return err
	}, nil
}
