package billing

import (
	"context"
	"errors"
	"time"
)

// The host application asks before it creates something and says what was used.
// Caps gate what is new and nothing else: what exists can always be read,
// changed and reported, also above a cap.

// UsageTx: what is used, and the limits of an org's own.
type UsageTx interface {
	// Consume counts if the guard of c holds at this instant, and keeps the key.
	// false: nothing was written, because the key was used before, or it would be
	// more than the cap, or the basis has changed. Inside InTx false means that the
	// transaction has to be rolled back.
	Consume(ctx context.Context, c Consumption) (active int64, ok bool, err error)
	// SetGauge stores the absolute value of a gauge and the line of its day.
	SetGauge(ctx context.Context, orgID, resource string, value int64, at time.Time) error
	// RaiseGauge is SetGauge if the value is at least limit and was below it; false
	// if it was not, and nothing was written.
	RaiseGauge(ctx context.Context, orgID, resource string, value, limit int64, at time.Time) (bool, error)
	// CountEvents counts all events in one transaction and returns what their
	// windows hold since. None: one of the keys was used before; nothing was
	// written, or inside InTx has to be rolled back.
	CountEvents(ctx context.Context, events []CountedEvent) ([]WindowTotal, error)
	// KeptUses reads what was counted under the keys; those of no key are left out.
	KeptUses(ctx context.Context, keys []UsageKey) ([]KeptUse, error)
	// Terms reads of the orgs that exist what their windows and caps are worked out
	// from, and nothing else.
	Terms(ctx context.Context, orgIDs []string) ([]Overview, error)
	// UsageDays reads the lines of the org from a day on, by resource and day. Of a
	// gauge the last line before is read as well.
	UsageDays(ctx context.Context, orgID string, from time.Time) ([]UsageDay, error)
	// PutUsageDays writes lines of days, as a history that is brought along.
	PutUsageDays(ctx context.Context, orgID string, days []UsageDay) error

	// PutOverride ends the resource's open override, if any, and stores o.
	PutOverride(ctx context.Context, o Override) error
	// EndOverride ends the open override; false if there is none.
	EndOverride(ctx context.Context, orgID, resource string, at time.Time) (bool, error)
	// Overrides of the org, newest first, ended ones too.
	Overrides(ctx context.Context, orgID string) ([]Override, error)

	// Prune deletes at most limit rows that are older than the time, and says how
	// many it deleted.
	Prune(ctx context.Context, what Prunable, before time.Time, limit int) (int64, error)
}

// Basis is what an org's caps are worked out from, save the overrides. If it is
// the same, they are the same.
type Basis struct {
	RowVersion    int64 // of the subscription
	DesignPartner bool
}

// Consumption is the guard and the content of the write that counts.
type Consumption struct {
	UsageKey
	Resource string
	Quantity int64
	At       time.Time
	Gauge    bool
	Start    time.Time // of the window; zero for a gauge
	// Cap holds as long as Basis does and Override is the id of the resource's
	// open override, "" if there is none.
	Cap      Limit
	Basis    Basis
	Override string
	Below    bool // it may not reach the cap, either
}

// UsageKey is a caller's name for one use, so that a retry counts once.
type UsageKey struct {
	OrgID, Key string
}

// KeptUse is what was counted under a key.
type KeptUse struct {
	UsageKey
	Resource string
	Quantity int64
	// Answered is set for what Consume counted: the answer that a retry gets again.
	Answered *Allowance
}

// CountedEvent is an event with the window that it counts in.
type CountedEvent struct {
	UsageKey
	Resource string
	Quantity int64
	At       time.Time
	Start    time.Time
}

// UsageDay is a line of a resource's history: one day, in UTC.
type UsageDay struct {
	Resource string
	Day      time.Time
	Value    int64 // the most of a gauge, the sum of a counter
	Closing  int64 // the last of a gauge, the sum of a counter
}

// Allowance is the answer to a check: how many there are, and how many there
// may be.
type Allowance struct {
	Active int64
	Cap    Limit
}

// Fits reports whether so many more are within the cap.
func (a Allowance) Fits(quantity int64) bool {
	return a.Cap.Unlimited || quantity <= a.Cap.Value && a.Active <= a.Cap.Value-quantity
}

// maxQuantity bounds a single use, so that sums stay far from their end.
const maxQuantity = 1_000_000_000

// The errors of usage.
var (
	ErrOverLimit       = &Error{Kind: KindPayment, Code: "over_limit", Message: "The plan does not allow more of this."}
	ErrUnknownResource = &Error{Kind: KindInvalid, Code: "unknown_resource", Message: "The catalogue has no such resource."}
	ErrWrongKind       = &Error{Kind: KindInvalid, Code: "wrong_kind", Message: "This call does not take resources of that kind."}
	ErrUsageKey        = &Error{Kind: KindInvalid, Code: "invalid_field", Message: "A key has 1 to 255 visible ASCII characters."}
	// ErrKeyConflict: a key stands for one use.
	ErrKeyConflict = &Error{Kind: KindConflict, Code: "idempotency_conflict", Message: "This key was used for another quantity or resource before. Take a new one."}
	ErrHostOnly    = &Error{Kind: KindForbidden, Code: "forbidden", Message: "Only the host application's key may do this."}
	errNoOrg       = ErrNotFound.Say("There is no such organisation.")
	errBusyCount   = &Error{Kind: KindUnavailable, Code: "usage_busy", Message: "Too much changes about this organisation at once. Nothing was counted; try again."}
)

