package db

import (
	"cmp"
	"context"
	"database/sql"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// postgresWords are the words in which PostgreSQL differs. The lock on an org
// leaves room for the foreign keys of rows that others insert meanwhile.
var postgresWords = []string{
	"{for_update}", "FOR NO KEY UPDATE",
	"{skip_locked}", "FOR UPDATE SKIP LOCKED",
	"{bytes}", ` COLLATE "C"`,
}

const (
	connectionLife = 30 * time.Minute // a failed-over or re-balanced server is found again
	connectionIdle = 5 * time.Minute
)

func (s *Store) openPostgres(ctx context.Context, dsn string, o Options) error {
	s.engine = postgresEngine
	if err := s.migratePostgres(ctx, dsn); err != nil {
		return err
	}
	dsn, err := withSettings(dsn, "timezone", "UTC")
	if err != nil {
		return err
	}
	c, err := pq.NewConnector(dsn)
	if err != nil {
		return err
	}
	c.Dialer(&dialer{})
	// The server's clock decides, also when the caller's is behind it.
	now := "GREATEST($1, clock_timestamp())"
	if s.clock != nil {
		now = "$1"
	}
	words := strings.NewReplacer(slices.Concat([]string{"{now}", now}, postgresWords, postgresLists, lineWords(true))...)
	pool := sqlx.NewDb(sql.OpenDB(s.taped(preparing{&unreached{Connector: c}, words}, true)), string(postgresEngine))
	pool.SetMaxOpenConns(cmp.Or(o.MaxConns, 16))
	pool.SetMaxIdleConns(cmp.Or(o.MaxConns, 16))
	pool.SetConnMaxLifetime(connectionLife)
	pool.SetConnMaxIdleTime(connectionIdle)
	s.readers, s.writer = pool, pool
	s.onClose(pool.Close)
	s.tellOthers()
	return s.listen(ctx, dsn)
}

func (s *Store) migratePostgres(ctx context.Context, dsn string) error {
	conn, err := migrator(dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	s.version, err = migrate(ctx, conn, postgresEngine)
	return err
}

// migrator connects for migrations: none of their statements waits long for a lock.
func migrator(dsn string) (*sql.DB, error) {
	dsn, err := withSettings(dsn, "lock_timeout", strconv.FormatInt(lockWait.Milliseconds(), 10))
	if err != nil {
		return nil, err
	}
	c, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// withSettings adds to a postgres:// URL what it does not say itself. The zone is
// always ours: many times are read as text.
func withSettings(dsn, key, value string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errURL
	}
	q := u.Query()
	for k, v := range map[string]string{key: value, "application_name": "countersign", "connect_timeout": "5"} {
		if !q.Has(k) || k == "timezone" {
			q.Set(k, v)
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// listen receives other replicas' notifications until the store is closed.
func (s *Store) listen(ctx context.Context, dsn string) error {
	l := pq.NewListener(dsn, 100*time.Millisecond, 10*time.Second, func(e pq.ListenerEventType, err error) {
		if err != nil {
			s.log.Warn("connection for notifications", "event", int(e), "error", err)
		}
	})
	stop, done := make(chan struct{}), make(chan struct{})
	s.onClose(func() error {
		// Not by waiting for the listener to end: while the server is down it
		// sleeps between its tries.
		close(stop)
		<-done
		return l.Close()
	})
	ready := make(chan error, 1)
	go func() { ready <- l.Listen(channel) }()
	go func() {
		defer close(done)
		s.receive(l, stop)
	}()
	select {
	case err := <-ready:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// receive passes notifications on. After a lost connection nobody knows what was
// missed, so everybody is woken.
func (s *Store) receive(l *pq.Listener, stop <-chan struct{}) {
	alive := time.NewTicker(time.Minute)
	defer alive.Stop()
	for {
		select {
		case <-stop:
			return
		case n := <-l.Notify:
			if n == nil {
				s.wakeAll()
			} else {
				s.wake(n.Extra)
			}
		case <-alive.C:
			// Finds a dead connection; the listener then makes a new one.
			go func() { _ = l.Ping() }()
		}
	}
}
