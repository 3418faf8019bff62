package handlers

import (
	"cmp"
	"net/http"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/web"
)

func (h *handlers) apiPutOrg(r *web.Request) error {
	var in api.HostOrgRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	spec := billing.OrgSpec{ID: r.PathValue("org"), Name: in.Name, Region: billing.Region{TimeZone: in.TimeZone, Locale: in.Locale}}
	if in.Members != nil {
		spec.Members = make([]billing.MemberSpec, 0, len(in.Members))
	}
	for _, m := range in.Members {
		spec.Members = append(spec.Members, billing.MemberSpec{Email: m.Email, Name: m.Name, Role: billing.Role(m.Role)})
	}
	state, err := h.Service.PutOrg(r.Context(), r.Principal, spec)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if state.Created {
		status = http.StatusCreated
	}
	return r.JSON(status, hostOrgOf(state))
}

func hostOrgOf(s billing.OrgState) api.HostOrg {
	out := api.HostOrg{
		ID: s.Org.ID, Name: s.Org.Name, Members: make([]api.Member, 0, len(s.Members)),
		TimeZone: cmp.Or(s.Org.Region.TimeZone, billing.DefaultTimeZone), Locale: cmp.Or(s.Org.Region.Locale, billing.DefaultLocale),
	}
	for _, m := range s.Members {
		out.Members = append(out.Members, api.Member{ID: m.User.ID, Email: m.User.Email, Name: m.User.Name, Role: string(m.Role)})
	}
	return out
}

// apiCreateAgent makes one key for an Idempotency-Key also where the answer to
// the first call was lost before it was kept.
func (h *handlers) apiCreateAgent(r *web.Request) error {
	var in api.HostAgentRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	if in.Name == "" && in.Principal == "" {
		return web.MissingField("name")
	}
	key, err := r.IdempotencyKey()
	if err != nil {
		return err
	}
	n := billing.AgentKey{OrgID: r.PathValue("org"), AgentID: in.Principal, Name: in.Name, Scopes: in.Scopes}
	if key != "" { // two callers may choose the same key
		n.RequestKey = "api:" + r.Principal.CredentialID + ":" + n.OrgID + ":" + key
	}
	out, err := h.Service.IssueAgentKey(r.Context(), r.Principal, n)
	if err != nil {
		return err
	}
	if out.Replayed {
		r.Replayed()
	}
	return r.JSON(http.StatusCreated, hostAgentOf(out))
}

func hostAgentOf(out billing.Issued) api.HostAgent {
	c := out.Credential
	return api.HostAgent{ID: c.PrincipalID, Name: c.Name, Key: api.IssuedKey{
		ID: c.ID, Prefix: c.Prefix, Secret: out.Secret, Scopes: c.Scopes, CreatedAt: c.CreatedAt,
	}}
}

func (h *handlers) apiRevokeAgent(r *web.Request) error {
	if err := r.Decode(&struct{}{}); err != nil {
		return err
	}
	if err := h.Service.RevokeAgent(r.Context(), r.Principal, r.PathValue("org"), r.PathValue("id")); err != nil {
		return err
	}
	return r.NoContent()
}

func (h *handlers) apiSSO(r *web.Request) error {
	var in api.SSORequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	if in.Next != "" && web.OwnPath(in.Next, "") == "" {
		return web.BadField("next", "must be a path on this server, such as /settings/billing")
	}
	url, expires, err := h.Service.SignInFor(r.Context(), r.Principal, billing.SSO{
		OrgID: in.Org, Email: in.Email, Role: billing.Role(in.Role), Name: in.Name, Next: in.Next,
	})
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, api.SSO{URL: url, ExpiresAt: expires})
}
