package billing

import (
	"context"
	"slices"
	"time"
)

// A change in review is one that nobody knows the end of: Stripe's answer never
// came, and its key is too old to ask again. Nothing here calls Stripe but to
// read. An operator looks, and says what became of it; what Stripe shows bounds
// what may be said.

// ReviewTx: the changes in review.
type ReviewTx interface {
	// Reviews lists them, the oldest first.
	Reviews(ctx context.Context, limit int) ([]Review, error)
	// Review reads an intent by its id, in whatever state and of whichever org.
	Review(ctx context.Context, intentID string) (Review, error)
	// AuditAbout lists the org's newest events about the things, oldest first.
	AuditAbout(ctx context.Context, orgID string, subjects [2]string, limit int) ([]AuditEvent, error)
}

// Review is a change with the org that it is of.
type Review struct {
	Intent
	OrgName string
}

// Sight is what a reading of Stripe shows of a change.
type Sight string

// The sights.
const (
	SightDone   Sight = "done"   // all is as the change wanted it
	SightBefore Sight = "before" // all is as it was when the change was agreed to
	SightOther  Sight = "other"  // neither
)

// ReviewCase is all that there is to know about such a change.
type ReviewCase struct {
	Review
	Subscription Subscription // as last read
	Sight        Sight
	Approval     *Approval
	Invoices     []Invoice    // made since Stripe was asked
	Log          []AuditEvent // about it, oldest first
	Now          time.Time
}

// InReview reports whether an approved change is one of these.
func (a Approval) InReview() bool {
	return a.State == ApprovalIndeterminate && (a.Result == nil || !a.Result.waitsForBank())
}

// Open reports whether nobody knows yet.
func (c ReviewCase) Open() bool { return c.State == IntentNeedsReview }

// The errors of a review.
var (
	ErrReviewed = &Error{Kind: KindConflict, Code: "already_settled", Message: "This change is settled already."}
	// ErrMoved: what was decided on is not there any more.
	ErrMoved = &Error{Kind: KindConflict, Code: "changed_meanwhile", Message: "Something changed at Stripe just now. Look at it again, then decide."}
	// ErrNotAsBefore: that nothing happened must be to be seen.
	ErrNotAsBefore = &Error{Kind: KindConflict, Code: "not_as_before", Message: "Stripe does not show the state from before this change, so it may have happened. Put it right in Stripe's dashboard first, or say that it happened."}
)

const (
	shownReviews   = 50
	reviewLog      = 50
	reviewInvoices = NewestInvoices
)

// Reviews lists the changes that nobody knows the end of, the oldest first.
func (s *Service) Reviews(ctx context.Context, p Principal) ([]Review, error) {
	if err := operating(p); err != nil {
		return nil, err
	}
	return s.store.Reviews(ctx, shownReviews)
}

// ReviewCase reads one, settled or not. Errors: ErrNotFound.
func (s *Service) ReviewCase(ctx context.Context, p Principal, intentID string) (c ReviewCase, err error) {
	if err = operating(p); err != nil {
		return c, err
	}
	if c.Review, err = s.store.Review(ctx, intentID); err != nil {
		return c, err
	}
	if c.ApprovalID != "" {
		a, err := s.store.Approval(ctx, c.OrgID, c.ApprovalID)
		if err != nil {
			return c, err
		}
		c.Approval = &a
	}
	if c.Subscription, err = s.store.Subscription(ctx, c.OrgID); err != nil {
		return c, err
	}
	if c.Invoices, err = s.invoicesSince(ctx, c.Intent); err != nil {
		return c, err
	}
	c.Sight, c.Now = sightOf(c.Intent, c.Subscription, c.Invoices), s.Now()
	c.Log, err = s.store.AuditAbout(ctx, c.OrgID, [2]string{c.ID, c.ApprovalID}, reviewLog)
	return c, err
}