// Check says whether an org may have quantity more of a resource. It counts
// nothing, and may answer from what was read up to five seconds ago, unless it
// was changed here since.
//
// Errors: ErrHostOnly, ErrNotFound (org), ErrUnknownResource, ErrInvalid,
// ErrOverLimit.
func (s *Service) Check(ctx context.Context, p Principal, orgID, resource string, quantity int64) (Allowance, error) {
	i, err := s.usable(p, resource, quantity)
	if err != nil {
		return Allowance{}, err
	}
	snap, err := s.snapshot(ctx, orgID)
	if err != nil {
		return Allowance{}, err
	}
	a := snap.meters[i].Allowance
	if !a.Fits(quantity) {
		return a, s.overLimit(snap, i, quantity)
	}
	return a, nil
}

// usable finds the resource and holds the quantity to its bounds.
func (s *Service) usable(p Principal, resource string, quantity int64) (index int, err error) {
	if p.Kind != KindHost {
		return 0, ErrHostOnly
	}
	if quantity < 1 || quantity > maxQuantity {
		return 0, badQuantity
	}
	return s.resourceIndex(resource)
}

var badQuantity = ErrInvalid.Say("The quantity must be a whole number from 1 to %d.", maxQuantity).With("field", "quantity")

func (s *Service) resourceIndex(id string) (int, error) {
	for i := range s.catalog.Resources {
		if s.catalog.Resources[i].ID == id {
			return i, nil
		}
	}
	return 0, ErrUnknownResource.With("resource", shortened(id))
}

// shortened keeps a name that somebody else made up from filling a message.
func shortened(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}

// consumeTries bounds how often a consume starts anew because the caps changed
// or others counted in between.
const consumeTries = 5

// Consume checks and counts in one atomic step. Racing calls, on any replica,
// never pass the cap. Under a key that was counted before nothing is counted
// and the answer is the one of then; a refusal does not use the key up.
//
// Errors: those of Check, ErrUsageKey, ErrKeyConflict.
func (s *Service) Consume(ctx context.Context, p Principal, key UsageKey, resource string, quantity int64) (Allowance, error) {
	i, err := s.usable(p, resource, quantity)
	if err == nil && !visible(key.Key) {
		err = ErrUsageKey.With("field", "key")
	}
	if err != nil {
		return Allowance{}, err
	}
	defer s.usageChanged(key.OrgID)
	for try := 0; try < consumeTries; try++ {
		snap, err := s.guardedCaps(ctx, key.OrgID)
		if err != nil {
			return Allowance{}, err
		}
		c := s.consumption(snap, i, key, quantity)
		active, ok, err := s.count(ctx, c, snap, i)
		if err != nil {
			return Allowance{}, err
		}
		if ok {
			return Allowance{Active: active, Cap: c.Cap}, nil
		}
		a, err := s.refusal(ctx, c, i)
		if err != nil || a != nil {
			return deref(a), err
		}
	}
	return Allowance{}, errBusyCount.After(time.Second)
}

func (s *Service) consumption(snap *snapshot, i int, key UsageKey, quantity int64) Consumption {
	m, r := snap.meters[i], s.catalog.Resources[i]
	c := Consumption{
		UsageKey: key, Resource: r.ID, Quantity: quantity, At: s.Now(), Gauge: r.Kind == Gauge, Start: m.start,
		Cap: m.Cap, Basis: snap.basis,
	}
	if m.override != nil {
		c.Override = m.override.ID
	}
	return c
}

// refusal finds out why nothing was counted, from the database as it is now: the
// answer of an earlier call with the key, an error, or neither, which means that
// it is worth another try.
func (s *Service) refusal(ctx context.Context, c Consumption, i int) (*Allowance, error) {
	kept, err := s.store.KeptUses(ctx, []UsageKey{c.UsageKey})
	if err != nil {
		return nil, err
	}
	if len(kept) > 0 {
		return replay(kept[0], c)
	}
	s.snapshots.drop(c.OrgID)
	snap, err := s.snapshot(ctx, c.OrgID)
	if err != nil {
		return nil, err
	}
	if !snap.meters[i].Fits(c.Quantity) {
		return nil, s.overLimit(snap, i, c.Quantity)
	}
	return nil, nil
}

func replay(k KeptUse, c Consumption) (*Allowance, error) {
	if k.Resource != c.Resource || k.Quantity != c.Quantity || k.Answered == nil {
		return nil, ErrKeyConflict
	}
	return k.Answered, nil
}

func deref(a *Allowance) Allowance {
	if a == nil {
		return Allowance{}
	}
	return *a
}

// visible reports whether s is 1 to 255 visible ASCII characters.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 255
}

// SetUsage stores how many of a gauge an org has now. It is a report of what is
// so and never refused for a cap.
//
// Errors: ErrHostOnly, ErrNotFound (org), ErrUnknownResource, ErrWrongKind for a
// counter, ErrInvalid.
func (s *Service) SetUsage(ctx context.Context, p Principal, orgID, resource string, value int64) (Allowance, error) {
	if p.Kind != KindHost {
		return Allowance{}, ErrHostOnly
	}
	i, err := s.resourceIndex(resource)
	if err != nil {
		return Allowance{}, err
	}
	if s.catalog.Resources[i].Kind != Gauge {
		return Allowance{}, ErrWrongKind.With("resource", resource).Say("%q is counted by events. Only gauges can be set.", resource)
	}
	if value < 0 || value > maxLimit {
		return Allowance{}, ErrInvalid.Say("The value must be a whole number from 0 to %d.", int64(maxLimit)).With("field", "value")
	}
	snap, err := s.caps(ctx, orgID)
	if err != nil {
		return Allowance{}, err
	}
	defer s.usageChanged(orgID)
	return Allowance{Active: value, Cap: snap.meters[i].Cap}, s.setGauge(ctx, orgID, resource, value, snap.meters[i].Cap)
}

// orgNotFound gives the error for an org that is not there its own words.
func orgNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return errNoOrg
	}
	return err
}
