package faults

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// point is a moment in a flow: right before or right after its n-th call of
// Stripe, or its n-th commit.
type point struct {
	commit bool
	n      int // from 1; 0 for none
	after  bool
}

// fuse counts the calls and commits of one org while it is armed, and kills the
// process at a point.
type fuse struct {
	mu             sync.Mutex
	needles        []string // the org's ids
	at             point
	calls, commits int
	kill           func()
	burnt          bool
}

func (f *fuse) arm(at point, kill func(), needles ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.needles, f.at, f.kill, f.calls, f.commits, f.burnt = needles, at, kill, 0, 0, false
}

// disarm reports what was counted, and whether the process was killed.
func (f *fuse) disarm() (calls, commits int, burnt bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.needles = nil
	return f.calls, f.commits, f.burnt
}

func (f *fuse) mine(text []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.needles {
		if n != "" && bytes.Contains(text, []byte(n)) {
			return true
		}
	}
	return false
}

// count counts one, and says whether the process is to be killed around it.
func (f *fuse) count(commit bool) (before, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := &f.calls
	if commit {
		n = &f.commits
	}
	*n++
	hit := !f.burnt && f.at.n == *n && f.at.commit == commit
	return hit && !f.at.after, hit && f.at.after
}

func (f *fuse) burn() {
	f.mu.Lock()
	kill := f.kill
	f.burnt = true
	f.mu.Unlock()
	kill()
}

// stripeTap is a fuse in the way to Stripe.
func (f *fuse) stripeTap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !f.mine([]byte(r.URL.String() + " " + string(body))) {
			next.ServeHTTP(w, r)
			return
		}
		before, after := f.count(false)
		if before {
			f.burn()
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r) // what is written is sent when this returns
		if after {
			f.burn()
			panic(http.ErrAbortHandler)
		}
	})
}

// databaseTap is a fuse in the way to PostgreSQL; it returns its address.
func (f *fuse) databaseTap(t *testing.T, server string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.pass(c, server)
		}
	}()
	return l.Addr().String()
}

func (f *fuse) pass(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var last atomic.Bool // the next answer is never heard
	go func() {
		defer client.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := server.Read(buf)
			if n > 0 && last.Load() {
				f.burn()
				return
			}
			if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
				return
			}
		}
	}()
	if _, err := message(client, server, 4); err != nil { // the first one has no type
		return
	}
	own := false
	for {
		msg, err := message(client, nil, 5)
		if err != nil {
			return
		}
		text := string(msg[5:])
		switch {
		case msg[0] == 'Q' && strings.HasPrefix(text, "BEGIN"):
			own = false
		case msg[0] == 'Q' && strings.HasPrefix(text, "COMMIT") && own:
			before, after := f.count(true)
			if before {
				f.burn()
				return
			}
			last.Store(after)
		case f.mine(msg[5:]):
			own = true
		}
		if _, err := server.Write(msg); err != nil {
			return
		}
	}
}

// message reads one message of PostgreSQL's protocol, whose length stands in the
// last four bytes of its head, and passes it on if there is somebody to.
func message(from io.Reader, to io.Writer, head int) ([]byte, error) {
	first := make([]byte, head)
	if _, err := io.ReadFull(from, first); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(first[head-4:])) - 4
	buf := make([]byte, head+n)
	copy(buf, first)
	if _, err := io.ReadFull(from, buf[head:]); err != nil {
		return nil, err
	}
	if to != nil {
		if _, err := to.Write(buf); err != nil {
			return nil, err
		}
	}
	return buf, nil
}
