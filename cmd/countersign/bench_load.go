package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// connections is how many requests the load keeps under way.
const connections = 16

// shot is one request and what its answer has to be: an error page must not be
// measured.
type shot struct {
	wire   []byte // the request as it goes over the wire
	status int
	want   string // part of the body
}

// shots is the i-th request, or nil when it is over. It is called from several
// goroutines.
type shots func(i int) *shot

// each fires every shot once.
func each(list []*shot) shots {
	return func(i int) *shot {
		if i >= len(list) {
			return nil
		}
		return list[i]
	}
}

// during fires the shots round and round until the time is over.
func during(d time.Duration, list ...*shot) shots {
	end := time.Now().Add(d)
	return func(i int) *shot {
		if time.Now().After(end) {
			return nil
		}
		return list[i%len(list)]
	}
}

// tally is what was done in which time.
type tally struct {
	Ops  int
	Took time.Duration
}

func (t tally) perSecond() float64 { return float64(t.Ops) / t.Took.Seconds() }

// fire sends shots over kept connections, each sending the next one when its
// answer is there, and checks every answer. seen, if not nil, gets the answers'
// heads and bodies, which are valid during the call only. The first wrong answer
// ends it.
func fire(ctx context.Context, addr string, next shots, seen func(i int, head, body []byte)) (tally, error) {
	wires := make([]*wire, connections)
	for n := range wires {
		w, err := dial(ctx, addr)
		if err != nil {
			return tally{}, err
		}
		defer w.close()
		wires[n] = w
	}
	started := time.Now()
	ops, err := sixteen(func(n, i int) (bool, error) {
		s := next(i)
		if s == nil {
			return false, nil
		}
		head, body, err := wires[n].do(s)
		if err != nil {
			return false, err
		}
		if seen != nil {
			seen(i, head, body)
		}
		return true, nil
	})
	return tally{ops, time.Since(started)}, err
}

// sixteen calls f from as many goroutines as there are connections, with the
// goroutine's number and a count that goes up, until it answers false or fails.
func sixteen(f func(n, i int) (more bool, err error)) (calls int, err error) {
	var turn, done atomic.Int64
	var failed atomic.Bool
	errs := make([]error, connections)
	var all sync.WaitGroup
	for n := range connections {
		all.Go(func() {
			for !failed.Load() {
				more, err := f(n, int(turn.Add(1)-1))
				if err != nil {
					errs[n] = err
					failed.Store(true)
				}
				if !more {
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return int(done.Load()), errors.Join(errs...)
}

// wire is a client of HTTP/1.1 that knows no more than the servers here need:
// it costs a tenth of net/http's, so that the server is what is measured.
type wire struct {
	conn net.Conn
	buf  []byte
}

func dial(ctx context.Context, addr string) (*wire, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, buf: make([]byte, 64<<10)}, nil
}

func (w *wire) close() { _ = w.conn.Close() }

// answerWithin bounds an answer, so that a server that hangs ends the run.
const answerWithin = 30 * time.Second

// do sends a request and reads its answer, which has to have a Content-Length.
func (w *wire) do(s *shot) (head, body []byte, err error) {
	if err = w.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return nil, nil, err
	}
	if _, err = w.conn.Write(s.wire); err != nil {
		return nil, nil, err
	}
	have, end := 0, -1
	for end < 0 {
		if have, err = w.more(have); err != nil {
			return nil, nil, err
		}
		end = bytes.Index(w.buf[:have], []byte("\r\n\r\n"))
	}
	head = w.buf[:end+2]
	length, err := contentLength(head)
	if err != nil {
		return nil, nil, err
	}
	for whole := end + 4 + length; have < whole; {
		if have, err = w.more(have); err != nil {
			return nil, nil, err
		}
	}
	head, body = w.buf[:end+2], w.buf[end+4:end+4+length] // the buffer may be another one by now
	return head, body, s.check(head, body)
}

// more reads what has come behind the first bytes of the buffer.
func (w *wire) more(have int) (int, error) {
	if have == len(w.buf) {
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	n, err := w.conn.Read(w.buf[have:])
	return have + n, err
}

func (s *shot) check(head, body []byte) error {
	if got := statusOf(head); got != s.status {
		return fmt.Errorf("answered %d instead of %d: %.300s", got, s.status, body)
	}
	if !bytes.Contains(body, []byte(s.want)) {
		return fmt.Errorf("the answer does not contain %q: %.300s", s.want, body)
	}
	return nil
}

func statusOf(head []byte) int {
	if len(head) < len("HTTP/1.1 200") {
		return 0
	}
	n, _ := strconv.Atoi(string(head[9:12]))
	return n
}

func contentLength(head []byte) (int, error) {
	n, err := strconv.Atoi(header(head, "Content-Length"))
	if err != nil {
		return 0, fmt.Errorf("no Content-Length: %.100s", head)
	}
	return n, nil
}

// header returns the value of a header, written as Go's servers write it.
func header(head []byte, name string) string {
	_, rest, ok := bytes.Cut(head, []byte("\r\n"+name+": "))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return string(value)
}

// get and post make shots that are answered 200; headers are whole lines.
func get(path, want string, headers ...string) *shot {
	return request("GET", path, "", 200, want, headers)
}

func post(path, body string, status int, want string, headers ...string) *shot {
	headers = append(headers, "Content-Length: "+strconv.Itoa(len(body)))
	return request("POST", path, body, status, want, headers)
}

func request(method, path, body string, status int, want string, headers []string) *shot {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return &shot{wire: b.Bytes(), status: status, want: want}
}
