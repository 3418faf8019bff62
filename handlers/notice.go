package handlers

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/web"
)

// A notice carries the outcome of a press through the redirect that follows it,
// in the address. It is sealed for the session, so that nobody can make a link
// that lets our page say what has not happened.

func writeNotice(r *web.Request, out billing.Outcome) string {
	raw, err := json.Marshal(out)
	if err != nil { // an Outcome is strings, numbers and times
		panic("handlers: outcome does not marshal: " + err.Error())
	}
	body := base64.RawURLEncoding.EncodeToString(raw)
	return body + "." + r.FormToken(noticePurpose(body))
}

// readNotice returns the outcome in the address, if we put it there.
func readNotice(r *web.Request) (out billing.Outcome, ok bool) {
	body, token, _ := strings.Cut(r.Query("notice"), ".")
	if token == "" || !r.CheckFormToken(noticePurpose(body), token) {
		return out, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return out, false
	}
	return out, json.Unmarshal(raw, &out) == nil
}

func noticePurpose(body string) string { return "notice:" + body }
