package mcp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Local makes calls to a server in this process, without a wire.
type Local struct{ Handler http.Handler }

// RoundTrip implements http.RoundTripper. A handler that breaks off breaks this
// call off, as a server's connection would, and not the server.
func (l *Local) RoundTrip(req *http.Request) (res *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			res, err = nil, fmt.Errorf("mcp: the call broke off: %v", p)
		}
	}()
	w := &answer{head: http.Header{}, status: http.StatusOK}
	if req.Body == nil {
		req.Body = http.NoBody
	}
	req.RemoteAddr, req.RequestURI, req.Host = "127.0.0.1:0", req.URL.RequestURI(), req.URL.Host
	l.Handler.ServeHTTP(w, req)
	return w.response(req), nil
}

// answer keeps what a handler writes.
type answer struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.head }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// send writes the answer out. It is kept out of every cache: some carry a
// confirm_token.
func (a *answer) send(w http.ResponseWriter) {
	a.head.Set("Cache-Control", "no-store")
	a.head.Set("Content-Length", strconv.Itoa(a.body.Len()))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // the client is gone; nothing can be told to it
}

func (a *answer) response(req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.head, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: req,
	}
}
