package billing_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestDeclined: the card says no, so nothing has changed and nothing stays open
// that could be paid by surprise.
func TestDeclined(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	noError(t, w.Box.GiveCard(c.Customer, "pm_card_chargeCustomerFail"))
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	r, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
	noError(t, err)
	a, err := w.Service.Status(ctx, c.Agent, out.Approval.ID, 0)
	noError(t, err)
	if r.Approval.State != billing.ApprovalFailed || a.State != billing.ApprovalFailed || a.Result.Failure.Code != billing.ErrPaymentFailed.Code || a.Result.Plan != "pro" {
		t.Fatalf("page %s, poll %s %+v", r.Approval.State, a.State, a.Result)
	}
	sub := w.Sync(c.Org.ID)
	if sub.Plan != "pro" || sub.Status != billing.StatusActive || sub.Action != nil || charges(w, c) != 0 {
		t.Errorf("%+v, %d charges", sub.State, charges(w, c))
	}
	invoices, err := w.Service.Invoices(ctx, c.Owner, "", 10)
	noError(t, err)
	for _, i := range invoices {
		if i.Status == "open" {
			t.Errorf("invoice %s is open", i.Number)
		}
	}
}

// answerBank posts what a person says to the bank's question about an invoice.
func answerBank(t *testing.T, invoiceURL, outcome string, want int) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, invoiceURL+"/bank?"+url.Values{"outcome": {outcome}}.Encode(), http.NoBody)
	noError(t, err)
	res, err := http.DefaultClient.Do(req)
	noError(t, err)
	noError(t, res.Body.Close())
	if res.StatusCode != want {
		t.Fatalf("the bank's page answers %s, want %d", res.Status, want)
	}
}

// bankAsks approves a request whose card wants 3-D Secure, and returns it while
// the bank waits.
func bankAsks(t *testing.T) (*worldtest.World, *seam, worldtest.Cast, billing.Outcome, *billing.Failure) {
	t.Helper()
	w, s, c := seamed(t, "pro", worldtest.Options{})
	noError(t, w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"))
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	r, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
	noError(t, err)
	res := r.Approval.Result
	if r.Approval.State != billing.ApprovalIndeterminate || res == nil || res.Failure == nil || res.Failure.Code != billing.ErrPaymentAction.Code || res.Failure.ActionURL == "" {
		t.Fatalf("%s %+v", r.Approval.State, res)
	}
	if w.Plan(c.Org.ID) != "pro" || charges(w, c) != 0 {
		t.Fatal("switched before the bank agreed")
	}
	return w, s, c, out, res.Failure
}

func TestBankAgrees(t *testing.T) {
	w, _, c, out, failure := bankAsks(t)
	_, err := w.Service.Propose(ctx, c.OtherAgent, upgrade("scale"))
	fails(t, err, billing.ErrPaymentPending, "actionUrl", failure.ActionURL)
	answerBank(t, failure.ActionURL, "complete", http.StatusOK)
	if got := w.Plan(c.Org.ID); got != "scale" {
		t.Fatalf("plan %s", got)
	}
	a, err := w.Service.Status(ctx, c.Agent, out.Approval.ID, 0)
	if err != nil || a.State != billing.ApprovalSucceeded || a.Result.Status != billing.StatusSwitched || a.Result.Plan != "scale" || a.Result.Failure != nil {
		t.Errorf("poll says %s %+v, %v", a.State, a.Result, err)
	}
	if _, total := w.Paid(c.Customer); a.Result.Charged != total-1900 || charges(w, c) != 1 {
		t.Errorf("says %d, charged %d in %d", a.Result.Charged, total-1900, charges(w, c))
	}
	log, err := w.Store.AuditLog(ctx, c.Org.ID, 1)
	noError(t, err)
	if e := log[0]; e.Event != "change.done" || e.Subject != a.IntentID || e.Facts["status"] != "switched" {
		t.Errorf("the record ends with %s %v of %s", e.Event, e.Facts, e.Subject)
	}
}

func TestBankIsNotAnswered(t *testing.T) {
	w, _, c, out, failure := bankAsks(t)
	answerBank(t, failure.ActionURL, "fail", http.StatusPaymentRequired)
	w.Sync(c.Org.ID)
	state(t, w, out.Approval, billing.ApprovalIndeterminate) // one may try again
	w.Advance(24 * time.Hour)
	if got := w.Plan(c.Org.ID); got != "pro" {
		t.Fatalf("plan %s", got)
	}
	a := state(t, w, out.Approval, billing.ApprovalFailed)
	if a.Result.Failure == nil || a.Result.Failure.Code != billing.ErrPaymentFailed.Code || charges(w, c) != 0 {
		t.Errorf("%+v, %d charges", a.Result, charges(w, c))
	}
	asked(t, w.Service, c.Agent, upgrade("scale")) // the way is free again
}

// TestBankIsFaster: the answer to the bank's question is known before the call's
// own answer is written down.
func TestBankIsFaster(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	noError(t, w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"))
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		applied, err := do()
		noError(t, err)
		answerBank(t, applied.Action.URL, "complete", http.StatusOK)
		return applied, err
	}
	_, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
	noError(t, err)
	noError(t, w.Service.SyncDirty(ctx))
	if a := state(t, w, out.Approval, billing.ApprovalSucceeded); a.Result.Status != billing.StatusSwitched || charges(w, c) != 1 {
		t.Errorf("%+v, %d charges", a.Result, charges(w, c))
	}
}

// TestBankSettlesAfterACrash: the sync that saw the bank's answer died before it
// could write down what that means.
func TestBankSettlesAfterACrash(t *testing.T) {
	w, _, c, out, failure := bankAsks(t)
	answerBank(t, failure.ActionURL, "complete", http.StatusOK)
	sub, err := w.Store.Subscription(ctx, c.Org.ID)
	noError(t, err)
	fresh, _, err := w.Stripe.Fetch(ctx, c.Customer)
	noError(t, err)
	sub.State = fresh
	saved, err := w.Store.SaveState(ctx, sub, nil)
	if !saved || err != nil {
		t.Fatal(saved, err)
	}
	w.Sync(c.Org.ID)
	state(t, w, out.Approval, billing.ApprovalSucceeded)
}

// TestBankAndAnOlderReading: a reading from before the bank was asked, saved
// late because ours failed, does not say that the bank has answered.
func TestBankAndAnOlderReading(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	noError(t, w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"))
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	read, save, saved := make(chan struct{}), make(chan struct{}), make(chan error)
	s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
			defer func() { <-save }()
			defer close(read)
			return do()
		}
		go func() {
			_, err := w.Service.SyncOrg(ctx, c.Org.ID)
			saved <- err
		}()
		<-read
		s.fetch = func(func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
			return billing.State{}, nil, billing.ErrStripeUnavailable
		}
		return do()
	}
	r, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
	noError(t, err)
	s.fetch = nil
	close(save)
	noError(t, <-saved)
	if sub, err := w.Store.Subscription(ctx, c.Org.ID); err != nil || sub.Action != nil || !sub.Dirty() {
		t.Fatalf("the older reading was not the one saved: %+v, %v", sub.State, err)
	}
	state(t, w, out.Approval, billing.ApprovalIndeterminate)
	noError(t, w.Service.SyncDirty(ctx))
	state(t, w, out.Approval, billing.ApprovalIndeterminate)
	answerBank(t, r.Approval.Result.Failure.ActionURL, "complete", http.StatusOK)
	w.Sync(c.Org.ID)
	state(t, w, out.Approval, billing.ApprovalSucceeded)
}
