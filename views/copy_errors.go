package views

// What to do after a failure, by kind.
const (
	copyErrorSafe   = "Nothing is ever carried out twice, so trying again is safe. If it stays like this, tell support the reference below."
	copyErrorOutage = "Nothing is ever carried out twice, so trying again in a minute is safe."
	copyErrorPay    = "Your billing page has the way to pay, or to use another card."
	copyErrorState  = "Your billing page shows how things stand now."
	copyErrorRight  = "An owner of your organisation can do it, or give you the right to."
	copyErrorOften  = "Wait a minute, then try again."
	copyErrorRetry  = "Open the page that you came from again, and repeat it there."
)
