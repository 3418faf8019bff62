package handlers

import (
	"context"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// beat is how often a stream without news looks whether it may go on, and whether
// it missed some.
const beat = 25 * time.Second

// look reads the version of a page as somebody sees it, and the org that it is of.
type look func(ctx context.Context, p billing.Principal) (version, orgID string, err error)

// orgEvents tells the settings' pages that they have changed. What has changed is
// not told: that is for the page to say.
func (h *handlers) orgEvents(r *web.Request) error {
	return h.stream(r, h.orgVersion)
}

func (h *handlers) orgVersion(ctx context.Context, p billing.Principal) (version, orgID string, err error) {
	sum, err := h.Service.Summary(ctx, p)
	if err != nil {
		return "", "", err
	}
	recent, err := h.Service.Recent(ctx, p, shownRecent())
	return h.Service.Version(sum, recent), p.OrgID, err
}

// live follows a page of the settings.
func (h *handlers) live(r *web.Request, page string) (*views.Live, error) {
	version, _, err := h.orgVersion(r.Context(), r.Principal)
	return views.NewLive(page, pathEvents, version), err
}

// requestEvents tells the page of a request that it has changed.
func (h *handlers) requestEvents(r *web.Request) error {
	id := strings.Clone(r.PathValue("request"))
	if !isRequestID(id) {
		return billing.ErrNotFound
	}
	return h.stream(r, func(ctx context.Context, p billing.Principal) (string, string, error) {
		return h.Service.RequestVersion(ctx, p, id)
	})
}

// stream tells the version after news of the org, and looks at every beat whether
// it missed some, for as long as the session lets it. It keeps nothing of what it
// reads, nor the request.
func (h *handlers) stream(r *web.Request, see look) error {
	version, org, err := see(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	org = strings.Clone(org)
	return r.Stream(h.Service.Life(), func(s *web.Stream) {
		news, stop := h.Service.Watch(org)
		defer stop()
		for known := s.Known(); s.Tell(known, version) == nil && h.Service.Rest(s.Context(), beat, news); {
			known = version
			err := s.Look(func(ctx context.Context, p billing.Principal) error {
				v, at, err := see(ctx, p)
				if version = v; err == nil && at != org {
					err = billing.ErrNotFound // the session looks at another org now
				}
				return err
			})
			if err != nil {
				return
			}
		}
	})
}
