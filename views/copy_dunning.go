package views

// What is said of a payment that failed. A plan stays for a grace, and then is
// lost until it is paid.
const (
	copyPayNow      = "Pay now"
	copyUpdateCard  = "Update card"
	copyPaidTitle   = "Payment of %s failed on %s"
	copyBankTitle   = "Your bank wants to confirm a payment of %s"
	copyBankWaits   = "The payment of %s goes through once you confirm it."
	copyConfirmBank = "Confirm with your bank"
	copyNoPayment   = "The last payment failed"
	copyKeepUntil   = "You keep %s until %s."
	copyTryAgain    = "We try again on %s."
	copyLostUntil   = "%s is on %s since %s until it is paid."
	copyEndedTitle  = "The subscription was cancelled: a payment of %s failed"
	copyEndedUnpaid = "The subscription was cancelled: a payment failed"
	copyEndedText   = "%s is on %s since %s. What exists keeps working, and nothing more is charged."
	copyEndsUnpaid  = "The subscription to %s ends on %s. Until then it comes back with the payment."
)
