package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestMailsDoNotAct: mail scanners open every address of every mail, and nothing
// changes by it.
func TestMailsDoNotAct(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	broken := s.NewCast("broken", "scale", visa)
	s.ok(s.Box.GiveCard(broken.Customer, "pm_card_chargeCustomerFail"))
	ask := func(plan string) string {
		out, err := s.Service.Propose(t.Context(), p.Agent, billing.Proposal{Verb: billing.VerbUpgrade, Plan: plan, Mode: billing.ModeWeb})
		s.ok(err)
		return out.Approval.ID
	}
	mails := s.Mails()
	denied := ask("scale")
	mails = append(mails, s.Mails()...)
	_, err := s.Service.Decide(t.Context(), p.Owner, denied, billing.Verdict{Reason: "not_now"})
	s.ok(err)
	s.Advance(time.Hour)
	ask("scale")
	s.ok(s.Box.AdvanceTo(worldtest.Start.AddDate(0, 1, 0)))
	s.Sync(broken.Org.ID)
	mails = append(mails, s.Mails()...)
	s.ok(s.Service.RequestSignIn(t.Context(), "owner@acme.test", "/settings/billing"))

	links := map[string]bool{s.Mail.Links[0]: true}
	kinds := map[string]bool{}
	for _, m := range mails {
		links[m.URL] = true
		kinds[fmt.Sprintf("%T", m.Message)] = true
	}
	if len(kinds) != 4 || len(links) < 3 {
		t.Errorf("%v, %v", kinds, links)
	}
	before := s.Dump()
	for link := range links {
		for _, method := range []string{"GET", "HEAD"} {
			if w := s.do(call{as: nobody, method: method, path: strings.TrimPrefix(link, s.BaseURL)}); w.status >= 400 && w.status != 401 {
				t.Errorf("%s: %d", method, w.status)
			}
		}
	}
	if s.Dump() != before {
		t.Error("something was changed by opening the links of mails")
	}
}
