package worldtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
)

// CallStripe calls the sandbox's API as somebody with access to Stripe's
// dashboard can, and returns the answer.
func (w *World) CallStripe(method, path string, form url.Values) map[string]any {
	w.T.Helper()
	req := httptest.NewRequestWithContext(w.T.Context(), method, path, strings.NewReader(form.Encode()))
	req.Header.Set("Authorization", "Bearer "+stripeKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.Box.Handler().ServeHTTP(rec, req)
	if rec.Code != http.StatusOK {
		w.T.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	var answer map[string]any
	w.ok(json.Unmarshal(rec.Body.Bytes(), &answer))
	return answer
}

// ScheduleAtStripe arranges in Stripe's dashboard what is not ours to undo: with
// the next period one more of everything that the subscription holds.
func (w *World) ScheduleAtStripe(subscription string) {
	w.T.Helper()
	var sc struct {
		ID     string
		Phases []struct {
			Start int64 `json:"start_date"`
			End   int64 `json:"end_date"`
			Items []struct {
				Price    string
				Quantity int64
			}
		}
	}
	raw, err := json.Marshal(w.CallStripe(http.MethodPost, "/v1/subscription_schedules", url.Values{"from_subscription": {subscription}}))
	w.ok(err)
	w.ok(json.Unmarshal(raw, &sc))
	form := url.Values{"end_behavior": {"release"}}
	for n, more := range []int64{0, 1} {
		phase := "phases[" + strconv.Itoa(n) + "]"
		for i, it := range sc.Phases[0].Items {
			item := phase + "[items][" + strconv.Itoa(i) + "]"
			form.Set(item+"[price]", it.Price)
			form.Set(item+"[quantity]", strconv.FormatInt(it.Quantity+more, 10))
		}
	}
	form.Set("phases[0][start_date]", strconv.FormatInt(sc.Phases[0].Start, 10))
	form.Set("phases[0][end_date]", strconv.FormatInt(sc.Phases[0].End, 10))
	form.Set("phases[1][iterations]", "1")
	w.CallStripe(http.MethodPost, "/v1/subscription_schedules/"+sc.ID, form)
}
