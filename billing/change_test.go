package billing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

const visa = "pm_card_visa"

var ctx = context.Background()

func upgrade(plan string) billing.Proposal {
	return billing.Proposal{Verb: billing.VerbUpgrade, Plan: plan}
}

func downgrade() billing.Proposal { return billing.Proposal{Verb: billing.VerbDowngrade} }

// propose asserts the status, or the error, of a proposal.
func propose(t *testing.T, s *billing.Service, p billing.Principal, pr billing.Proposal, want billing.Status, wantErr error) billing.Outcome {
	t.Helper()
	out, err := s.Propose(ctx, p, pr)
	if !errors.Is(err, wantErr) || (wantErr == nil && err != nil) {
		t.Fatalf("Propose(%s %+v) error = %v, want %v", p.Kind, pr, err, wantErr)
	}
	if wantErr == nil && out.Status != want {
		t.Fatalf("Propose(%s %+v) status = %q, want %q", p.Kind, pr, out.Status, want)
	}
	return out
}

// TestProposeByCase walks the contract's table of cases, for a human, a member
// token and an agent each.
func TestProposeByCase(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	free := w.NewCast("free", "", "")
	partner, err := w.Service.AddOrg(ctx, "partner", true)
	if err != nil {
		t.Fatal(err)
	}
	partnerOwner, _ := w.Person(partner, "owner@partner.test", billing.RoleOwner)
	partnerAgent, _ := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: partner.ID, Name: "bot"})
	partnerTool, _ := w.Key(billing.NewKey{Kind: billing.KindMember, OrgID: partner.ID, PrincipalID: partnerOwner.ID, Name: "owner"})

	cases := []struct {
		name          string
		pr            billing.Proposal
		partner       bool
		plan          string // subscribed to
		direct, agent billing.Status
		err           error
	}{
		{name: "unknown plan", pr: upgrade("gold"), plan: "pro", err: billing.ErrUnknownPlan},
		{name: "the free plan", pr: upgrade("free"), plan: "pro", err: billing.ErrUseDowngrade},
		{name: "design partner", pr: upgrade("pro"), partner: true, direct: billing.StatusDesignPartner, agent: billing.StatusDesignPartner},
		{name: "design partner downgrades", pr: downgrade(), partner: true, err: billing.ErrDesignPartner},
		{name: "no subscription", pr: upgrade("scale"), direct: billing.StatusCheckoutRequired, agent: billing.StatusCheckoutRequired},
		{name: "no subscription downgrades", pr: downgrade(), direct: billing.StatusAlreadyFree, agent: billing.StatusAlreadyFree},
		{name: "same plan", pr: upgrade("pro"), plan: "pro", direct: billing.StatusResumed, agent: billing.StatusResumed},
		{name: "plan left out is the first paid one", pr: upgrade(""), plan: "pro", direct: billing.StatusResumed, agent: billing.StatusResumed},
		{name: "other plan", pr: upgrade("scale"), plan: "pro", direct: billing.StatusSwitched, agent: billing.StatusConfirmationRequired},
		{name: "other plan on the web", pr: billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Mode: billing.ModeWeb}, plan: "pro", direct: billing.StatusSwitched, agent: billing.StatusWebApproveRequired},
		{name: "smaller paid plan", pr: upgrade("pro"), plan: "scale", direct: billing.StatusSwitched, agent: billing.StatusConfirmationRequired},
		{name: "downgrade", pr: downgrade(), plan: "pro", direct: billing.StatusDowngradeScheduled, agent: billing.StatusConfirmationRequired},
	}
	for i, c := range cases {
		for _, kind := range []billing.PrincipalKind{billing.KindHuman, billing.KindMember, billing.KindAgent} {
			t.Run(c.name+"/"+string(kind), func(t *testing.T) {
				cast := worldtest.Cast{Owner: partnerOwner, OwnerTool: partnerTool, Agent: partnerAgent}
				switch {
				case c.plan != "":
					cast = w.NewCast("org"+string(rune('a'+i))+string(kind), c.plan, visa)
				case !c.partner:
					cast = free
				}
				p, want := cast.Owner, c.direct
				switch kind {
				case billing.KindMember:
					p = cast.OwnerTool
				case billing.KindAgent:
					p, want = cast.Agent, c.agent
				}
				out := propose(t, w.Service, p, c.pr, want, c.err)
				checkOutcome(t, w, cast, c.plan, out)
			})
		}
	}
}

