package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
)

// preparing makes connections that prepare every statement once and keep it:
// unprepared, lib/pq needs twice the round trips and SQLite compiles anew. The
// cache lives with the connection, so it serves transactions too, and it is
// bounded because statements are literals: no text is made from data.
type preparing struct {
	driver.Connector
	words *strings.Replacer // the engine's own words
}

// Connect opens a connection with an empty cache.
func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &preparingConn{Conn: c, words: p.words, stmts: map[string]*keptStmt{}}, nil
}

// preparingConn offers no direct execution, so that database/sql prepares.
type preparingConn struct {
	driver.Conn
	words *strings.Replacer
	stmts map[string]*keptStmt
}

// PrepareContext hands out the kept statement or makes it.
func (c *preparingConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if s, ok := c.stmts[text]; ok {
		return s, nil
	}
	p, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, errors.New("the driver can not prepare with a context")
	}
	s, err := p.PrepareContext(ctx, c.words.Replace(text))
	if err != nil {
		return nil, err
	}
	kept := &keptStmt{Stmt: s}
	c.stmts[text] = kept
	return kept, nil
}

// BeginTx begins a transaction of the driver.
func (c *preparingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	b, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errors.New("the driver can not begin with a context")
	}
	return b.BeginTx(ctx, o)
}

// ResetSession lets the driver refuse a connection that went bad.
func (c *preparingConn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid lets the driver keep a bad connection out of the pool.
func (c *preparingConn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

// Close finalises the kept statements with the connection; a broken connection
// cannot, and its server forgets them anyway.
func (c *preparingConn) Close() error {
	if c.IsValid() {
		for _, s := range c.stmts {
			_ = s.Stmt.Close()
		}
	}
	return c.Conn.Close()
}

// keptStmt stays open when its user closes it.
type keptStmt struct{ driver.Stmt }

func (*keptStmt) Close() error { return nil }

// ExecContext executes the statement.
func (s *keptStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	e, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, errors.New("the driver can not execute with a context")
	}
	return e.ExecContext(ctx, args)
}

// QueryContext runs the statement.
func (s *keptStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	q, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.New("the driver can not query with a context")
	}
	return q.QueryContext(ctx, args)
}
