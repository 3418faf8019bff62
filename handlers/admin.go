package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// The operator's paths that are made in several places.
const (
	pathAdmin      = "/admin"
	pathAdminLogin = "/admin/login"
	pathAdminLimit = "/admin/limits/"
	pathAdminOrg   = "/admin/orgs/"
	pathAdminHooks = "/admin/webhooks"

	pathAdminStripe = "/admin/stripe"
	pathAdminReview = "/admin/reviews/"
)

// purposeAdmin binds an operator's form to the one address that it posts to,
// and so to the org or the request that it shows.
func purposeAdmin(r *web.Request) string { return adminPurpose(r.URL.Path) }

func adminPurpose(path string) string { return "admin:" + path }

func (h *handlers) adminRoutes(rt *web.Router) {
	in := h.operatorsEntrance()
	rt.AdminOpenPage(pathAdminLogin, in.login)
	rt.AdminOpenForm(pathAdminLogin, h.requestLink(in))
	rt.AdminOpenPage(pathAdminLogin+"/{token}", in.peekLink)
	rt.AdminOpenForm(pathAdminLogin+"/{token}", in.useLink)
	rt.AdminForm("/admin/logout", purposeAdmin, h.adminLogout)
	rt.AdminPage(pathAdmin, h.adminSignals)
	rt.AdminPage("/admin/limits", h.adminLimits)
	rt.AdminPage(pathAdminLimit+"{request}", h.adminLimit)
	rt.AdminForm(pathAdminLimit+"{request}/grant", purposeAdmin, h.adminGrant)
	rt.AdminForm(pathAdminLimit+"{request}/decline", purposeAdmin, h.adminDecline)
	rt.AdminPage("/admin/orgs", h.adminOrgs)
	rt.AdminPage(pathAdminOrg+"{org}", h.adminOrg)
	rt.AdminForm(pathAdminOrg+"{org}/limit", purposeAdmin, h.onOrg("limit", h.adminGiveLimit))
	rt.AdminForm(pathAdminOrg+"{org}/limit/end", purposeAdmin, h.onOrg("end", h.adminTakeLimit))
	rt.AdminForm(pathAdminOrg+"{org}/partner", purposeAdmin, h.onOrg("partner", h.adminPartner))
	rt.AdminForm(pathAdminOrg+"{org}/plan", purposeAdmin, h.onOrg("plan", h.adminPlan))
	rt.AdminForm(pathAdminOrg+"{org}/sync", purposeAdmin, h.onOrg("sync", h.adminSync))
	rt.AdminForm(pathAdminOrg+"{org}/resume", purposeAdmin, h.onOrg("resume", h.adminResume))
	rt.AdminPage(pathAdminStripe, h.adminStripe)
	rt.AdminPage(pathAdminReview+"{intent}", h.adminReview)
	rt.AdminForm(pathAdminReview+"{intent}/look", purposeAdmin, h.adminLook)
	rt.AdminForm(pathAdminReview+"{intent}/happened", purposeAdmin, h.adminHappened)
	rt.AdminForm(pathAdminReview+"{intent}/failed", purposeAdmin, h.adminDidNotHappen)
	rt.AdminPage(pathAdminHooks, h.adminHooks)
	rt.AdminPage(pathAdminHooks+"/inbox", h.adminInbox)
	rt.AdminForm(pathAdminHooks+"/resume", purposeAdmin, h.adminResumeHooks)
	rt.AdminPage(pathAdminHooks+"/{event}", h.adminHook)
	rt.AdminForm(pathAdminHooks+"/{event}/replay", purposeAdmin, h.adminReplay)
}

func (h *handlers) adminLogout(r *web.Request) error {
	if err := h.Service.OperatorSignOut(r.Context(), r.Principal); err != nil {
		return err
	}
	r.EndOperatorSession()
	return r.Redirect(pathAdminLogin)
}