// checkOutcome holds what every outcome promises.
func checkOutcome(t *testing.T, w *worldtest.World, c worldtest.Cast, before string, out billing.Outcome) {
	t.Helper()
	switch out.Status {
	case billing.StatusCheckoutRequired:
		if out.CheckoutURL == "" || out.Plan != "free" {
			t.Errorf("checkout outcome %+v has no URL or not the current plan", out)
		}
	case billing.StatusSwitched:
		if got := w.Plan(c.Org.ID); got != out.Plan || got == before {
			t.Errorf("Stripe says %q, outcome says %q, before %q", got, out.Plan, before)
		}
	case billing.StatusConfirmationRequired, billing.StatusWebApproveRequired:
		if got := w.Plan(c.Org.ID); got != before {
			t.Errorf("an ask changed the plan from %q to %q", before, got)
		}
		if (out.Token != "") != (out.Status == billing.StatusConfirmationRequired) {
			t.Errorf("token %q with status %s", out.Token, out.Status)
		}
	case billing.StatusDowngradeScheduled:
		if sub := w.Sync(c.Org.ID); !sub.CancelAtPeriodEnd || !out.EffectiveAt.Equal(sub.PeriodEnd) {
			t.Errorf("scheduled for %v, Stripe ends at %v (%v)", out.EffectiveAt, sub.PeriodEnd, sub.CancelAtPeriodEnd)
		}
	}
}

func TestProposeNeedsTheRight(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	reader, _ := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, Name: "reader", Scopes: []string{billing.ScopeRead}})
	host, _ := w.Key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	host.OrgID = c.Org.ID // even if somebody mixed that up
	for _, tc := range []struct {
		name string
		p    billing.Principal
		err  error
	}{
		{"owner", c.Owner, nil},
		{"billing admin", c.Admin, nil},
		{"member", c.Member, billing.ErrForbidden},
		{"agent that may only read", reader, billing.ErrScope},
		{"host", host, billing.ErrForbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			propose(t, w.Service, tc.p, upgrade("pro"), billing.StatusResumed, tc.err)
		})
	}
}

func TestNoStripe(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{NoStripe: true})
	c := w.NewCast("acme", "", "")
	for _, p := range []billing.Principal{c.Owner, c.Agent, c.OwnerTool} {
		propose(t, w.Service, p, upgrade("pro"), "", billing.ErrStripeNotSet)
		if _, err := w.Service.Checkout(ctx, p, "pro"); !errors.Is(err, billing.ErrStripeNotSet) {
			t.Errorf("Checkout error = %v", err)
		}
		if _, err := w.Service.Portal(ctx, p); !errors.Is(err, billing.ErrStripeNotSet) {
			t.Errorf("Portal error = %v", err)
		}
	}
	sum, err := w.Service.Summary(ctx, c.Owner)
	if err != nil || sum.StripeReady || sum.Plan.ID != "free" {
		t.Errorf("Summary = %+v, %v", sum, err)
	}
}

// TestChargeIsWhatWasShown holds the amounts together: the offer on the button,
// Stripe's preview and the charge, at several moments of the period.
func TestChargeIsWhatWasShown(t *testing.T) {
	for _, into := range []time.Duration{0, time.Second, 26*time.Hour + 17*time.Minute + 3*time.Second, 15 * 24 * time.Hour, 30*24*time.Hour + 23*time.Hour} {
		t.Run(into.String(), func(t *testing.T) {
			w := worldtest.New(t, worldtest.Options{})
			c := w.NewCast("acme", "pro", visa)
			w.Advance(into)
			w.Sync(c.Org.ID)
			sum, err := w.Service.Summary(ctx, c.Owner)
			if err != nil {
				t.Fatal(err)
			}
			offer := offerFor(t, w.Service.Offers(c.Owner, sum), "scale")
			if offer.Kind != billing.OfferSwitch {
				t.Fatalf("offer kind %s", offer.Kind)
			}
			_, before := w.Paid(c.Customer)
			w.Advance(4 * time.Minute) // the page was open for a while
			out := propose(t, w.Service, c.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Sealed: offer.Sealed}, billing.StatusSwitched, nil)
			_, after := w.Paid(c.Customer)
			if out.Charged != offer.Quote.DueNow || after-before != offer.Quote.DueNow || out.AmountDiffers {
				t.Errorf("shown %d, outcome %d, charged %d", offer.Quote.DueNow, out.Charged, after-before)
			}
		})
	}
}

