package db

import (
	"bufio"
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// answerWithin is how long PostgreSQL may take to answer what was sent to it. A
// statement takes milliseconds; what takes longer is a server or a network that
// is gone without a word, which TCP alone notices only after many minutes. The
// connections that migrate and that listen are not bounded.
const answerWithin = 8 * time.Second

// dialer makes connections that give up waiting. It is pq.Dialer and
// pq.DialerContext.
type dialer struct{ net.Dialer }

// DialTimeout implements pq.Dialer.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext implements pq.DialerContext.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &boundedConn{Conn: c, ahead: bufio.NewReaderSize(c, readAhead)}, nil
}

// boundedConn waits answerWithin for the answer to what was written last, unless
// the driver has set a time of its own, as it does while it connects.
type boundedConn struct {
	net.Conn
	ahead  *bufio.Reader
	driven bool
}

// readAhead is how much is read at once of what has come: the driver alone reads
// 4 kB, which is less than a row of Settings → Billing.
const readAhead = 32 << 10

// Read implements net.Conn.
func (c *boundedConn) Read(b []byte) (int, error) { return c.ahead.Read(b) }

// SetDeadline implements net.Conn.
func (c *boundedConn) SetDeadline(t time.Time) error {
	c.driven = !t.IsZero()
	return c.Conn.SetDeadline(t)
}

// Write implements net.Conn.
func (c *boundedConn) Write(b []byte) (int, error) {
	if !c.driven {
		if err := c.Conn.SetDeadline(time.Now().Add(answerWithin)); err != nil { //nolint:forbidigo // a deadline of the network is by the clock on the wall
			return 0, err
		}
	}
	return c.Conn.Write(b)
}

// stillDown is how long a server that did not answer is believed to be gone.
const stillDown = time.Second

// unreached spares those who wait for a connection the same wait one after the
// other: while the server has just not answered, nobody else tries.
type unreached struct {
	driver.Connector
	last atomic.Pointer[error]
}

// Connect implements driver.Connector.
func (u *unreached) Connect(ctx context.Context) (driver.Conn, error) {
	if err := u.last.Load(); err != nil {
		return nil, *err
	}
	c, err := u.Connector.Connect(ctx)
	if slow, ok := errors.AsType[net.Error](err); ok && slow.Timeout() && ctx.Err() == nil {
		u.last.Store(&err)
		time.AfterFunc(stillDown, func() { u.last.Store(nil) })
	}
	return c, err
}
