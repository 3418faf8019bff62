package payments

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// What becomes of an order that does not simply succeed.

func TestDeclined(t *testing.T) {
	for name, interactive := range map[string]bool{"by a person": true, "by an agent": false} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			sub := r.subscribe("pro", "pm_card_chargeCustomerFail")
			r.clock.pass(halfway)
			o := r.order(sub, r.quote(sub, changeTo("scale")), interactive)
			for _, when := range []string{"at first", "repeated"} {
				_, err := r.apply(r.ctx, o)
				e, _ := errors.AsType[*billing.Error](err)
				if !errors.Is(err, billing.ErrPaymentFailed) || e.Kind != billing.KindPayment || e.Details["decline_code"] != "generic_decline" {
					t.Errorf("%s: %v, %+v", when, err, e)
				}
				r.wantUntouched(sub)
			}
			r.wantCharges(sub.CustomerID, 1900)
		})
	}
}

// TestDeclinedAnswersLost: whichever answer is lost, the repetition ends clean.
func TestDeclinedAnswersLost(t *testing.T) {
	for name, path := range map[string]string{"of the change": "/v1/subscriptions/", "of taking it back": "/void"} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			sub := r.subscribe("pro", "pm_card_chargeCustomerFail")
			o := r.order(sub, r.quote(sub, changeTo("scale")), true)
			r.onCall(func(req *http.Request) {
				if req.Method == http.MethodPost && strings.Contains(req.URL.Path, path) {
					r.onCall(nil)
					r.server.LoseNextAnswer()
				}
			})
			if _, err := r.apply(r.ctx, o); err == nil {
				t.Fatal("no error")
			}
			if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrPaymentFailed) {
				t.Errorf("repeated: %v", err)
			}
			r.wantUntouched(sub)
		})
	}
}

// TestDeclinedButPaid: between our declined try and our voiding of it somebody
// pays the invoice with another card. The truth is then that it is paid.
func TestDeclinedButPaid(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_chargeCustomerFail")
	r.clock.pass(halfway)
	o := r.order(sub, r.quote(sub, changeTo("scale")), true)
	r.onCall(func(req *http.Request) {
		if !strings.HasSuffix(req.URL.Path, "/void") {
			return
		}
		r.onCall(nil)
		st := r.state(sub.CustomerID)
		if st.Action == nil || st.Action.Plan != "scale" {
			t.Errorf("action %+v", st.Action)
			return
		}
		r.press(st.Action.URL, url.Values{"number": {"4242424242424242"}})
	})
	a, err := r.apply(r.ctx, o)
	if err != nil || a.Charged != 1500 {
		t.Fatalf("%+v, %v", a, err)
	}
	if st := r.state(sub.CustomerID); st.Plan != "scale" || st.Action != nil {
		t.Errorf("state %+v", st.State)
	}
	r.wantCharges(sub.CustomerID, 1900, 1500)
}

func TestBankAsks(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_authenticationRequired")
	r.clock.pass(halfway)
	o := r.order(sub, r.quote(sub, changeTo("scale")), true)
	a := r.mustApply(o)
	if a.Action == nil || a.Action.URL == "" || a.Action.Plan != "scale" || a.Action.Amount != (billing.Money{Amount: 1500, Currency: "usd"}) || a.Charged != 0 {
		t.Fatalf("applied %+v, action %+v", a, a.Action)
	}
	waiting := r.state(sub.CustomerID)
	if waiting.Plan != "pro" || waiting.Status != "active" || waiting.Action == nil || waiting.Action.Plan != "scale" || waiting.Action.URL != a.Action.URL {
		t.Errorf("state %+v, action %+v", waiting.State, waiting.Action)
	}
	if again := r.mustApply(o); again.Action == nil || again.Action.InvoiceID != a.Action.InvoiceID {
		t.Errorf("repeated: %+v", again)
	}

	r.press(a.Action.URL+"/bank", url.Values{"outcome": {"complete"}})
	if after := r.state(sub.CustomerID); after.Plan != "scale" || after.Action != nil {
		t.Errorf("state %+v", after.State)
	}
	r.wantCharges(sub.CustomerID, 1900, 1500)
	if again := r.mustApply(o); again.Action != nil || again.Charged != 1500 {
		t.Errorf("repeated after the payment: %+v", again)
	}
	r.wantCharges(sub.CustomerID, 1900, 1500)
}

