//go:build !linux

package main

import (
	"context"
	"net"
	"time"
)

// socket is a connection of the standard library.
type socket struct{ conn net.Conn }

func openSocket(ctx context.Context, addr string) (socket, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	return socket{conn}, err
}

func (s socket) close() { _ = s.conn.Close() }

func (s socket) read(b []byte) (int, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(answerWithin)); err != nil {
		return 0, err
	}
	return s.conn.Read(b)
}

func (s socket) send(b []byte) error {
	_, err := s.conn.Write(b)
	return err
}

// fire serves each wire by a goroutine of its own.
func (v *volley) fire(wires []*wire) error {
	begun := make([]bool, len(wires))
	_, err := sixteen(func(n, _ int) (more bool, err error) {
		if !begun[n] {
			begun[n] = true
			return v.load(wires[n])
		}
		return v.arrived(wires[n])
	})
	return err
}
