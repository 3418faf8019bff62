package sandbox

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is an error in Stripe's shape.
type apiError struct {
	status                                  int
	kind, code, decline, param, msg, charge string
	intent                                  obj
}

func (e *apiError) Error() string { return e.msg }

func (e *apiError) body() obj {
	in := obj{"type": e.kind, "message": e.msg}
	set := func(key, value string) {
		if value != "" {
			in[key] = value
		}
	}
	set("code", e.code)
	set("decline_code", e.decline)
	set("param", e.param)
	set("charge", e.charge)
	if e.code != "" {
		in["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(e.code, "_", "-")
	}
	if e.intent != nil {
		in["payment_intent"] = e.intent
	}
	return obj{"error": in}
}

func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{
		status: http.StatusBadRequest, kind: "invalid_request_error",
		code: code, param: param, msg: fmt.Sprintf(format, args...),
	}
}

// missing is Stripe's answer for an id that does not exist: 404 when it is
// the path's, 400 when it is a parameter's.
func missing(kind, param, id string) *apiError {
	e := invalid("resource_missing", param, "No such %s: '%s'", kind, id)
	if param == "id" {
		e.status = http.StatusNotFound
	}
	return e
}

func required(param string) *apiError {
	return invalid("parameter_missing", param, "Missing required param: %s.", param)
}

func unauthorized(key string) *apiError {
	msg := "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth."
	if key != "" {
		msg = "Invalid API Key provided: " + redact(key)
	}
	return &apiError{status: http.StatusUnauthorized, kind: "invalid_request_error", msg: msg}
}

// redact keeps the ends of a key, as Stripe does, and never more than a third.
func redact(key string) string {
	if len(key) < 12 {
		return strings.Repeat("*", len(key))
	}
	return key[:min(8, len(key)/4)] + strings.Repeat("*", 8) + key[len(key)-min(4, len(key)/8):]
}

func unknownURL(r *http.Request) *apiError {
	e := invalid("", "", "Unrecognized request URL (%s: %s). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.", r.Method, r.URL.Path)
	e.status = http.StatusNotFound
	return e
}
