package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func TestAskForMore(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	ctx := t.Context()
	first, err := w.Service.AskForMore(ctx, c.Member, billing.LimitAsk{Kind: "agents", Desired: 20, Reason: "  more\n\u202etests "})
	if err != nil {
		t.Fatal(err)
	}
	if first.Reason != "more tests" || first.Plan != "free" || first.State != billing.LimitOpen || first.Asks != 1 || first.Asker.ID != c.Member.ID {
		t.Errorf("stored %+v", first)
	}
	w.Advance(time.Hour)
	again, err := w.Service.AskForMore(ctx, c.Agent, billing.LimitAsk{Kind: "agents", Desired: 50})
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != first.ID || again.Asks != 2 || again.Desired != 50 || again.Reason != "more tests" || !again.CreatedAt.Equal(first.CreatedAt) {
		t.Errorf("joined %+v", again)
	}
	none, err := w.Service.AskForMore(ctx, c.OwnerTool, billing.LimitAsk{Reason: strings.Repeat("ü", 600)})
	if err != nil || none.Kind != "other" || none.ID == first.ID || none.Reason != strings.Repeat("ü", 500) {
		t.Errorf("nothing said: %+v, %v", none, err)
	}
	log, err := w.Store.AuditLog(ctx, c.Org.ID, 10)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, e := range log {
		if e.Event == "limit.requested" {
			asked = append(asked, e.Subject)
		}
	}
	if strings.Join(asked, " ") != none.ID+" "+first.ID {
		t.Errorf("the audit log has %v", asked)
	}
}

func TestAskForMoreRefusals(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	paused, reader := c.Agent, c.Agent
	paused.Paused, reader.Scopes = true, []string{billing.ScopeRead}
	host := billing.Principal{Actor: billing.Actor{Kind: billing.KindHost, ID: "host"}}
	for name, tc := range map[string]struct {
		by   billing.Principal
		ask  billing.LimitAsk
		want error
	}{
		"a host":            {host, billing.LimitAsk{}, billing.ErrForbidden},
		"an operator":       {billing.Principal{Actor: billing.Actor{Kind: billing.KindOperator}}, billing.LimitAsk{}, billing.ErrForbidden},
		"a reading agent":   {reader, billing.LimitAsk{}, billing.ErrScope},
		"a paused agent":    {paused, billing.LimitAsk{}, billing.ErrKeyPaused},
		"an unknown kind":   {c.Owner, billing.LimitAsk{Kind: "seats"}, billing.ErrUnknownKind},
		"a negative number": {c.Owner, billing.LimitAsk{Desired: -1}, billing.ErrInvalid},
		"a number too far":  {c.Owner, billing.LimitAsk{Desired: 1 << 53}, billing.ErrInvalid},
	} {
		if _, err := w.Service.AskForMore(t.Context(), tc.by, tc.ask); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if list, err := w.Service.LimitRequests(t.Context(), c.Owner, "", 10); err != nil || len(list) != 0 {
		t.Errorf("stored %v, %v", list, err)
	}
	if _, err := w.Service.LimitRequests(t.Context(), host, "", 10); !errors.Is(err, billing.ErrForbidden) {
		t.Errorf("a host reads: %v", err)
	}
}

// TestLimitKinds: what every catalogue takes, whatever it has.
func TestLimitKinds(t *testing.T) {
	for _, catalog := range []string{"flat", "capacity"} {
		w := worldtest.New(t, worldtest.Options{Catalog: catalog})
		c := w.NewCast("acme", "", "")
		kinds := append([]string{"agents", "workspaces", "rows", "other"}, w.Service.Catalog().Resources[0].ID)
		for _, kind := range kinds {
			if _, err := w.Service.AskForMore(t.Context(), c.Owner, billing.LimitAsk{Kind: kind}); err != nil {
				t.Errorf("%s, %s: %v", catalog, kind, err)
			}
		}
	}
}
