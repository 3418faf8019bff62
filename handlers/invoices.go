package handlers

import (
	"net/http"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

func (h *handlers) apiInvoices(r *web.Request) error {
	cursor := r.Query("cursor")
	if cursor != "" && !plainID(cursor) {
		return web.BadField("cursor", "must be the next_cursor of an earlier answer")
	}
	rows, err := h.Service.Invoices(r.Context(), r.Principal, cursor, pageSize+1)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, listOf(rows, pageSize, invoiceOf, func(i billing.Invoice) string { return i.ID }))
}

// invoices is the page with all of them.
func (h *handlers) invoices(r *web.Request) error {
	cursor := r.Query("cursor")
	if cursor != "" && !plainID(cursor) {
		return billing.ErrNotFound
	}
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	rows, err := h.Service.Invoices(r.Context(), r.Principal, cursor, pageSize+1)
	if err != nil {
		return err
	}
	v := views.InvoicesValues{Locale: h.locales.Of(sum.Org.Region), List: rows, CanManage: r.Principal.CanManage()}
	if len(rows) > pageSize {
		v.List, v.Next = rows[:pageSize], rows[pageSize-1].ID
	}
	if v.Frame, err = h.appFrame(r, "", views.NavBilling, sum.Pending); err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.InvoicesList(views.NewInvoices(v)))
}

// plainID reports whether s looks like one of Stripe's ids.
func plainID(s string) bool {
	for _, c := range []byte(s) {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(s) <= 100
}
