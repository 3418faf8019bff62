package handlers

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/web"
)

// What one report may hold.
const (
	maxEvents      = 1000
	maxEventsBytes = 1 << 20
)

// apiCheck says whether the host application may create something.
func (h *handlers) apiCheck(r *web.Request) error {
	in := api.CheckRequest{Quantity: 1}
	if err := r.Decode(&in); err != nil {
		return err
	}
	a, err := h.Service.Check(r.Context(), r.Principal, in.Org, in.Resource, in.Quantity)
	if err != nil {
		return err
	}
	return sendAllowance(r, a)
}

// apiConsume checks and counts in one step.
func (h *handlers) apiConsume(r *web.Request) error {
	var in api.ConsumeRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	key := billing.UsageKey{OrgID: in.Org, Key: in.Key}
	a, err := h.Service.Consume(r.Context(), r.Principal, key, in.Resource, in.Quantity)
	if err != nil {
		return err
	}
	return sendAllowance(r, a)
}

// apiUsage takes a report of many events.
func (h *handlers) apiUsage(r *web.Request) error {
	var in api.UsageReport
	if err := r.DecodeUpTo(maxEventsBytes, &in); err != nil {
		return err
	}
	if len(in.Events) < 1 || len(in.Events) > maxEvents {
		return web.BadField("events", "must hold 1 to 1,000 events")
	}
	events, index, rejected := readEvents(in.Events)
	report, err := h.Service.ReportEvents(r.Context(), r.Principal, events)
	if err != nil {
		return err
	}
	for _, e := range report.Rejected {
		rejected = append(rejected, rejectedOf(index[e.Index], e.Err))
	}
	slices.SortFunc(rejected, func(a, b api.Rejected) int { return a.Index - b.Index })
	return r.JSON(http.StatusAccepted, api.Accepted{Accepted: report.Accepted, Duplicate: report.Duplicate, Rejected: rejected})
}

// readEvents reads each event for itself; index says where in the list those
// are that could be read.
func readEvents(list []json.RawMessage) (events []billing.UsageEvent, index []int, rejected []api.Rejected) {
	events, index, rejected = make([]billing.UsageEvent, 0, len(list)), make([]int, 0, len(list)), []api.Rejected{}
	for i, raw := range list {
		e, err := readEvent(raw)
		if err != nil {
			rejected = append(rejected, rejectedOf(i, err))
			continue
		}
		events, index = append(events, e), append(index, i)
	}
	return events, index, rejected
}

func readEvent(raw json.RawMessage) (billing.UsageEvent, error) {
	var in api.UsageEvent
	if err := web.DecodePart(raw, &in); err != nil {
		return billing.UsageEvent{}, err
	}
	e := billing.UsageEvent{UsageKey: billing.UsageKey{OrgID: in.Org, Key: in.Key}, Resource: in.Resource, Quantity: in.Quantity}
	if in.At == "" {
		return e, nil
	}
	at, err := time.Parse(time.RFC3339Nano, in.At)
	if err != nil {
		return e, web.BadField("at", "must be a time like 2026-11-23T09:30:00Z")
	}
	e.At = at
	return e, nil
}

func rejectedOf(index int, err error) api.Rejected {
	out := api.Rejected{Index: index, Code: billing.CodeOf(err)}
	if e, ok := errors.AsType[*billing.Error](err); ok {
		out.Message = e.Message
	}
	return out
}

// apiGauge sets how many there are.
func (h *handlers) apiGauge(r *web.Request) error {
	var in api.GaugeRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	a, err := h.Service.SetUsage(r.Context(), r.Principal, r.PathValue("org"), r.PathValue("resource"), in.Value)
	if err != nil {
		return err
	}
	out := allowanceOf(a)
	return r.JSON(http.StatusOK, api.Usage{Active: out.Active, Cap: out.Cap})
}

func sendAllowance(r *web.Request, a billing.Allowance) error {
	out := allowanceOf(a)
	body, err := writeAllowance(&out)
	if err != nil {
		return err
	}
	return r.Raw(http.StatusOK, "application/json", body)
}

func allowanceOf(a billing.Allowance) api.Allowance {
	out := api.Allowance{Allowed: true, Active: a.Active}
	if !a.Cap.Unlimited {
		out.Cap = &a.Cap.Value
	}
	return out
}
