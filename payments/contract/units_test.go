package contract_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// What the product does with capacity units.

func increase(n int64) billing.Proposal {
	return billing.Proposal{Verb: billing.VerbIncrease, Units: &n}
}

func reduce(n int64) billing.Proposal { return billing.Proposal{Verb: billing.VerbReduce, Units: &n} }

func (p *product) has(org worldtest.Cast, plan string, additional int64, reducing bool) {
	p.t.Helper()
	sub := p.Sync(org.Org.ID)
	if sub.Plan != plan || sub.Units.Additional != additional || sub.Units.Reducing() != reducing || sub.Units.Foreign {
		p.t.Fatalf("plan %q with %+v, want %q with %d", sub.Plan, sub.Units, plan, additional)
	}
}

// units come, go with the next period, and stay after all.
func (p *product) units() {
	keep := billing.Proposal{Verb: billing.VerbKeepCapacity}
	org := p.NewCast("units", "team", "pm_card_visa")
	p.Advance(10 * 24 * time.Hour)
	p.propose(org.Owner, increase(3), billing.StatusCapacityIncreased)
	p.propose(org.OwnerTool, increase(5), billing.StatusCapacityIncreased)
	p.propose(org.Owner, reduce(4), billing.StatusReductionScheduled)
	p.has(org, "team", 5, true)
	p.propose(org.OwnerTool, reduce(0), billing.StatusReductionScheduled)
	p.propose(org.Owner, keep, billing.StatusReductionCanceled)
	p.has(org, "team", 5, false)
	p.chat(org, reduce(2), billing.StatusReductionScheduled)
	p.Advance(31 * 24 * time.Hour)
	p.has(org, "team", 2, false)
	p.chat(org, increase(6), billing.StatusCapacityIncreased) // beside the spent schedule
	p.propose(org.Owner, reduce(1), billing.StatusReductionScheduled)
	p.propose(org.Owner, billing.Proposal{Verb: billing.VerbDowngrade}, billing.StatusDowngradeScheduled)
	p.has(org, "team", 6, false)
	p.propose(org.Owner, billing.Proposal{Verb: billing.VerbResume}, billing.StatusResumed)
	p.Advance(31 * 24 * time.Hour)
	p.has(org, "team", 6, false)
}

// unitsAndPlans: units come along to another plan.
func (p *product) unitsAndPlans() {
	to := func(plan string) billing.Proposal { return billing.Proposal{Verb: billing.VerbUpgrade, Plan: plan} }
	org := p.NewCast("plans", "solo", "pm_card_visa")
	p.Advance(10 * 24 * time.Hour)
	p.propose(org.OwnerTool, increase(9), billing.StatusCapacityIncreased)
	p.propose(org.Owner, to("team"), billing.StatusSwitched)
	p.has(org, "team", 2, false)
	p.propose(org.OwnerTool, to("solo"), billing.StatusSwitched)
	p.has(org, "solo", 2, false)
	p.propose(org.Owner, billing.Proposal{Verb: billing.VerbDowngrade}, billing.StatusDowngradeScheduled)
	p.propose(org.Owner, to("team"), billing.StatusSwitched) // lifts it, and needs no more units
	p.has(org, "team", 0, false)
	p.propose(org.Owner, increase(1), billing.StatusCapacityIncreased)
	p.has(org, "team", 1, false)
}

// unitsNotPaid leave all as it was, until the bank has its answer.
func (p *product) unitsNotPaid() {
	org := p.NewCast("unpaid", "team", "pm_card_visa")
	p.Advance(10 * 24 * time.Hour)
	p.card(org, "pm_card_chargeCustomerFail")
	p.refused(org.Owner, increase(8), billing.ErrPaymentFailed)
	p.refused(org.OwnerTool, increase(8), billing.ErrPaymentFailed)
	p.card(org, "pm_card_authenticationRequired")
	p.refused(org.OwnerTool, increase(8), billing.ErrPaymentAction)
	p.refused(org.Owner, increase(8), billing.ErrPaymentAction)
	p.has(org, "team", 0, false)
	p.refused(org.Owner, increase(9), billing.ErrPaymentPending)
	p.bank(org)
	p.has(org, "team", 8, false)
}

// secondAttempt: Stripe's fault between the two calls of a reduction is got over
// with another key.
func (p *product) secondAttempt(ours *rules) {
	org := p.NewCast("again", "team", "pm_card_visa")
	p.propose(org.Owner, increase(5), billing.StatusCapacityIncreased)
	ours.until = func(r *http.Request) {
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/subscription_schedules/") {
			ours.until = nil
			p.Box.FailNext(http.StatusInternalServerError, 1)
		}
	}
	p.propose(org.Owner, reduce(3), billing.StatusPending)
	for range 2 { // the first finds out that the key is burnt
		p.Advance(time.Minute)
		if found, err := p.Service.Recover(p.t.Context()); err != nil || !found {
			p.t.Errorf("nothing was recovered: %v", err)
		}
	}
	p.has(org, "team", 5, true)
}

// lookupKey of a price in the sandbox.
func lookupKey(t *testing.T, box http.Handler, id string) string {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/prices/"+id, http.NoBody)
	req.Header.Set("Authorization", "Bearer sk_test_worldtest")
	rec := httptest.NewRecorder()
	box.ServeHTTP(rec, req)
	var price struct {
		LookupKey string `json:"lookup_key"`
	}
	must(t, json.Unmarshal(rec.Body.Bytes(), &price))
	return price.LookupKey
}

// TestPhasesThatSayMore: what a subscription may have besides its items is sent
// along with a reduction, though the sandbox knows nothing of it.
func TestPhasesThatSayMore(t *testing.T) {
	spec, err := load()
	must(t, err)
	h, log, err := spec.Requests()
	must(t, err)
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	for _, form := range []string{
		"phases[0][coupon]=half", "phases[0][default_tax_rates][0]=txr_1",
		"phases[0][collection_method]=charge_automatically", "phases[0][default_payment_method]=pm_1", "phases[0][description]=a",
		"phases[0][automatic_tax][enabled]=true", "phases[0][metadata][a]=1", "phases[0][trial_end]=1790000009",
		"phases[0][items][0][tax_rates][0]=txr_1", "phases[0][items][0][metadata][b]=2",
	} {
		body := strings.NewReader("phases[0][start_date]=1790000000&phases[0][items][0][price]=price_1&" + form)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/v1/subscription_schedules/sub_sched_1", body)
		must(t, err)
		req.Header.Set("Authorization", "Bearer sk_test_x")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Stripe-Version", sandbox.APIVersion)
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, res.Body.Close())
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", form, res.Status)
		}
	}
	for _, err := range log.Wrong() {
		t.Error(err)
	}
}
