package billing

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"
)

const (
	signInLife    = 15 * time.Minute
	sessionIdle   = 12 * time.Hour
	sessionLife   = 14 * 24 * time.Hour
	freshSession  = 15 * time.Minute
	mailTimeout   = 30 * time.Second
	touchInterval = time.Minute // bookkeeping of "last used" is no finer than this
)

// RequestSignIn mails a single-use link to the address if somebody with access
// has it. It answers the same either way, so that nobody learns who is known.
//
// Errors: ErrInvalid if the text is not an email address.
func (s *Service) RequestSignIn(ctx context.Context, email, next string) error {
	email, err := normalEmail(email)
	if err != nil {
		return err
	}
	// Everything else is done behind the answer: how long it takes, or that the
	// mail server fails, would tell who is known.
	ctx = context.WithoutCancel(ctx)
	s.background(func() {
		ctx, cancel := context.WithTimeout(ctx, mailTimeout)
		defer cancel()
		s.must("sign-in mail", s.mailSignIn(ctx, email, next))
	})
	return nil
}

func (s *Service) mailSignIn(ctx context.Context, email, next string) error {
	user, err := s.store.UserByEmail(ctx, email)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	url, expires, err := s.SignInURL(ctx, user.Email, next, signInLife)
	if err != nil {
		return err
	}
	return s.sendSignIn(ctx, user, SignIn{URL: url, Expires: expires})
}

// SignInURL makes a single-use sign-in link for an address. It is for mail and
// for the demo's own mailbox; whoever has the link is that person.
func (s *Service) SignInURL(ctx context.Context, email, next string, life time.Duration) (url string, expires time.Time, err error) {
	return s.signInURL(ctx, s.store, SignInLink{Email: email, Next: next}, life)
}

func (s *Service) signInURL(ctx context.Context, tx Tx, l SignInLink, life time.Duration) (url string, expires time.Time, err error) {
	token, now := s.newSecret(prefixSignIn), s.wallNow()
	l.Hash, l.CreatedAt, l.ExpiresAt = hashOf(token), now, now.Add(life)
	return s.baseURL + "/login/" + token, l.ExpiresAt, tx.InsertSignInLink(ctx, l)
}

func normalEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	addr, err := mail.ParseAddress(email)
	if err != nil || addr.Address != email || len(email) > 254 {
		return "", ErrInvalid.Say("This is not an email address.").With("field", "email")
	}
	return email, nil
}

// PeekSignIn reads whom a link signs in, without using it up: mail scanners
// open links, so a GET only shows a button.
func (s *Service) PeekSignIn(ctx context.Context, token string) (email string, err error) {
	if !wellFormed(token, prefixSignIn) {
		return "", ErrNotFound
	}
	l, err := s.store.SignInLink(ctx, hashOf(token), s.wallNow())
	return l.Email, err
}

// SignIn uses the link up and starts a session under a new token.
//
// Errors: ErrNotFound if the link was used, has expired or never was.
func (s *Service) SignIn(ctx context.Context, token string) (session, next string, err error) {
	if !wellFormed(token, prefixSignIn) {
		return "", "", ErrNotFound
	}
	now := s.wallNow()
	err = s.store.InTx(ctx, func(tx Tx) error {
		link, err := tx.UseSignInLink(ctx, hashOf(token), now)
		if err != nil {
			return err
		}
		user, err := tx.UserByEmail(ctx, link.Email)
		if err != nil {
			return err
		}
		orgs, err := tx.Memberships(ctx, user.ID)
		if err != nil {
			return err
		}
		if link.OrgID != "" {
			orgs = slices.DeleteFunc(orgs, func(m Membership) bool { return m.OrgID != link.OrgID })
		}
		if len(orgs) == 0 {
			return ErrNotFound
		}
		session, next = s.newSecret(prefixSession), link.Next
		return tx.InsertSession(ctx, Session{
			ID: s.newID("ses_"), Hash: hashOf(session), UserID: user.ID, OrgID: orgs[0].OrgID,
			CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(sessionLife),
		})
	})
	return session, next, err
}

