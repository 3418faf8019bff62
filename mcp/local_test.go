package mcp_test

import (
	"net/http"
	"testing"

	"github.com/countersignhq/countersign/mcp"
)

// TestBrokenOffCall: a handler that breaks its answer off ends its call, and not
// the process, in which no server of net/http stands around it.
func TestBrokenOffCall(t *testing.T) {
	l := &mcp.Local{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"plan":`))
		panic(http.ErrAbortHandler)
	})}
	res, err := (&http.Client{Transport: l}).Get("http://localhost/api/billing")
	if err == nil {
		_ = res.Body.Close()
		t.Error("half an answer is one")
	}
}