func offerFor(t *testing.T, offers []billing.Offer, plan string) billing.Offer {
	t.Helper()
	for _, o := range offers {
		if o.Plan.ID == plan {
			return o
		}
	}
	t.Fatalf("no offer for %s", plan)
	return billing.Offer{}
}

func TestSmallerPlanGivesCredit(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "scale", visa)
	w.Advance(10 * 24 * time.Hour)
	out := propose(t, w.Service, c.Owner, upgrade("pro"), billing.StatusSwitched, nil)
	sub := w.Sync(c.Org.ID)
	if out.Charged != 0 || out.Credited <= 0 || sub.Credit != out.Credited {
		t.Fatalf("charged %d credited %d, balance %d", out.Charged, out.Credited, sub.Credit)
	}
	// Back up again: the credit pays for it first, as the offer says.
	w.Advance(time.Hour)
	sum, err := w.Service.Summary(ctx, c.Owner)
	if err != nil {
		t.Fatal(err)
	}
	offer := offerFor(t, w.Service.Offers(c.Owner, sum), "scale")
	if offer.Quote.BalanceUsed == 0 {
		t.Errorf("offer %+v uses none of the credit %d", offer.Quote, sub.Credit)
	}
	back := propose(t, w.Service, c.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Sealed: offer.Sealed}, billing.StatusSwitched, nil)
	if back.Charged != offer.Quote.DueNow {
		t.Errorf("shown %d, charged %d", offer.Quote.DueNow, back.Charged)
	}
}

func TestDowngradeAndUndo(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "scale", visa)
	out := propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
	again := propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
	if !again.EffectiveAt.Equal(out.EffectiveAt) {
		t.Errorf("the second downgrade says %v, the first %v", again.EffectiveAt, out.EffectiveAt)
	}
	sum, err := w.Service.Summary(ctx, c.Owner)
	if err != nil || len(sum.Scheduled) != 1 || sum.Scheduled[0].By.Name != c.Owner.Name || sum.Plan.ID != "scale" {
		t.Fatalf("scheduled %+v on plan %s, %v", sum.Scheduled, sum.Plan.ID, err)
	}
	propose(t, w.Service, c.Owner, upgrade("scale"), billing.StatusResumed, nil)
	if sub := w.Sync(c.Org.ID); sub.CancelAtPeriodEnd || sub.ScheduledBy != nil {
		t.Errorf("after the undo: %+v", sub)
	}
	propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
	w.Advance(32 * 24 * time.Hour)
	if got := w.Plan(c.Org.ID); got != "free" {
		t.Errorf("after the period's end the plan is %q", got)
	}
}

// TestSwitchLiftsADowngrade: who buys a bigger plan wants to stay.
func TestSwitchLiftsADowngrade(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
	w.Advance(time.Hour)
	propose(t, w.Service, c.Owner, upgrade("scale"), billing.StatusSwitched, nil)
	if sub := w.Sync(c.Org.ID); sub.CancelAtPeriodEnd || sub.Plan != "scale" {
		t.Errorf("after the switch: plan %s, ends %v", sub.Plan, sub.CancelAtPeriodEnd)
	}
}