// Session finds out who is behind a session token, with the role they have at
// this moment. Errors: ErrUnauthorized.
func (s *Service) Session(ctx context.Context, token string) (Principal, error) {
	return s.session(ctx, token, Store.SessionPrincipal)
}

// SessionOverview is Session for a page about the org: what the summary is made
// of is read in the same statement.
func (s *Service) SessionOverview(ctx context.Context, token string) (Principal, error) {
	return s.session(ctx, token, Store.SessionOverview)
}

// SessionRecent is SessionOverview for a page that also lists what is new in the
// org: Recent has it without another statement.
func (s *Service) SessionRecent(ctx context.Context, token string, most RecentLimits) (Principal, error) {
	return s.session(ctx, token, readRecent(most))
}

// sessionReader reads who is behind a session, and when it was last seen.
type sessionReader func(s Store, ctx context.Context, hash []byte, now, idleSince time.Time) (Principal, time.Time, error)

func readRecent(most RecentLimits) sessionReader {
	return func(s Store, ctx context.Context, hash []byte, now, idleSince time.Time) (Principal, time.Time, error) {
		return s.SessionRecent(ctx, hash, now, idleSince, most)
	}
}

type unattended struct{}

// Unattended is for what a page asks by itself: it does not count as the person's
// use of the session, which may end while the page is open.
func Unattended(ctx context.Context) context.Context {
	return context.WithValue(ctx, unattended{}, true)
}

// session lets somebody in, which is a use of their session.
func (s *Service) session(ctx context.Context, token string, read sessionReader) (Principal, error) {
	p, seen, err := s.readSession(ctx, token, read)
	if now := s.wallNow(); err == nil && now.Sub(seen) >= touchInterval && ctx.Value(unattended{}) == nil {
		s.must("note a session's use", s.store.TouchSession(ctx, p.CredentialID, now))
	}
	return p, err
}

func (s *Service) readSession(ctx context.Context, token string, read sessionReader) (p Principal, seen time.Time, err error) {
	if !wellFormed(token, prefixSession) {
		return p, seen, ErrUnauthorized
	}
	now := s.wallNow()
	p, seen, err = read(s.store, ctx, hashOf(token), now, now.Add(-sessionIdle))
	if errors.Is(err, ErrNotFound) {
		return Principal{}, seen, ErrUnauthorized
	}
	return p, seen, err
}

// SignOut revokes the session, so that a copied cookie dies with it.
func (s *Service) SignOut(ctx context.Context, p Principal) error {
	return s.store.RevokeSession(ctx, p.CredentialID, s.wallNow())
}

