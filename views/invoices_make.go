package views

import (
	"net/url"

	"github.com/countersignhq/countersign/billing"
)

// InvoicesPage is the whole mirror of the org's invoices, page by page.
type InvoicesPage struct {
	Frame Frame
	Rows  []InvoiceRow
	Next  string // URL of older ones; empty on the last page
}

// InvoicesValues is what the page is made of.
type InvoicesValues struct {
	Locale
	Frame     Frame
	List      []billing.Invoice // newest first
	Next      string            // cursor of older ones; empty on the last page
	CanManage bool              // may pay open ones
}

// InvoicesURL is the address of the page after the cursor, "" for the first.
func InvoicesURL(cursor string) string {
	if cursor == "" {
		return pathInvoices
	}
	return pathInvoices + "?" + url.Values{"cursor": {cursor}}.Encode()
}

const pathInvoices = "/settings/billing/invoices"

// NewInvoices makes the page.
func NewInvoices(v InvoicesValues) InvoicesPage {
	p := InvoicesPage{Frame: v.Frame, Rows: v.invoicesOf(v.List, v.CanManage)}
	if v.Next != "" {
		p.Next = InvoicesURL(v.Next)
	}
	return p
}
