package views

// Requests for higher limits.
const (
	copyUpgrade     = "Upgrade"
	copyAskMore     = "Ask for more"
	copyAskDesired  = "How many (optional)"
	copyAskReason   = "What for (optional)"
	copyAskButton   = "Send"
	copyAskOpen     = "Requested"
	copyAskGranted  = "Granted"
	copyAskDeclined = "Declined"
	copyAskOthers   = "Requests for higher limits"
	copyAskSent     = "Your request is on its way"
	copyAskSentText = "Nothing changes until it is answered. The answer appears here."
	copyUntil       = "until"
)
