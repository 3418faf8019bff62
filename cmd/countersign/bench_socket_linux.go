package main

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// On Linux one thread serves all wires, as wrk does: with a goroutine for each
// the runtime's own scheduling takes processor time from the server that is
// measured, a quarter of it where answers are slow.

var errHangs = errors.New("no answer in time")

// socket is a plain blocking one that the runtime does not watch.
type socket struct{ fd int }

func openSocket(_ context.Context, addr string) (socket, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return socket{}, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return socket{}, os.NewSyscallError("socket", err)
	}
	s, wait := socket{fd}, syscall.NsecToTimeval(answerWithin.Nanoseconds())
	err = errors.Join(
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1),
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &wait),
		syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}))
	if err != nil {
		s.close()
	}
	return s, err
}

func (s socket) close() { _ = syscall.Close(s.fd) }

func (s socket) read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(s.fd, b)
		switch {
		case err == syscall.EINTR:
			continue
		case n == 0 && err == nil:
			err = io.ErrUnexpectedEOF
		}
		return max(n, 0), err
	}
}

func (s socket) send(b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(s.fd, b)
		if err != nil && err != syscall.EINTR {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}

// fire sends the first shot on every wire and goes on as answers arrive.
func (v *volley) fire(wires []*wire) error {
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(poll) }()
	busy := 0
	for n, w := range wires {
		more, err := v.load(w)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		busy++
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(n)}
		if err = syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, w.fd, &event); err != nil {
			return err
		}
	}
	events := make([]syscall.EpollEvent, len(wires))
	for busy > 0 {
		n, err := wait(poll, events)
		if err != nil {
			return err
		}
		for _, e := range events[:n] {
			more, err := v.arrived(wires[e.Fd])
			if err != nil {
				return err
			}
			if !more {
				busy--
			}
		}
	}
	return nil
}

// wait returns the wires on which something has come. It does not tell the
// runtime that it sleeps: for a sleep so short, to wake up its helpers costs
// more than the sleep saves.
func wait(poll int, events []syscall.EpollEvent) (int, error) {
	n, _, err := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(poll), uintptr(unsafe.Pointer(&events[0])), //nolint:gosec // the kernel writes there
		uintptr(len(events)), uintptr(answerWithin/time.Millisecond), 0, 0)
	switch {
	case err == syscall.EINTR:
		return 0, nil
	case err != 0:
		return 0, os.NewSyscallError("epoll_pwait", err)
	case n == 0:
		return 0, errHangs
	}
	return int(n), nil
}
