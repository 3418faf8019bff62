package handlers_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestActivity: owners and billing admins read what happened in their org and who
// did it, page by page and as a file; nobody else does.
func TestActivity(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		t.Run(fmt.Sprint("postgres ", postgres), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, worldtest.Options{Postgres: postgres})
			p, q := s.people("acme", "pro", visa), s.people("zebra", "pro", visa)
			request := s.ask(p.agent, "scale")
			s.ask(q.agent, "scale")
			for i := range 60 {
				s.ok(s.Store.Audit(t.Context(), billing.AuditEvent{
					ID: fmt.Sprint("evt_", i), OrgID: p.Org.ID, At: s.Box.Now(), Event: "agent.created", Subject: "key_1",
					Facts: map[string]any{"name": fmt.Sprint("=bot", i)}, Actor: billing.Actor{Kind: billing.KindOperator, Name: "secret@operator.test"},
				}))
			}
			for _, by := range []caller{p.owner, p.admin} {
				first := s.get(by, "/settings/activity").is(200, "").body
				if strings.Count(first, "Created the agent") != pageRows || !strings.Contains(first, "=bot59<") || strings.Contains(first, "secret@operator.test") || strings.Contains(first, "{") {
					t.Errorf("%s reads %s", by.name, first)
				}
				next := s.get(by, "/settings/activity?cursor=evt_10").is(200, "").body
				if strings.Count(next, "Created the agent") != 10 || !strings.Contains(next, "/approve/"+request) || strings.Contains(next, "zebra") {
					t.Errorf("the second page: %s", next)
				}
				agents := s.get(by, "/settings/activity?by=agent").is(200, "").body
				if strings.Contains(agents, "Created the agent") || strings.Count(agents, "Asked to switch to Scale") < 1 {
					t.Errorf("of agents: %s", agents)
				}
				a := s.get(by, "/settings/activity.csv?by=operator").is(200, "")
				rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
				s.ok(err)
				if len(rows) != 61 || rows[1][1] != "operator" || rows[1][3] != "Created the agent =bot59" || a.header.Get("Content-Disposition") != "attachment; filename=activity.csv" {
					t.Errorf("%d rows, %q, %v", len(rows), rows[1], a.header)
				}
			}
			for _, path := range []string{"/settings/activity", "/settings/activity.csv"} {
				if a := s.get(p.member, path).is(403, ""); !strings.Contains(a.body, "for its owners and billing admins") {
					t.Errorf("a member reads %s", a.body)
				}
			}
		})
	}
}

// pageRows is how many entries a page of a list has.
const pageRows = 50

func TestActivityBadInput(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	same := s.unchanged()
	for _, path := range []string{"/settings/activity", "/settings/activity.csv", "/settings/approvals.csv"} {
		for _, query := range []string{"?by=nobody", "?by=Person", "?cursor=apr_1", "?cursor=evt_%27", "?cursor=evt_" + strings.Repeat("a", 200), "?state=nothing"} {
			if strings.HasPrefix(query, "?state") != strings.Contains(path, "approvals") {
				continue
			}
			row := in(path+query, path+query, 404, "(page)", "")
			row.call.as = p.owner
			s.badRow(row)
		}
		for _, by := range []caller{nobody, p.tool, p.agent} {
			row := in(path+" by "+by.name, path, 303, "(page)", "")
			row.call.as = by
			s.badRow(row)
		}
	}
	same("activity")
	if a := s.get(p.owner, "/settings/activity?cursor=evt_none").is(200, ""); !strings.Contains(a.body, "Nothing has happened yet") {
		t.Errorf("after an event that is not there: %s", a.body)
	}
}

// TestMembersPage: everybody in the org sees who is in it. When they were here is
// for those who manage it.
func TestMembersPage(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("zebra", "pro", visa)
	for _, by := range []caller{p.owner, p.admin, p.member} {
		body := s.get(by, "/settings/members").is(200, "").body
		for _, m := range []billing.Principal{p.Owner, p.Admin, p.Member} {
			if !strings.Contains(body, m.Email) {
				t.Errorf("%s does not see %s", by.name, m.Email)
			}
		}
		if strings.Contains(body, q.Owner.Email) || strings.Contains(body, "Last here") != (by.name != p.member.name) || !strings.Contains(body, "Your application keeps this list") {
			t.Errorf("%s reads %s", by.name, body)
		}
	}
}

// TestApprovalsCSV: the history is a file with the filter of the page.
func TestApprovalsCSV(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("zebra", "pro", visa)
	request := s.ask(p.agent, "scale")
	s.ask(q.agent, "scale")
	read := func(query string) [][]string {
		rows, err := csv.NewReader(strings.NewReader(s.get(p.member, "/settings/approvals.csv"+query).is(200, "").body)).ReadAll()
		s.ok(err)
		return rows
	}
	if rows := read(""); len(rows) != 2 || rows[1][1] != request || rows[1][3] != "Upgrade to Scale" || rows[1][5] != "Waiting" || rows[1][6] != "" {
		t.Errorf("%q", rows)
	}
	if rows := read("?state=denied"); len(rows) != 1 {
		t.Errorf("denied: %q", rows)
	}
	if rows := read("?state=pending"); len(rows) != 2 {
		t.Errorf("pending: %q", rows)
	}
}
