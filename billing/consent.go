package billing

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
)

// The consent engine: an agent's wish becomes a request, and a request becomes
// an intent only by a token that comes back in time or by a person's press.

// The limits of asking, and the lives of what is asked.
const (
	tokenLife      = time.Minute
	webLife        = 24 * time.Hour
	minWebLife     = 5 * time.Minute
	maxWebLife     = 7 * 24 * time.Hour
	maxPerHour     = 10
	maxPerDay      = 30
	maxPendingEach = 3  // per principal
	maxPendingOrg  = 10 // per org
	maxWrongTokens = 5  // in wrongTokenSpan
	wrongTokenSpan = 10 * time.Minute
	cooldown       = 15 * time.Minute // after a denial of the same change
	denialsToPause = 3                // in a day
	maxReason      = 280              // runes
)

// operation is everything that is agreed to, in one canonical document. The
// form, the execution and the record speak of its digest and of nothing else.
type operation struct {
	Org        string    `json:"org"`
	Approval   string    `json:"approval"`
	Nonce      string    `json:"nonce"`
	Kind       string    `json:"principal_kind"`
	Principal  string    `json:"principal"`
	Credential string    `json:"credential"`
	Action     Action    `json:"action"`
	Plan       string    `json:"plan"`
	Units      *int64    `json:"additional_capacity_units,omitempty"` // of a change of capacity
	Quote      *Quote    `json:"quote,omitempty"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
}

// base is what never changes under a request's id.
func (a Approval) base() operation {
	op := operation{
		Org: a.OrgID, Approval: a.ID, Nonce: a.Nonce, Kind: string(a.Actor.Kind), Principal: a.Actor.ID,
		Credential: a.Actor.CredentialID, Action: a.Change().Action, Plan: a.Change().Plan,
	}
	if c := a.Change(); c.Action.capacity() {
		op.Units = &c.Units
	}
	return op
}

func (a Approval) baseDigest() string {
	return hex.EncodeToString(digest("countersign/operation-base/v1", a.base()))
}

// opDigest is the digest of the whole operation with the given quote.
func (a Approval) opDigest(q Quote) string {
	op := a.base()
	op.Quote, op.ExpiresAt = &q, a.ExpiresAt
	return hex.EncodeToString(digest("countersign/operation/v1", op))
}

// ask writes down what an agent wants and what it would cost. An identical ask
// is answered with the same request; one with other parameters replaces it.
func (s *Service) ask(ctx context.Context, p Principal, org Org, sub Subscription, c Change, pr Proposal) (Outcome, error) {
	quote, err := s.quote(ctx, sub, c, s.Now())
	if err != nil {
		return Outcome{}, err
	}
	mode := pr.Mode
	if mode == "" {
		mode = ModeChat
	}
	key, err := s.store.Credential(ctx, p.OrgID, p.CredentialID)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Status: StatusWebApproveRequired, Plan: sub.Plan}
	if mode == ModeChat {
		out.Status, out.Token = StatusConfirmationRequired, s.newSecret(prefixConsent)
	}
	err = s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, p.OrgID); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		a := Approval{
			ID: s.newID("apr_"), OrgID: p.OrgID, State: ApprovalPending, Mode: mode, Actor: p.Actor, KeyPrefix: key.Prefix,
			KeyBy: key.CreatedBy, Reason: cleanReason(pr.Reason), Quote: quote, Nonce: s.newID(""), CreatedAt: now,
			ExpiresAt: now.Add(lifeOf(mode, pr.ExpiresIn)),
		}
		if a, err = s.place(ctx, tx, a); err != nil {
			return err
		}
		out.Approval = &a
		if out.Token == "" {
			return nil
		}
		return tx.InsertToken(ctx, ConfirmToken{
			Hash: hashOf(out.Token), OrgID: a.OrgID, ApprovalID: a.ID, PrincipalID: p.ID, CredentialID: p.CredentialID,
			CreatedAt: now, ExpiresAt: now.Add(tokenLife),
		})
	})
	if err != nil {
		return Outcome{}, err
	}
	if old := out.Approval.ReplacedBy; old != "" {
		// place put the replaced request's id here for its waiters to be woken.
		out.Approval.ReplacedBy = ""
		s.notifier.Notify(ctx, old)
	}
	return out, nil
}

func lifeOf(m Mode, seconds int) time.Duration {
	switch {
	case m == ModeChat:
		return tokenLife
	case seconds == 0:
		return webLife
	}
	return min(max(time.Duration(seconds)*time.Second, minWebLife), maxWebLife)
}

// place puts a request among the org's pending ones: it joins an identical one,
// supersedes one for the same action, or takes a free place.
func (s *Service) place(ctx context.Context, tx Tx, a Approval) (Approval, error) {
	pending, err := tx.Approvals(ctx, a.OrgID, ApprovalFilter{State: ApprovalPending, Limit: 100})
	if err != nil {
		return a, err
	}
	mine, all := 0, 0
	var standing *Approval
	for _, old := range pending {
		switch {
		case old.At(a.CreatedAt).State == ApprovalExpired:
			old.State, old.DecidedAt = ApprovalExpired, old.ExpiresAt
			if err = s.end(ctx, tx, old, systemActor(), nil); err != nil {
				return a, err
			}
			continue
		case old.Actor.ID == a.Actor.ID && old.Change().Action == a.Change().Action:
			standing = &old
			continue // replaced or joined, so it takes no place of its own
		case old.Actor.ID == a.Actor.ID:
			mine++
		}
		all++
	}
	if standing != nil && standing.Change() == a.Change() && standing.Actor.CredentialID == a.Actor.CredentialID {
		return s.join(ctx, tx, *standing, a)
	}
	if err = s.mayAsk(ctx, tx, a, mine, all); err != nil {
		return a, err
	}
	a.BaseDigest, a.OpDigest = a.baseDigest(), a.opDigest(a.Quote)
	replaced := ""
	if standing != nil {
		replaced = standing.ID
		standing.State, standing.DecidedAt, standing.ReplacedBy = ApprovalSuperseded, a.CreatedAt, a.ID
		if err = tx.KillTokens(ctx, standing.ID, a.CreatedAt); err != nil {
			return a, err
		}
		if err = s.end(ctx, tx, *standing, a.Actor, map[string]any{"replaced_by": a.ID}); err != nil {
			return a, err
		}
	}
	if err = tx.InsertApproval(ctx, a); err != nil {
		return a, err
	}
	facts := map[string]any{"action": a.Change().Action, "plan": a.Quote.ToPlan, "mode": a.Mode, "due_now": a.Quote.DueNow}
	if a.Change().Action.capacity() {
		facts["units"] = a.Change().Units
	}
	if err = s.audit(ctx, tx, a.OrgID, a.Actor, "approval.requested", a.ID, facts); err != nil {
		return a, err
	}
	if err = s.mailAsked(ctx, tx, a, a.CreatedAt); err != nil {
		return a, err
	}
	err = s.emitAsked(ctx, tx, a)
	a.ReplacedBy = replaced
	return a, err
}

// end writes down that a request waits no longer and by whom, unless somebody was
// faster.
func (s *Service) end(ctx context.Context, tx Tx, a Approval, by Actor, facts map[string]any) error {
	ended, err := tx.EndApproval(ctx, a)
	if err != nil || !ended {
		return err
	}
	return s.record(ctx, tx, a, by, facts)
}

// record tells the audit log and the host application that a request waits no
// longer.
func (s *Service) record(ctx context.Context, tx Tx, a Approval, by Actor, facts map[string]any) error {
	if err := s.audit(ctx, tx, a.OrgID, by, "approval."+string(a.State), a.ID, facts); err != nil {
		return err
	}
	return s.emitDecided(ctx, tx, a)
}

// join answers an identical ask with the request that stands, at today's price.
// In chat the older token is dead from now on.
func (s *Service) join(ctx context.Context, tx Tx, standing, a Approval) (Approval, error) {
	if err := tx.KillTokens(ctx, standing.ID, a.CreatedAt); err != nil {
		return a, err
	}
	if standing.Mode == ModeChat || a.Mode == ModeChat {
		standing.ExpiresAt = a.ExpiresAt
	}
	standing.Mode, standing.Quote = a.Mode, a.Quote
	if standing.Reason == "" { // words that somebody has read already are not exchanged
		standing.Reason = a.Reason
	}
	standing.OpDigest = standing.opDigest(standing.Quote)
	if _, err := tx.RequoteApproval(ctx, standing); err != nil {
		return standing, err
	}
	return standing, s.mailAsked(ctx, tx, standing, a.CreatedAt) // told of already, unless it was asked in chat
}

// mayAsk holds the limits: a person is asked a bounded number of times, and not
// again what they have just refused.
func (s *Service) mayAsk(ctx context.Context, tx Tx, a Approval, mine, all int) error {
	if mine >= maxPendingEach || all >= maxPendingOrg {
		return ErrTooManyPending.After(time.Minute)
	}
	for _, limit := range []struct {
		span time.Duration
		max  int
	}{{time.Hour, maxPerHour}, {24 * time.Hour, maxPerDay}} {
		counts, err := tx.CountApprovals(ctx, a.OrgID, a.Actor.ID, a.CreatedAt.Add(-limit.span))
		if err != nil {
			return err
		}
		total := 0
		for _, n := range counts {
			total += n
		}
		if total >= limit.max {
			return ErrTooManyAsks.With("limit", limit.max).With("per_seconds", int(limit.span.Seconds())).After(limit.span / 6)
		}
	}
	denied, err := denials(ctx, tx, a, a.CreatedAt.Add(-cooldown))
	if err != nil {
		return err
	}
	for _, d := range denied {
		if d.Change() == a.Change() {
			return ErrCooldown.With("request", d.ID).After(cooldown - a.CreatedAt.Sub(d.DecidedAt))
		}
	}
	return nil
}

// denials are the requests of a's principal that were denied after the time.
func denials(ctx context.Context, tx Tx, a Approval, after time.Time) ([]Approval, error) {
	denied, err := tx.Approvals(ctx, a.OrgID, ApprovalFilter{State: ApprovalDenied, PrincipalID: a.Actor.ID, Limit: 20})
	return slices.DeleteFunc(denied, func(d Approval) bool { return !d.DecidedAt.After(after) }), err
}

// confirm is an agent's second call in chat mode.
func (s *Service) confirm(ctx context.Context, p Principal, pr Proposal) (Outcome, error) {
	a, err := s.redeemable(ctx, p, pr)
	if err != nil {
		return Outcome{}, err
	}
	org, sub, err := s.load(ctx, p.OrgID)
	if err != nil {
		return Outcome{}, err
	}
	quote, err := s.stillHolds(ctx, org, sub, a.Quote)
	if err != nil {
		// What has changed may be this very change, by a twin of this call.
		if _, used := s.redeemable(ctx, p, pr); used != nil {
			return Outcome{}, used
		}
	}
	if errors.Is(err, ErrQuoteChanged) {
		out, err := s.ask(ctx, p, org, sub, a.Change(), Proposal{Mode: ModeChat, Reason: a.Reason})
		out.Changed = &a.Quote
		return out, err
	}
	if err != nil {
		return Outcome{}, err
	}
	i := s.newIntent(sub, p.Actor, p.Actor, AssuranceAgent, quote)
	i.ApprovalID = a.ID
	err = s.store.InTx(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		used, err := tx.UseToken(ctx, hashOf(pr.ConfirmToken), now)
		if err != nil {
			return err
		}
		if !used {
			return s.usedToken(a)
		}
		return s.approve(ctx, tx, a, i, now, "")
	})
	if errors.Is(err, errGuard) {
		return Outcome{}, s.whyNot(ctx, i, "")
	}
	if err != nil {
		return Outcome{}, err
	}
	return s.direct(s.execute(ctx, i))
}

// redeemable checks everything about a token that can be read, and says what is
// wrong with it. The guarded writes afterwards decide.
func (s *Service) redeemable(ctx context.Context, p Principal, pr Proposal) (Approval, error) {
	now, err := s.store.Now(ctx)
	if err != nil {
		return Approval{}, err
	}
	wrong, err := s.store.CountTokenFailures(ctx, p.OrgID, p.ID, now.Add(-wrongTokenSpan))
	if err != nil {
		return Approval{}, err
	}
	if wrong >= maxWrongTokens {
		return Approval{}, ErrConsentLocked.After(wrongTokenSpan)
	}
	tok, err := s.store.Token(ctx, p.OrgID, hashOf(pr.ConfirmToken))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Approval{}, err
	}
	if err != nil || tok.PrincipalID != p.ID || tok.CredentialID != p.CredentialID {
		if err = s.store.InsertTokenFailure(ctx, p.OrgID, p.ID, now); err != nil {
			return Approval{}, err
		}
		return Approval{}, ErrTokenInvalid.With("reason", "unknown")
	}
	a, err := s.store.Approval(ctx, p.OrgID, tok.ApprovalID)
	switch {
	case err != nil:
		return a, err
	case !tok.UsedAt.IsZero(), a.State != ApprovalPending && a.State != ApprovalSuperseded && a.State != ApprovalExpired:
		return a, s.usedToken(a)
	case !tok.DeadAt.IsZero():
		return a, ErrTokenInvalid.With("reason", "superseded")
	case !now.Before(tok.ExpiresAt):
		return a, ErrTokenExpired.With("expired_at", tok.ExpiresAt)
	case !matches(pr, a.Change()):
		if err = s.store.KillTokens(ctx, a.ID, now); err != nil {
			return a, err
		}
		return a, ErrTokenMismatch
	}
	return a, nil
}

// matches reports whether the second call asks for what the first did. A plan or
// a number that is not named means the one that is bound.
func matches(pr Proposal, c Change) bool {
	if pr.Verb != verbOf(c) {
		return false
	}
	return (pr.Plan == "" || pr.Plan == c.Plan) && (pr.Units == nil || *pr.Units == c.Units)
}

// usedToken points to the request, so that an answer that got lost can be
// fetched; it is never run twice.
func (s *Service) usedToken(a Approval) error {
	return ErrTokenInvalid.Say("This confirm_token was used already. Fetch what became of it.").
		With("reason", "used").With("request", a.ID).With("polling_url", s.PollingURL(a.ID))
}

// stillAsked reports whether a change that was asked for earlier is one still.
func (s *Service) stillAsked(org Org, sub Subscription, c Change) error {
	now, out, err := s.resolve(Proposal{Verb: verbOf(c), Plan: c.Plan, Units: &c.Units}, org, sub)
	if err == nil && (out.Status != "" || now != c) {
		return ErrOutdated
	}
	return err
}

// stillHolds asks again for what was shown: the same change, at the same price.
func (s *Service) stillHolds(ctx context.Context, org Org, sub Subscription, shown Quote) (Quote, error) {
	if err := s.stillAsked(org, sub, shown.Change); err != nil {
		return Quote{}, err
	}
	return s.requote(ctx, sub, shown)
}

// verbOf is what leads to a change.
func verbOf(c Change) Verb {
	switch c.Action {
	case ActionScheduleDowngrade:
		return VerbDowngrade
	case ActionIncrease:
		return VerbIncrease
	case ActionReduce:
		return VerbReduce
	case ActionKeepCapacity:
		return VerbKeepCapacity
	case ActionStartTrial:
		return VerbStartTrial
	}
	return VerbUpgrade
}

// errGuard stops a transaction whose guarded UPDATE found nothing to decide.
var errGuard = errors.New("billing: the request can no longer be approved")

// approve is the decision, in the caller's transaction: one guarded UPDATE, the
// intent and the record, together or not at all.
func (s *Service) approve(ctx context.Context, tx Tx, a Approval, i Intent, now time.Time, deciderID string) error {
	won, err := tx.Approve(ctx, Decision{
		OrgID: a.OrgID, ApprovalID: a.ID, At: now, By: i.DecidedBy, Assurance: i.Assurance, Quote: i.Quote,
		OpDigest: a.opDigest(i.Quote), BaseDigest: a.BaseDigest, SubscriptionVersion: i.Quote.SubscriptionVersion,
		DeciderUserID: deciderID, IntentID: i.ID,
	})
	if err != nil {
		return err
	}
	if !won {
		return errGuard
	}
	if won, err = tx.InsertIntent(ctx, i); err != nil {
		return err
	}
	if !won {
		return s.inTheWay(ctx, tx, a.OrgID)
	}
	if err = tx.KillTokens(ctx, a.ID, now); err != nil {
		return err
	}
	facts := map[string]any{"assurance": i.Assurance, "due_now": i.Quote.DueNow, "op_digest": a.opDigest(i.Quote)}
	if err = s.audit(ctx, tx, a.OrgID, i.DecidedBy, "approval.approved", a.ID, facts); err != nil {
		return err
	}
	a.State, a.DecidedBy, a.DecidedAt, a.Quote = ApprovalApproved, i.DecidedBy, now, i.Quote
	if err = s.mailAnswered(ctx, tx, a, false); err != nil {
		return err
	}
	return s.emitDecided(ctx, tx, a)
}

// whyNot reads once what made the guard fail and says so.
func (s *Service) whyNot(ctx context.Context, i Intent, deciderID string) error {
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	a, err := s.store.Approval(ctx, i.OrgID, i.ApprovalID)
	if err != nil {
		return err
	}
	if a = a.At(now); a.State != ApprovalPending {
		return decidedError(a)
	}
	key, err := s.store.Credential(ctx, i.OrgID, a.Actor.CredentialID)
	switch {
	case err != nil:
		return err
	case !key.RevokedAt.IsZero(), !key.PausedAt.IsZero():
		return ErrKeyPaused.Say("The key that asked has been paused or revoked. Nothing was changed.")
	}
	can, err := s.deciders(ctx, i.OrgID)
	switch {
	case err != nil:
		return err
	case deciderID != "" && !slices.ContainsFunc(can, func(m Membership) bool { return m.User.ID == deciderID }):
		return ErrForbidden
	}
	sub, err := s.store.Subscription(ctx, i.OrgID)
	switch {
	case err != nil:
		return err
	case sub.Version != i.Quote.SubscriptionVersion:
		return ErrQuoteChanged
	}
	return s.inTheWay(ctx, s.store, i.OrgID)
}

func decidedError(a Approval) error {
	return ErrAlreadyDecided.With("request", a.ID).With("state", a.State)
}

// Verdict is a person's answer on the approve page.
type Verdict struct {
	Approve      bool
	OpDigest     string // of the page that was pressed
	Sealed       string
	Reason, Note string // of a denial
	// NotMe: "I did not ask for this". It denies and pauses the key.
	NotMe bool
}

// Decide is a person's press on Approve or Deny. Whatever happens, the request
// as it stands afterwards is returned for the page to tell the truth.
//
// Errors: ErrNotFound, ErrForbidden, ErrAlreadyDecided, ErrQuoteChanged (with
// Request.Previous), ErrChangeInProgress, ErrStripeUnavailable.
func (s *Service) Decide(ctx context.Context, p Principal, id string, v Verdict) (Request, error) {
	p, a, err := s.requestFor(ctx, p, id)
	if err != nil {
		return Request{}, err
	}
	if !p.CanManage() {
		return s.showAnyway(ctx, p, a, ErrForbidden)
	}
	if a.State != ApprovalPending {
		return s.showAnyway(ctx, p, a, decidedError(a))
	}
	if v.Approve {
		err = s.approveByPage(ctx, p, a, v)
	} else {
		err = s.deny(ctx, p, a, v)
	}
	s.notifier.Notify(ctx, a.ID)
	r, rerr := s.OpenRequest(ctx, p, id)
	if rerr != nil {
		return r, rerr
	}
	e, _ := errors.AsType[*Error](err)
	switch {
	case e != nil && e.Kind == KindConflict && r.Approval.State != ApprovalPending:
		err = decidedError(r.Approval) // somebody was faster, whatever else that has changed
	case errors.Is(err, ErrQuoteChanged):
		before := a.Quote
		if q, ok := s.sealer.open(v.Sealed, approvePurpose(a.ID), p.CredentialID, s.Now()); ok {
			before = q
		}
		r.Previous = &before
	}
	return r, err
}

func (s *Service) showAnyway(ctx context.Context, p Principal, a Approval, cause error) (Request, error) {
	r, err := s.OpenRequest(ctx, p, a.ID)
	if err != nil {
		return r, err
	}
	return r, cause
}

func (s *Service) approveByPage(ctx context.Context, p Principal, a Approval, v Verdict) error {
	if s.processor == nil && a.Change().Action != ActionStartTrial {
		return ErrStripeNotSet
	}
	shown, ok := s.sealer.open(v.Sealed, approvePurpose(a.ID), p.CredentialID, s.Now())
	if !ok || !hmac.Equal([]byte(v.OpDigest), []byte(a.opDigest(shown))) {
		return ErrQuoteChanged.Say("This page was open for too long. Nothing was charged; look at the price and decide again.")
	}
	org, sub, err := s.load(ctx, a.OrgID)
	if err != nil {
		return err
	}
	quote, err := s.stillHolds(ctx, org, sub, shown)
	if err != nil {
		return err
	}
	i := s.newIntent(sub, a.Actor, p.Actor, assuranceOf(p, s.wallNow()), quote)
	i.ApprovalID, i.Interactive = a.ID, true
	err = s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, a.OrgID); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return s.approve(ctx, tx, a, i, now, p.ID)
	})
	if errors.Is(err, errGuard) {
		return s.whyNot(ctx, i, p.ID)
	}
	if err != nil {
		return err
	}
	_, err = s.execute(ctx, i) // how it ended is kept with the request
	return err
}

func (s *Service) deny(ctx context.Context, p Principal, a Approval, v Verdict) error {
	a.State, a.DecidedBy, a.Assurance = ApprovalDenied, p.Actor, assuranceOf(p, s.wallNow())
	a.Denial = &Denial{Reason: denialReason(v), Note: cleanReason(v.Note)}
	return s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, a.OrgID); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		a.DecidedAt = now
		won, err := tx.EndApproval(ctx, a)
		if err != nil {
			return err
		}
		if !won {
			return ErrAlreadyDecided.With("request", a.ID)
		}
		if err = tx.KillTokens(ctx, a.ID, now); err != nil {
			return err
		}
		denied, err := denials(ctx, tx, a, now.Add(-24*time.Hour))
		if err != nil {
			return err
		}
		paused := v.NotMe || len(denied) >= denialsToPause
		if paused {
			if err = tx.PauseCredential(ctx, a.OrgID, a.Actor.CredentialID, now); err != nil {
				return err
			}
			if err = s.audit(ctx, tx, a.OrgID, p.Actor, "key.paused", a.Actor.CredentialID, map[string]any{"request": a.ID, "name": a.Actor.Name}); err != nil {
				return err
			}
		}
		if err = s.audit(ctx, tx, a.OrgID, p.Actor, "approval.denied", a.ID, map[string]any{"reason": a.Denial.Reason}); err != nil {
			return err
		}
		if err = s.mailAnswered(ctx, tx, a, paused); err != nil {
			return err
		}
		return s.emitDecided(ctx, tx, a)
	})
}

func denialReason(v Verdict) string {
	if v.NotMe {
		return "not_me"
	}
	switch v.Reason {
	case "too_expensive", "not_now", "not_me":
		return v.Reason
	}
	return "other"
}

func approvePurpose(id string) string { return "approve:" + id }

// cleanReason makes an agent's words safe to show beside our own: one run of
// plain text, without characters that hide or turn it round.
func cleanReason(text string) string {
	out := cleanText(text)
	if len(out) > maxReason {
		out = append(out[:maxReason-1], '…')
	}
	return string(out)
}

// cleanText leaves what can be seen of a text, on one line.
func cleanText(text string) []rune {
	text = strings.ToValidUTF8(text, "")
	var out []rune
	space := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = len(out) > 0
			continue
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			continue // Cf holds the bidi controls and the zero-width characters, the last two what else is not seen
		}
		if space {
			out, space = append(out, ' '), false
		}
		out = append(out, r)
	}
	return out
}

// Message is the sentence that an agent shows to its user word for word.
func (s *Service) Message(orgName string, a Approval) string {
	return s.Summarize(orgName, a.Quote) + " Check code " + CheckCode(a.ID) + "."
}

func money(amount int64, currency string) string { return Money{amount, currency}.String() }
func price(p Price) string                       { return p.String() + "/" + p.Interval }
func day(t time.Time) string                     { return t.UTC().Format("2 Jan 2006") }
