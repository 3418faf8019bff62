package billing

import (
	"context"
	"math/rand/v2"
	"sync"
)

// SyncDirty looks at every org that Stripe may have news of, but for those that
// failed and have to wait for their next try. It goes on after a failure and
// returns one of them, the first if it looks at one org after the other.
func (s *Service) SyncDirty(ctx context.Context) error {
	if s.processor == nil {
		return nil
	}
	orgs, err := s.store.DirtyOrgs(ctx, dirtyBatch)
	if err != nil {
		return err
	}
	return atOnce(s.syncs, orgs, func(id string) error {
		if !s.retries.due(id, s.wallNow()) {
			return nil
		}
		_, err := s.look(ctx, id, nil, true)
		s.retries.note(id, err, s.wallNow())
		return err
	})
}

// atOnce does the work for all ids, so many at a time, and returns an error if
// there was one. More than one at a time begin anywhere in the list, so that
// replicas with the same list seldom meet.
func atOnce(lanes int, ids []string, work func(id string) error) (err error) {
	if lanes <= 1 || len(ids) <= 1 {
		for _, id := range ids {
			if werr := work(id); err == nil {
				err = werr
			}
		}
		return err
	}
	var running sync.WaitGroup
	next, failed := make(chan string), make(chan error, len(ids))
	for range min(lanes, len(ids)) {
		running.Go(func() {
			for id := range next {
				if err := work(id); err != nil {
					failed <- err
				}
			}
		})
	}
	begin := rand.IntN(len(ids)) //nolint:gosec // nothing depends on it
	for i := range ids {
		next <- ids[(begin+i)%len(ids)]
	}
	close(next)
	running.Wait()
	close(failed)
	return <-failed
}

// inTurn keeps what is read at once from being written at once: whoever else
// writes, a webhook or a person, would wait for all of them.
func (s *Service) inTurn(news bool, save func() (bool, error)) (bool, error) {
	if news && s.syncs > 1 {
		s.saving.Lock()
		defer s.saving.Unlock()
	}
	return save()
}
