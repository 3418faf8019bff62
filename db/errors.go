package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/lib/pq"
	"modernc.org/sqlite"

	"github.com/countersignhq/countersign/billing"
)

var errURL = errors.New("the database URL can not be read")

// errRaced says that another transaction won between a guard and its write.
// InTx starts again, and the guard then sees the winner.
var errRaced = errors.New("another transaction was first")

// fault translates a driver's error: no row is billing.ErrNotFound, the rest is
// wrapped with the beginning of the statement, which is never a secret.
func fault(statement string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return billing.ErrNotFound
	}
	words := strings.Fields(statement)
	return outside(fmt.Errorf("db: %s …: %w", strings.Join(words[:min(len(words), 4)], " "), err))
}

// outside makes billing.ErrDatabaseAway of what says nothing about the statement:
// there was no way to the database, or it, or its pool, had too much to do.
func outside(err error) error {
	if err != nil && isAway(err) {
		return billing.ErrDatabaseAway.Because(err)
	}
	return err
}

func isAway(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		switch e.Code.Class() {
		case "08", "40", "53", "57": // connection, others in the way to the last, resources, a shutdown
			return true
		}
		return isLocked(err)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		code := e.Code() & 0xff
		return code == sqliteBusy || code == sqliteLocked
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.DeadlineExceeded)
}

const (
	pqUnique     pq.ErrorCode = "23505"
	pqSerialize  pq.ErrorCode = "40001"
	pqDeadlock   pq.ErrorCode = "40P01"
	pqLocked     pq.ErrorCode = "55P03"
	sqliteBusy                = 5
	sqliteLocked              = 6
	sqliteUnique              = 2067
	sqlitePK                  = 1555
)

// isUnique reports whether a unique index refused a write.
func isUnique(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return e.Code == pqUnique
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqliteUnique || e.Code() == sqlitePK)
}

// isLocked reports whether a statement gave up waiting for a lock.
func isLocked(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && e.Code == pqLocked
}

// isTransient reports whether a transaction that was rolled back with err may
// well succeed when it is run again.
func isTransient(err error) bool {
	if errors.Is(err, errRaced) {
		return true
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return e.Code == pqSerialize || e.Code == pqDeadlock
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqliteBusy
}
