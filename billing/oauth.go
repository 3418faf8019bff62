package billing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

// OAuthToken is what a checked access token says.
type OAuthToken struct {
	Issuer, Subject string
	OrgID           string
	Client          string // the program that it was given to, as the issuer calls it
	Scopes          []string
}

// OAuthAgent finds out which agent is behind an access token that was checked.
// The agent has a row among the org's keys from its first call on, so that
// owners see it and can pause or revoke it; no key opens that row. What it may
// do is what the token of the moment says.
//
// Errors: ErrUnauthorized if there is no such org, or the agent was revoked.
func (s *Service) OAuthAgent(ctx context.Context, t OAuthToken) (Principal, error) {
	hash := hashOf("countersign/oauth/v1\x00" + t.Issuer + "\x00" + t.OrgID + "\x00" + t.Subject)
	p, err := s.keyPrincipal(ctx, hash)
	if errors.Is(err, ErrUnauthorized) {
		p, err = s.firstCall(ctx, t, hash)
	}
	p.Scopes = grantable(t.Scopes)
	return p, err
}

// firstCall makes the agent's row, unless it was revoked.
func (s *Service) firstCall(ctx context.Context, t OAuthToken, hash []byte) (Principal, error) {
	if _, err := s.store.Org(ctx, t.OrgID); errors.Is(err, ErrNotFound) {
		return Principal{}, ErrUnauthorized
	} else if err != nil {
		return Principal{}, err
	}
	c := Credential{
		ID: s.newID("key_"), Kind: KindAgent, OrgID: t.OrgID, PrincipalID: t.principal(), Name: t.name(), Hash: hash,
		Prefix: "oauth", Scopes: grantable(t.Scopes), CreatedBy: t.Issuer, CreatedAt: s.wallNow(),
	}
	old, err := s.store.KeysOf(ctx, t.OrgID, c.PrincipalID)
	if err != nil {
		return Principal{}, err
	}
	if slices.ContainsFunc(old, func(k Credential) bool { return bytes.Equal(k.Hash, hash) && k.State() == KeyRevoked }) {
		return Principal{}, ErrUnauthorized
	}
	if err = s.store.InsertCredential(ctx, c); err == nil {
		return s.keyPrincipal(ctx, hash)
	}
	if p, again := s.keyPrincipal(ctx, hash); again == nil { // another call was first
		return p, nil
	}
	return Principal{}, err
}

// grantable are the scopes that mean something here.
func grantable(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s != ScopeRead && s != ScopeRequest })
}

// principal names the agent for good: by its issuer and what the issuer calls
// it. A name that would not do in an address is replaced by its digest.
func (t OAuthToken) principal() string {
	issuer, subject := sha256.Sum256([]byte(t.Issuer)), t.Subject
	odd := func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_.@", r))
	}
	if len(subject) > 100 || strings.ContainsFunc(subject, odd) {
		digest := sha256.Sum256([]byte(subject))
		subject = hex.EncodeToString(digest[:16])
	}
	return "oauth:" + hex.EncodeToString(issuer[:6]) + ":" + subject
}

// name is what people see: never more than a line, and never empty.
func (t OAuthToken) name() string {
	if name, err := cleanName(t.Client, "client_id"); err == nil {
		return name
	}
	return "OAuth client"
}
