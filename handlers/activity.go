package handlers

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// A file of a history holds at most the newest maxCSV entries, read a few at a
// time.
const (
	maxCSV   = 10_000
	batchCSV = 500
)

// activity is Settings → Activity.
func (h *handlers) activity(r *web.Request) error {
	f, err := activityFilter(r)
	if err != nil {
		return err
	}
	f.Limit = pageSize + 1
	list, err := h.Service.Activity(r.Context(), r.Principal, f)
	if err != nil {
		return err
	}
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	v := views.ActivityValues{Locale: h.locales.Of(sum.Org.Region), Catalog: h.Service.Catalog(), List: list, Group: f.Group, Now: sum.Now}
	if len(list) > pageSize {
		v.List, v.Next = list[:pageSize], list[pageSize-1].ID
	}
	if v.Frame, err = h.appFrame(r, "", views.NavActivity, sum.Pending); err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.Activity(views.NewActivity(v)))
}

// activityFilter reads the address; what is in none of our links is not found.
func activityFilter(r *web.Request) (billing.ActivityFilter, error) {
	f := billing.ActivityFilter{Group: billing.ActorGroup(r.Query("by")), Before: r.Query("cursor")}
	known := f.Group == "" || slices.Contains(billing.ActorGroups(), f.Group)
	if !known || f.Before != "" && !(strings.HasPrefix(f.Before, "evt_") && plainID(f.Before)) {
		return f, billing.ErrNotFound
	}
	return f, nil
}

// activityCSV is the same as a file, the newest first.
func (h *handlers) activityCSV(r *web.Request) error {
	f, err := activityFilter(r)
	if err != nil {
		return err
	}
	f.Limit = batchCSV
	rows := [][]string{{"at", "by", "name", "what", "detail", "event", "subject"}}
	for len(rows) <= maxCSV {
		list, err := h.Service.Activity(r.Context(), r.Principal, f)
		if err != nil {
			return err
		}
		for _, e := range list {
			what, detail, who := views.ActivityWords(h.Service.Catalog(), e)
			rows = append(rows, []string{cellTime(e.At), string(e.Actor.Group()), who, what, detail, e.Event, e.Subject})
		}
		if len(list) < batchCSV {
			break
		}
		f.Before = list[len(list)-1].ID
	}
	return attachRows(r, "activity.csv", rows)
}

// approvalsCSV is the history of requests as a file, the newest first.
func (h *handlers) approvalsCSV(r *web.Request) error {
	state, known := stateOf(r.Query("state"))
	if !known {
		return billing.ErrNotFound
	}
	f := billing.ApprovalFilter{State: state, Limit: batchCSV}
	rows := [][]string{{"asked_at", "request", "agent", "what", "cost", "state", "answered_at", "answered_by"}}
	for len(rows) <= maxCSV {
		list, next, err := h.requests(r, f)
		if err != nil {
			return err
		}
		for _, a := range list {
			what, cost, state := views.RequestWords(h.Service.Catalog(), a)
			rows = append(rows, []string{
				cellTime(a.CreatedAt), a.ID, a.Actor.Name, what, cost, state, cellTime(a.DecidedAt), a.DecidedBy.Name,
			})
		}
		if next == "" {
			break
		}
		f.Before = next
	}
	return attachRows(r, "approvals.csv", rows)
}

// attachRows answers with a file of comma-separated values.
func attachRows(r *web.Request, name string, rows [][]string) error {
	body, err := csvOf(rows)
	if err != nil {
		return err
	}
	return r.Attachment(name, typeCSV, body)
}

func cellTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
