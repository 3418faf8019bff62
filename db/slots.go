package db

import "sync"

// slot is a value that a row is read into, and the pointers to its fields. There
// are fifty of them where an overview is read, and to list them takes as long as
// to fill them. So slots are used again; what was read is taken out of them.
type slot[T any] struct {
	v      T
	fields []any
}

// slots are those of one kind of row.
type slots[T any] struct{ pool sync.Pool }

func slotsOf[T any](fields func(*T) []any) *slots[T] {
	return &slots[T]{sync.Pool{New: func() any {
		s := &slot[T]{}
		s.fields = fields(&s.v)
		return s
	}}}
}

// lend hands out an empty slot until back is called.
func (p *slots[T]) lend() (s *slot[T], back func()) {
	s = p.pool.Get().(*slot[T])
	return s, func() {
		s.v = *new(T)
		p.pool.Put(s)
	}
}
