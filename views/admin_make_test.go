package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/countersignhq/countersign/billing"
)

var (
	opAda   = billing.Actor{Kind: billing.KindHuman, Name: "Ada Lovelace"}
	opGrace = billing.Actor{Kind: billing.KindOperator, Name: "op@countersign.test"}
)

func adminFrameSample() AdminFrame {
	f := AdminFrame{Frame: plainFrame(""), Token: func(path string) string { return "ft:" + path }}
	f.Email = "op@countersign.test"
	return f
}

func limitCase() billing.LimitCase {
	return billing.LimitCase{OrgName: "Acme", LimitRequest: billing.LimitRequest{
		ID: "lir_1", OrgID: "org_1", Kind: "agents", Plan: "pro", Desired: 50, Reason: "A <b>nightly</b> build", Asker: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"},
		Asks: 3, State: billing.LimitOpen, CreatedAt: now.Add(-48 * time.Hour), AskedAt: now.Add(-time.Hour),
	}}
}

func answeredCase(to billing.LimitState) billing.LimitCase {
	c := limitCase()
	c.State, c.Answer = to, &billing.LimitAnswer{By: opGrace, At: now, Reason: "A good customer.", Resource: "agents", Cap: billing.Limit{Value: 50}, Until: periodEnd}
	return c
}

// dossierSample is all that can be known of an org at once.
func dossierSample(c *billing.Catalog) billing.Dossier {
	d := billing.Dossier{
		Members: []billing.Membership{
			{User: billing.User{Name: "Ada Lovelace", Email: "ada@acme.test"}, Role: billing.RoleOwner},
			{User: billing.User{Name: "Grace Hopper", Email: "grace@acme.test"}, Role: billing.RoleBillingAdmin},
			{User: billing.User{Name: "Mia Member", Email: "mia@acme.test"}, Role: billing.RoleMember},
		},
		Overrides: []billing.Override{
			{Resource: "agents", Cap: billing.Limit{Value: 50}, Reason: "A good customer.", Author: opGrace, CreatedAt: now, ExpiresAt: periodEnd},
			{Resource: "rows", Cap: billing.Limit{Unlimited: true}, Reason: "For good.", Author: opGrace, CreatedAt: now},
			{Resource: "members", Cap: billing.Limit{Value: 9}, Reason: "Was ended.", Author: opGrace, CreatedAt: now, EndedAt: now},
			{Resource: "members", Cap: billing.Limit{Value: 8}, Reason: "Ran out.", Author: opGrace, CreatedAt: now.Add(-time.Hour), ExpiresAt: now},
		},
		Requests: []billing.LimitRequest{limitCase().LimitRequest, answeredCase(billing.LimitGranted).LimitRequest, answeredCase(billing.LimitDeclined).LimitRequest},
		Paused:   []billing.Credential{{ID: "key_1", Name: "deploy-bot", Prefix: "csa_4fZk"}, {ID: "key_2", Name: "cost-watcher", Prefix: "csa_9aBc"}},
		Log:      []billing.AuditEvent{{Event: "limit.granted", Actor: opGrace, At: now}, {Event: "change.requested", Actor: opAda, At: now}},
	}
	pro, _ := c.Plan("pro")
	d.Summary = billing.Summary{
		Org: billing.Org{ID: "org_1", Name: "Acme", CustomerID: "cus_1"}, Plan: pro, Now: now, Overrides: d.Overrides[:2],
		Subscription: billing.Subscription{SyncedAt: now.Add(-time.Minute), State: billing.State{Status: billing.StatusActive, Plan: "pro", PeriodEnd: periodEnd}},
	}
	for _, r := range c.Resources {
		d.Summary.Usage = append(d.Summary.Usage, billing.Usage{Resource: r, Active: 8, Cap: billing.Limit{Value: 10}, Reported: now})
	}
	return d
}

