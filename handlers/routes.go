package handlers

import (
	"net/http"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/static"
	"github.com/countersignhq/countersign/web"
)

// The paths that pages link to.
const (
	pathLogin     = "/login"
	pathLogout    = "/logout"
	pathBilling   = "/settings/billing"
	pathReview    = "/settings/billing/review"
	pathUsageCSV  = "/settings/billing/usage.csv"
	pathSpendCSV  = "/settings/billing/spend.csv"
	pathInvoices  = "/settings/billing/invoices"
	pathChange    = "/settings/billing/change"
	pathDowngrade = "/settings/billing/downgrade"
	pathResume    = "/settings/billing/resume"
	pathCheckout  = "/settings/billing/checkout"
	pathCapacity  = "/settings/billing/capacity"
	pathTrial     = "/settings/billing/trial"
	pathEvents    = "/settings/events"
	pathAsk       = "/settings/billing/limit"
	pathSuccess   = "/settings/billing/success"
	pathPortal    = "/settings/billing/portal"
	pathApprovals = "/settings/approvals"
	pathAgents    = "/settings/agents"
	pathMembers   = "/settings/members"
	pathActivity  = "/settings/activity"
	pathApprove   = "/approve/"
	pathMailbox   = "/dev/mailbox"
	pathParts     = "/dev/components"
	pathStatus    = "/api/web-approve/status"
)

// routes is the whole table. The method of the Router says who may come in; see
// package web.
func (h *handlers) routes(rt *web.Router) {
	// Signing in and out.
	in := h.peoplesEntrance()
	rt.OpenPage(pathLogin, in.login)
	rt.OpenForm(pathLogin, h.requestLink(in))
	rt.OpenPage("/login/{token}", in.peekLink)
	rt.OpenForm("/login/{token}", in.useLink)
	rt.Form(pathLogout, web.For(purposeSession), h.logout)
	rt.Form("/session/org", web.For(purposeSession), h.switchOrg)

	h.settingsRoutes(rt)

	// An agent's request.
	rt.OpenPage(pathApprove+"{request}", web.Costly(h.approve))
	rt.Stream(pathApprove+"{request}/events", billing.RecentLimits{}, h.requestEvents)
	rt.Form(pathApprove+"{request}", purposeDecide, h.decide)
	rt.Form(pathApprove+"{request}/opened", purposeOpened, h.opened)
	rt.Form(pathApprove+"{request}/send", purposeSend, h.sendToOwners)

	// The API.
	rt.Overview("/api/billing", web.Read, h.apiSummary)
	rt.API(http.MethodPost, "/api/billing/checkout", web.Ask, h.apiCheckout)
	rt.API(http.MethodPost, "/api/billing/portal", web.Ask, h.apiPortal)
	rt.API(http.MethodPost, "/api/billing/upgrade", web.Ask, h.apiUpgrade)
	rt.API(http.MethodPost, "/api/billing/downgrade", web.Ask, h.apiDowngrade)
	rt.API(http.MethodGet, "/api/billing/preview", web.Read, web.Costly(h.apiPreview), "plan", "additional_capacity_units")
	rt.Overview("/api/billing/plans", web.Read, h.apiPlans)
	rt.API(http.MethodPost, "/api/billing/request-limit-increase", wish, h.apiAskForMore)
	rt.API(http.MethodGet, "/api/billing/limit-requests", web.Read, h.apiLimitRequests, "cursor")
	rt.API(http.MethodGet, "/api/billing/invoices", web.Read, h.apiInvoices, "cursor")
	rt.API(http.MethodGet, pathStatus, web.Follow, h.apiStatus, "request", "wait")
	rt.API(http.MethodPost, "/api/web-approve/cancel", web.Follow, h.apiCancel)
	rt.API(http.MethodGet, "/api/approvals", web.Read, h.apiApprovals, "state", "cursor")

	// The second published API: the same core in other words.
	rt.Overview("/v1/billing", ownerRead, h.v1Billing)
	rt.API(http.MethodPost, "/v1/billing/checkout", browser, h.v1Checkout)
	rt.API(http.MethodPost, "/v1/billing/portal", browser, h.apiPortal)
	rt.API(http.MethodPost, "/v1/billing/trial/start", web.Ask, h.v1StartTrial)
	rt.API(http.MethodPost, "/v1/billing/capacity/increase", web.Ask, h.v1Increase)
	rt.API(http.MethodPost, "/v1/billing/capacity/scheduled-reduction", web.Ask, h.v1Reduce)
	rt.API(http.MethodDelete, "/v1/billing/capacity/scheduled-reduction", web.Ask, h.v1Keep)

	// Tools for agents.
	if h.Tools != nil {
		rt.Tools("/mcp", h.Tools)
	}

	// The host application.
	rt.Host(http.MethodPut, "/api/host/orgs/{org}", h.apiPutOrg)
	rt.Host(http.MethodPost, "/api/host/orgs/{org}/agents", h.apiCreateAgent)
	rt.Host(http.MethodDelete, "/api/host/orgs/{org}/agents/{id}", h.apiRevokeAgent)
	rt.Host(http.MethodPost, "/api/host/sso", h.apiSSO)
	rt.Host(http.MethodPost, "/api/host/check", h.apiCheck)
	rt.Host(http.MethodPost, "/api/host/consume", h.apiConsume)
	rt.Host(http.MethodPost, "/api/host/usage", h.apiUsage)
	rt.Host(http.MethodPut, "/api/host/usage/{org}/{resource}", h.apiGauge)

	h.adminRoutes(rt)

	// Machines.
	rt.Open("/openapi.json", h.openAPI)
	rt.Open("/llms.txt", h.llms)
	rt.OAuthMetadata()
	rt.Open("/metrics", h.metrics(rt))
	rt.Open("/healthz", h.healthz)
	rt.Open("/readyz", h.readyz)
	rt.Webhook(PathStripe, h.stripe)
	rt.Files(static.Prefix, static.Handler())
	rt.Quiet("POST /api/host/check", "GET /healthz", "GET /readyz", "GET /metrics", "GET "+static.Prefix+"{file}")
	if h.Mailbox != nil {
		rt.OpenPage(pathMailbox, h.mailbox)
		rt.OpenPage(pathParts, h.parts)
		rt.OpenPage(pathMailbox+"/{id}", h.mailHTML)
	}
}

