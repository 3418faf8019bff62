package db

import (
	"context"
	"sync"
)

// channel is the one that all replicas on a database share.
const channel = "countersign"

// hub wakes the waiters of this process.
type hub struct {
	mu      sync.Mutex
	waiters map[string]map[chan struct{}]bool
	hearers map[*func(topic string)]bool
}

func newHub() *hub {
	return &hub{waiters: map[string]map[chan struct{}]bool{}, hearers: map[*func(topic string)]bool{}}
}

// Subscribe returns a channel that receives after a Notify of the topic, on any
// replica, and the function that ends the subscription. Several wake-ups that
// nobody has received yet are one.
func (h *hub) Subscribe(topic string) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiters[topic] == nil {
		h.waiters[topic] = map[chan struct{}]bool{}
	}
	h.waiters[topic][c] = true
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.waiters[topic], c)
		if len(h.waiters[topic]) == 0 {
			delete(h.waiters, topic)
		}
	}
}

// Hear implements billing.Notifier.
func (h *hub) Hear(f func(topic string)) (stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hearers[&f] = true
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.hearers, &f)
	}
}

func (h *hub) wake(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wake(h.waiters[topic])
	h.tell(topic)
}

func (h *hub) tell(topic string) {
	for f := range h.hearers {
		(*f)(topic)
	}
}

func (h *hub) wakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, waiters := range h.waiters {
		wake(waiters)
	}
	h.tell("")
}

func wake(waiters map[chan struct{}]bool) {
	for c := range waiters {
		select {
		case c <- struct{}{}:
		default: // one is waiting to be received
		}
	}
}

// Notify wakes the waiters of the topic, here at once and on other replicas
// through PostgreSQL. What is lost is made up for by the waiters, who look for
// themselves now and then.
func (s *Store) Notify(ctx context.Context, topic string) {
	s.wake(topic)
	if s.engine != postgresEngine {
		return
	}
	if err := s.exec(ctx, `SELECT pg_notify($1, $2)`, channel, topic); err != nil {
		s.log.WarnContext(ctx, "notify", "error", err)
	}
}
