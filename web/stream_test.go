package web

import (
	"testing"

	"github.com/countersignhq/countersign/billing"
)

// TestStreamsAreCounted: so many of a session, and so many of all.
func TestStreamsAreCounted(t *testing.T) {
	s := newStreams(streamsPerSession + 2)
	enter := func(session string, refused ...billing.Kind) {
		t.Helper()
		err := s.enter(session)
		if (err != nil) != (len(refused) > 0) || err != nil && KindOf(err) != refused[0] {
			t.Errorf("%s: %v", session, err)
		}
	}
	for range streamsPerSession {
		enter("ses_1")
	}
	enter("ses_1", billing.KindRateLimited)
	enter("ses_2")
	enter("ses_3")
	enter("ses_4", billing.KindUnavailable)
	enter("ses_1", billing.KindRateLimited)
	s.leave("ses_2")
	enter("ses_4")
	for range streamsPerSession {
		s.leave("ses_1")
	}
	s.leave("ses_3")
	s.leave("ses_4")
	if n := s.open(); n != 0 || len(s.of) != 0 {
		t.Errorf("%d open, of %v", n, s.of)
	}
}
