package billing

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Trials without a card: once for each org, for ever. A trial is a row here and
// nothing at Stripe. It ends by itself: whoever reads after its end reads that it
// is over, whether or not the worker has written that down.

// Trial is an org's one trial; the zero value is an org that never had one.
type Trial struct {
	Plan      string    `json:"plan"`
	StartedAt time.Time `json:"started_at"`
	EndsAt    time.Time `json:"ends_at"`
	// ConvertedAt is when a subscription took its place.
	ConvertedAt time.Time `json:"converted_at,omitzero"`
	// ExpiredAt is EndsAt once its end has been written down.
	ExpiredAt time.Time `json:"expired_at,omitzero"`
}

// Used reports whether the org's one trial was started.
func (t Trial) Used() bool { return t.Plan != "" }

// Active reports whether the trial is running.
func (t Trial) Active(now time.Time) bool {
	return t.Used() && t.ConvertedAt.IsZero() && now.Before(t.EndsAt)
}

// Expired reports whether the trial ran out unused.
func (t Trial) Expired(now time.Time) bool {
	return t.Used() && t.ConvertedAt.IsZero() && !now.Before(t.EndsAt)
}

// DaysRemaining counts the days that have begun and are left; 0 when it is over.
func (t Trial) DaysRemaining(now time.Time) int {
	if !t.Active(now) {
		return 0
	}
	return int((t.EndsAt.Sub(now) + aDay - 1) / aDay)
}

// trialPlan is the plan of an org whose trial is running, in place of the free
// one. A live subscription comes before it.
func (s *Service) trialPlan(sub Subscription) (Plan, bool) {
	if sub.Status.Live() || !sub.Trial.Active(s.Now()) {
		return Plan{}, false
	}
	return s.catalog.Plan(sub.Trial.Plan) // a plan that the catalogue has lost is not tried any more
}

// toldTrial is trialPlan as far as the host application was told: a trial that is
// over counts until its end is written down.
func (s *Service) toldTrial(sub Subscription) (Plan, bool) {
	t := sub.Trial
	if sub.Status.Live() || !t.Used() || !t.ConvertedAt.IsZero() || !t.ExpiredAt.IsZero() {
		return Plan{}, false
	}
	return s.catalog.Plan(t.Plan)
}

// TrialAvailable reports whether the org could start a trial of some plan.
func (s *Service) TrialAvailable(org Org, sub Subscription) bool {
	for _, p := range s.catalog.Plans {
		if triable(org, sub, p) {
			return true
		}
	}
	return false
}

// mayTry says what keeps the org from a trial of the plan.
func (s *Service) mayTry(org Org, sub Subscription, plan Plan) error {
	switch {
	case triable(org, sub, plan):
		return nil
	case plan.Trial == nil || plan.Trial.Card:
		return ErrTrialNotAvailable.Say("%s has no trial without a card.", plan.Name).With("plan", plan.ID)
	case sub.Trial.Used():
		return ErrTrialNotAvailable.Say("This organisation has had its trial.").With("used_at", sub.Trial.StartedAt)
	}
	return ErrTrialNotAvailable.Say("A trial starts from the free plan.")
}

// triable is mayTry for those who need no words, on every reading.
func triable(org Org, sub Subscription, plan Plan) bool {
	return plan.Trial != nil && !plan.Trial.Card && !sub.Trial.Used() && !org.Complimentary() && !sub.Status.Live()
}

// resolveTrial turns the wish for a trial into a change.
//
// Errors: ErrUnknownPlan, ErrTrialNotAvailable.
func (s *Service) resolveTrial(pr Proposal, org Org, sub Subscription) (Change, error) {
	plan, ok := s.catalog.Plan(pr.Plan)
	if !ok {
		return Change{}, s.unknownPlan()
	}
	return Change{Action: ActionStartTrial, Plan: plan.ID}, s.mayTry(org, sub, plan)
}

