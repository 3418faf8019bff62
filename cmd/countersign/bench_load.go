package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	v := &volley{next: next, seen: seen}
	started := time.Now()
	err := v.fire(wires)
	return tally{int(v.done.Load()), time.Since(started)}, err
}

// volley is a run of shots over several wires.
type volley struct {
	next       shots
	seen       func(i int, head, body []byte)
	turn, done atomic.Int64
}

// load sends the wire's next shot; false if there is none.
func (v *volley) load(w *wire) (more bool, err error) {
	w.index = int(v.turn.Add(1) - 1)
	if w.shot = v.next(w.index); w.shot == nil {
		return false, nil
	}
	w.have = 0
	return true, w.send(w.shot.wire)
}

// arrived reads what has come on the wire. When the answer is whole it is
// checked, and the next shot sent; false if there is none.
func (v *volley) arrived(w *wire) (more bool, err error) {
	head, body, whole, err := w.receive()
	if err != nil || !whole {
		return true, err
	}
	if err = w.shot.check(head, body); err != nil {
		return false, err
	}
	v.done.Add(1)
	if v.seen != nil {
		v.seen(w.index, head, body)
	}
	return v.load(w)
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

// wire is a client of HTTP/1.1 that knows no more than the servers here need: an
// answer has to have a Content-Length.
type wire struct {
	socket
	shot  *shot // the one under way, and its number
	index int
	buf   []byte
	have  int // bytes of the answer so far
}

func dial(ctx context.Context, addr string) (*wire, error) {
	s, err := openSocket(ctx, addr)
	return &wire{socket: s, buf: make([]byte, 64<<10)}, err
}

// answerWithin bounds an answer, so that a server that hangs ends the run.
const answerWithin = 30 * time.Second

// receive reads once, and returns the answer if it is whole by now.
func (w *wire) receive() (head, body []byte, whole bool, err error) {
	if w.have == len(w.buf) {
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	n, err := w.read(w.buf[w.have:])
	if err != nil {
		return nil, nil, false, err
	}
	w.have += n
	end := bytes.Index(w.buf[:w.have], []byte("\r\n\r\n"))
	if end < 0 {
		return nil, nil, false, nil
	}
	head = w.buf[:end+2]
	length, err := contentLength(head)
	if err != nil || w.have < end+4+length {
		return nil, nil, false, err
	}
	return head, w.buf[end+4 : end+4+length], true, nil
}

// once sends a single shot on a connection of its own.
func once(ctx context.Context, addr string, s *shot) error {
	w, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer w.close()
	return w.exchange(s)
}

// exchange sends a shot and waits for its answer.
func (w *wire) exchange(s *shot) error {
	w.have = 0
	if err := w.send(s.wire); err != nil {
		return err
	}
	for {
		head, body, whole, err := w.receive()
		if err != nil {
			return err
		}
		if whole {
			return s.check(head, body)
		}
	}
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