// onOrg is an action on the org of the address: its page afterwards says what
// was done, or what stood in the way.
func (h *handlers) onOrg(word string, act func(r *web.Request, org string) error) web.Handler {
	return func(r *web.Request) error {
		org := r.PathValue("org")
		if err := act(r, org); err != nil {
			return h.adminOrgAgain(r, org, err)
		}
		return h.adminDone(r, pathAdminOrg+org, word)
	}
}

// adminFrame is the shell of the operator's pages, with the result of the last
// press if the address carries one of ours.
func (h *handlers) adminFrame(r *web.Request) views.AdminFrame {
	f := views.AdminFrame{Frame: h.bareFrame(), Token: func(path string) string { return r.FormToken(adminPurpose(path)) }}
	f.Email, f.FormToken = r.Principal.Email, f.Token("/admin/logout")
	if b, err := h.Service.Backlog(r.Context()); err == nil { // the page itself says what is wrong with the database
		f.Reviews = b.Intents[billing.IntentNeedsReview]
	}
	if word := r.Query("done"); word != "" && r.CheckFormToken(adminDonePurpose(r.URL.Path, word), r.Query("seal")) {
		f.Result = views.NewAdminDone(word)
	}
	return f
}

func adminDonePurpose(path, word string) string { return "done:" + path + ":" + word }

// adminDone shows the page again, and on it what was done.
func (h *handlers) adminDone(r *web.Request, path, word string) error {
	return r.Redirect(path, "done", word, "seal", r.FormToken(adminDonePurpose(path, word)))
}

// again reports whether an error is shown on the page where the press was made.
func again(err error) bool {
	switch web.KindOf(err) {
	case billing.KindInvalid, billing.KindConflict, billing.KindUnavailable:
		return true
	}
	return false
}

func (h *handlers) adminSignals(r *web.Request) error {
	list, err := h.Service.LimitSignals(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.AdminSignals(views.NewAdminSignals(h.adminFrame(r), h.Service.Catalog(), list, h.Service.Now())))
}

func (h *handlers) adminLimits(r *web.Request) error {
	kind, plan := r.Query("kind"), r.Query("plan")
	list, err := h.Service.OpenLimits(r.Context(), r.Principal, kind, plan, r.Query("after"), pageSize+1)
	if err != nil {
		return err
	}
	next := ""
	if len(list) > pageSize {
		list, next = list[:pageSize], list[pageSize-1].ID
	}
	return r.Page(http.StatusOK, views.AdminList(views.NewAdminLimits(h.adminFrame(r), h.Service.Catalog(), kind, plan, list, next, h.Service.Now())))
}

func (h *handlers) adminLimit(r *web.Request) error { return h.drawLimit(r, nil) }

// drawLimit is the page of a request, after a press that did nothing if problem
// is set.
func (h *handlers) drawLimit(r *web.Request, problem error) error {
	c, sum, err := h.Service.LimitCase(r.Context(), r.Principal, r.PathValue("request"))
	if err != nil {
		return err
	}
	f := h.adminFrame(r)
	if problem != nil {
		f.Result = views.NewAdminProblem(web.MessageOf(problem))
		return r.FailWith(problem, views.AdminLimit(views.NewAdminLimit(f, h.Service.Catalog(), c, sum)))
	}
	return r.Page(http.StatusOK, views.AdminLimit(views.NewAdminLimit(f, h.Service.Catalog(), c, sum)))
}

func (h *handlers) answered(r *web.Request, err error, word string) error {
	if err != nil && again(err) {
		return h.drawLimit(r, err)
	}
	if err != nil {
		return err
	}
	return h.adminDone(r, pathAdminLimit+r.PathValue("request"), word)
}

func (h *handlers) adminGrant(r *web.Request) error {
	g, err := readGrant(r)
	if err == nil {
		err = h.Service.GrantLimit(r.Context(), r.Principal, r.PathValue("request"), g)
	}
	return h.answered(r, err, "granted")
}