// invoicesSince are the invoices that the change may have made.
func (s *Service) invoicesSince(ctx context.Context, i Intent) ([]Invoice, error) {
	list, err := s.store.Invoices(ctx, i.OrgID, "", reviewInvoices)
	since := i.CreatedAt.Truncate(time.Second) // as Stripe tells its times
	return slices.DeleteFunc(list, func(v Invoice) bool { return v.CreatedAt.Before(since) }), err
}

// sightOf says what a reading shows of a change. That nothing happened is said
// only if nothing at all speaks for it: no payment that waits for the bank, and
// no invoice of the amount.
func sightOf(i Intent, sub Subscription, since []Invoice) Sight {
	switch {
	case sub.UnknownPrice != "":
		return SightOther
	case achieved(i, sub):
		return SightDone
	}
	f := i.From
	asBefore := sub.SubscriptionID == f.SubscriptionID && sub.Status.Live() == f.Status.Live() && sub.Plan == f.Plan &&
		sub.CancelAtPeriodEnd == f.CancelAtPeriodEnd && sub.Units.same(f.Units)
	waits := sub.Action != nil && sub.Action.Plan != ""
	if asBefore && !waits && !invoiced(i, since) {
		return SightBefore
	}
	return SightOther
}

// invoiced reports whether there is an invoice of the change's amount.
func invoiced(i Intent, since []Invoice) bool {
	return slices.ContainsFunc(since, func(v Invoice) bool {
		return i.Quote.DueNow > 0 && v.Amount.Amount == i.Quote.DueNow && v.Status != "void" && v.Status != "draft"
	})
}

// errInReview refuses a change while an operator looks at the last one.
var errInReview = ErrChangeInProgress.Say("Nobody knows yet what became of the last change of this organisation. The operator of this service looks at it; until then nothing else can be changed.").After(time.Minute)

// inTheWay is the error of a change that cannot be made beside the org's open one:
// that is over in seconds, or waits for an operator.
func (s *Service) inTheWay(ctx context.Context, tx Tx, orgID string) error {
	if i, err := tx.OpenIntent(ctx, orgID); err == nil && i.State == IntentNeedsReview {
		return errInReview
	}
	return ErrChangeInProgress.After(2 * time.Second)
}

// LookAgain reads Stripe, its events too, and settles the change if they say what
// became of it: as the worker does that comes upon a lost answer.
//
// Errors: ErrNotFound, ErrReviewed, ErrStripeUnavailable.
func (s *Service) LookAgain(ctx context.Context, p Principal, intentID string) (Sight, error) {
	l, err := s.lookFor(ctx, p, intentID)
	if err != nil {
		return "", err
	}
	if l.intent.Open() {
		now, err := s.store.Now(ctx)
		if err != nil {
			return "", err
		}
		seen, err := s.examine(ctx, l.intent, l.sub, now)
		if err != nil {
			return "", err
		}
		if err = s.conclude(ctx, l.intent, seen, now); err != nil {
			return "", err
		}
	}
	return l.sight, s.looked(ctx, p, l, "")
}

// looked notes who looked, and so perhaps settled, a change.
func (s *Service) looked(ctx context.Context, p Principal, l look, reason string) error {
	facts := map[string]any{"seen": l.sight}
	if reason != "" {
		facts["reason"] = reason
	}
	return s.audit(ctx, s.store, l.intent.OrgID, p.Actor, "review.looked", l.intent.ID, facts)
}

// ItHappened settles a change as done, as it was agreed to. Where Stripe does not
// show it (any more), the operator has to say how it is known.
//
// Errors: ErrNotFound, ErrReviewed, ErrMoved, ErrInvalid, ErrStripeUnavailable.
func (s *Service) ItHappened(ctx context.Context, p Principal, intentID, reason string) error {
	l, err := s.lookFor(ctx, p, intentID)
	if err != nil {
		return err
	}
	if l.sight != SightDone || reason != "" {
		if reason, err = because(p, reason); err != nil {
			return err
		}
	}
	if !l.intent.Open() {
		return s.looked(ctx, p, l, reason) // the reading has settled it as what it is
	}
	return s.endReview(ctx, p, l, IntentDone, reason)
}

