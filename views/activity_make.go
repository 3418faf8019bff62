package views

import (
	"time"

	"github.com/countersignhq/countersign/billing"
)

const activityURL = "/settings/activity"

// ActivityValues is what the page is made of.
type ActivityValues struct {
	Locale
	Frame   Frame
	Catalog *billing.Catalog
	List    []billing.AuditEvent // newest first
	Group   billing.ActorGroup   // empty: all
	Next    string               // cursor of older ones; empty on the last page
	Now     time.Time
}

// NewActivity makes the page.
func NewActivity(v ActivityValues) ActivityPage {
	p := ActivityPage{Frame: v.Frame, Empty: Empty{Text: copyActivityNone}, CSV: activityLink(activityURL+".csv", v.Group, "")}
	if v.Group != "" {
		p.Empty = Empty{Text: copyActivityNoneBy, Next: &Action{Label: copyActivityAll, Href: activityURL}}
	}
	for _, g := range append([]billing.ActorGroup{""}, billing.ActorGroups()...) {
		p.Filters = append(p.Filters, FilterLink{Label: groupFilter(g), Href: activityLink(activityURL, g, ""), Current: g == v.Group})
	}
	for _, e := range v.List {
		p.Rows = append(p.Rows, v.activityRow(v.Catalog, e, v.Now))
	}
	if v.Next != "" {
		p.Next = activityLink(activityURL, v.Group, v.Next)
	}
	return p
}

func activityLink(path string, g billing.ActorGroup, cursor string) string {
	return listURL(path, "by", string(g), cursor)
}

func groupFilter(g billing.ActorGroup) string {
	switch g {
	case billing.GroupPerson:
		return "People"
	case billing.GroupAgent:
		return "Agents"
	case billing.GroupHost:
		return "Your application"
	case billing.GroupOperator:
		return "Operators"
	case billing.GroupSystem:
		return "Stripe and the system"
	}
	return "All"
}

func groupChip(g billing.ActorGroup) Chip {
	switch g {
	case billing.GroupPerson:
		return Chip{"Person", ToneNeutral}
	case billing.GroupAgent:
		return Chip{"Agent", ToneAccent}
	case billing.GroupHost:
		return Chip{"Application", ToneNeutral}
	case billing.GroupOperator:
		return Chip{"Operator", ToneNeutral}
	case billing.GroupSystem:
		return Chip{"System", ToneNeutral}
	}
	return Chip{}
}

// ActivityWords are what a fact says in a line, what there is to add, and who did
// it.
func ActivityWords(c *billing.Catalog, e billing.AuditEvent) (what, detail, who string) {
	what, detail = Locale{}.factOf(c, e).words(e.Event)
	return what, detail, doer(e.Actor)
}

// doer is who did something. Who the operators are is not the customers' to know.
func doer(a billing.Actor) string {
	switch a.Group() {
	case billing.GroupOperator:
		return "An operator"
	case billing.GroupHost:
		return "Your application"
	}
	if a.Name == "" {
		return "Somebody"
	}
	return a.Name
}

func (in Locale) activityRow(c *billing.Catalog, e billing.AuditEvent, now time.Time) ActivityRow {
	f := in.factOf(c, e)
	what, detail := f.words(e.Event)
	row := ActivityRow{What: what, Detail: detail, Who: doer(e.Actor), Group: groupChip(e.Actor.Group()), At: in.momentFrom(e.At, now)}
	switch request := f.request(); {
	case request != "":
		row.Link = &Action{Label: copyActivityOpen, Href: approveURL(request), About: what}
	case f.amount("charged") > 0 || f.amount("credited") > 0 || f.amount("refunded") > 0:
		row.Link = &Action{Label: copyActivityPaid, Href: pathInvoices, About: what}
	}
	return row
}

// NewMembers makes the page with the people of an org. timed says whether the
// reader may know when they were here.
func NewMembers(in Locale, f Frame, team []billing.TeamMember, you string, timed bool, now time.Time) MembersPage {
	p := MembersPage{Frame: f}
	for _, m := range team {
		row := MemberRow{Name: m.User.Name, Email: m.User.Email, You: m.User.ID == you, Seen: in.momentFrom(m.SeenAt, now), Timed: timed}
		row.Role, row.May = roleWords(m.Role)
		p.Rows = append(p.Rows, row)
	}
	return p
}

func roleWords(r billing.Role) (chip Chip, may string) {
	switch r {
	case billing.RoleOwner:
		return Chip{"Owner", ToneAccent}, copyRoleOwner
	case billing.RoleBillingAdmin:
		return Chip{"Billing admin", ToneAccent}, copyRoleAdmin
	}
	return Chip{"Member", ToneNeutral}, copyRoleMember
}
