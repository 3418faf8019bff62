package handlers

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/web"
)

// llms tells agents how to behave, in plain text.
func (h *handlers) llms(r *web.Request) error {
	return r.Raw(http.StatusOK, "text/plain; charset=utf-8", api.LLMs())
}

// metrics tells a monitor, by Prometheus' text format, how the server does. It
// is for those with the token only: where a proxy stands on the same machine,
// every caller would come from the loopback address.
func (h *handlers) metrics(rt *web.Router) web.Handler {
	return func(r *web.Request) error {
		if err := r.BearerIs(h.MetricsToken); err != nil {
			return err
		}
		b, err := h.Service.Backlog(r.Context())
		if err != nil {
			return err
		}
		var out bytes.Buffer
		rt.WriteMetrics(&out)
		head := func(name, kind, help string) {
			fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", name, help, kind)
		}
		head("countersign_intents", "gauge", "Changes that are not settled, by state.")
		for _, state := range slices.Sorted(maps.Keys(b.Intents)) {
			fmt.Fprintf(&out, "countersign_intents{state=%q} %d\n", state, b.Intents[state])
		}
		head("countersign_dirty_orgs", "gauge", "Organisations that Stripe may know something new of.")
		fmt.Fprintf(&out, "countersign_dirty_orgs %d\n", b.DirtyOrgs)
		head("countersign_sync_lag_seconds", "gauge", "How long the longest waiting of them has waited.")
		fmt.Fprintf(&out, "countersign_sync_lag_seconds %g\n", h.Service.SyncLag(b).Seconds())
		head("countersign_webhook_inbox", "gauge", "Events of Stripe that no reading has covered yet.")
		fmt.Fprintf(&out, "countersign_webhook_inbox %d\n", b.Inbox)
		head("countersign_stripe_errors_total", "counter", "Calls to Stripe without a usable answer, of this process.")
		fmt.Fprintf(&out, "countersign_stripe_errors_total %d\n", h.Service.StripeErrors())
		head("countersign_duplicate_subscriptions_total", "counter", "Second live subscriptions of a customer that this process has found.")
		fmt.Fprintf(&out, "countersign_duplicate_subscriptions_total %d\n", h.Service.Duplicates())
		if err := h.driftMetrics(r, &out, head); err != nil {
			return err
		}
		if err := h.mailMetrics(r, &out, head); err != nil {
			return err
		}
		return r.Raw(http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", out.Bytes())
	}
}

// driftMetrics are those of the reconciler.
func (h *handlers) driftMetrics(r *web.Request, out *bytes.Buffer, head func(name, kind, help string)) error {
	state, err := h.Service.Reconciled(r.Context())
	if err != nil {
		return err
	}
	head("countersign_drift_total", "counter", "Differences from Stripe that nothing had told of, by kind, of this process.")
	counts := h.Service.DriftCounts()
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(out, "countersign_drift_total{kind=%q} %d\n", kind, counts[kind])
	}
	head("countersign_events_read_timestamp_seconds", "gauge", "When Stripe's list of events was last read; 0: never.")
	fmt.Fprintf(out, "countersign_events_read_timestamp_seconds %d\n", seconds(state.EventsAt))
	head("countersign_pass_finished_timestamp_seconds", "gauge", "When every organisation had last been looked at; 0: never.")
	fmt.Fprintf(out, "countersign_pass_finished_timestamp_seconds %d\n", seconds(state.FinishedAt))
	return nil
}

// mailMetrics are those of the mails to people.
func (h *handlers) mailMetrics(r *web.Request, out *bytes.Buffer, head func(name, kind, help string)) error {
	waiting, lag, err := h.Service.WaitingMails(r.Context())
	if err != nil {
		return err
	}
	head("countersign_mails_waiting", "gauge", "Mails that are not sent yet.")
	fmt.Fprintf(out, "countersign_mails_waiting %d\n", waiting)
	head("countersign_mail_lag_seconds", "gauge", "How long the longest waiting of them has waited.")
	fmt.Fprintf(out, "countersign_mail_lag_seconds %g\n", lag.Seconds())
	counts := h.Service.MailCounts()
	head("countersign_mails_total", "counter", "Mails by how a try ended, of this process; dropped ones were given up.")
	fmt.Fprintf(out, "countersign_mails_total{result=\"sent\"} %d\n", counts.Sent)
	fmt.Fprintf(out, "countersign_mails_total{result=\"failed\"} %d\n", counts.Failed)
	fmt.Fprintf(out, "countersign_mails_total{result=\"dropped\"} %d\n", counts.Dropped)
	return nil
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
