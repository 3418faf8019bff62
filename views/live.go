package views

import (
	"slices"

	"github.com/countersignhq/countersign/billing"
)

// Live lets a page follow what happens while it is open.
type Live struct {
	Events  string // URL of its stream of server-sent events
	Version string // of what the page shows
	Page    string // URL of the page, without the result of a press
	// Seconds is how often the page is asked for where no stream is to be had, or
	// in any case if Always.
	Seconds int
	Always  bool
}

// pollSeconds is for what may take hours; something that is being done is looked
// at more often.
const (
	pollSeconds   = 10
	activeSeconds = 2
)

// Waits reports whether something of the org may change while somebody looks.
func Waits(s billing.Summary, r billing.Recent) bool {
	return s.Pending > 0 || s.Subscription.Action != nil || s.Stale || r.InReview ||
		slices.ContainsFunc(r.Limits, func(l billing.LimitRequest) bool { return l.State == billing.LimitOpen })
}

// NewLive follows a page of the settings.
func NewLive(page, events, version string) *Live {
	return &Live{Events: events, Version: version, Page: page, Seconds: pollSeconds}
}

// Ask makes the page ask in any case, and often: the one that looks at Stripe.
func (l *Live) Ask() { l.Seconds, l.Always = activeSeconds, true }

// liveRequest follows a request until nothing happens to it any more.
func liveRequest(r billing.Request) *Live {
	url := approveURL(r.Approval.ID)
	l := &Live{Events: url + "/events", Version: r.Version(), Page: url, Seconds: pollSeconds}
	switch r.Approval.State {
	case billing.ApprovalPending, billing.ApprovalIndeterminate:
	case billing.ApprovalApproved, billing.ApprovalExecuting:
		l.Seconds = activeSeconds
	default:
		return nil
	}
	return l
}
