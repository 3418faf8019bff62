package handlers

import (
	"net/http"

	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// adminStripe is how the reconciler does, and what needs a person.
func (h *handlers) adminStripe(r *web.Request) error {
	v := views.StripeValues{Frame: h.adminFrame(r), Catalog: h.Service.Catalog(), Now: h.Service.Now()}
	var err error
	if v.State, v.Drift, err = h.Service.Reconciliation(r.Context(), r.Principal); err != nil {
		return err
	}
	if v.Reviews, err = h.Service.Reviews(r.Context(), r.Principal); err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.AdminStripe(views.NewAdminStripe(v)))
}

func (h *handlers) adminReview(r *web.Request) error { return h.drawReview(r, nil) }

// drawReview is the page of a change, after a press that did nothing if problem
// is set.
func (h *handlers) drawReview(r *web.Request, problem error) error {
	c, err := h.Service.ReviewCase(r.Context(), r.Principal, r.PathValue("intent"))
	if err != nil {
		return err
	}
	f := h.adminFrame(r)
	if problem != nil {
		f.Result = views.NewAdminProblem(web.MessageOf(problem))
		return r.FailWith(problem, views.AdminReview(views.NewAdminReview(f, h.Service.Catalog(), c)))
	}
	return r.Page(http.StatusOK, views.AdminReview(views.NewAdminReview(f, h.Service.Catalog(), c)))
}

func (h *handlers) reviewed(r *web.Request, err error, word string) error {
	if err != nil && again(err) {
		return h.drawReview(r, err)
	}
	if err != nil {
		return err
	}
	return h.adminDone(r, pathAdminReview+r.PathValue("intent"), word)
}

func (h *handlers) adminLook(r *web.Request) error {
	_, err := h.Service.LookAgain(r.Context(), r.Principal, r.PathValue("intent"))
	return h.reviewed(r, err, "looked")
}

func (h *handlers) adminHappened(r *web.Request) error {
	return h.reviewed(r, h.Service.ItHappened(r.Context(), r.Principal, r.PathValue("intent"), r.Field("reason")), "happened")
}

func (h *handlers) adminDidNotHappen(r *web.Request) error {
	return h.reviewed(r, h.Service.ItDidNotHappen(r.Context(), r.Principal, r.PathValue("intent"), r.Field("reason")), "failed")
}
