package billing

import (
	"context"
	"slices"
	"time"
)

// LimitTx: requests for higher limits.
type LimitTx interface {
	// PutLimitRequest stores r, or joins it to the org's open request of the same
	// kind: one more ask, by r's asker, with what r says and the earlier one does
	// not. It returns the request as stored; its ID is r's if it is a new one.
	PutLimitRequest(ctx context.Context, r LimitRequest) (LimitRequest, error)
	// LimitRequests of the org, newest first, before the given id ("" for the
	// first page).
	LimitRequests(ctx context.Context, orgID, before string, limit int) ([]LimitRequest, error)
}

// LimitState is where a request for a higher limit stands.
type LimitState string

// The states. Only open ones can be answered, once.
const (
	LimitOpen     LimitState = "open"
	LimitGranted  LimitState = "granted"
	LimitDeclined LimitState = "declined"
)

// LimitRequest is an org's wish for more of something. It changes nothing by
// itself: an operator grants or declines it.
type LimitRequest struct {
	ID      string // lir_…
	OrgID   string
	Kind    string // a resource of the catalogue, or one of limitKinds
	Plan    string // in force when it was last asked
	Desired int64  // the cap that is wished for; 0: not said
	Reason  string // in the asker's words; may be empty
	Asker   Actor  // the last one
	Asks    int    // how often it was asked
	State   LimitState
	// CreatedAt is the first ask, AskedAt the last.
	CreatedAt, AskedAt time.Time
	Answer             *LimitAnswer // nil while it is open
}

// LimitAnswer is what an operator decided.
type LimitAnswer struct {
	By     Actor     `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	// The rest is of a grant: the resource, its cap and how long that holds; zero
	// is for good.
	Resource string    `json:"resource,omitempty"`
	Cap      Limit     `json:"cap,omitzero"`
	Until    time.Time `json:"until,omitzero"`
}

// LimitAsk is what somebody says who wants more.
type LimitAsk struct {
	Kind    string // empty: other
	Desired int64  // 0: not said
	Reason  string // cut to 500 characters
}

const (
	kindOther      = "other"
	maxLimitReason = 500
)

// limitKinds can be asked for whatever the catalogue has.
var limitKinds = []string{"agents", "workspaces", "rows", kindOther}

// ErrUnknownKind: there is no such thing to ask more of.
var ErrUnknownKind = &Error{Kind: KindInvalid, Code: "unknown_kind", Message: "There is no such limit."}

// AskForMore registers that the caller's org wants a higher limit. Every member
// may, and agents with billing:request. Asking again while the request is open
// joins it.
//
// Errors: ErrForbidden for a host key, ErrScope, ErrKeyPaused, ErrUnknownKind,
// ErrInvalid.
func (s *Service) AskForMore(ctx context.Context, p Principal, ask LimitAsk) (LimitRequest, error) {
	if err := mayAskForMore(p); err != nil {
		return LimitRequest{}, err
	}
	if ask.Kind == "" {
		ask.Kind = kindOther
	}
	if kinds := s.LimitKinds(); !slices.Contains(kinds, ask.Kind) {
		return LimitRequest{}, ErrUnknownKind.With("field", "kind").With("kinds", kinds)
	}
	if ask.Desired < 0 || ask.Desired > maxLimit {
		return LimitRequest{}, ErrInvalid.Say("The desired value must be a whole number from 1 to %d.", int64(maxLimit)).With("field", "desiredValue")
	}
	now := s.Now()
	r := LimitRequest{
		ID: s.newID("lir_"), OrgID: p.OrgID, Kind: ask.Kind, Desired: ask.Desired, Reason: cutReason(ask.Reason), Asker: p.Actor, Asks: 1,
		State: LimitOpen, CreatedAt: now, AskedAt: now,
	}
	err := s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, p.OrgID); err != nil {
			return err
		}
		stored, err := s.placeAsk(ctx, tx, r)
		if err == nil {
			r = stored
		}
		return err
	})
	return r, err
}

func mayAskForMore(p Principal) error {
	switch {
	case p.Kind != KindHuman && p.Kind != KindMember && p.Kind != KindAgent:
		return ErrForbidden
	case !p.Can(ScopeRequest):
		return ErrScope.With("scope", ScopeRequest)
	case p.Paused:
		return ErrKeyPaused
	}
	return nil
}

// placeAsk writes the first ask of a request down; the others are counted.
func (s *Service) placeAsk(ctx context.Context, tx Tx, r LimitRequest) (LimitRequest, error) {
	org, err := tx.Org(ctx, r.OrgID)
	if err != nil {
		return r, err
	}
	sub, err := tx.Subscription(ctx, r.OrgID)
	if err != nil {
		return r, err
	}
	r.Plan = s.planOf(org, sub).ID
	stored, err := tx.PutLimitRequest(ctx, r)
	if err != nil || stored.ID != r.ID {
		return stored, err
	}
	facts := map[string]any{"kind": r.Kind, "plan": r.Plan}
	if r.Desired > 0 {
		facts["desired"] = r.Desired
	}
	return stored, s.audit(ctx, tx, r.OrgID, r.Asker, "limit.requested", r.ID, facts)
}

// LimitKinds lists what can be asked for: the catalogue's resources and a few
// words that always can.
func (s *Service) LimitKinds() []string {
	kinds := make([]string, 0, len(s.catalog.Resources)+len(limitKinds))
	for _, r := range s.catalog.Resources {
		kinds = append(kinds, r.ID)
	}
	for _, k := range limitKinds {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// cutReason is cleanReason for a longer text.
func cutReason(text string) string {
	out := cleanText(text)
	return string(out[:min(len(out), maxLimitReason)])
}

// LimitRequests lists the org's requests, newest first, before the given id.
//
// Errors: ErrForbidden for a host key, ErrScope.
func (s *Service) LimitRequests(ctx context.Context, p Principal, before string, limit int) ([]LimitRequest, error) {
	if err := p.mayRead(); err != nil {
		return nil, err
	}
	return s.store.LimitRequests(ctx, p.OrgID, before, limit)
}
