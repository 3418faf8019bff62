package billing

import (
	"context"
	"errors"
	"time"
)

// sealedLife is how long a page may be open before its price is asked for again.
const sealedLife = 15 * time.Minute

// Request is a request for approval with everything that its page shows.
type Request struct {
	Approval     Approval
	Org          Org
	Subscription Subscription
	From, To     Plan
	// Quote is fresh for a pending request and the agreed one otherwise.
	Quote            Quote
	Sealed, OpDigest string // for the form; empty when there is nothing to press
	CanDecide        bool
	Deciders         []Membership // who can, for those who cannot
	Record           AskRecord    // how the agent's earlier requests ended
	Key              Credential
	Previous         *Quote // the quote that was pressed, when the price has changed
	StripeDown       bool   // no fresh price to be had: nothing can be approved now
	Outdated         bool   // the subscription has moved on: only a denial makes sense
	// Blocked says what has to be done first, such as paying an open invoice.
	Blocked   error
	Usage     []Usage // against the caps of the plan that it leads to
	Overrides []Override
	Now       time.Time
}

// requestFor finds a request for a person, in whichever of their orgs it is,
// with the role they have there. A foreign org's request is not found.
func (s *Service) requestFor(ctx context.Context, p Principal, id string) (Principal, Approval, error) {
	if p.Kind != KindHuman {
		return p, Approval{}, ErrNotFound
	}
	orgID, err := s.store.ApprovalOrg(ctx, id, p.ID)
	if err != nil {
		return p, Approval{}, err
	}
	if orgID != p.OrgID {
		orgs, err := s.store.Memberships(ctx, p.ID)
		if err != nil {
			return p, Approval{}, err
		}
		p.Role = ""
		for _, m := range orgs {
			if m.OrgID == orgID {
				p.OrgID, p.OrgName, p.Role = m.OrgID, m.OrgName, m.Role
			}
		}
	}
	a, err := s.store.Approval(ctx, orgID, id)
	if err != nil {
		return p, a, err
	}
	now, err := s.store.Now(ctx)
	return p, a.At(now), err
}

// OpenRequest reads a request for its page. It writes nothing: mail scanners
// and link previews open every link.
//
// Errors: ErrNotFound for an unknown id and for a foreign org's alike.
func (s *Service) OpenRequest(ctx context.Context, p Principal, id string) (Request, error) {
	p, a, err := s.requestFor(ctx, p, id)
	if err != nil {
		return Request{}, err
	}
	r := Request{Approval: a, Quote: a.Quote, CanDecide: p.CanManage(), Now: s.Now()}
	r.From, _ = s.catalog.Plan(a.Quote.FromPlan)
	r.To, _ = s.catalog.Plan(a.Quote.ToPlan)
	over, err := s.store.Overview(ctx, a.OrgID)
	if err != nil {
		return r, err
	}
	r.Org, r.Subscription = over.Org, over.Subscription
	r.To, r.From = r.To.With(a.Quote.ToUnits), r.From.With(a.Quote.FromUnits)
	r.Usage, r.Overrides = s.usageAgainst(r.To, over, r.Now), over.Overrides
	if r.Key, err = s.store.Credential(ctx, a.OrgID, a.Actor.CredentialID); err != nil && !errors.Is(err, ErrNotFound) {
		return r, err
	}
	if !r.CanDecide {
		if r.Deciders, err = s.deciders(ctx, a.OrgID); err != nil {
			return r, err
		}
	}
	if a.State != ApprovalPending {
		return r, nil
	}
	counts, err := s.store.CountApprovals(ctx, a.OrgID, a.Actor.ID, r.Now.AddDate(0, -3, 0))
	if err != nil {
		return r, err
	}
	r.Record = recordOf(counts)
	return r, s.price(ctx, p, &r)
}

// price puts a fresh quote into a pending request, sealed for the person's form.
func (s *Service) price(ctx context.Context, p Principal, r *Request) error {
	if s.processor == nil && r.Approval.Change().Action != ActionStartTrial {
		r.StripeDown = true
		return nil
	}
	if err := s.stillAsked(r.Org, r.Subscription, r.Approval.Change()); errors.Is(err, ErrOutdated) {
		r.Outdated = true
		return nil
	} else if err != nil {
		r.Blocked = err
		return nil //nolint:nilerr // the page says what stands in the way
	}
	q, err := s.quote(ctx, r.Subscription, r.Approval.Change(), r.Now)
	if errors.Is(err, ErrStripeUnavailable) {
		r.StripeDown = true
		return nil
	}
	if err != nil {
		return err
	}
	r.Quote = q
	r.From, _ = s.catalog.Plan(q.FromPlan)
	r.From, r.To = r.From.With(q.FromUnits), r.To.With(q.ToUnits)
	if r.CanDecide {
		r.OpDigest = r.Approval.opDigest(q)
		r.Sealed = s.sealer.seal(&sealedQuote{Purpose: approvePurpose(r.Approval.ID), Holder: p.CredentialID, Until: r.Now.Add(sealedLife), Quote: q})
	}
	return nil
}

func recordOf(counts map[ApprovalState]int) AskRecord {
	return AskRecord{
		Approved:   counts[ApprovalSucceeded] + counts[ApprovalApproved] + counts[ApprovalExecuting] + counts[ApprovalFailed] + counts[ApprovalIndeterminate],
		Denied:     counts[ApprovalDenied],
		Unanswered: counts[ApprovalExpired],
	}
}

