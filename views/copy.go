package views

// All words of the pages that do not depend on a value. Sentences with a value
// in them are built by the constructors from the formats at the end of each
// group. British dates, sentence case, no exclamation marks; a sentence about
// money says when.

// Everywhere.
const (
	copyProduct      = "Countersign"
	copySkip         = "Skip to content"
	copySignOut      = "Sign out"
	copySwitchOrg    = "Switch organisation"
	copyNavLabel     = "Settings"
	copyNavBilling   = "Billing"
	copyNavApprovals = "Approvals"
	copyNavAgents    = "Agents"
	copyWaiting      = "waiting"
	copySandbox      = "Sandbox."
	copySandboxText  = "No real money."
	copySandboxLink  = "Open the sandbox"
	copyReference    = "Reference"
	copyLostTitle    = "The server did not answer"
	copyLostText     = "We do not know yet whether your last press arrived. Pressing again is safe: it is never carried out twice."
	copyFooter       = "Agents ask, people decide."
	copyBefore       = "before"
	copyNow          = "now"
	copyCancelReview = "Not now"
	copyReview       = "Review"
	copySeeRequests  = "See requests"
)

// Settings → Billing.
const (
	copyBillingTitle   = "Billing"
	copyJumps          = "On this page"
	copyChangePlan     = "Change plan"
	copyNearText       = "What exists keeps working; beyond a limit, new ones are refused."
	copyOn             = "on"
	copyPlan           = "Current plan"
	copyFinalizing     = "Finalizing your subscription…"
	copyFinalizingText = "Your payment went through. This page updates by itself in a few seconds."
	copyFinalizingCard = "Your card appears here in a few seconds."
	copyScheduled      = "Scheduled changes"
	copyUndo           = "Undo"
	copyRequests       = "Waiting for an answer"
	copyAskedBy        = "Asked by"
	copyOpenUntil      = "open until"
	copyCheckCode      = "Check code"
	copyPlans          = "Plans"
	copyDetails        = "See details"
	copyUsage          = "Usage"
	copyWindow         = "Counted"
	copyResets         = ", then from zero again."
	copyNotReported    = "Not reported yet"
	copyUnlimited      = "no limit"
	copyOf             = "of"
	copyAsOf           = "Stripe is not answering. As of"
	copyCard           = "Payment method"
	copyEnding         = "ending in"
	copyExpires        = "Expires"
	copyManage         = "Manage in Stripe"
	copyInvoices       = "Invoices"
	copyAllInvoices    = "All invoices"
	copyOlderInvoices  = "Older invoices"
	copyNoInvoices     = "No invoice yet. The first one appears here with your first payment."
	copyInvoiceNumber  = "Number"
	copyInvoiceDate    = "Date"
	copyInvoiceWhat    = "Description"
	copyInvoiceAmount  = "Amount"
	copyInvoiceStatus  = "Status"
	copyInvoiceLinks   = "Documents"
	copyView           = "View"
	copyReviewTitle    = "Review your change"
	copyLost           = "What ends then"
	copyOverThen       = "Over the limit then"
	copyCancelTitle    = "Cancel subscription"
	copyCancelButton   = "Cancel subscription"
	copyNoStripe       = "Payments are not set up on this server. The operator has to add a Stripe key."
)

// The approve page.
const (
	// Nobody knows what became of an approved change: its operator will find out.
	copyUnknown     = "We cannot tell yet whether this change was made"
	copyUnknownText = "Stripe did not answer in time. Nothing more will be charged, and you need not do anything: the operator of this service looks at it. This page updates by itself, and your agent will be told."

	copyApproveSignIn     = "Sign in to review a request"
	copyApproveSignInText = "An agent sent you here to answer a request. Sign in to see what it asks for. Nothing changes until somebody decides."
	copySignIn            = "Sign in"
	copyHowComputed       = "How this is computed"
	copyWhoAsks           = "Asked by"
	copyCompareCode       = "Check that your agent shows the same code:"
	copyKey               = "Key"
	copyKeyBy             = "Created by"
	copyLastUsed          = "Last used"
	copyRecord            = "Earlier requests"
	copyAsked             = "Asked"
	copyCloses            = "Open until"
	copyAgentNote         = "Agent's note"
	copyAgentNoteText     = "(written by the agent, not checked by us)"
	copySignedInAs        = "Signed in as"
	copyNotYou            = "Not you? Sign out"
	copyDenyWith          = "Or deny with a reason"
	copyTooExpensive      = "Too expensive"
	copyNotNow            = "Not now"
	copyOther             = "Another reason"
	copyNote              = "Note to the agent (optional)"
	copyDowngradeTerm     = "Scheduled downgrade"
	copyDowngradeLifted   = "Is lifted: the plan goes on"
	copyReadOnly          = "You can read this, but not decide it"
	copyNotMe             = "I did not ask for this"
	copyNotMeTitle        = "You do not know this request?"
)

