package sandbox

import "encoding/json"

// Snapshot returns everything that the account holds, with its clock, as Restore
// takes it.
func (s *Server) Snapshot() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.st)
}

// Restore replaces everything that the account holds by what Snapshot returned,
// and forgets the calls made so far and the faults that were to come. No request
// may be under way.
func (s *Server) Restore(snapshot []byte) error {
	st := newState()
	if err := json.Unmarshal(snapshot, st); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st, s.calls, s.reqs, s.faults = st, nil, 0, faults{}
	s.touched()
	return s.save()
}
