package billing

import (
	"testing"
	"time"
)

// TestSnapshotAtTheTurn: while it is read, a window may end. What is made of it
// then speaks of one window and not of two, since a consume may start from it for
// a day.
func TestSnapshotAtTheTurn(t *testing.T) {
	catalog, err := LoadCatalog("flat", nil)
	if err != nil {
		t.Fatal(err)
	}
	turn := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	march := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	over := Overview{Subscription: Subscription{State: State{Plan: "free"}}, Usage: []UsageRow{
		{Resource: "webhooks", Start: march, Value: 900}, {Resource: "webhooks", Start: turn, Value: 2},
	}}
	s := New(Config{Catalog: catalog, Clock: ClockFunc(func() time.Time { return turn })})
	snap := s.snapshotOf(over, turn.Add(-time.Millisecond))
	for i, r := range catalog.Resources {
		if m := snap.meters[i]; r.ID == "webhooks" && (!m.start.Equal(march) || m.Active != 900) {
			t.Errorf("%d since %v", m.Active, m.start)
		}
	}
	if !snap.until.Equal(turn) {
		t.Errorf("good until %v, want %v", snap.until, turn)
	}
}
