package billing

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"
)

// What people see of an org has a version: a text that says nothing but is
// another one after a change. Usage is not in it, which changes all the time.

// Watch returns a channel that receives after changes of the org, by any
// replica, and the function that ends it. News is a hint, as with every Notifier.
func (s *Service) Watch(orgID string) (news <-chan struct{}, stop func()) {
	return s.notifier.Subscribe(orgID)
}

// Rest waits for news, at most d. It returns false when ctx ends.
func (s *Service) Rest(ctx context.Context, d time.Duration, news <-chan struct{}) bool {
	return s.waiter.Wait(ctx, d, news)
}

// Life ends when the process is about to: whoever waits for something goes to
// another one.
func (s *Service) Life() context.Context { return s.life }

// Glance is SessionRecent for a page that asks by itself: it does not count as
// the person's use of the session, which may end while the page is open.
func (s *Service) Glance(ctx context.Context, token string, most RecentLimits) (Principal, error) {
	p, _, err := s.readSession(ctx, token, readRecent(most))
	return p, err
}

// Version is that of the pages about the org, as its summary and its newest
// things make them.
func (s *Service) Version(sum Summary, r Recent) string {
	sub := sum.Subscription
	v := newVersion(sub)
	v.add(sum.BillingState())
	v.add(sum.Plan.ID)
	v.count(int64(sum.Pending), sub.Credit, sub.PastDueSince.Unix())
	v.tell(r.InReview, sum.Org.DesignPartner, sum.Org.Checkout != nil, sum.Stale)
	if c := sub.Card; c != nil {
		v.add(c.Last4)
		v.count(int64(c.ExpMonth), int64(c.ExpYear))
	}
	if n := sub.Next; n != nil {
		v.count(n.Date.Unix(), n.Amount.Amount)
	}
	if a := sub.Action; a != nil {
		v.add(a.InvoiceID)
	}
	for _, a := range r.Waiting {
		v.add(a.ID)
	}
	for _, l := range r.Limits {
		v.add(l.ID)
		v.add(string(l.State))
	}
	for _, i := range r.Invoices {
		v.add(i.ID)
		v.add(i.Status)
	}
	for _, o := range sum.Overrides {
		v.add(o.ID)
	}
	return v.text()
}

// RequestVersion is that of a request's page for a person, and the org that it
// is in.
//
// Errors: ErrNotFound as with OpenRequest.
func (s *Service) RequestVersion(ctx context.Context, p Principal, id string) (version, orgID string, err error) {
	p, a, err := s.requestFor(ctx, p, id)
	if err != nil {
		return "", "", err
	}
	sub, err := s.store.Subscription(ctx, a.OrgID)
	return requestVersion(a, sub, p.CanManage()), a.OrgID, err
}

// Version is that of the request's page.
func (r Request) Version() string { return requestVersion(r.Approval, r.Subscription, r.CanDecide) }

func requestVersion(a Approval, sub Subscription, canDecide bool) string {
	v := newVersion(sub)
	v.add(a.ID)
	v.add(string(a.State))
	v.tell(canDecide)
	return v.text()
}

// marks are what a version is made of.
type marks []byte

func newVersion(sub Subscription) *marks {
	v := marks(strconv.AppendInt(make([]byte, 0, 1024), sub.Version, 10))
	return &v
}

func (d *marks) add(s string) { *d = append(append(*d, ' '), s...) }

func (d *marks) count(all ...int64) {
	for _, n := range all {
		*d = strconv.AppendInt(append(*d, ' '), n, 10)
	}
}

func (d *marks) tell(all ...bool) {
	for _, is := range all {
		*d = strconv.AppendBool(append(*d, ' '), is)
	}
}

func (d *marks) text() string {
	sum := sha256.Sum256(*d)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