// trialQuote: nothing is charged, now or at the end.
func (s *Service) trialQuote(sub Subscription, c Change) (Quote, error) {
	plan, ok := s.catalog.Plan(c.Plan)
	if !ok || plan.Trial == nil {
		return Quote{}, ErrTrialNotAvailable
	}
	return Quote{
		Change: c, Currency: s.catalog.Currency, FromPlan: s.catalog.Free().ID, ToPlan: plan.ID, Interval: plan.Price.Interval,
		TrialDays: plan.Trial.Days, SubscriptionVersion: sub.Version, CatalogVersion: s.catalog.Version,
	}, nil
}

// startTrial carries out the intent of a trial: one transaction, and no word to
// Stripe.
func (s *Service) startTrial(ctx context.Context, i Intent) (Outcome, error) {
	org, sub, err := s.load(ctx, i.OrgID)
	if err != nil {
		return Outcome{}, err
	}
	plan, _ := s.catalog.Plan(i.Quote.ToPlan)
	if err = s.mayTry(org, sub, plan); err == nil {
		_, err = s.requote(ctx, sub, i.Quote)
	}
	if err != nil {
		return s.settle(ctx, i, IntentPending, IntentRefused, failed(i, err))
	}
	start := s.Now().Truncate(time.Second)
	trial := Trial{Plan: plan.ID, StartedAt: start, EndsAt: start.AddDate(0, 0, plan.Trial.Days)}
	out := Outcome{Status: StatusTrialStarted, Plan: plan.ID, EffectiveAt: trial.EndsAt, IntentID: i.ID}
	settled := false
	err = s.store.InTx(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		i.State, i.FinishedAt, i.Result = IntentDone, now, &out
		if settled, err = tx.SettleIntent(ctx, i, IntentPending); err != nil || !settled {
			return err
		}
		started, err := tx.StartTrial(ctx, i.OrgID, sub.Version, trial)
		if err != nil {
			return err
		}
		if !started { // a subscription, another trial, or an operator was a moment faster
			return ErrTrialNotAvailable
		}
		if err = s.settleApproval(ctx, tx, i, out, now); err != nil {
			return err
		}
		return s.emitTrialStarted(ctx, tx, i, trial)
	})
	switch {
	case errors.Is(err, ErrTrialNotAvailable):
		return s.settle(ctx, i, IntentPending, IntentRefused, failed(i, err))
	case err != nil:
		return Outcome{}, err
	case !settled:
		return s.await(ctx, i)
	}
	s.capsChanged(ctx, i.OrgID)
	s.tell(ctx, i)
	s.must("close checkout", s.closeCheckout(ctx, org))
	return out, nil
}

// convertTrial notes that a subscription has taken the trial's place. One that
// began after the end of the trial converts nothing.
func (s *Service) convertTrial(ctx context.Context, tx Tx, before, after Subscription) error {
	t := before.Trial
	if !t.Used() || !t.ConvertedAt.IsZero() || before.Status.Live() || !after.Status.Live() || !after.PeriodStart.Before(t.EndsAt) {
		return nil
	}
	return tx.ConvertTrial(ctx, before.OrgID, s.Now())
}

func trialNews(t Trial, now time.Time) TrialNews {
	return TrialNews{Plan: t.Plan, StartedAt: t.StartedAt, EndsAt: t.EndsAt, DaysRemaining: t.DaysRemaining(now)}
}

// emitTrialStarted tells of the trial, and of the plan that it puts in force.
func (s *Service) emitTrialStarted(ctx context.Context, tx Tx, i Intent, t Trial) error {
	if err := s.emit(ctx, tx, i.OrgID, EventTrialStarted, trialNews(t, s.Now())); err != nil {
		return err
	}
	return s.planChanged(ctx, tx, i.OrgID, s.catalog.Free(), s.planNamed(t.Plan), stateTrialing, i.Actor)
}

// reminders are the days before its end at which a trial is told of, the last
// one first: who missed an earlier one gets one mail and not two.
var reminders = []int{1, 3, 7}

