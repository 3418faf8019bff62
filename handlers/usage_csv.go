package handlers

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// usageCSV is what a plot on Settings → Billing shows, as a file, for everybody
// in the org.
func (h *handlers) usageCSV(r *web.Request) error {
	id := r.Query("resource")
	if _, ok := h.Service.Catalog().Resource(id); !ok {
		return billing.ErrUnknownResource
	}
	all, err := h.Service.UsageHistory(r.Context(), r.Principal, views.PlotDays)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(u billing.UsageHistory) bool { return u.Resource.ID == id })
	if i < 0 {
		return billing.ErrUnknownResource
	}
	body, err := usageTable(all[i])
	if err != nil {
		return err
	}
	return r.Attachment("usage-"+id+".csv", typeCSV, body)
}

const typeCSV = "text/csv; charset=utf-8"

// usageTable writes the days, oldest first. The value is the most of a gauge and
// the sum of a counter; closing is how many there were at the day's end, and limit
// how many there might have been.
func usageTable(u billing.UsageHistory) ([]byte, error) {
	rows := [][]string{{"resource", "day", "value", "closing", "limit"}}
	for i, d := range u.Days {
		limit := "unlimited"
		if l := u.Limits[i]; !l.Unlimited {
			limit = strconv.FormatInt(l.Value, 10)
		}
		rows = append(rows, []string{
			u.Resource.ID, d.Day.UTC().Format(time.DateOnly), strconv.FormatInt(d.Value, 10), strconv.FormatInt(d.Closing, 10), limit,
		})
	}
	return csvOf(rows)
}

// csvOf writes rows for a spreadsheet.
func csvOf(rows [][]string) ([]byte, error) {
	for _, row := range rows {
		for i := range row {
			row[i] = plainCell(row[i])
		}
	}
	var buf bytes.Buffer
	err := csv.NewWriter(&buf).WriteAll(rows)
	return buf.Bytes(), err
}

// plainCell keeps a spreadsheet from reading text as a formula. A number is none.
// Source: https://owasp.org/www-community/attacks/CSV_Injection
func plainCell(s string) string {
	_, err := strconv.ParseInt(s, 10, 64)
	if err != nil && s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
