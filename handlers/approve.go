package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// maxWait is how long a poll may be held, in seconds.
const maxWait = 25

func (h *handlers) apiStatus(r *web.Request) error {
	wait, err := r.IntQuery("wait", 0, 0, maxWait)
	if err != nil {
		return err
	}
	id, err := requestID(r.Query("request"))
	if err != nil {
		return err
	}
	a, err := h.Service.Status(r.Context(), r.Principal, id, time.Duration(wait)*time.Second)
	if err != nil {
		return err
	}
	answer := h.statusOf(a)
	if a.Result != nil && a.Result.Failure == nil && inV1(a.Change().Action) {
		if answer.Result, err = h.v1Result(r, *a.Result); err != nil {
			return err
		}
	}
	return r.JSON(http.StatusOK, answer)
}

func (h *handlers) apiCancel(r *web.Request) error {
	var in api.CancelRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	id, err := requestID(in.Request)
	if err != nil {
		return err
	}
	a, err := h.Service.CancelApproval(r.Context(), r.Principal, id)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, h.statusOf(a))
}

func (h *handlers) apiApprovals(r *web.Request) error {
	state, known := stateOf(r.Query("state"))
	if !known || stateWords(state) != r.Query("state") {
		return web.BadField("state", "must be a status of a request, such as pending or completed")
	}
	cursor := r.Query("cursor")
	if cursor != "" && !isRequestID(cursor) {
		return web.BadField("cursor", "must be the next_cursor of an earlier answer")
	}
	rows, next, err := h.requests(r, billing.ApprovalFilter{State: state, Before: cursor, Limit: pageSize})
	if err != nil {
		return err
	}
	out := api.List[api.Approval]{Data: make([]api.Approval, 0, len(rows)), NextCursor: textOrNull(next)}
	for _, a := range rows {
		out.Data = append(out.Data, approvalOf(a))
	}
	return r.JSON(http.StatusOK, out)
}

// requests lists at most f.Limit requests, and the cursor of older ones.
func (h *handlers) requests(r *web.Request, f billing.ApprovalFilter) (rows []billing.Approval, next string, err error) {
	size := f.Limit
	f.Limit++ // one further says whether there are more
	rows, err = h.Service.Approvals(r.Context(), r.Principal, f)
	if len(rows) > size {
		rows = rows[:size]
		next = rows[size-1].ID
	}
	// What time has ended a moment ago may not be written down yet.
	rows = slices.DeleteFunc(rows, func(a billing.Approval) bool { return f.State != "" && a.State != f.State })
	return rows, next, err
}

// requestID returns the id of a request if it can be one. Whatever cannot is
// not found, like an id that nobody has.
func requestID(s string) (string, error) {
	switch {
	case s == "":
		return "", web.MissingField("request")
	case !isRequestID(s):
		return "", billing.ErrNotFound
	}
	return s, nil
}

// isRequestID reports whether s is "apr_" and 26 characters of Crockford's
// base 32.
func isRequestID(s string) bool {
	digits, ok := strings.CutPrefix(s, "apr_")
	return ok && len(digits) == 26 && strings.Trim(digits, "0123456789abcdefghjkmnpqrstvwxyz") == ""
}

// approvals is the inbox and the history.
func (h *handlers) approvals(r *web.Request) error {
	state, known := stateOf(r.Query("state"))
	cursor := r.Query("cursor")
	if !known || cursor != "" && !isRequestID(cursor) {
		return billing.ErrNotFound
	}
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	rows, next, err := h.requests(r, billing.ApprovalFilter{State: state, Before: cursor, Limit: pageSize})
	if err != nil {
		return err
	}
	frame, err := h.appFrame(r, "", views.NavApprovals, sum.Pending)
	if err != nil {
		return err
	}
	if sum.Pending > 0 {
		if frame.Live, err = h.live(r, r.URL.RequestURI()); err != nil {
			return err
		}
	}
	return r.Page(http.StatusOK, views.Approvals(views.NewApprovals(views.ApprovalsValues{
		Locale: h.locales.Of(sum.Org.Region), Frame: frame, Catalog: h.Service.Catalog(), List: rows, State: state, Next: next, Now: sum.Now,
	})))
}

// approve shows a request to somebody who may see it, and to everybody else the
// same: that there is something to sign in for.
func (h *handlers) approve(r *web.Request) error {
	id := r.PathValue("request")
	if !r.SignedIn() {
		signIn := pathLogin + "?" + url.Values{"next": {pathApprove + url.PathEscape(id)}}.Encode()
		return r.Page(http.StatusOK, views.Approve(views.NewApproveSignedOut(h.plainFrame(r), signIn)))
	}
	if !isRequestID(id) {
		return billing.ErrNotFound
	}
	req, err := h.Service.OpenRequest(r.Context(), r.Principal, id)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, h.approvePage(r, req, nil))
}

func (h *handlers) approvePage(r *web.Request, req billing.Request, problem error) templ.Component {
	id := req.Approval.ID
	return views.Approve(views.NewApprove(views.ApproveValues{
		Locale: h.locales.Of(req.Org.Region), Frame: h.plainFrame(r), Catalog: h.Service.Catalog(), Request: req, Email: r.Principal.Email,
		Token: r.FormToken(decidePurpose(id, req.OpDigest)), OpenedToken: r.FormToken(openedPurpose(id)), SendToken: r.FormToken(sendPurpose(id)),
		SentNow: r.CheckFormToken(sentPurpose(id), r.Query("sent")), Problem: problem,
	}))
}

// decide is a person's press on Approve or Deny. Whatever happens, the page
// afterwards tells how the request stands.
func (h *handlers) decide(r *web.Request) error {
	id, decision := r.PathValue("request"), r.Field("decision")
	switch {
	case !isRequestID(id):
		return billing.ErrNotFound
	case decision != "approve" && decision != "deny":
		return web.BadField("decision", "must be approve or deny")
	}
	req, err := h.Service.Decide(r.Context(), r.Principal, id, billing.Verdict{
		Approve: decision == "approve", OpDigest: r.Field("op_digest"), Sealed: r.Field("quote"),
		Reason: r.Field("reason"), Note: r.Field("note"), NotMe: decision == "deny" && r.Field("reason") == "not_me",
	})
	switch {
	case err != nil && req.Approval.ID == "":
		return err
	case err != nil:
		return r.FailWith(err, h.approvePage(r, req, err))
	case r.HTMX():
		return r.Page(http.StatusOK, h.approvePage(r, req, nil))
	}
	return r.Redirect(pathApprove + id)
}

// opened notes that the page is before somebody who can decide. The page says
// so itself, since a GET never writes.
func (h *handlers) opened(r *web.Request) error {
	id := r.PathValue("request")
	if !isRequestID(id) {
		return billing.ErrNotFound
	}
	if err := h.Service.MarkOpened(r.Context(), r.Principal, id); err != nil {
		return err
	}
	return r.NoContent()
}

// sendToOwners mails the request to those who can decide it, for somebody who
// cannot. The redirect carries proof that it was pressed in this session.
func (h *handlers) sendToOwners(r *web.Request) error {
	id := r.PathValue("request")
	if !isRequestID(id) {
		return billing.ErrNotFound
	}
	if err := h.sends.Allow(id, r.Now()); err != nil {
		return err
	}
	if err := h.Service.SendToDeciders(r.Context(), r.Principal, id); err != nil {
		return err
	}
	return r.Redirect(pathApprove+id, "sent", r.FormToken(sentPurpose(id)))
}

func sentPurpose(id string) string { return "sent:" + id }