func (h *handlers) adminDecline(r *web.Request) error {
	err := h.Service.DeclineLimit(r.Context(), r.Principal, r.PathValue("request"), r.Field("reason"))
	return h.answered(r, err, "declined")
}

// readGrant reads a limit, its end and its reason from a form.
func readGrant(r *web.Request) (g billing.Grant, err error) {
	g.Resource, g.Reason = r.Field("resource"), r.Field("reason")
	number, unlimited := r.Field("cap"), r.Field("unlimited") == "yes"
	switch {
	case unlimited:
		g.Cap.Unlimited = true
	case number == "":
		return g, web.BadField("limit", "needs a number, or no limit at all")
	default:
		if g.Cap.Value, err = strconv.ParseInt(number, 10, 64); err != nil {
			return g, web.BadField("limit", "must be a whole number")
		}
	}
	if day := r.Field("until"); day != "" {
		if g.Until, err = time.Parse(time.DateOnly, day); err != nil {
			return g, web.BadField("until", "must be a day like 2026-12-31")
		}
	}
	return g, nil
}

func (h *handlers) adminOrgs(r *web.Request) error {
	query := r.Query("q")
	list, err := h.Service.FindOrgs(r.Context(), r.Principal, query, r.Query("after"), pageSize+1)
	if err != nil {
		return err
	}
	next := ""
	if len(list) > pageSize {
		list, next = list[:pageSize], list[pageSize-1].Org.ID
	}
	return r.Page(http.StatusOK, views.AdminList(views.NewAdminOrgs(h.adminFrame(r), query, list, h.Service.PlanInForce, next)))
}

func (h *handlers) adminOrg(r *web.Request) error {
	d, err := h.Service.Dossier(r.Context(), r.Principal, r.PathValue("org"))
	if err != nil {
		return err
	}
	f := h.adminFrame(r)
	if f.Result != nil && r.Query("done") == "sync" {
		f.Result = views.NewAdminSynced(h.Service.Catalog(), d.Log)
	}
	return r.Page(http.StatusOK, views.AdminOrg(views.NewAdminOrg(f, h.Service.Catalog(), d)))
}

// adminOrgAgain shows the org's page with what went wrong.
func (h *handlers) adminOrgAgain(r *web.Request, org string, problem error) error {
	if !again(problem) {
		return problem
	}
	d, err := h.Service.Dossier(r.Context(), r.Principal, org)
	if err != nil {
		return err
	}
	f := h.adminFrame(r)
	f.Result = views.NewAdminProblem(web.MessageOf(problem))
	return r.FailWith(problem, views.AdminOrg(views.NewAdminOrg(f, h.Service.Catalog(), d)))
}

func (h *handlers) adminGiveLimit(r *web.Request, org string) error {
	g, err := readGrant(r)
	if err != nil {
		return err
	}
	return h.Service.GiveLimit(r.Context(), r.Principal, org, g)
}

func (h *handlers) adminTakeLimit(r *web.Request, org string) error {
	return h.Service.TakeLimit(r.Context(), r.Principal, org, r.Field("resource"), r.Field("reason"))
}

func (h *handlers) adminPartner(r *web.Request, org string) error {
	on := r.Field("on")
	if on != "yes" && on != "no" {
		return web.BadField("on", "must be yes or no")
	}
	return h.Service.SetDesignPartner(r.Context(), r.Principal, org, on == "yes", r.Field("reason"))
}

func (h *handlers) adminPlan(r *web.Request, org string) error {
	if !r.PostForm.Has("plan") {
		return web.MissingField("plan")
	}
	return h.Service.GivePlan(r.Context(), r.Principal, org, r.Field("plan"), r.Field("reason"))
}

func (h *handlers) adminSync(r *web.Request, org string) error {
	_, err := h.Service.SyncNow(r.Context(), r.Principal, org)
	return err
}

func (h *handlers) adminResume(r *web.Request, org string) error {
	return h.Service.LiftPause(r.Context(), r.Principal, org, r.Field("key"), r.Field("reason"))
}
