package db

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/countersignhq/countersign/billing"
)

// To set up a statement, and the way to PostgreSQL and back, cost more than the
// rows that it reads. So reads that come while one like them is under way wait
// for its end, or until enough of them wait, and are then one statement together.
// Who comes alone is not held up, nobody is given what was read before they asked,
// and nothing is kept.
//
// SQLite is in the same process: there is no way to save.

// atOnce is how many reads are one statement at most.
const atOnce = 16

// few are still better read together with those who come next.
const few = 8

// shared is a statement that reads one row, alone and for several.
type shared struct{ alone, joined string }

// share makes a statement that several can read with. Its columns are texts; its
// parameters, at most nine and of these types, are never NULL.
func share(query string, types ...string) *shared {
	words := make([]string, 0, 2*len(types))
	for i, t := range types {
		n := "$" + strconv.Itoa(i+1)
		words = append(words, n, "("+n+"::"+t+"[])[k.i]")
	}
	// The LIMIT has the planner look up one by one, as for one alone.
	return &shared{query, `SELECT k.i, r.* FROM generate_series(1, ` + strconv.Itoa(atOnce) + `) AS k (i)
		CROSS JOIN LATERAL (` + strings.NewReplacer(words...).Replace(query) + ` LIMIT 1) AS r WHERE (` + words[1] + `) IS NOT NULL`}
}

// asker waits for a read of its own.
type asker struct {
	args []any
	turn chan []*asker // those to read for; nil: it was read
	row  []text        // nil: there is none
	err  error
}

// together is who waits for what.
type together struct {
	mu     sync.Mutex
	queues map[*shared]*queue
}

type queue struct {
	reading int // askers whose statements are under way
	waiting []*asker
}

// enough is how many do not wait any longer: as many as are being read. Half of
// all are with PostgreSQL then while we answer the other half; if all of them
// waited for one statement, nobody would be left to answer.
func (q *queue) enough() int { return min(max(q.reading, few), atOnce) }

// join queues a reader. It returns those that the reader has to read for, itself
// among them, or nil if it is to wait for its turn.
func (t *together) join(what *shared, r *asker) []*asker {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queues[what]
	if q == nil {
		q = &queue{}
		t.queues[what] = q
	}
	q.waiting = append(q.waiting, r)
	if q.reading > 0 && len(q.waiting) < q.enough() {
		return nil
	}
	return q.take()
}

func (q *queue) take() []*asker {
	all := q.waiting
	q.waiting, q.reading = nil, q.reading+len(all)
	return all
}

// done ends a statement for so many. The first of those who wait does the next one.
func (t *together) done(what *shared, readers int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queues[what]
	if q.reading -= readers; len(q.waiting) == 0 {
		return
	}
	next := q.take()
	next[0].turn <- next
}

// leave takes a reader out who waits; false if it has its turn.
func (t *together) leave(what *shared, r *asker) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.queues[what]
	i := slices.Index(q.waiting, r)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

// wait returns those to read for, as join does, or nil when the row was read.
func (t *together) wait(ctx context.Context, what *shared, r *asker) ([]*asker, error) {
	if all := t.join(what, r); all != nil {
		return all, nil
	}
	select {
	case all := <-r.turn:
		return all, nil
	case <-ctx.Done():
		if t.leave(what, r) {
			return nil, ctx.Err()
		}
		return <-r.turn, nil
	}
}

// oneOf is one, together with those who read the same.
func oneOf[T any](ctx context.Context, q queries, kind *slots[T], what *shared, args ...any) (T, error) {
	row, back := kind.lend()
	defer back()
	err := q.share(ctx, row.fields, what, args)
	return row.v, err
}

// share reads one row into fields.
func (q queries) share(ctx context.Context, fields []any, what *shared, args []any) error {
	if q.tx != nil || q.s.engine == sqliteEngine || q.s.record {
		return q.into(ctx, fields, what.alone, args)
	}
	r := &asker{args: args, turn: make(chan []*asker, 1)}
	all, err := q.s.together.wait(ctx, what, r)
	if err != nil {
		return fault(what.alone, err)
	}
	if len(all) > 1 {
		q.readFor(ctx, what, all)
	} else if len(all) == 1 {
		defer q.s.together.done(what, 1)
	}
	if len(all) == 1 || r.err != nil { // what one is to blame for each learns for itself
		return q.into(ctx, fields, what.alone, args)
	}
	if r.row == nil {
		return billing.ErrNotFound
	}
	return fault(what.alone, setFields(fields, r.row))
}

// setFields leaves the zero value where a column is NULL or empty.
func setFields(fields []any, row []text) error {
	for i, column := range row {
		if column == "" {
			continue
		}
		if err := setField(fields[i], string(column)); err != nil {
			return err
		}
	}
	return nil
}

// readFor reads the rows of all and tells them, whatever happens.
func (q queries) readFor(ctx context.Context, what *shared, all []*asker) {
	err := errUnread
	defer func() {
		q.s.together.done(what, len(all))
		for _, r := range all {
			r.err = err
			r.turn <- nil
		}
	}()
	err = q.readRows(ctx, what, all)
}

var errUnread = errors.New("not read")

func (q queries) readRows(ctx context.Context, what *shared, all []*asker) error {
	args, err := columnsOf(all)
	if err != nil {
		return err
	}
	ctx, from, err := q.reading(ctx)
	if err != nil {
		return err
	}
	rows, err := from.QueryxContext(ctx, what.joined, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	var i int // counts from 1
	for to := make([]any, len(names)); rows.Next(); {
		row := make([]text, len(names)-1)
		to[0] = &i
		for n := range row {
			to[n+1] = &row[n]
		}
		if err = rows.Scan(to...); err != nil {
			return err
		}
		all[i-1].row = row
	}
	return rows.Err()
}

// columnsOf writes each parameter of all as an array.
func columnsOf(all []*asker) ([]any, error) {
	args := make([]any, len(all[0].args))
	for n := range args {
		values := make(pq.StringArray, len(all))
		for i, r := range all {
			var err error
			if values[i], err = element(r.args[n]); err != nil {
				return nil, err
			}
		}
		args[n] = values
	}
	return args, nil
}

// element writes a parameter as PostgreSQL reads it.
func element(arg any) (string, error) {
	switch v := arg.(type) {
	case []byte:
		return `\x` + hex.EncodeToString(v), nil
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	case stamp:
		return moment(time.Time(v)), nil
	case window:
		return moment(time.Time(v)), nil
	}
	return "", fmt.Errorf("%T is no parameter of a shared statement", arg)
}
