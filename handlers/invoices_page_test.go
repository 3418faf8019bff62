package handlers_test

import (
	"strings"
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestInvoicesPage: the billing page lists the newest and leads to all of them,
// page by page, of one's own org only.
func TestInvoicesPage(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, stranger := s.people("acme", "pro", visa), s.people("stranger", "pro", visa)
	const all = "/settings/billing/invoices"
	if a := s.get(p.owner, "/settings/billing"); strings.Contains(a.body, all) {
		t.Error("one invoice has a page of its own")
	}
	if a := s.get(s.people("fresh", "", "").owner, all).is(200, ""); !strings.Contains(a.body, "No invoice yet") {
		t.Error("no words for no invoice")
	}
	s.history(p, "acme", 120)
	s.history(stranger, "stranger", 120)
	if a := s.get(p.owner, "/settings/billing"); strings.Count(a.body, `role="rowheader"`) != 12 || !strings.Contains(a.body, `href="`+all+`"`) {
		t.Errorf("%d invoices on the billing page", strings.Count(a.body, `role="rowheader"`))
	}
	seen, pages := 0, 0
	for at := all; at != ""; pages++ {
		a := s.get(p.member, at).is(200, "")
		if strings.Contains(a.body, ">stranger") {
			t.Fatal("another org's invoice")
		}
		seen += strings.Count(a.body, `role="rowheader"`)
		_, rest, more := strings.Cut(a.body, `href="`+all+`?cursor=`)
		if at = ""; more {
			cursor, _, _ := strings.Cut(rest, `"`)
			at = all + "?cursor=" + cursor
		}
	}
	if seen != 120 || pages != 3 {
		t.Errorf("%d invoices on %d pages", seen, pages)
	}
	s.get(p.owner, all+"?cursor=%27--").is(404, "")
}