// Approvals.
const (
	copyApprovalsTitle = "Approvals"
	copyApprovalsLead  = "What agents asked for, and who answered."
	copyFilter         = "Filter by state"
	copyOlder          = "Older requests"
)

// Agents.
const (
	copyAgentsTitle   = "Agents"
	copyAgentsLead    = "Agents read your billing and ask for changes with these keys. They never decide."
	copyAgentsList    = "Agents and their keys"
	copyAgentsGone    = "Revoked in the last 90 days"
	copyNewAgent      = "New agent"
	copyAgentName     = "Name of the agent"
	copyManageAgent   = "Rename, or replace a key"
	copyRename        = "Rename"
	copyKeyCan        = "What the key may do"
	copyCanAsk        = "Read billing and ask for changes"
	copyCanRead       = "Only read billing"
	copyKeyMade       = "Created by"
	copyKeyEnded      = "Revoked on"
	copyNeverUsed     = "Never used"
	copySecretOnce    = "Copy it now. It is not shown again."
	copySecretExample = "Try it, with the key in COUNTERSIGN_API_KEY:"
	copySecretDone    = "I have copied it"
	copyRevokeKey     = "Revoke key"
	copyKeepKey       = "Keep it"
	copyTokens        = "Your tokens"
	copyTokensLead    = "A token acts for you, with your role, from a script or the command line."
	copyNewToken      = "New token"
)

// Sign-in.
const (
	copyLoginTitle    = "Sign in"
	copyLoginLead     = "We email you a link. There is no password to remember."
	copyEmail         = "Email address"
	copyLoginButton   = "Email me a sign-in link"
	copySentTitle     = "Check your email"
	copySentText      = "If this address belongs to an account, a sign-in link is on its way to"
	copySentOnce      = "The link works once, for"
	copySentMinutes   = "minutes."
	copyOpenMailbox   = "Open the demo mailbox"
	copyOtherAddress  = "Use another address"
	copyConfirmTitle  = "Almost there"
	copyConfirmText   = "Press the button to finish signing in on this device."
	copyConfirmButton = "Sign in as"
	copyBadEmail      = "Enter an email address like name@company.com."
	copyBadLink       = "This link has been used or has expired"
	copyAskNew        = "Ask for a new one below."
	copyTooManyLinks  = "Too many links were asked for"
	copyTooManyText   = "Use the newest email, or try again in an hour."
	copySessionEnded  = "You are signed out"
	copySessionText   = "Sign in to go on."
	copyConfirmNot    = "You did not ask for this? Close this page; nothing happens."
)

// Errors.
const (
	copyErrorCode = "Error"
	copyNotFound  = "The address is wrong, or it belongs to another account than the one you are signed in with."
)

// A second subscription that was paid by mistake; with the org and its plan, or
// the amount.
const (
	copyPaidTwice     = "%s has %s already"
	copyPaidTwiceText = "The second subscription is ended at once, and what was paid for it goes back to the card. There is nothing to do."
	copyPaidTwiceDone = "The second subscription was ended. %s goes back to where it came from, usually within ten days. There is nothing to do."
)

// The demo's mailbox.
const (
	copyMailboxTitle = "Demo mailbox"
	copyMailboxLead  = "Nothing is sent in the demo. Emails land here instead."
	copyMailboxOrgs  = "Sign in to an organisation"
	copyMailboxMails = "Emails"
	copyMailboxEmpty = "No email yet. Ask for a sign-in link and it appears here."
	copyMailboxTo    = "To"
	copyMailboxOpen  = "Open the link"
	copyMailboxDown  = "See the emails"
	copyMailboxHTML  = "See it as HTML"
	copyMailboxText  = "See it as text"
)