// settingsRoutes are the pages of an org.
func (h *handlers) settingsRoutes(rt *web.Router) {
	rt.Page("/{$}", h.home)
	rt.Stream(pathEvents, shownRecent(), h.orgEvents)
	rt.RecentPage(pathBilling, shownRecent(), h.billing)
	rt.Page(pathReview, web.Costly(h.review))
	rt.Page(pathUsageCSV, h.usageCSV)
	rt.Page(pathSpendCSV, h.spendCSV)
	rt.OverviewPage(pathInvoices, h.invoices)
	rt.Form(pathChange, purposeBilling, h.change)
	rt.Form(pathDowngrade, purposeBilling, h.downgrade)
	rt.Form(pathResume, purposeBilling, h.resume)
	rt.Form(pathCheckout, purposeBilling, h.checkout)
	rt.OverviewPage(pathCapacity, h.capacity)
	rt.Form(pathCapacity, purposeBilling, h.changeCapacity)
	rt.Form(pathCapacity+"/keep", purposeBilling, h.keepCapacity)
	rt.Form(pathTrial, purposeBilling, h.startTrial)
	rt.Form(pathAsk, purposeBilling, h.askForMore)
	rt.Page(pathSuccess, web.Costly(h.success))
	rt.Page(pathPortal, h.portalPage)
	rt.Form(pathPortal, purposeBilling, h.portal)
	rt.OverviewPage(pathApprovals, h.approvals)
	rt.Page(pathApprovals+".csv", h.approvalsCSV)
	rt.OverviewPage(pathMembers, h.members)
	rt.OverviewPage(pathActivity, h.activity)
	rt.Page(pathActivity+".csv", h.activityCSV)

	// Agents, their keys, and one's own tokens.
	rt.OverviewPage(pathAgents, h.agents)
	rt.Form(pathAgents, purposeAgents, h.createAgent)
	rt.Form(pathAgents+"/{agent}/keys", purposeAgents, h.createKey)
	rt.Form(pathAgents+"/{agent}/rename", purposeAgents, h.renameAgent)
	rt.Form(pathAgents+"/tokens", purposeAgents, h.createToken)
	rt.Form(pathAgents+"/keys/{key}/pause", purposeAgents, h.pauseKey)
	rt.Form(pathAgents+"/keys/{key}/resume", purposeAgents, h.resumeKey)
	rt.Page(pathAgents+"/keys/{key}/revoke", h.askRevoke)
	rt.Form(pathAgents+"/keys/{key}/revoke", purposeAgents, h.revokeKey)
}
