package handlers

import (
	"net/http"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// healthz says that the process runs.
func (h *handlers) healthz(r *web.Request) error {
	return r.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// readyz says whether requests should be sent here.
func (h *handlers) readyz(r *web.Request) error {
	if err := h.Ready(r.Context()); err != nil {
		return errNotReady.Because(err)
	}
	return r.JSON(http.StatusOK, map[string]string{"status": "ready"})
}

var errNotReady = &billing.Error{Kind: billing.KindUnavailable, Code: "not_ready", Message: "This server does not take requests at the moment."}

func (h *handlers) openAPI(r *web.Request) error {
	return r.Raw(http.StatusOK, "application/json", api.OpenAPI())
}

// mailbox is the demo's page with the mails that would have been sent.
func (h *handlers) mailbox(r *web.Request) error {
	page, err := h.Mailbox(r.Context())
	if err != nil {
		return err
	}
	page.Frame = h.plainFrame(r)
	return r.Page(http.StatusOK, views.Mailbox(page))
}

// parts is the demo's page with every part of the design.
func (h *handlers) parts(r *web.Request) error {
	return r.Page(http.StatusOK, views.Components(views.NewComponents(h.plainFrame(r))))
}

// mailHTML is a mail as a mail program shows it: with styles of its own, and
// nothing else that a page may have.
func (h *handlers) mailHTML(r *web.Request) error {
	page, ok := h.MailHTML(r.PathValue("id"))
	if !ok {
		return billing.ErrNotFound
	}
	return r.Styled([]byte(page))
}