// ItDidNotHappen settles a change as failed, if Stripe still shows all as it was
// before.
//
// Errors: ErrNotFound, ErrReviewed, ErrMoved, ErrNotAsBefore, ErrInvalid,
// ErrStripeUnavailable.
func (s *Service) ItDidNotHappen(ctx context.Context, p Principal, intentID, reason string) error {
	reason, err := because(p, reason)
	if err != nil {
		return err
	}
	l, err := s.lookFor(ctx, p, intentID)
	if err != nil {
		return err
	}
	if l.sight != SightBefore {
		return ErrNotAsBefore
	}
	return s.endReview(ctx, p, l, IntentFailed, reason)
}

// look is a change and a reading of Stripe that began after it was asked for.
type look struct {
	intent Intent
	sub    Subscription
	sight  Sight
}

// lookFor reads Stripe for a change in review. The reading itself may settle it.
func (s *Service) lookFor(ctx context.Context, p Principal, intentID string) (l look, err error) {
	if err = operating(p); err != nil {
		return l, err
	}
	r, err := s.store.Review(ctx, intentID)
	if err != nil {
		return l, err
	}
	if r.State != IntentNeedsReview {
		return l, ErrReviewed
	}
	if s.processor == nil {
		return l, ErrStripeNotSet
	}
	if l.sub, err = s.SyncOrg(ctx, r.OrgID); err != nil {
		return l, err
	}
	if l.intent, err = s.store.Intent(ctx, r.OrgID, r.ID); err != nil {
		return l, err
	}
	since, err := s.invoicesSince(ctx, l.intent)
	l.sight = sightOf(l.intent, l.sub, since)
	return l, err
}

// endReview writes what the operator says became of a change, and its approval
// after it, in one transaction that fails if anything moved since the look.
func (s *Service) endReview(ctx context.Context, p Principal, l look, to IntentState, reason string) error {
	i := l.intent
	out := failed(i, errNotCarriedOut)
	if to == IntentDone {
		out = done(i, asAgreed(i.Quote))
	}
	i.Result = &out
	err := s.store.InTx(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err = tx.LockOrg(ctx, i.OrgID); err != nil {
			return err
		}
		sub, err := tx.Subscription(ctx, i.OrgID)
		if err != nil {
			return err
		}
		if sub.RowVersion != l.sub.RowVersion {
			return ErrMoved
		}
		i.State, i.FinishedAt = to, now
		won, err := tx.SettleIntent(ctx, i, IntentNeedsReview)
		if err != nil {
			return err
		}
		if !won {
			return ErrReviewed
		}
		return s.writeReview(ctx, tx, p.Actor, l, i, reason)
	})
	if err == nil {
		s.tell(ctx, i)
	}
	return err
}

// errNotCarriedOut is what the asker reads of a change that did not happen.
var errNotCarriedOut = ErrRejected.Say("Stripe did not carry out this change, as the operator of this service has found. Nothing was charged for it.")

// writeReview writes what follows from the end of a review.
func (s *Service) writeReview(ctx context.Context, tx Tx, by Actor, l look, i Intent, reason string) error {
	if scheduled := scheduledBy(i, *i.Result, i.FinishedAt); scheduled != nil && l.sight == SightDone {
		if err := tx.SetSchedule(ctx, i.OrgID, scheduled); err != nil {
			return err
		}
	}
	facts := map[string]any{"status": i.Result.Status, "charged": i.Result.Charged, "credited": i.Result.Credited, "seen": l.sight}
	if reason != "" {
		facts["reason"] = reason
	}
	if err := s.audit(ctx, tx, i.OrgID, by, "change."+string(i.State), i.ID, facts); err != nil || i.ApprovalID == "" {
		return err
	}
	if _, err := tx.MoveApproval(ctx, i.OrgID, i.ApprovalID, approvalEnd(i.State, *i.Result), i.Result, i.FinishedAt); err != nil {
		return err
	}
	return s.mailChange(ctx, tx, i, *i.Result)
}
