package handlers_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestUsageCSV: the plots, their tables and the file say the same, to everybody
// in the org and to nobody else.
func TestUsageCSV(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("zebra", "pro", visa)
	const file = "/settings/billing/usage.csv?resource=agents"
	const plot = "/settings/billing?plot=agents"
	if page := s.get(p.member, plot).is(200, ""); strings.Contains(page.body, `role="img"`) {
		t.Error("a plot of nothing")
	}
	if a := s.get(p.member, file).is(200, ""); a.body != "resource,day,value,closing,limit\n" {
		t.Errorf("before the first report: %q", a.body)
	}
	today := s.Box.Now().UTC().Truncate(24 * time.Hour)
	line := func(ago int, value, closing int64) billing.UsageDay {
		return billing.UsageDay{Resource: "agents", Day: today.AddDate(0, 0, -ago), Value: value, Closing: closing}
	}
	s.ok(s.Service.ImportUsageDays(t.Context(), p.Org.ID, []billing.UsageDay{line(40, 9, 9), line(29, 9, 2), line(0, 7, 6)}))
	s.ok(s.Service.ImportUsageDays(t.Context(), q.Org.ID, []billing.UsageDay{line(3, 77, 77)}))
	for _, by := range []caller{p.owner, p.admin, p.member} {
		a := s.get(by, file+"&org="+q.Org.ID).is(200, "")
		rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
		s.ok(err)
		first, last := "agents,"+today.AddDate(0, 0, -29).Format(time.DateOnly)+",9,2,3", "agents,"+today.Format(time.DateOnly)+",7,6,10"
		if len(rows) != 31 || strings.Join(rows[1], ",") != first || strings.Join(rows[30], ",") != last {
			t.Errorf("%s reads %d rows: %q", by.name, len(rows), a.body)
		}
		if a.header.Get("Content-Type") != "text/csv; charset=utf-8" || a.header.Get("Content-Disposition") != "attachment; filename=usage-agents.csv" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%v", a.header)
		}
	}
	for _, none := range []string{"/settings/billing", "/settings/billing?plot=", "/settings/billing?plot=members", "/settings/billing?plot=%3Cb%3E", "/settings/billing?plot=" + strings.Repeat("a", 5000)} {
		if body := s.get(p.member, none).is(200, "").body; strings.Contains(body, `role="img"`) || strings.Contains(body, "most 9") {
			t.Errorf("%.60s draws the plot", none)
		}
	}
	page := s.get(p.member, plot).is(200, "").body
	if strings.Count(page, `role="img"`) != 1 || !strings.Contains(page, "to 7 today, most 9. The limit is 10; 1 day was over its limit.") || strings.Contains(page, "most 77") {
		t.Errorf("page: %s", page)
	}
	s.never(p)
	s.never(q)
}

func TestUsageCSVBadInput(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	same := s.unchanged()
	for _, query := range []string{
		"", "?resource=", "?resource", "?resource=Agents", "?resource=gold", "?resource=agents%20", "?resource=agents%00", "?resource=agents%0d%0aX-Y:1",
		"?resource=%3dcmd()", "?resource=../agents", "?resource=%ff", "?resource=%zz", "?resource=" + strings.Repeat("a", 5000), "?Resource=agents", "?token=x&resource=agents",
	} {
		row := in("usage of "+query, "/settings/billing/usage.csv"+query, 400, "(page)", "")
		row.call.as = p.owner
		s.badRow(row)
	}
	for _, by := range []caller{nobody, p.tool, p.agent} {
		row := in("usage by "+by.name, "/settings/billing/usage.csv?resource=agents", 303, "(page)", "")
		row.call.as = by
		s.badRow(row)
	}
	row := bad{"a change of usage", call{as: p.owner, method: http.MethodPut, path: "/settings/billing/usage.csv"}, 405, "(page)", ""}
	s.badRow(row)
	same("a file of usage")
}
