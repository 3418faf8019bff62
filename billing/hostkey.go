package billing

import (
	"context"
	"crypto/sha256"
	"time"
)

// A host key asks thousands of times a second whether something may be created.
// Who is behind it is remembered for a moment; the keys of people and agents,
// whose rights must end with the next call on every replica, never are.

const (
	hostKeyLife = 5 * time.Second
	maxHostKeys = 1000
)

// hostKey is who was behind a key when it was last looked at.
type hostKey struct {
	principal Principal
	read      time.Time
}

func (s *Service) authenticateHost(ctx context.Context, key string) (Principal, error) {
	hash, now := sha256.Sum256([]byte(key)), s.wallNow()
	if k, ok := s.hostKeys.get(hash); ok {
		if age := now.Sub(k.read); age >= 0 && age < hostKeyLife {
			return k.principal, nil
		}
	}
	mark := s.hostKeys.begin(hash)
	p, err := s.keyPrincipal(ctx, hash[:])
	if err == nil {
		s.hostKeys.put(hash, hostKey{principal: p, read: now}, mark)
	}
	return p, err
}
