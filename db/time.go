package db

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// layout is as wide for every time, so that SQLite, which keeps times as text,
// compares them as times.
const layout = "2006-01-02T15:04:05.000000Z"

// stamp is how a time goes into the database and comes back: UTC, to the
// microsecond, NULL for the zero time.
type stamp time.Time

// Value is text for both engines: PostgreSQL reads it into a TIMESTAMPTZ.
func (s stamp) Value() (driver.Value, error) {
	if time.Time(s).IsZero() {
		return nil, nil
	}
	return time.Time(s).UTC().Format(layout), nil
}

// Scan reads the text of SQLite, the time of PostgreSQL, or NULL.
func (s *stamp) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s = stamp{}
	case time.Time:
		*s = stamp(v.UTC())
	case string:
		t, err := parseTime(v)
		if err != nil {
			return err
		}
		*s = stamp(t)
	default:
		return fmt.Errorf("%T is not a time", src)
	}
	return nil
}

// parseTime reads the text of either engine.
func parseTime(s string) (time.Time, error) {
	from := time.RFC3339Nano
	if len(s) > 10 && s[10] == ' ' {
		from = "2006-01-02 15:04:05-07" // PostgreSQL's, of a session in UTC
	}
	t, err := time.Parse(from, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("not a time: %q", s)
	}
	return t.UTC(), nil
}

// window is a stamp that is never NULL, because it is part of a key: the zero
// time of a gauge is written as it is, in the year 1.
type window time.Time

// Value is text as a stamp's.
func (w window) Value() (driver.Value, error) { return time.Time(w).UTC().Format(layout), nil }
