package billing

// DontWait makes the service ask Stripe again at once when it is busy.
func (s *Service) DontWait() {
	clear(s.timing.backoff)
}
