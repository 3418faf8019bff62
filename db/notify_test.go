package db

import (
	"slices"
	"testing"
	"time"
)

// woken waits for a wake-up, or fails.
func woken(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody woke the waiter")
	}
}

func asleep(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
		t.Error("woken for nothing")
	default:
	}
}

func TestNotify(t *testing.T) {
	t.Parallel()
	s := openAt(t, newURL(t, sqliteEngine), Options{})
	a, stopA := s.Subscribe("apr_1")
	b, stopB := s.Subscribe("apr_1")
	elsewhere, stop := s.Subscribe("apr_2")
	defer stop()
	for range 3 { // nobody listens yet: they are one
		s.Notify(t.Context(), "apr_1")
	}
	woken(t, a)
	woken(t, b)
	asleep(t, a)
	asleep(t, elsewhere)
	stopA()
	stopA()
	s.Notify(t.Context(), "apr_1")
	asleep(t, a)
	woken(t, b)
	stopB()
	if len(s.waiters) != 1 {
		t.Errorf("%d topics are kept for nobody", len(s.waiters)-1)
	}
}

func TestHear(t *testing.T) {
	t.Parallel()
	s := openAt(t, newURL(t, sqliteEngine), Options{})
	var one, two []string
	stop := s.Hear(func(topic string) { one = append(one, topic) })
	defer s.Hear(func(topic string) { two = append(two, topic) })()
	s.Notify(t.Context(), "org_1")
	s.wakeAll() // some may have been lost
	stop()
	s.tellOf([]string{"org_2", "org_3"})
	if want := []string{"org_1", ""}; !slices.Equal(one, want) {
		t.Errorf("%q, want %q", one, want)
	}
	if want := []string{"org_1", "", "org_2", "org_3"}; !slices.Equal(two, want) {
		t.Errorf("%q, want %q", two, want)
	}
}

func TestNotifyReachesOtherReplicas(t *testing.T) {
	t.Parallel()
	url := newURL(t, postgresEngine)
	one, two := openAt(t, url, Options{}), openAt(t, url, Options{})
	c, stop := two.Subscribe("apr_1")
	defer stop()
	elsewhere, stop := two.Subscribe("apr_2")
	defer stop()
	one.Notify(t.Context(), "apr_1")
	woken(t, c)
	asleep(t, elsewhere)

	// The server drops the connection: the waiter is woken to look for itself,
	// and hears again afterwards.
	if _, err := one.writer.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE 'LISTEN%'`); err != nil {
		t.Fatal(err)
	}
	woken(t, c)
	one.Notify(t.Context(), "apr_1")
	woken(t, c)
}
