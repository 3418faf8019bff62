package web

import (
	"errors"
	"net/http"

	"github.com/countersignhq/countersign/billing"
)

// The failures of HTTP itself.
var (
	errInternal       = &billing.Error{Kind: billing.KindInternal, Code: "internal", Message: "Something went wrong on our side. Try again; if it stays, tell us the reference."}
	errCanceled       = &billing.Error{Kind: billing.KindUnavailable, Code: "canceled", Message: "The request was given up."}
	errMethod         = &billing.Error{Kind: billing.KindInvalid, Code: "method_not_allowed", Message: "This address does not take that method."}
	errAmbiguous      = &billing.Error{Kind: billing.KindInvalid, Code: "ambiguous_credentials", Message: "Send either a session cookie or a bearer key, not both."}
	errCrossOrigin    = &billing.Error{Kind: billing.KindForbidden, Code: "cross_origin", Message: "This came from another site, or from something that is not a browser. Nothing was done."}
	errFormToken      = &billing.Error{Kind: billing.KindForbidden, Code: "form_expired", Message: "This form is not current any more. Nothing was done; open the page again."}
	errQuery          = &billing.Error{Kind: billing.KindInvalid, Code: "invalid_query", Message: "The query of this address cannot be read."}
	errSecretInQuery  = &billing.Error{Kind: billing.KindInvalid, Code: "secret_in_query", Message: "Secrets do not belong into an address. Send keys in the Authorization header and tokens in the body."}
	errForm           = &billing.Error{Kind: billing.KindInvalid, Code: "invalid_form", Message: "The form cannot be read."}
	errMediaType      = &billing.Error{Kind: billing.KindInvalid, Code: "unsupported_media_type", Message: "Send the body as application/json in UTF-8, not encoded."}
	errTooLarge       = &billing.Error{Kind: billing.KindInvalid, Code: "body_too_large", Message: "The body is too large."}
	errBody           = &billing.Error{Kind: billing.KindInvalid, Code: "invalid_request", Message: "The body did not arrive whole."}
	errJSON           = &billing.Error{Kind: billing.KindInvalid, Code: "invalid_json", Message: "The body has to be exactly one JSON object in UTF-8."}
	errUnknownField   = &billing.Error{Kind: billing.KindInvalid, Code: "unknown_field", Message: "A field is not known here."}
	errDuplicateField = &billing.Error{Kind: billing.KindInvalid, Code: "duplicate_field", Message: "A field is given more than once."}
	errMissingField   = &billing.Error{Kind: billing.KindInvalid, Code: "missing_field", Message: "A field is missing."}
	errInvalidField   = &billing.Error{Kind: billing.KindInvalid, Code: "invalid_field", Message: "A field has a wrong value."}

	errIdempotencyKey = &billing.Error{Kind: billing.KindInvalid, Code: "invalid_idempotency_key", Message: "An Idempotency-Key has 1 to 255 visible ASCII characters."}
)

// MissingField says that a required parameter is not there.
func MissingField(name string) error {
	return errMissingField.With("field", name).Say("The field %q is missing.", name)
}

// BadField says that a field of the request has a value that it cannot have.
// rule completes "The field … ".
func BadField(name, rule string) error { return badField(name, rule) }

func badField(name, rule string) *billing.Error {
	return errInvalidField.With("field", name).Say("The field %q %s.", short(name), rule)
}

// statusOf is the table from errors to statuses.
func statusOf(e *billing.Error) int {
	switch e.Code {
	case errMethod.Code:
		return http.StatusMethodNotAllowed
	case errMediaType.Code:
		return http.StatusUnsupportedMediaType
	case errTooLarge.Code:
		return http.StatusRequestEntityTooLarge
	case billing.ErrIdempotencyConflict.Code:
		return http.StatusUnprocessableEntity
	}
	switch e.Kind {
	case billing.KindInvalid:
		return http.StatusBadRequest
	case billing.KindUnauthed:
		return http.StatusUnauthorized
	case billing.KindForbidden:
		return http.StatusForbidden
	case billing.KindNotFound:
		return http.StatusNotFound
	case billing.KindConflict:
		return http.StatusConflict
	case billing.KindPayment:
		return http.StatusPaymentRequired
	case billing.KindRateLimited:
		return http.StatusTooManyRequests
	case billing.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// bodyError tells a body that is too large from one that cannot be read.
func bodyError(err error, otherwise *billing.Error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge.With("limit", tooLarge.Limit).Say("The body is larger than %d bytes.", tooLarge.Limit)
	}
	return otherwise
}

// KindOf returns the kind of failure that err is.
func KindOf(err error) billing.Kind {
	if e, ok := errors.AsType[*billing.Error](err); ok {
		return e.Kind
	}
	return billing.KindInternal
}
