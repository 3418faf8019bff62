package db

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/countersignhq/countersign/billing"
)

// queries is every statement that there is, inside a transaction or, with a nil
// tx, each for itself.
type queries struct {
	s    *Store
	tx   *sqlx.Tx
	news *[]string // orgs that the transaction has changed
}

var _ billing.Tx = queries{}

// txTries is how often a transaction is tried that others got in the way of.
const txTries = 5

// InTx runs f in a transaction. f may be run again from the start, after its
// writes were rolled back, when another transaction got in the way.
func (s *Store) InTx(ctx context.Context, f func(tx billing.Tx) error) error {
	return s.atomically(ctx, func(q queries) error { return f(q) })
}

// atomically runs f in the transaction that there is, or in one of its own.
func (q queries) atomically(ctx context.Context, f func(q queries) error) error {
	if q.tx != nil {
		return f(q)
	}
	for try := 1; ; try++ {
		err := q.transaction(ctx, f)
		if err == nil || try == txTries || ctx.Err() != nil || !isTransient(err) {
			return err
		}
	}
}

func (q queries) transaction(ctx context.Context, f func(q queries) error) error {
	if q.s.engine == sqliteEngine {
		return q.inTurn(ctx, f)
	}
	tx, err := q.s.writer.BeginTxx(ctx, nil)
	if err != nil {
		return outside(fmt.Errorf("db: begin: %w", err))
	}
	// After a commit this does nothing; after an error or a panic it undoes.
	defer func() { _ = tx.Rollback() }()
	var news []string
	if err := f(queries{s: q.s, tx: tx, news: &news}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return outside(fmt.Errorf("db: commit: %w", err))
	}
	q.s.tellOf(news)
	return nil
}

// reading says where to read. A read takes microseconds, so it is not watched
// for a cancellation: the watching, a goroutine in the driver and one in the
// library, would cost as much as the read. Only the wait for a connection of
// PostgreSQL may be given up; while some are free there is none.
func (q queries) reading(ctx context.Context) (context.Context, sqlx.QueryerContext, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if q.s.engine == sqliteEngine || q.tx == nil && q.free() {
		ctx = context.WithoutCancel(ctx)
	}
	if q.tx != nil {
		return ctx, q.tx, nil
	}
	return ctx, q.s.readers, nil
}

// free reports whether a connection to read over is to be had at once.
func (q queries) free() bool {
	pool := q.s.readers.Stats()
	return pool.InUse < pool.MaxOpenConnections
}

// writing runs one that writes. What is no part of a transaction has a turn of
// its own on SQLite; there a statement is over in microseconds, so it is not
// watched for a cancellation either: three goroutines for each would take longer.
func (q queries) writing(ctx context.Context, one func(ctx context.Context, to sqlx.ExtContext) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case q.s.engine == postgresEngine && q.tx == nil:
		return one(ctx, q.s.writer)
	case q.s.engine == postgresEngine:
		return one(ctx, q.tx)
	case q.tx == nil:
		return q.inTurn(ctx, func(q queries) error { return q.writing(ctx, one) })
	}
	return one(context.WithoutCancel(ctx), q.tx)
}

// one reads the only row of a query into the fields of a T.
func one[T any](ctx context.Context, q queries, fields func(*T) []any, query string, args ...any) (T, error) {
	var v T
	err := q.into(ctx, fields(&v), query, args)
	return v, err
}

// into reads the only row of a query into fields.
func (q queries) into(ctx context.Context, fields []any, query string, args []any) error {
	ctx, from, err := q.reading(ctx)
	if err == nil {
		err = from.QueryRowxContext(ctx, query, args...).Scan(fields...)
	}
	return fault(query, err)
}

// many reads all rows of a query.
func many[T any](ctx context.Context, q queries, fields func(*T) []any, query string, args ...any) ([]T, error) {
	ctx, from, err := q.reading(ctx)
	if err != nil {
		return nil, fault(query, err)
	}
	rows, err := from.QueryxContext(ctx, query, args...)
	all, err := collect(rows, err, fields)
	return all, fault(query, err)
}

// collect scans and closes rows.
func collect[T any](rows *sqlx.Rows, err error, fields func(*T) []any) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(fields(&v)...); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// written reads the only row that a write returns into the fields of a T.
func written[T any](ctx context.Context, q queries, fields func(*T) []any, query string, args ...any) (T, error) {
	var v T
	err := q.writing(ctx, func(ctx context.Context, to sqlx.ExtContext) error {
		return to.QueryRowxContext(ctx, query, args...).Scan(fields(&v)...)
	})
	return v, fault(query, err)
}

// writtenMany reads all rows that a write returns.
func writtenMany[T any](ctx context.Context, q queries, fields func(*T) []any, query string, args ...any) (all []T, err error) {
	err = q.writing(ctx, func(ctx context.Context, to sqlx.ExtContext) error {
		rows, err := to.QueryxContext(ctx, query, args...)
		all, err = collect(rows, err, fields)
		return err
	})
	return all, fault(query, err)
}

// scalar is the fields of a value that is a single column.
func scalar[T any](v *T) []any { return []any{v} }

// exec writes without asking how much.
func (q queries) exec(ctx context.Context, query string, args ...any) error {
	_, err := q.affected(ctx, query, args...)
	return err
}

// guarded writes and reports whether the guard held for a row.
func (q queries) guarded(ctx context.Context, query string, args ...any) (bool, error) {
	n, err := q.affected(ctx, query, args...)
	return n > 0, err
}

// affected writes and reports how many rows.
func (q queries) affected(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = q.writing(ctx, func(ctx context.Context, to sqlx.ExtContext) error {
		r, err := to.ExecContext(ctx, query, args...)
		if err == nil {
			n, err = r.RowsAffected()
		}
		return err
	})
	return n, fault(query, err)
}
