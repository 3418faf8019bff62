package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// hookReceiver is a host application that answers webhooks with a status.
type hookReceiver struct {
	status atomic.Int64
	url    string
}

func newHookReceiver(t *testing.T, status int64) *hookReceiver {
	t.Helper()
	h := &hookReceiver{}
	h.status.Store(status)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(h.status.Load())) }))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// TestOperatorOfWebhooks: an application is down, is helped up again, says that
// it is gone, and is called again: with the mouse and scripts, and with neither.
func TestOperatorOfWebhooks(t *testing.T) {
	for name, plain := range map[string]bool{"mouse and scripts": false, "keys, no scripts": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHookReceiver(t, http.StatusServiceUnavailable)
			d := startDemo(t, "COUNTERSIGN_WEBHOOK_URL="+h.url, "COUNTERSIGN_WEBHOOK_SECRET=whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
			d.expected = "410"
			j := journey{newTab(t, !plain), d}
			look := j.audit
			if plain {
				j.byKeys()
				look = func(string) {} // the other one looks
			}
			walkWebhooks(j, h, look)
		})
	}
}

func walkWebhooks(j journey, h *hookReceiver, look func(state string)) {
	j.t.Helper()
	page := j.demo.url + "/admin/webhooks"
	shows := func(text string) {
		j.t.Helper()
		eventually(j.t, text, patience, func() bool {
			j.open(page)
			return strings.Contains(j.text(), text)
		})
	}
	j.open(j.demo.url + "/dev/mailbox")
	j.open(eval[string](j.tab, `[...document.querySelectorAll('a.btn')].find(a => a.href.includes('/admin/login/')).href`))
	j.press("Sign in as")
	j.see("Limit requests")
	j.press("Webhooks")
	j.see("Delivery log")
	shows("Held up")
	look("webhooks-held")
	org := eval[string](j.tab, `document.querySelector('[aria-labelledby="held-title"] h3').innerText`)
	j.pressIn(`[aria-labelledby="held-title"]`, org)
	j.see("Answered 503")
	look("webhook-waiting")

	h.status.Store(http.StatusNoContent)
	event := strings.SplitN(j.location(), "?", 2)[0]
	j.press("Try now")
	j.see("Queued. It is sent when its turn comes.")
	page = event
	shows("Taken")
	look("webhook-delivered")
	page = j.demo.url + "/admin/webhooks"
	j.open(page)
	if j.can("Try all now") {
		j.press("Try all now")
		j.see("Everything that waits is due now.")
	}
	shows("Nothing waits")

	h.status.Store(http.StatusGone)
	j.open(event)
	j.press("Replay")
	j.see("Queued.")
	shows("The application wants no more webhooks")
	look("webhooks-gone")
	h.status.Store(http.StatusOK)
	j.press("Resume")
	j.see("Everything that waits is due now.")
	shows("Nothing waits")
	j.fill("Organisation's id", "org_none")
	j.press("Filter")
	j.see("Nothing matches.")
	look("webhooks-nothing")
	j.press("From Stripe")
	j.see("never what")
	look("webhooks-inbox")
}
