package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"github.com/countersignhq/countersign/api"
)

func ptr[T any](v T) *T { return &v }

// How a request ends: what is said, and the exit code.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		st    api.ApprovalStatus
		code  int
		words string // on stdout
		err   string // on stderr
	}{
		{api.ApprovalStatus{Status: "completed", Result: map[string]any{"status": "switched", "plan": "scale", "amountChargedCents": 1234, "currency": "usd"}}, 0, "Approved.\nDone: the plan is scale now. $12.34 was charged.\n", ""},
		{api.ApprovalStatus{Status: "denied"}, exitDenied, "Denied. Nothing changed.\n", ""},
		{api.ApprovalStatus{Status: "denied", Denied: &api.Denied{Reason: "not_now", Note: "after the audit"}}, exitDenied, "Denied: not now, after the audit. Nothing changed.\n", ""},
		{api.ApprovalStatus{Status: "expired"}, exitDenied, "Nobody decided in time. Nothing changed; ask again.\n", ""},
		{api.ApprovalStatus{Status: "canceled"}, exitDenied, "The request was withdrawn. Nothing changed.\n", ""},
		{api.ApprovalStatus{Status: "superseded", ReplacedBy: ptr("apr_2")}, exitDenied, "A newer request took its place: apr_2. Nothing changed by this one.\n", ""},
		{api.ApprovalStatus{Status: "invalidated"}, exitDenied, "The request is void, since its key was revoked or its organisation closed. Nothing changed.\n", ""},
		{
			api.ApprovalStatus{Status: "failed", Error: &api.Problem{Code: "payment_action_required", Message: "The bank wants to confirm.", Details: map[string]any{"actionUrl": "https://bank.test"}}},
			exitFailure,
			"Approved, but it could not be carried out.\n", "The bank wants to confirm. (payment_action_required)\nGo on here: https://bank.test",
		},
		{api.ApprovalStatus{Status: "indeterminate"}, exitPending, "indeterminate\n", ""},
		{api.ApprovalStatus{Status: "indeterminate", Result: map[string]any{"status": "pending", "message": "It cannot be told yet."}}, exitPending, "It cannot be told yet.\n", ""},
	} {
		var out strings.Builder
		printEnd(&out, c.st)
		err := endError(c.st)
		if out.String() != c.words || exitCode(err) != c.code || (err != nil && err.Error() != c.err) {
			t.Errorf("%s: %q, %v with exit code %d", c.st.Status, out.String(), err, exitCode(err))
		}
	}
}

// What is said of a change that was answered at once.
func TestResults(t *testing.T) {
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		change api.Change
		words  string
	}{
		{api.Change{Status: "switched", Plan: "pro", AmountChargedCents: ptr[int64](0), AmountCreditedCents: ptr[int64](3000), Currency: "usd"}, "Done: the plan is pro now. $0.00 was charged. $30.00 was credited.\n"},
		{api.Change{Status: "switched", Plan: "pro", AmountChargedCents: ptr[int64](1900), Currency: "jpy", AmountDiffers: true}, "Done: the plan is pro now. ¥1,900 was charged. That is not what was agreed to; the operator has been told.\n"},
		{api.Change{Status: "downgrade-scheduled", EffectiveAt: &at}, "Done: the free plan begins on " + when(at) + ". Until then nothing changes.\n"},
		{api.Change{Status: "design-partner"}, "The plan is provided free of charge. Nothing changed.\n"},
		{api.Change{Status: "pending"}, "Agreed to, and Stripe has not answered yet. It settles by itself; look again in a moment.\n"},
		{api.Change{Status: "of-tomorrow"}, "of-tomorrow\n"},
	} {
		var out strings.Builder
		printResult(&out, api.V1Change{Change: c.change})
		if out.String() != c.words {
			t.Errorf("%s: %q", c.change.Status, out.String())
		}
	}
}

func TestTrialText(t *testing.T) {
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	team := ptr("team")
	for _, c := range []struct {
		trial api.V1Trial
		want  string
	}{
		{api.V1Trial{}, "not available"},
		{api.V1Trial{Available: true}, "can be started"},
		{api.V1Trial{Active: true, Plan: team, EndsAt: &at, UsedAt: &at, DaysRemaining: 1}, "team until " + when(at) + ", 1 day left"},
		{api.V1Trial{Plan: team, UsedAt: &at, ConvertedAt: &at}, "team, became a subscription on " + when(at)},
		{api.V1Trial{Plan: team, UsedAt: &at, ExpiredAt: &at}, "team, ended on " + when(at)},
		{api.V1Trial{Plan: team, UsedAt: &at}, "team, used on " + when(at)},
	} {
		if got := trialText(c.trial); got != c.want {
			t.Errorf("%q instead of %q", got, c.want)
		}
	}
}

// A changed price is told, since the owner may have heard the old one.
func TestChangedPriceIsSaid(t *testing.T) {
	var out strings.Builder
	printMessage(&out, api.V1Change{Change: api.Change{Message: "Upgrade.", Changed: &api.Quote{AmountDueNowCents: 1740, RecurringCents: 4900, Currency: "usd"}}})
	if got, want := out.String(), "Upgrade.\nThe price has changed: it was $17.40 now, then $49.00.\n"; got != want {
		t.Errorf("%q", got)
	}
}

