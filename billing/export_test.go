package billing

// DontWait makes the service ask Stripe again at once when it is busy, and look at
// one org after the other.
func (s *Service) DontWait() {
	clear(s.timing.backoff)
	s.timing.look = 0
}
