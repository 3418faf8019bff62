package db

import (
	"database/sql"
	"errors"
	"fmt"
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
	return fmt.Errorf("db: %s …: %w", strings.Join(words[:min(len(words), 4)], " "), err)
}

const (
	pqUnique     pq.ErrorCode = "23505"
	pqSerialize  pq.ErrorCode = "40001"
	pqDeadlock   pq.ErrorCode = "40P01"
	pqLocked     pq.ErrorCode = "55P03"
	sqliteBusy                = 5
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