func TestBankAsksAnAgent(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_authenticationRequired")
	_, err := r.apply(r.ctx, r.order(sub, r.quote(sub, changeTo("scale")), false))
	e, _ := errors.AsType[*billing.Error](err)
	if !errors.Is(err, billing.ErrPaymentAction) || e.Details["actionUrl"] != nil {
		t.Errorf("got %v, %+v", err, e)
	}
	r.wantUntouched(sub)
	r.wantCharges(sub.CustomerID, 1900)
}

func TestLostAnswer(t *testing.T) {
	for name, interactive := range map[string]bool{"by a person": true, "by an agent": false} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			sub := r.subscribe("pro", "pm_card_visa")
			r.clock.pass(halfway)
			o := r.order(sub, r.quote(sub, changeTo("scale")), interactive)
			r.server.LoseNextAnswer()
			_, err := r.apply(r.ctx, o)
			if _, known := errors.AsType[*billing.Error](err); err == nil || known {
				t.Fatalf("got %v", err)
			}
			r.clock.pass(time.Hour)
			if a := r.mustApply(o); a.Charged != 1500 || a.InvoiceID == "" {
				t.Errorf("applied %+v", a)
			}
			r.wantCharges(sub.CustomerID, 1900, 1500)
		})
	}
}

// TestRepeatedInOtherWords: if a repetition is not what was sent the first time,
// the key is burnt rather than refused, and nothing happens twice.
func TestRepeatedInOtherWords(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	r.mustApply(r.order(sub, r.quote(sub, billing.Change{Action: billing.ActionScheduleDowngrade}), true))
	sub = r.state(sub.CustomerID)
	r.clock.pass(halfway)
	o := r.order(sub, r.quote(sub, changeTo("scale")), true)
	r.server.LoseNextAnswer()
	if _, err := r.apply(r.ctx, o); err == nil {
		t.Fatal("no error")
	}
	o.from = r.state(sub.CustomerID).State
	if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrStripeFault) {
		t.Errorf("got %v", err)
	}
	r.wantCharges(sub.CustomerID, 1900, 1500)
}

func TestBusy(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	o := r.order(sub, r.quote(sub, changeTo("scale")), true)

	r.server.FailNext(http.StatusTooManyRequests, 1)
	if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrStripeBusy) {
		t.Errorf("rate limit: %v", err)
	}
	arrived, release := make(chan struct{}), make(chan struct{})
	r.onCall(func(*http.Request) {
		r.onCall(nil)
		close(arrived)
		<-release
	})
	first := make(chan error)
	go func() {
		_, err := r.apply(r.ctx, o)
		first <- err
	}()
	<-arrived
	if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrStripeBusy) {
		t.Errorf("in flight: %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
	if n := len(r.succeeded(sub.CustomerID)); n != 2 {
		t.Errorf("%d charges", n)
	}
}

func TestFault(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	q := r.quote(sub, changeTo("scale"))
	o := r.order(sub, q, true)
	r.server.FailNext(http.StatusInternalServerError, 1)
	for _, when := range []string{"at first", "repeated"} {
		if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrStripeFault) {
			t.Errorf("%s: %v", when, err)
		}
	}
	r.wantUntouched(sub)
	o.key = "cs:another:2"
	r.mustApply(o)
	if n := len(r.succeeded(sub.CustomerID)); n != 2 {
		t.Errorf("%d charges", n)
	}
}

// TestPricesAwayBeforeTheCall: nothing was sent, so the same order may be tried
// again in the same words.
func TestPricesAwayBeforeTheCall(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	o := r.order(sub, r.quote(sub, changeTo("scale")), true)
	r.clock.pass(priceLife)
	r.server.FailNext(http.StatusServiceUnavailable, 1)
	if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrStripeBusy) {
		t.Errorf("got %v", err)
	}
	r.wantUntouched(sub)
}
