package web

import (
	"context"
	"net"
	"net/http"
)

// net/http sends a long answer in two: its buffer with the headers and the
// beginning, and the rest. Each is a call of the system, wakes the reader and
// costs as much as reading a list from the database. A connection of ours can
// hold the first one back and send both at once.

// Whole gives a server connections over which a page goes out at once. It needs
// ConnContext of the same server; without it nothing is held back.
func Whole(l net.Listener) net.Listener { return wholeListener{l} }

type wholeListener struct{ net.Listener }

// Accept waits for a connection.
func (l wholeListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &wholeConn{TCPConn: tcp}, err
	}
	return c, err
}

type connKey struct{}

// ConnContext tells the requests of a connection which one it is.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*wholeConn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// serverBuffer is how much net/http collects before it writes.
const serverBuffer = 4 << 10

// wholeConn is used for writing by one goroutine at a time, that of the request.
type wholeConn struct {
	*net.TCPConn
	hold bool // the next piece waits for the one after it
	held []byte
}

// together has an answer sent at once. It is for a body that is certain to be
// written next, and too long for the server's buffer: then a second piece always
// follows the first.
func (r *Request) together(body []byte) {
	if len(body) < 2*serverBuffer || r.Method == http.MethodHead {
		return
	}
	if c, ok := r.Context().Value(connKey{}).(*wholeConn); ok {
		c.hold = true
	}
}

// Write sends a piece, or keeps it for the next one.
func (c *wholeConn) Write(piece []byte) (int, error) {
	if c.hold {
		c.hold, c.held = false, append(c.held, piece...)
		return len(piece), nil
	}
	if len(c.held) == 0 {
		return c.TCPConn.Write(piece)
	}
	first := len(c.held)
	both := net.Buffers{c.held, piece}
	c.held = c.held[:0]
	n, err := both.WriteTo(c.TCPConn)
	return max(0, int(n)-first), err
}
