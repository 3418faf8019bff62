package billing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"
)

const (
	operatorLife       = 12 * time.Hour // of a session, however busy
	prefixOperatorLink = "col_"
	prefixOperator     = "cos_"
)

// OperatorSession is an operator's sign-in. Operators are in no org: neither
// their sessions nor their links are worth anything there, and the reverse.
type OperatorSession struct {
	ID        string // ops_…
	Hash      []byte
	Email     string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt time.Time
}

// OperatorAccessTx: the operators' ways in.
type OperatorAccessTx interface {
	// InsertOperatorLink stores a link and deletes those that ended long before.
	InsertOperatorLink(ctx context.Context, l SignInLink) error
	OperatorLink(ctx context.Context, hash []byte, now time.Time) (SignInLink, error)
	// UseOperatorLink uses the link up; ErrNotFound if it was used or has expired.
	UseOperatorLink(ctx context.Context, hash []byte, now time.Time) (SignInLink, error)
	// InsertOperatorSession stores a session and deletes those that ended long before.
	InsertOperatorSession(ctx context.Context, s OperatorSession) error
	// OperatorSession reads a session that is neither revoked nor over.
	OperatorSession(ctx context.Context, hash []byte, now time.Time) (OperatorSession, error)
	RevokeOperatorSession(ctx context.Context, id string, at time.Time) error
}

// isOperator reports whether the address is one of the configured ones now.
func (s *Service) isOperator(email string) bool { return slices.Contains(s.operators, email) }

// OperatorEmails brings addresses into the form in which they are compared.
//
// Errors: ErrInvalid if one is no address.
func OperatorEmails(list []string) ([]string, error) {
	var out []string
	for _, text := range list {
		email, err := normalEmail(text)
		if err != nil {
			return nil, err
		}
		out = append(out, email)
	}
	return out, nil
}

// RequestOperatorSignIn mails a single-use link to the address if it is an
// operator's. It answers the same either way.
//
// Errors: ErrInvalid if the text is not an email address.
func (s *Service) RequestOperatorSignIn(ctx context.Context, email string) error {
	email, err := normalEmail(email)
	if err != nil || !s.isOperator(email) {
		return err
	}
	url, expires, err := s.OperatorSignInURL(ctx, email, signInLife)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // sent behind the answer, as RequestSignIn does
	s.background(func() {
		ctx, cancel := context.WithTimeout(ctx, mailTimeout)
		defer cancel()
		s.must("sign-in mail", s.sendSignIn(ctx, User{Email: email, Name: email}, SignIn{URL: url, Expires: expires}))
	})
	return nil
}

// OperatorSignInURL makes a single-use link that signs an operator in.
func (s *Service) OperatorSignInURL(ctx context.Context, email string, life time.Duration) (url string, expires time.Time, err error) {
	token, now := s.newSecret(prefixOperatorLink), s.wallNow()
	l := SignInLink{Hash: hashOf(token), Email: email, CreatedAt: now, ExpiresAt: now.Add(life)}
	return s.baseURL + "/admin/login/" + token, l.ExpiresAt, s.store.InsertOperatorLink(ctx, l)
}

// PeekOperatorSignIn reads whom a link signs in, without using it up.
func (s *Service) PeekOperatorSignIn(ctx context.Context, token string) (email string, err error) {
	if !wellFormed(token, prefixOperatorLink) {
		return "", ErrNotFound
	}
	l, err := s.store.OperatorLink(ctx, hashOf(token), s.wallNow())
	return l.Email, err
}

// OperatorSignIn uses the link up and starts a session.
//
// Errors: ErrNotFound if the link was used, has expired, never was, or is of
// somebody who is no operator any more.
func (s *Service) OperatorSignIn(ctx context.Context, token string) (session string, err error) {
	if !wellFormed(token, prefixOperatorLink) {
		return "", ErrNotFound
	}
	now := s.wallNow()
	err = s.store.InTx(ctx, func(tx Tx) error {
		link, err := tx.UseOperatorLink(ctx, hashOf(token), now)
		if err != nil {
			return err
		}
		if !s.isOperator(link.Email) {
			return ErrNotFound
		}
		session = s.newSecret(prefixOperator)
		return tx.InsertOperatorSession(ctx, OperatorSession{
			ID: s.newID("ops_"), Hash: hashOf(session), Email: link.Email, CreatedAt: now, ExpiresAt: now.Add(operatorLife),
		})
	})
	return session, err
}

// Operator finds out which operator is behind a session token. Who is taken off
// the list is out with the next call.
//
// Errors: ErrUnauthorized.
func (s *Service) Operator(ctx context.Context, token string) (Principal, error) {
	if !wellFormed(token, prefixOperator) {
		return Principal{}, ErrUnauthorized
	}
	ses, err := s.store.OperatorSession(ctx, hashOf(token), s.wallNow())
	if errors.Is(err, ErrNotFound) || err == nil && !s.isOperator(ses.Email) {
		return Principal{}, ErrUnauthorized
	}
	if err != nil {
		return Principal{}, err
	}
	return Principal{
		Actor: Actor{Kind: KindOperator, ID: operatorID(ses.Email), Name: ses.Email, CredentialID: ses.ID},
		Email: ses.Email, SignedInAt: ses.CreatedAt,
	}, nil
}

// operatorID is a stable name that goes into logs, which an address does not.
func operatorID(email string) string {
	sum := sha256.Sum256([]byte("countersign/operator/v1\x00" + email))
	return "opr_" + hex.EncodeToString(sum[:13])
}

// OperatorSignOut revokes the session.
func (s *Service) OperatorSignOut(ctx context.Context, p Principal) error {
	return s.store.RevokeOperatorSession(ctx, p.CredentialID, s.wallNow())
}
