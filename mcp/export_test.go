package mcp

import "time"

// Impatient makes calls wait no longer than d for a person.
func (s *Server) Impatient(d time.Duration) *Server {
	s.tools.longest = d
	return s
}
