package views

import "github.com/countersignhq/countersign/billing"

// AppFrame is the shell of a signed-in page. token is the form token for signing
// out and for switching to another of the person's orgs.
func AppFrame(title, nav string, p billing.Principal, orgs []billing.Membership, waiting int, token string) Frame {
	f := Frame{Title: title, Org: p.OrgName, Email: p.Email, Nav: nav, Waiting: waiting, FormToken: token}
	for _, m := range orgs {
		f.Orgs = append(f.Orgs, OrgChoice{ID: m.OrgID, Name: m.OrgName, Current: m.OrgID == p.OrgID})
	}
	return f
}

// titled gives a page its own title, if the caller has not set one.
func titled(f Frame, title string) Frame {
	if f.Title == "" {
		f.Title = title
	}
	return f
}