// deciders are the members who may decide.
func (s *Service) deciders(ctx context.Context, orgID string) ([]Membership, error) {
	members, err := s.store.Members(ctx, orgID)
	var can []Membership
	for _, m := range members {
		if m.Role.CanManage() {
			can = append(can, m)
		}
	}
	return can, err
}

// MarkOpened notes that somebody who can decide has the page before them. The
// page itself says so by a POST of its own; a GET never writes.
func (s *Service) MarkOpened(ctx context.Context, p Principal, id string) error {
	p, a, err := s.requestFor(ctx, p, id)
	if err != nil || !p.CanManage() || a.State != ApprovalPending || !a.OpenedAt.IsZero() {
		return err
	}
	return s.store.MarkOpened(ctx, a.OrgID, a.ID, s.Now())
}

// SendToDeciders mails the address of a waiting request to those who can decide
// it. Whoever may read the request may ask for that, and is heard once an hour.
//
// Errors: ErrNotFound, ErrAlreadyDecided.
func (s *Service) SendToDeciders(ctx context.Context, p Principal, id string) error {
	p, a, err := s.requestFor(ctx, p, id)
	if err != nil {
		return err
	}
	if a.State != ApprovalPending {
		return decidedError(a)
	}
	return s.store.InTx(ctx, func(tx Tx) error { return s.mailSent(ctx, tx, a, p.Actor) })
}

// Status is an agent's poll. With wait it answers as soon as something happens,
// and at the latest then. Another principal's request is not found.
//
// Errors: ErrNotFound; ErrSlowDown with the interval to keep.
func (s *Service) Status(ctx context.Context, p Principal, id string, wait time.Duration) (Approval, error) {
	a, err := s.own(ctx, p, id)
	if err != nil {
		return a, err
	}
	if a.State == ApprovalPending {
		if interval, ok := s.pace.poll(id, s.wallNow()); !ok {
			return a, ErrSlowDown.With("interval", int(interval.Seconds())).After(interval)
		}
	}
	if wait <= 0 || !waiting(a.State) {
		return a, nil
	}
	return s.waitForNews(ctx, p, a, wait)
}

func waiting(st ApprovalState) bool {
	return st == ApprovalPending || st == ApprovalApproved || st == ApprovalExecuting
}

func (s *Service) waitForNews(ctx context.Context, p Principal, a Approval, wait time.Duration) (Approval, error) {
	news, stop := s.notifier.Subscribe(a.ID)
	defer stop()
	ctx, cancel := s.waiter.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	for {
		if !s.waiter.Wait(ctx, time.Second, news) { // no longer: time ends a request too, and a wake-up may be lost
			return a, nil
		}
		now, err := s.own(ctx, p, a.ID)
		if ctx.Err() != nil {
			return a, nil
		}
		if err != nil || now.State != a.State {
			return now, err
		}
	}
}

// Interval is how long the agent is to wait between polls of a request.
func (s *Service) Interval(id string) time.Duration { return s.pace.interval(id) }

// own reads a request for the principal that made it.
func (s *Service) own(ctx context.Context, p Principal, id string) (Approval, error) {
	if !p.Can(ScopeRead) {
		return Approval{}, ErrScope.With("scope", ScopeRead)
	}
	a, err := s.store.Approval(ctx, p.OrgID, id)
	if err != nil {
		return a, err
	}
	if a.Actor.ID != p.ID {
		return Approval{}, ErrNotFound
	}
	return a.At(s.Now()), nil
}

// CancelApproval withdraws a request; its own principal may, while it waits.
//
// Errors: ErrNotFound, ErrAlreadyDecided.
func (s *Service) CancelApproval(ctx context.Context, p Principal, id string) (Approval, error) {
	if err := mayPropose(p); err != nil && !errors.Is(err, ErrKeyPaused) {
		return Approval{}, err
	}
	a, err := s.own(ctx, p, id)
	if err != nil {
		return a, err
	}
	if a.State == ApprovalCanceled {
		return a, nil
	}
	if a.State != ApprovalPending {
		return a, decidedError(a)
	}
	won := false
	a.State, a.DecidedBy = ApprovalCanceled, p.Actor
	err = s.store.InTx(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		a.DecidedAt = now
		if won, err = tx.EndApproval(ctx, a); err != nil || !won {
			return err
		}
		if err = tx.KillTokens(ctx, a.ID, now); err != nil {
			return err
		}
		if err = s.audit(ctx, tx, a.OrgID, p.Actor, "approval.canceled", a.ID, nil); err != nil {
			return err
		}
		return s.emitDecided(ctx, tx, a)
	})
	if err != nil {
		return a, err
	}
	s.notifier.Notify(ctx, id)
	if a, err = s.own(ctx, p, id); err == nil && !won {
		err = decidedError(a)
	}
	return a, err
}

// Approvals lists requests, newest first: an agent's own, or a person's org's.
func (s *Service) Approvals(ctx context.Context, p Principal, f ApprovalFilter) ([]Approval, error) {
	if !p.Can(ScopeRead) {
		return nil, ErrScope.With("scope", ScopeRead)
	}
	if p.Kind == KindAgent {
		f.PrincipalID = p.ID
	}
	list, err := s.store.Approvals(ctx, p.OrgID, f)
	now := s.Now()
	for i := range list {
		list[i] = list[i].At(now)
	}
	return list, err
}
