package handlers

import (
	"net/http"

	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// members is Settings → Members. Nothing can be changed there: who is in an org is
// the host application's to say, which would put back what was changed here.
func (h *handlers) members(r *web.Request) error {
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	team, err := h.Service.Team(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	frame, err := h.appFrame(r, "", views.NavMembers, sum.Pending)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.Members(views.NewMembers(h.locales.Of(sum.Org.Region), frame, team, r.Principal.ID, r.Principal.CanManage(), sum.Now)))
}