// SwitchOrg makes another of the person's orgs the one they look at.
func (s *Service) SwitchOrg(ctx context.Context, p Principal, orgID string) error {
	orgs, err := s.store.Memberships(ctx, p.ID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(orgs, func(m Membership) bool { return m.OrgID == orgID }) {
		return ErrNotFound
	}
	return s.store.SetSessionOrg(ctx, p.CredentialID, orgID)
}

// Memberships lists the orgs of the person who is signed in.
func (s *Service) Memberships(ctx context.Context, p Principal) ([]Membership, error) {
	return s.store.Memberships(ctx, p.ID)
}

// Members lists the people of the caller's org.
func (s *Service) Members(ctx context.Context, p Principal) ([]Membership, error) {
	return s.store.Members(ctx, p.OrgID)
}

// Authenticate finds out who is behind an API key. A key that cannot be one is
// refused without a look at the database. Errors: ErrUnauthorized.
func (s *Service) Authenticate(ctx context.Context, key string) (Principal, error) {
	if !wellFormed(key, prefixAgent, prefixMember, prefixHost) {
		return Principal{}, ErrUnauthorized
	}
	if strings.HasPrefix(key, prefixHost) {
		return s.authenticateHost(ctx, key)
	}
	return s.keyPrincipal(ctx, hashOf(key))
}

// AuthenticateOverview is Authenticate for a call about the org: what the
// summary is made of is read in the same statement, if it is an agent's.
func (s *Service) AuthenticateOverview(ctx context.Context, key string) (Principal, error) {
	if !wellFormed(key, prefixAgent) {
		return s.Authenticate(ctx, key)
	}
	return s.behind(ctx, hashOf(key), Store.AgentOverview)
}

func (s *Service) keyPrincipal(ctx context.Context, hash []byte) (Principal, error) {
	return s.behind(ctx, hash, Store.KeyPrincipal)
}

func (s *Service) behind(ctx context.Context, hash []byte, read func(s Store, ctx context.Context, hash []byte) (Principal, time.Time, error)) (Principal, error) {
	p, used, err := read(s.store, ctx, hash)
	if errors.Is(err, ErrNotFound) {
		return Principal{}, ErrUnauthorized
	}
	if err != nil {
		return Principal{}, err
	}
	if now := s.wallNow(); now.Sub(used) >= touchInterval {
		s.must("note a key's use", s.store.TouchCredential(ctx, p.CredentialID, now))
	}
	return p, nil
}

// NewKey is what IssueKey needs to know.
type NewKey struct {
	Kind        PrincipalKind // agent, member or host
	OrgID       string        // empty for a host key
	PrincipalID string        // empty: a new agent
	Name        string
	Scopes      []string
	CreatedBy   string
}

// IssueKey makes an API key. The secret is returned once and only its hash kept.
func (s *Service) IssueKey(ctx context.Context, n NewKey) (Credential, string, error) {
	prefix := prefixOf(n.Kind)
	if prefix == "" {
		return Credential{}, "", ErrInvalid.Say("There are keys for agents, members and hosts.")
	}
	if n.PrincipalID == "" {
		n.PrincipalID = s.newID("agt_")
	}
	secret := s.newSecret(prefix)
	c := Credential{
		ID: s.newID("key_"), Kind: n.Kind, OrgID: n.OrgID, PrincipalID: n.PrincipalID, Name: n.Name, Hash: hashOf(secret),
		Prefix: secret[:shownChars], Scopes: n.Scopes, CreatedBy: n.CreatedBy, CreatedAt: s.wallNow(),
	}
	return c, secret, s.store.InsertCredential(ctx, c)
}

func prefixOf(kind PrincipalKind) string {
	return map[PrincipalKind]string{KindAgent: prefixAgent, KindMember: prefixMember, KindHost: prefixHost}[kind]
}

// AddOrg creates an org on the free plan.
func (s *Service) AddOrg(ctx context.Context, name string, designPartner bool) (Org, error) {
	org := Org{ID: s.newID("org_"), Name: name, DesignPartner: designPartner, CreatedAt: s.Now()}
	return org, s.store.InsertOrg(ctx, org, s.catalog.Free().ID)
}

// AddMember gives a person a role in an org, and makes the person known.
func (s *Service) AddMember(ctx context.Context, orgID, email, name string, role Role) (User, error) {
	email, err := normalEmail(email)
	if err != nil {
		return User{}, err
	}
	return s.store.PutMember(ctx, orgID, User{ID: s.newID("usr_"), Email: email, Name: name, CreatedAt: s.wallNow()}, role)
}

// FormToken binds a form to the session it was shown in and to its purpose.
func (s *Service) FormToken(p Principal, purpose string) string {
	mac := s.sealer.mac("countersign/form/v1", p.CredentialID+"\x00"+purpose)
	return base64.RawURLEncoding.EncodeToString(mac)
}

// CheckFormToken reports whether the token was made by FormToken for the same
// session and purpose.
func (s *Service) CheckFormToken(p Principal, purpose, token string) bool {
	return hmac.Equal([]byte(s.FormToken(p, purpose)), []byte(token))
}

// NewNonce makes the one-time value that a money form carries: three clicks
// send it three times and one change is made.
func (s *Service) NewNonce() string { return s.newID("nonce_") }

func (s *Service) wallNow() time.Time { return s.wall.Now().UTC().Truncate(time.Microsecond) }
