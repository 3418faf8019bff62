package views

// The words of the mails. %s are values; a sentence about money says when.

// Every mail.
const (
	copyMailHello      = "Hello,"
	copyMailHelloName  = "Hello %s,"
	copyMailCode       = "Check code"
	copyMailOnlyPage   = "Nothing happens by opening the link. You decide on the page, signed in."
	copyMailFrom       = "Countersign sends this to the owners and billing admins of %s."
	copyMailSeeRequest = "See the request"
	copyMailSeeBilling = "See Settings → Billing"
)

// The sign-in mail.
const (
	copyMailSubject = "Sign in to Countersign"
	copyMailLead    = "Open this link to sign in. It asks you to press a button first."
	copyMailButton  = "Sign in to Countersign"
	copyMailOnce    = "The link works once, until %s."
	copyMailNot     = "You did not ask for it? Then do nothing; nobody is signed in."
)

// An agent's request.
const (
	copyWaitsSubject = "Waiting for your answer: %s"
	copyWaitsLead    = "Agent %s asks for a change: %s."
	copyWaitsSender  = "%s asks you to look at the request of agent %s: %s."
	copyWaitsNothing = "Nothing has changed yet. Compare the check code with the one that the agent shows."
	copyWaitsLast    = "The next requests of this agent are not mailed for a while. They wait on the page Approvals."
	copyMailCost     = "Cost"
	copyMailUntil    = "Open until"
)

// What was decided.
const (
	copyApprovedSubject = "Approved: %s"
	copyDeniedSubject   = "Denied: %s"
	copyApprovedLead    = "%s approved what agent %s asked for: %s."
	copyDeniedLead      = "%s denied what agent %s asked for: %s."
	copyApprovedNext    = "Stripe has not carried it out yet. You get another mail when it is done."
	copyDeniedNext      = "Nothing was changed."
	copyDeniedPaused    = "The agent’s key is paused: it asks for nothing more until somebody lifts the pause on the page Agents."
	copyMailWhen        = "When"
	copyMailReason      = "Reason"
)

// What became of an agent's change.
const (
	copyDoneSubject   = "Done: %s"
	copyFailSubject   = "Not carried out: %s"
	copyBankSubject   = "Waits for your bank: %s"
	copyDoneLead      = "A change that agent %s asked for was carried out: %s."
	copyFailLead      = "A change that agent %s asked for was not carried out: %s. Nothing was changed."
	copyBankLead      = "A change that agent %s asked for waits for your bank: %s. Nothing has changed yet."
	copyBankNext      = "Somebody has to confirm the payment with the bank. The page Settings → Billing leads there."
	copyAgreedBy      = "Approved by"
	copyAgreedChat    = "the agent, in chat: it says that its user agreed"
	copyMailCharged   = "Charged"
	copyMailNoCost    = "Nothing"
	copyMailCredit    = "Credited to the next charges"
	copyMailWhy       = "Why"
	copyMailEffect    = "In effect from"
	copyMailEnds      = "Ends"
	copyUndoPlan      = "You can undo it until then on the page Settings → Billing."
	copyMailNotWanted = "Nobody here wanted this? Pause or revoke the agent’s key on the page Agents."
)

// A payment that failed.
const (
	copyFailedSubject  = "Payment failed: %s for %s’s %s plan"
	copyFailedLead     = "The payment of %s for %s’s %s plan did not go through."
	copyConfirmSubject = "Your bank wants to confirm %s for %s’s %s plan"
	copyConfirmLead    = "The payment of %s for %s’s %s plan goes through once you confirm it with your bank."
	copyMailConfirm    = "Confirm it on Settings → Billing"
	copyEndedSubject   = "%s’s %s plan has ended: it was not paid"
	copyEndedLead      = "Stripe has ended the subscription of %s to %s, because it was not paid. Nothing more is charged."
	copyMailAmount     = "Amount"
	copyMailCard       = "Card"
	copyMailNextTry    = "Tried again"
	copyMailNoTry      = "Not by itself any more"
	copyMailKept       = "%s is kept until"
	copyMailOut        = "In force now"
	copyMailOutText    = "the free plan’s limits, until it is paid"
	copyMailFree       = "the free plan’s limits"
	copyMailPay        = "Pay, or change the card, on Settings → Billing"
)

// A trial that is about to end.
const (
	copyTrialSubject  = "%s’s trial of %s ends %s"
	copyTrialLead     = "%s’s trial of %s ends on %s."
	copyTrialMailLink = "See the plans"
	copyTrialMailNote = "If you do nothing, nothing is charged: the free plan is in force from then on, and what you have stays."
)

// A receipt.
const (
	copyReceiptSubject = "Receipt for %s: %s, %s"
	copyReceiptLead    = "%s has paid %s. Thank you."
	copyReceiptNumber  = "Invoice"
	copyReceiptPaid    = "Paid on"
	copyReceiptTax     = "Tax"
	copyReceiptTotal   = "Total"
	copyReceiptCredit  = "Paid from credit"
	copyReceiptCharged = "Charged"
	copyReceiptHosted  = "The invoice at Stripe"
)
