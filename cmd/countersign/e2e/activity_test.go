package e2e

import "testing"

// TestActivityAndMembers: an owner reads who did what and who is in the
// organisation, with scripts and without; a member reads the second only.
func TestActivityAndMembers(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	for _, scripts := range []bool{true, false} {
		j := journey{newTab(t, scripts), d}
		d.agent().upgrade("scale")
		j.signIn(ada)
		j.press("Activity")
		j.see("Asked to switch to Scale")
		j.see("Created the agent")
		if scripts {
			j.audit("activity")
		}
		j.press("Operators")
		j.see("They have done nothing yet")
		if scripts {
			j.audit("activity-none")
		}
		j.press("Show all activity")
		j.press("Open the request , Asked to switch")
		j.see("Check that your agent shows the same code")

		j.open(d.url + "/settings/members")
		j.see("Your application keeps this list")
		j.see("Ada Okafor (you)")
		j.see("Last here")
		if scripts {
			j.audit("members")
		}
	}
	j := journey{newTab(t, true), d}
	j.signIn(mia)
	j.open(d.url + "/settings/members")
	j.see("Mia Tanaka (you)")
	j.lacks("Last here")
	j.watch.allow("status of 403")
	j.open(d.url + "/settings/activity")
	j.see("for its owners and billing admins")
	j.audit("activity-member")
}

// TestSpendOpens: what was paid by month is fetched when it is asked for, into its
// place or with the whole page, and the focus is where it was.
func TestSpendOpens(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	for _, scripts := range []bool{true, false} {
		j := journey{newTab(t, scripts), d}
		j.signIn(ada)
		j.lacks("Paid by month")
		j.mark()
		j.press("Spend by month")
		j.see("Paid by month, in USD")
		j.inPlace()
		j.focusOn("Spend by month")
		if scripts {
			j.audit("billing-spend-open")
		}
		j.press("Spend by month")
		j.lacks("Paid by month, in USD")
	}
}