// adminSamples are the operator's pages in their states.
func adminSamples() map[string]templ.Component {
	c, err := billing.Builtin("flat")
	if err != nil {
		panic(err) // it is built in
	}
	f := adminFrameSample()
	with := func(result *Panel) AdminFrame { f := adminFrameSample(); f.Result = result; return f }
	signals := []billing.LimitSignal{{Kind: "agents", Plan: "free", Orgs: 12, Asks: 31, Median: 25, Oldest: now.Add(-72 * time.Hour)}, {Kind: "other", Plan: "pro", Orgs: 1, Asks: 1, Oldest: now}}
	orgs := []billing.OrgLine{
		{Org: billing.Org{ID: "org_1", Name: "Acme"}, Plan: "pro", Status: billing.StatusPastDue},
		{Org: billing.Org{ID: "org_2", Name: "Pilot House", DesignPartner: true}},
	}
	plan := func(l billing.OrgLine) billing.Plan { p, _ := c.Plan(l.Plan); return p }
	given := dossierSample(c)
	given.Summary.Org.GivenPlan, given.Summary.Org.DesignPartner, given.Summary.DesignPartner = "scale", true, true
	bare := billing.Dossier{Summary: billing.Summary{Org: billing.Org{ID: "org_3", Name: "Fern"}, Plan: c.Free(), Now: now}}
	other := limitCase()
	other.Kind, other.Desired = "other", 0
	return map[string]templ.Component{
		"admin-login":         AdminLogin(NewLogin(plainFrame(""), "", "", LoginPlain)),
		"admin-login-invalid": AdminLogin(NewLogin(plainFrame(""), "", "op@", LoginBadEmail)),
		"admin-login-expired": AdminLogin(NewLogin(plainFrame(""), "", "", LoginBadLink)),
		"admin-login-often":   AdminLogin(NewLogin(plainFrame(""), "", "op@x.test", LoginTooMany)),
		"admin-signals":       AdminSignals(NewAdminSignals(f, c, signals, now)),
		"admin-signals-none":  AdminSignals(NewAdminSignals(f, c, nil, now)),
		"admin-limits":        AdminList(NewAdminLimits(f, c, "agents", "pro", []billing.LimitCase{limitCase()}, "lir_1", now)),
		"admin-limits-none":   AdminList(NewAdminLimits(f, c, "agents", "pro", nil, "", now)),
		"admin-limit":         AdminLimit(NewAdminLimit(f, c, limitCase(), dossierSample(c).Summary)),
		"admin-limit-other":   AdminLimit(NewAdminLimit(f, c, other, bare.Summary)),
		"admin-limit-granted": AdminLimit(NewAdminLimit(with(NewAdminDone("granted")), c, answeredCase(billing.LimitGranted), dossierSample(c).Summary)),
		"admin-limit-refused": AdminLimit(NewAdminLimit(with(NewAdminDone("declined")), c, answeredCase(billing.LimitDeclined), dossierSample(c).Summary)),
		"admin-limit-problem": AdminLimit(NewAdminLimit(with(NewAdminProblem("Say why, in at most 500 characters.")), c, limitCase(), dossierSample(c).Summary)),
		"admin-orgs":          AdminList(NewAdminOrgs(f, "a", orgs, plan, "org_2")),
		"admin-orgs-none":     AdminList(NewAdminOrgs(f, "zz", nil, plan, "")),
		"admin-org":           AdminOrg(NewAdminOrg(f, c, dossierSample(c))),
		"admin-org-given":     AdminOrg(NewAdminOrg(with(NewAdminDone("partner")), c, given)),
		"admin-org-bare":      AdminOrg(NewAdminOrg(f, c, bare)),
		"admin-org-problem":   AdminOrg(NewAdminOrg(with(NewAdminProblem("The end has to be in the future.")), c, dossierSample(c))),
	}
}

// TestAdminFormsAreBound: each form carries the token of the address that it
// posts to, and so do all that one page has.
func TestAdminFormsAreBound(t *testing.T) {
	for name, page := range adminSamples() {
		for _, form := range render(t, page).tag("form") {
			action := attr(form, "action")
			if action == "/admin/login" || action == "/admin/logout" || attr(form, "role") == "search" {
				continue
			}
			if token, _ := field(form, "form_token"); token != "ft:"+action {
				t.Errorf("%s: %s has the token %q", name, action, token)
			}
		}
	}
}

// TestAdminReasonsAreAsked: whatever changes something asks why, and a press that
// did nothing says so first.
func TestAdminReasonsAreAsked(t *testing.T) {
	d := render(t, adminSamples()["admin-org"])
	asked := 0
	for _, form := range d.tag("form") {
		for n := range form.Descendants() {
			if n.Type != html.ElementNode || attr(n, "name") != "reason" {
				continue
			}
			asked++
			if _, required := lookup(n, "required"); !required || attr(n, "maxlength") != "500" {
				t.Errorf("%s: the reason is not held to anything", attr(form, "action"))
			}
		}
	}
	if asked != 6 { // set and end a limit, partner, plan, two paused keys
		t.Errorf("%d forms ask why", asked)
	}
	problem := render(t, adminSamples()["admin-org-problem"])
	words := text(problem.tag("main")[0])
	if !strings.HasPrefix(words, "Nothing was changed The end has to be in the future.") {
		t.Errorf("the page begins with %.100s", words)
	}
}

func TestAdminOrgSays(t *testing.T) {
	words := func(name string) string { return text(render(t, adminSamples()[name]).root) }
	says(t, words("admin-org"), []string{
		"Plan in force Pro", "State active", "Subscribed to Pro", "Owner Ada Lovelace, ada@acme.test", "Billing admin Grace Hopper", "Agents · A good customer. (op@countersign.test)", "Until 23 Dec 2026",
		"Ended", "Run out", "8 of 10", "limit.granted", "Lift pause , deploy-bot",
	}, []string{"Mia Member", "live subscription", "Plan given"})
	says(t, words("admin-org-given"), []string{"State admin_override", "Plan given", "Design partner", "There is a live subscription", "an owner ends it", "End the design partnership", "Saved. The plan is in force."}, nil)
	says(t, words("admin-org-bare"), []string{"State no subscription", "Make it a design partner"}, []string{"End a limit", "Latest events", "Limits of its own", "Lift pause", "live subscription"})
}

func TestAdminLimitSays(t *testing.T) {
	words := func(name string) string { return text(render(t, adminSamples()[name]).root) }
	says(t, words("admin-limit"), []string{"Acme: agents", "Asked by agent deploy-bot", "How often 3", "Wish 50", "Plan now Pro", "In use 8 of 10", "A <b>nightly</b> build", "Grant", "Decline"}, []string{"Answered by"})
	says(t, words("admin-limit-other"), []string{"Acme: other", "Wish more", "Of"}, []string{"In use"})
	says(t, words("admin-limit-granted"), []string{"Granted", "50 until 23 December 2026: A good customer.", "Answered by op@countersign.test"}, []string{"New limit"})
	says(t, words("admin-limit-refused"), []string{"Declined", "Answer A good customer."}, []string{"50 until", "New limit"})
	says(t, words("admin-signals"), []string{"Agents on Free", "Organisations 12", "Asked 31", "Median wish 25", "Other on Pro", "Median wish not said"}, nil)
	says(t, words("admin-orgs"), []string{"Acme", "Past due", "Pilot House", "Complimentary"}, nil)
	if NewAdminDone("whatever") != nil {
		t.Error("an unknown word says something")
	}
}
