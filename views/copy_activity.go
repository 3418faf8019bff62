package views

// Activity.
const (
	copyNavActivity    = "Activity"
	copyActivityTitle  = "Activity"
	copyActivityLead   = "What happened to your billing, and who did it."
	copyActivityFilter = "Filter by who did it"
	copyActivityNone   = "Nothing has happened yet. What people, agents and Stripe do is listed here."
	copyActivityNoneBy = "They have done nothing yet."
	copyActivityAll    = "Show all activity"
	copyActivityOlder  = "Older activity"
	copyActivityOpen   = "Open the request"
	copyActivityPaid   = "See invoices"
)

// Members.
const (
	copyNavMembers    = "Members"
	copyMembersTitle  = "Members"
	copyMembersLead   = "Who can see the billing of this organisation, and what they may do."
	copyMembersHost   = "Your application keeps this list. People are added, given another role and removed there, and whoever is removed is signed out here at once."
	copyMembersYou    = "you"
	copyMembersSeen   = "Last here"
	copyMembersUnseen = "Not here in the last 30 days"
	copyRoleOwner     = "Changes the plan, answers agents' requests and manages their keys."
	copyRoleAdmin     = "May do what an owner may do here."
	copyRoleMember    = "Sees billing and may ask for higher limits. Changes nothing that costs money."
)
