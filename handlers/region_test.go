package handlers

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// catalogIn is the flat catalogue with its prices in another currency.
func catalogIn(t *testing.T, currency, pro, scale string) string {
	t.Helper()
	raw, err := os.ReadFile("../billing/catalogs/flat.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("currency: usd", "currency: "+currency, `"19.00"`, `"`+pro+`"`, `"49.00"`, `"`+scale+`"`).Replace(string(raw))
	path := filepath.Join(t.TempDir(), currency+".yaml")
	if err = os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUpgradeAbroad: in any currency and locale the amount on the button is the
// one that is charged and told afterwards, and nothing but pages knows of the
// locale.
func TestUpgradeAbroad(t *testing.T) {
	for _, tc := range []struct {
		currency, pro, scale string
		zone, locale         string
		due                  int64
		words                string // of the amount due, with plain spaces
	}{
		{"eur", "19.00", "49.00", "Europe/Berlin", "de-DE", 3000, "30,00 €"},
		{"gbp", "19.00", "49.00", "America/St_Johns", "en-GB", 3000, "£30.00"},
		{"jpy", "1900", "4900", "Asia/Tokyo", "ja-JP", 3000, "￥3,000"},
		{"kwd", "5.500", "14.250", "Africa/Cairo", "ar-EG", 8750, "٨٫٧٥٠"},
		{"kwd", "5.500", "14.250", "Asia/Kuwait", "en", 8750, "KWD 8.750"},
	} {
		t.Run(tc.currency+" "+tc.locale, func(t *testing.T) {
			s := newSite(t, worldtest.Options{Catalog: catalogIn(t, tc.currency, tc.pro, tc.scale)})
			c := s.NewCast("acme", "pro", visa)
			owner := who{session: c.OwnerCookie}
			programs := func() string {
				return s.get(who{key: c.AgentKey}, "/api/billing").Body.String() + s.get(who{key: c.AgentKey}, "/api/billing/preview?plan=scale").Body.String()
			}
			said := programs()
			if err := s.Store.SetRegion(context.Background(), c.Org.ID, billing.Region{TimeZone: tc.zone, Locale: tc.locale}); err != nil {
				t.Fatal(err)
			}
			if now := programs(); now != said || !strings.Contains(said, `"`+tc.currency+`"`) {
				t.Errorf("programs read\n%s\nand before\n%s", now, said)
			}
			plain := func(body string) string {
				return strings.NewReplacer("\u00a0", " ", "\u200f", "", "\u061c", "").Replace(body)
			}
			page := s.get(owner, pathBilling)
			if body := plain(page.Body.String()); !strings.Contains(body, "Upgrade, pay "+tc.words) {
				t.Errorf("the button does not say %s", tc.words)
			}
			before, paid := s.Paid(c.Customer)
			pressed := s.submit(owner, pathChange, forms(page, pathChange, "plan", "scale"))
			if pressed.Code != http.StatusSeeOther {
				t.Fatalf("%d %s", pressed.Code, pressed.Body)
			}
			if n, now := s.Paid(c.Customer); n != before+1 || now-paid != tc.due {
				t.Errorf("charged %d in %d payments", now-paid, n-before)
			}
			if body := plain(s.get(owner, pressed.Header().Get("Location")).Body.String()); !strings.Contains(body, tc.words) || !strings.Contains(body, "was charged") {
				t.Errorf("the page does not say that %s was charged", tc.words)
			}
		})
	}
}