func TestDeclinedCardChangesNothing(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	if err := w.Box.GiveCard(c.Customer, "pm_card_chargeCustomerFail"); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Hour)
	n, _ := w.Paid(c.Customer)
	for _, p := range []billing.Principal{c.Owner, c.OwnerTool} {
		propose(t, w.Service, p, upgrade("scale"), "", billing.ErrPaymentFailed)
	}
	sub := w.Sync(c.Org.ID)
	if after, _ := w.Paid(c.Customer); after != n || sub.Plan != "pro" || sub.Status != billing.StatusActive || sub.Action != nil {
		t.Errorf("after a decline: %d charges (before %d), %+v", after, n, sub.State)
	}
}

func TestBankAsksFirst(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	if err := w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"); err != nil {
		t.Fatal(err)
	}
	w.Advance(time.Hour)
	out, err := w.Service.Propose(ctx, c.Owner, upgrade("scale"))
	if !errors.Is(err, billing.ErrPaymentAction) || out.Failure == nil || out.Failure.ActionURL == "" {
		t.Fatalf("out %+v, err %v", out, err)
	}
	sub := w.Sync(c.Org.ID)
	if sub.Plan != "pro" || sub.Action == nil || sub.Action.Plan != "scale" {
		t.Fatalf("while the bank waits: %+v", sub.State)
	}
	propose(t, w.Service, c.Owner, upgrade("scale"), "", billing.ErrPaymentPending)
	w.Advance(24 * time.Hour) // nobody answered the bank
	if sub = w.Sync(c.Org.ID); sub.Plan != "pro" || sub.Action != nil {
		t.Errorf("after the bank gave up: %+v", sub.State)
	}
}

func TestRequestKeyMakesOneChange(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	w.Advance(time.Hour)
	n, _ := w.Paid(c.Customer)
	pr := billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", RequestKey: "nonce_1"}
	first := propose(t, w.Service, c.Owner, pr, billing.StatusSwitched, nil)
	second := propose(t, w.Service, c.Owner, pr, billing.StatusSwitched, nil)
	if !second.Replayed || first.Replayed || second.Charged != first.Charged {
		t.Errorf("first %+v second %+v", first, second)
	}
	if after, _ := w.Paid(c.Customer); after != n+1 {
		t.Errorf("%d charges, want %d", after, n+1)
	}
}

func TestChangedPriceAsksAgain(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	w.Advance(time.Hour)
	sum, err := w.Service.Summary(ctx, c.Owner)
	if err != nil {
		t.Fatal(err)
	}
	offer := offerFor(t, w.Service.Offers(c.Owner, sum), "scale")
	stale := billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Sealed: offer.Sealed}

	t.Run("another session's form", func(t *testing.T) {
		propose(t, w.Service, c.Admin, stale, "", billing.ErrQuoteChanged)
	})
	t.Run("a tampered form", func(t *testing.T) {
		bad := stale
		bad.Sealed = offer.Sealed[:len(offer.Sealed)-2] + "AA"
		propose(t, w.Service, c.Owner, bad, "", billing.ErrQuoteChanged)
	})
	t.Run("a form for another plan", func(t *testing.T) {
		down, err := w.Service.Review(ctx, c.Owner, summary(t, w, c), "free")
		if err != nil || down.Sealed == "" {
			t.Fatalf("sealed %q, %v", down.Sealed, err)
		}
		propose(t, w.Service, c.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Sealed: down.Sealed}, "", billing.ErrQuoteChanged)
	})
	t.Run("a form older than its life", func(t *testing.T) {
		w.Advance(16 * time.Minute)
		propose(t, w.Service, c.Owner, stale, "", billing.ErrQuoteChanged)
	})
	t.Run("a subscription that changed meanwhile", func(t *testing.T) {
		sum, _ := w.Service.Summary(ctx, c.Owner)
		fresh := offerFor(t, w.Service.Offers(c.Owner, sum), "scale")
		propose(t, w.Service, c.Admin, downgrade(), billing.StatusDowngradeScheduled, nil)
		propose(t, w.Service, c.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Sealed: fresh.Sealed}, "", billing.ErrQuoteChanged)
	})
	if got := w.Plan(c.Org.ID); got != "pro" {
		t.Errorf("plan is %q", got)
	}
}
