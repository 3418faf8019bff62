package views

// The operator's pages.
const (
	copyAdminName       = "Countersign operator"
	copyAdminNav        = "Operator"
	copyAdminLogin      = "Operator sign-in"
	copyAdminLoginLead  = "For those who run this server. We email you a link."
	copyAdminLimits     = "Limit requests"
	copyAdminLimitsLead = "Who wants more of what, by plan. Many of one kind say that a plan does not fit."
	copyAdminNoLimits   = "Nobody waits for an answer. Requests for a higher limit appear here."
	copyAdminOldest     = "Oldest asked on"
	copyAdminOrgs       = "Organisations"
	copyAdminAsks       = "Asked"
	copyAdminMedian     = "Median wish"
	copyAdminSearch     = "Name or id begins with"
	copyAdminFind       = "Find"
	copyAdminNothing    = "Nothing found. Try fewer letters of the name, or the whole id."
	copyAdminMore       = "More"
	copyAdminTheirWords = "In the words of those who ask, not checked by us"
	copyAdminOpenOrg    = "Open the organisation"
	copyAdminOverrides  = "Limits of its own"
	copyAdminActions    = "Actions"
	copyAdminLog        = "Latest events"
	copyAdminAnswer     = "Answer"
	copyAdminReason     = "Reason"
	copyAdminReasonSeen = "Reason (the asker reads it)"
	copyAdminUntil      = "Until the start of this day, UTC (empty: for good)"
)
