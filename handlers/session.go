package handlers

import "github.com/countersignhq/countersign/web"

func (h *handlers) logout(r *web.Request) error {
	if err := h.Service.SignOut(r.Context(), r.Principal); err != nil {
		return err
	}
	r.EndSession()
	if next := web.OwnPath(r.Field("next"), ""); next != "" { // "Not you?": somebody else signs in and comes back
		return r.Redirect(pathLogin, "next", next)
	}
	return r.Redirect(pathLogin)
}

// switchOrg shows another of the person's orgs.
func (h *handlers) switchOrg(r *web.Request) error {
	if err := h.Service.SwitchOrg(r.Context(), r.Principal, r.Field("org")); err != nil {
		return err
	}
	return r.Redirect(pathBilling)
}

func (h *handlers) home(r *web.Request) error { return r.Redirect(pathBilling) }
