package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Condition is what a database is like, as it was found.
type Condition struct {
	Engine       string
	Have, Newest int64     // versions of the schema: there, and of this binary; Have is 0 without one
	Now          time.Time // by its clock; zero on SQLite, which has none
	LastEvent    time.Time // when Stripe's last webhook came; zero if none ever did
}

// Inspect looks at the database at url and changes nothing: it neither creates
// nor migrates it. Errors do not repeat the url.
func Inspect(ctx context.Context, url string) (c Condition, err error) {
	e, driver, source := postgresEngine, "postgres", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		e, driver, source = sqliteEngine, "sqlite", "file:"+path+"?mode=ro"
	} else if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return c, errors.New("db: the URL begins with neither sqlite: nor postgres://")
	}
	c.Engine = string(e)
	dir, err := fs.Sub(migrations, "migrations/"+c.Engine)
	if err != nil {
		return c, err
	}
	if c.Newest, err = newestVersion(dir); err != nil {
		return c, err
	}
	conn, err := sql.Open(driver, source)
	if err != nil {
		return c, errors.New("db: the URL cannot be read")
	}
	defer func() { _ = conn.Close() }()
	if err = conn.PingContext(ctx); err != nil {
		return c, fmt.Errorf("db: connect: %w", err)
	}
	if c.Have, err = schemaVersion(ctx, conn); err != nil {
		c.Have = 0 // it has no table of versions
	} else if err = conn.QueryRowContext(ctx, `SELECT max(received_at) FROM webhook_inbox`).Scan((*stamp)(&c.LastEvent)); err != nil {
		return c, fmt.Errorf("db: inbox: %w", err)
	}
	if e == postgresEngine {
		err = conn.QueryRowContext(ctx, `SELECT now()`).Scan(&c.Now)
		return c, err
	}
	return c, nil
}
