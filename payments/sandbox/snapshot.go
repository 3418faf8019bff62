package sandbox

import "reflect"

// Account is everything that a server holds at one moment, with its clock.
type Account struct{ st *state }

// Snapshot returns the account as it is now.
func (s *Server) Snapshot() Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Account{s.st.clone()}
}

// Restore replaces everything that the server holds by the account, and forgets
// the calls made so far and the faults that were to come. No request may be under
// way.
func (s *Server) Restore(a Account) error {
	st := a.st.clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st, s.calls, s.reqs, s.faults = st, nil, 0, faults{}
	s.touched()
	return s.save()
}

// clone copies all that can change.
func (st *state) clone() *state {
	out := *st
	cloner{}.own(reflect.ValueOf(&out).Elem())
	return &out
}

// cloner knows of each type whether a plain copy of it shares nothing.
type cloner map[reflect.Type]bool

func (c cloner) plain(t reflect.Type) bool {
	plain, known := c[t]
	if !known {
		c[t] = c.inspect(t)
		plain = c[t]
	}
	return plain
}

func (c cloner) inspect(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map:
		return false
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8 // an answer or an event: written once
	case reflect.Struct:
		for i := range t.NumField() {
			if !c.plain(t.Field(i).Type) {
				return false
			}
		}
	}
	return true
}

// own replaces what v shares with what it was copied from by copies.
func (c cloner) own(v reflect.Value) {
	if c.plain(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			c.own(v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			v.Set(c.copy(v.Elem()).Addr())
		}
	case reflect.Slice:
		if !v.IsNil() {
			list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(list, v)
			for i := 0; i < v.Len() && !c.plain(v.Type().Elem()); i++ {
				c.own(list.Index(i))
			}
			v.Set(list)
		}
	case reflect.Map:
		if !v.IsNil() {
			all := reflect.MakeMapWithSize(v.Type(), v.Len())
			for key, value := range v.Seq2() {
				all.SetMapIndex(key, c.copy(value))
			}
			v.Set(all)
		}
	}
}

func (c cloner) copy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	c.own(out)
	return out
}
