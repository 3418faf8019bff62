package web

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// TestWhole: answers of every length around the server's buffer arrive complete,
// one behind the other over one connection, and HEAD without a body.
func TestWhole(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pieces := make(chan int, 1)
	srv := &http.Server{ConnContext: ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var n int
		_, _ = fmt.Sscan(req.URL.Query().Get("n"), &n)
		r := &Request{Request: req, w: &recorder{ResponseWriter: w}}
		r.send(http.StatusOK, "text/plain", bytes.Repeat([]byte("x"), n))
		if c, ok := req.Context().Value(connKey{}).(*wholeConn); ok && n >= 2*serverBuffer && req.Method == http.MethodGet {
			pieces <- len(c.held)
		}
	})}
	go func() { _ = srv.Serve(Whole(l)) }()
	defer func() { _ = srv.Close() }()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for _, n := range []int{0, 1, 3900, serverBuffer, 2*serverBuffer - 1, 2 * serverBuffer, 2*serverBuffer + 1, 3 * serverBuffer, 300_000, 5} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			req, _ := http.NewRequestWithContext(context.Background(), method, fmt.Sprintf("http://a.test/?n=%d", n), nil)
			if err := req.Write(conn); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(in, req)
			if err != nil {
				t.Fatal(method, n, err)
			}
			body, err := io.ReadAll(resp.Body)
			if want := map[string]int{http.MethodGet: n}[method]; err != nil || len(body) != want || resp.ContentLength != int64(n) {
				t.Errorf("%s of %d: %d bytes, says %d, %v", method, n, len(body), resp.ContentLength, err)
			}
			if n >= 2*serverBuffer && method == http.MethodGet && <-pieces != 0 {
				t.Errorf("%d: something is still held back", n)
			}
		}
	}
}
