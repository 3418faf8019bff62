package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/countersignhq/countersign/api"
)

// The exit codes, as exitHelp lists them.
const (
	exitFailure  = 1
	exitUsage    = 2
	exitLogin    = 4
	exitPending  = 5
	exitDenied   = 6
	exitCap      = 7
	exitConflict = 8
	exitAgain    = 75
)

const exitHelp = `Exit codes:
  0   ok
  1   failure
  2   wrong usage
  4   not authenticated
  5   waits for a person: an approval, or a card that has to be entered
  6   denied, expired or withdrawn
  7   a limit of the plan
  8   conflict: not possible as things stand
  75  try again later: too many calls, or trouble with the server or the network`

// usageError is a command line that is not understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exitError ends with a code of its own; without text when all is said.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// exitCode is the process's exit code for what a command returned.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitFailure
}

// callFailed is the error of a call that was refused, in words for people.
func callFailed(e *api.CallError) error {
	if e.Body.Code == "" {
		return &exitError{callCode(e), fmt.Sprintf("the server answered %d %s and did not say more", e.Status, http.StatusText(e.Status))}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s (%s)", e.Body.Message, e.Body.Code)
	if address, ok := e.Body.Details["actionUrl"].(string); ok {
		fmt.Fprintf(&text, "\nGo on here: %s", address)
	}
	if request, ok := e.Body.Details["request"].(string); ok {
		fmt.Fprintf(&text, "\nWhat became of it: countersign approvals wait %s", request)
	}
	if e.Status == http.StatusUnauthorized {
		text.WriteString("\nRun countersign login, or set COUNTERSIGN_API_KEY.")
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&text, "\nTry again in %s.", e.RetryAfter.Round(time.Second))
	}
	return &exitError{callCode(e), text.String()}
}

// callCode is the exit code of a call that was refused.
func callCode(e *api.CallError) int {
	switch {
	case e.Body.Code == "over_limit":
		return exitCap
	case e.Body.Code == "consent_token_expired":
		return exitDenied
	case e.Status == http.StatusUnauthorized:
		return exitLogin
	case e.Status == http.StatusConflict:
		return exitConflict
	case e.Status == http.StatusTooManyRequests, e.Status >= http.StatusInternalServerError:
		return exitAgain
	}
	return exitFailure
}

// notReached is the error of a call that had no answer.
func notReached(base string, e *url.Error) error {
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](e)
	switch {
	case errors.Is(e, context.Canceled):
		return &exitError{exitFailure, "stopped"}
	case badCertificate:
		return &exitError{exitFailure, fmt.Sprintf("%s cannot be trusted: %v", base, e.Err)}
	}
	return &exitError{exitAgain, fmt.Sprintf("no answer from %s: %v", base, e.Err)}
}
