package sandbox

import (
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// state is everything a snapshot keeps. Times are Unix seconds, money is in
// minor units.
type state struct {
	Offset    time.Duration
	IDs       map[string]bool
	Customers table[customer]
	Products  table[product]
	Prices    table[price]
	Methods   table[paymentMethod]
	Subs      table[subscription]
	Schedules table[schedule]
	Invoices  table[invoice]
	Intents   table[paymentIntent]
	Charges   table[charge]
	Refunds   table[refund]
	Balances  table[balanceTx]
	Checkouts table[checkout]
	Portals   table[portal]
	Endpoints table[endpoint]
	Events    table[event]
	Pending   []pendingItem
	Queue     []delivery
	Held      []delivery
	Holding   bool
	Twice     bool
	Keys      map[string]*replay
}

func newState() *state {
	return &state{IDs: map[string]bool{}, Keys: map[string]*replay{}}
}

// table keeps rows by id and in order of creation.
type table[T any] struct {
	Rows  map[string]*T
	Order []string
}

func (t *table[T]) get(id string) *T { return t.Rows[id] }

func (t *table[T]) put(id string, row *T) {
	if t.Rows == nil {
		t.Rows = map[string]*T{}
	}
	if t.Rows[id] == nil {
		t.Order = append(t.Order, id)
	}
	t.Rows[id] = row
}

// newest yields the rows in the order of Stripe's lists.
func (t *table[T]) newest() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		for _, id := range slices.Backward(t.Order) {
			if !yield(id, t.Rows[id]) {
				return
			}
		}
	}
}

// oldest yields the rows in order of creation.
func (t *table[T]) oldest() iter.Seq2[string, *T] {
	return func(yield func(string, *T) bool) {
		for _, id := range t.Order {
			if !yield(id, t.Rows[id]) {
				return
			}
		}
	}
}

// trim forgets the oldest rows beyond n.
func (t *table[T]) trim(n int) {
	for len(t.Order) > n {
		delete(t.Rows, t.Order[0])
		t.Order = t.Order[1:]
	}
}

func (st *state) load(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, st); err != nil {
		return err
	}
	if st.IDs == nil || st.Keys == nil {
		return errors.New("not a snapshot of the sandbox")
	}
	for key, r := range st.Keys {
		if !r.Done { // its request died with the process, before it did anything
			delete(st.Keys, key)
		}
	}
	return nil
}

// save writes the snapshot if something changed: a new file renamed over the
// old one, so that a killed process leaves the one or the other.
func (s *Server) save() error {
	if s.held {
		return nil
	}
	if !s.dirty || s.opt.StatePath == "" {
		s.dirty = false
		return nil
	}
	data, err := json.Marshal(s.st)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(s.opt.StatePath), ".sandbox-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err2 := tmp.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(tmp.Name(), s.opt.StatePath)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return err
	}
	s.dirty = false
	return nil
}

// touched notes that state changed, so that it is saved and the next due
// moment is found again.
func (s *Server) touched() {
	s.dirty = true
	s.wake = s.nextDue()
}