const (
	// trialBatch is how many trials one transaction writes down: few, so that
	// nobody's write waits long for it when many end in one minute.
	trialBatch = 100
	// trialRest is how many times as long as a batch took is waited for the next
	// one, but no longer than maxTrialRest. Readers know the end without it, and are
	// to have the processors.
	trialRest    = 9
	maxTrialRest = 2 * time.Second
)

// EndTrials writes down the trials that time has ended and tells of them, and
// tells of those that are about to end. Readers do not wait for it.
func (s *Service) EndTrials(ctx context.Context) error {
	if err := s.gently(ctx, s.endSomeTrials); err != nil {
		return err
	}
	for _, days := range reminders {
		if err := s.remindTrials(ctx, days); err != nil {
			return err
		}
	}
	return nil
}

// gently does batches of work until one is not full, and rests after each.
func (s *Service) gently(ctx context.Context, batch func(context.Context) (int, error)) error {
	for {
		began := s.wallNow()
		n, err := batch(ctx)
		if err != nil || n < trialBatch || !pause(ctx, min(trialRest*s.wallNow().Sub(began), maxTrialRest)) {
			return err
		}
	}
}

func (s *Service) endSomeTrials(ctx context.Context) (int, error) {
	var ended []Subscription
	err := s.store.InTx(ctx, func(tx Tx) (err error) {
		if ended, err = tx.ExpireTrials(ctx, s.Now(), trialBatch); err != nil || len(ended) == 0 {
			return err
		}
		return s.emitTrialsEnded(ctx, tx, ended)
	})
	for _, sub := range ended {
		s.snapshots.drop(sub.OrgID)
	}
	return len(ended), err
}

// emitTrialsEnded tells of trials that are over, and of the free plan where that
// is in force now: something else may have taken a trial's place before its end
// was written down.
func (s *Service) emitTrialsEnded(ctx context.Context, tx Tx, ended []Subscription) error {
	trials := make(map[string]Trial, len(ended))
	for _, sub := range ended {
		trials[sub.OrgID] = sub.Trial
	}
	orgs, err := termsInOrder(ctx, tx, ended)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		trial := trials[o.Org.ID]
		if err = s.emit(ctx, tx, o.Org.ID, EventTrialExpired, trialNews(trial, s.Now())); err != nil {
			return err
		}
		if o.Org.Complimentary() || o.Subscription.Status.Live() {
			continue
		}
		if err = s.planChanged(ctx, tx, o.Org.ID, s.planNamed(trial.Plan), s.catalog.Free(), stateTrialExpired, systemActor()); err != nil {
			return err
		}
	}
	return nil
}

// termsInOrder reads the orgs of rows that changed together, in the one order in
// which their queues are written.
func termsInOrder(ctx context.Context, tx Tx, rows []Subscription) ([]Overview, error) {
	ids := make([]string, len(rows))
	for i, sub := range rows {
		ids[i] = sub.OrgID
	}
	orgs, err := tx.Terms(ctx, ids)
	slices.SortFunc(orgs, func(a, b Overview) int { return cmp.Compare(a.Org.ID, b.Org.ID) })
	return orgs, err
}

// remindTrials tells the host and the owners of trials that end within so many
// days, once for each number of days.
func (s *Service) remindTrials(ctx context.Context, days int) error {
	return s.gently(ctx, func(ctx context.Context) (int, error) {
		var due []Subscription
		err := s.store.InTx(ctx, func(tx Tx) (err error) {
			now := s.Now()
			if due, err = tx.RemindTrials(ctx, days, now, now.AddDate(0, 0, days), trialBatch); err != nil {
				return err
			}
			slices.SortFunc(due, func(a, b Subscription) int { return cmp.Compare(a.OrgID, b.OrgID) })
			for _, sub := range due {
				if err = s.mailTrialEnding(ctx, tx, sub, days); err != nil {
					return err
				}
				if err = s.emit(ctx, tx, sub.OrgID, EventTrialEnding, trialNews(sub.Trial, now)); err != nil {
					return err
				}
			}
			return nil
		})
		return len(due), err
	})
}
