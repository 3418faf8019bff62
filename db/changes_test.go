package db

import (
	"errors"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

// noted is a fact about the org.
func noted(id, org string) billing.AuditEvent {
	return billing.AuditEvent{ID: id, OrgID: org, At: t0, Event: "approval.requested", Subject: "apr_1"}
}

// TestChangesAreTold wakes those who wait for news of an org, when there is some.
func TestChangesAreTold(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		news, stop := s.Subscribe(acme)
		defer stop()
		failed := errors.New("no")
		err := s.InTx(ctx, func(tx billing.Tx) error {
			must(t, tx.Audit(ctx, noted("evt_1", acme)))
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		asleep(t, news)
		must(t, s.InTx(ctx, func(tx billing.Tx) error {
			must(t, tx.Audit(ctx, noted("evt_2", acme)))
			asleep(t, news) // it is not there for others yet
			return tx.Audit(ctx, noted("evt_3", acme))
		}))
		woken(t, news)
	})
}

// TestStateIsTold: what a sync has written is news.
func TestStateIsTold(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		news, stop := s.Subscribe(acme)
		defer stop()
		sub, err := s.Subscription(t.Context(), acme)
		must(t, err)
		ok, err := s.SaveState(t.Context(), sub, nil)
		must(t, err)
		if !ok {
			t.Fatal("not saved")
		}
		woken(t, news)
		if ok, err = s.SaveState(t.Context(), sub, nil); err != nil || ok {
			t.Fatalf("an older reading is saved: %v %v", ok, err)
		}
	})
}

// TestChangesReachOtherReplicas: all that piled up, in one go.
func TestChangesReachOtherReplicas(t *testing.T) {
	t.Parallel()
	url := newURL(t, postgresEngine)
	one, two := openAt(t, url, Options{}), openAt(t, url, Options{})
	a, stopA := two.Subscribe("org_a")
	defer stopA()
	b, stopB := two.Subscribe("org_b")
	defer stopB()
	elsewhere, stop := two.Subscribe("org_c")
	defer stop()
	one.tellOf([]string{"org_a", "org_b"})
	one.tellOf([]string{"org_b"})
	woken(t, a)
	woken(t, b)
	asleep(t, elsewhere)
}
