package handlers

import (
	"strconv"

	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// spendCSV is what the plot of what was paid shows, as a file, for everybody in
// the org: amounts in minor units, as in the API, oldest month first.
func (h *handlers) spendCSV(r *web.Request) error {
	list, err := h.Service.Spend(r.Context(), r.Principal, views.SpendMonths)
	if err != nil {
		return err
	}
	rows := [][]string{{"month", "currency", "amount_minor_units", "invoices"}}
	for _, s := range list {
		for _, m := range s.Months {
			rows = append(rows, []string{m.Start.Format("2006-01"), s.Currency, strconv.FormatInt(m.Amount, 10), strconv.Itoa(m.Invoices)})
		}
	}
	return attachRows(r, "spend.csv", rows)
}