// What is drawn is the code, module by module, with a margin around.
func TestDrawQR(t *testing.T) {
	code, err := qr.Encode("https://billing.example.com/approve/apr_0123456789abcdefghjkmnpqrs", qr.L)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[rune][2]bool{'█': {true, true}, '▀': {true, false}, '▄': {false, true}, ' ': {false, false}}
	for _, colour := range []bool{true, false} {
		text := drawQR(code, colour)
		if strings.Contains(text, "\x1b") != colour {
			t.Error("colour", !colour)
		}
		text = strings.NewReplacer("\x1b[38;5;16;48;5;231m", "", "\x1b[0m", "").Replace(text)
		rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if want := (code.Size + 2*qrMargin + 1) / 2; len(rows) != want {
			t.Fatalf("%d rows instead of %d", len(rows), want)
		}
		for r, row := range rows {
			cells := []rune(row)
			if len(cells) != code.Size+2*qrMargin {
				t.Fatalf("row %d has %d cells", r, len(cells))
			}
			for c, cell := range cells {
				for half := range 2 {
					x, y := c-qrMargin, 2*r+half-qrMargin
					if black := drawn[cell][half] == colour; black != code.Black(x, y) {
						t.Fatalf("module %d,%d in colour %v is wrong", x, y, colour)
					}
				}
			}
		}
	}
}

// How long to wait after trouble: what the server says, else longer each time.
func TestPauses(t *testing.T) {
	busy := &api.CallError{Status: http.StatusTooManyRequests, RetryAfter: 10 * time.Second}
	away := errors.New("away")
	for _, c := range []struct {
		err      error
		troubles int
		want     time.Duration
	}{
		{busy, 1, 10 * time.Second},
		{busy, 5, 10 * time.Second},
		{away, 1, time.Second},
		{away, 2, 2 * time.Second},
		{away, 4, 8 * time.Second},
		{away, 5, 15 * time.Second},
		{away, maxTroubles, 15 * time.Second},
	} {
		if got := pauseAfter(c.err, c.troubles); got != c.want {
			t.Errorf("%v after %v, %d times; want %v", got, c.err, c.troubles, c.want)
		}
	}
	for err, want := range map[error]bool{busy: true, &api.CallError{Status: 503}: true, &api.CallError{Status: 404}: false, &api.CallError{Status: 401}: false, away: false} {
		if passing(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}

// Where server and key come from.
func TestConnect(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for name, p := range map[string]profile{"default": {"https://a.test", "key-a"}, "b": {"https://b.test", "key-b"}} {
		if _, err := writeProfile(name, p); err != nil {
			t.Fatal(err)
		}
	}
	const address, key, name = "COUNTERSIGN_URL", "COUNTERSIGN_API_KEY", "COUNTERSIGN_PROFILE"
	for _, c := range []struct {
		name  string
		flags cli
		env   map[string]string
		want  string // server and key
		code  int
	}{
		{"the default profile", cli{}, nil, "https://a.test key-a", 0},
		{"a named one", cli{profile: "b"}, nil, "https://b.test key-b", 0},
		{"one by environment", cli{}, map[string]string{name: "b"}, "https://b.test key-b", 0},
		{"flag before environment", cli{profile: "b"}, map[string]string{name: "default", address: "https://c.test", key: "key-c"}, "https://b.test key-b", 0},
		{"environment before profile", cli{}, map[string]string{address: "https://c.test/", key: " key-c\n"}, "https://c.test key-c", 0},
		{"the address by flag", cli{url: "https://d.test"}, map[string]string{address: "https://c.test", key: "key-c"}, "https://d.test key-c", 0},
		{"only the key", cli{}, map[string]string{key: "key-c"}, "https://a.test key-c", 0},
		{"the same address, written otherwise", cli{url: "https://a.test/"}, nil, "https://a.test key-a", 0},
		{"another address for a kept key", cli{url: "https://d.test"}, nil, "", exitUsage},
		{"another by environment", cli{}, map[string]string{address: "https://c.test"}, "", exitUsage},
		{"no such profile", cli{profile: "none"}, nil, "", exitLogin},
		{"no address anywhere", cli{}, map[string]string{name: "none", key: "key-c"}, "", exitUsage},
		{"a name that is a path", cli{profile: "../b"}, nil, "", exitUsage},
		{"a key in two lines", cli{}, map[string]string{key: "key\nc"}, "", exitLogin},
		{"no address but a word", cli{url: "a.test"}, map[string]string{key: "key-c"}, "", exitUsage},
	} {
		conn, err := c.flags.connect(func(name string) string { return c.env[name] })
		if exitCode(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		} else if got := conn.url + " " + conn.key; err == nil && got != c.want {
			t.Errorf("%s: %q instead of %q", c.name, got, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "key-") {
			t.Errorf("%s: a key in %v", c.name, err)
		}
	}
}
