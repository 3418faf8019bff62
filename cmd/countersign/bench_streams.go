package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/countersignhq/countersign/db"
)

// streamMemory is the most that an open stream of events may cost, in KB.
const streamMemory = 30.0

// streamWithin is how long everything may take that is told at once.
const streamWithin = time.Minute

// benchStreams measures the memory of a server with open streams of events, each
// of another person in another organisation, against the same server after they
// have gone.
func benchStreams(ctx context.Context, f benchFlags, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(f.data, "countersign-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return onEach(ctx, f, filepath.Join(dir, "streams.db"), out, func(t *table, url, on string) error {
		return t.streams(ctx, f, url, on)
	})
}

// onEach measures on SQLite, and on PostgreSQL if there is one, and prints the table.
func onEach(ctx context.Context, f benchFlags, file string, out io.Writer, measure func(t *table, url, on string) error) error {
	t := &table{}
	urls := map[string]string{"SQLite": "sqlite:" + file}
	if f.postgres != "" {
		url, drop, err := db.Scratch(ctx, f.postgres)
		if err != nil {
			return err
		}
		defer func() { _ = drop(context.WithoutCancel(ctx)) }()
		urls["PostgreSQL"] = url
	}
	for _, on := range []string{"SQLite", "PostgreSQL"} {
		if urls[on] == "" {
			continue
		}
		if err := measure(t, urls[on], on); err != nil {
			return fmt.Errorf("%s: %w", on, err)
		}
	}
	return t.print(out)
}

func (t *table) streams(ctx context.Context, f benchFlags, database, on string) error {
	server, err := startChild(ctx, appServer, f.profiles, envBenchDatabase+"="+database)
	if err != nil {
		return err
	}
	defer func() { _ = server.stop() }()
	rep, err := server.tell(order{Do: "seed", N: f.streams})
	if err != nil {
		return err
	}
	c := newCohort(rep.Tenants)
	for _, phase := range []string{phaseLogin, phaseAsk} {
		if _, err = c.fire(ctx, server.addr, phase); err != nil {
			return err
		}
	}
	for range f.rounds {
		// Once before, so that what they need once and for all is there.
		if _, err = withStreams(ctx, server, c); err != nil {
			return err
		}
		without, err := settled(server)
		if err != nil {
			return err
		}
		with, err := withStreams(ctx, server, c)
		if err != nil {
			return err
		}
		row := t.row(fmt.Sprintf("%d open streams, each", f.streams), on).atMost(streamMemory, " KB")
		row.add(0, 1e3*(with.after-without)/float64(f.streams))
		row.note = fmt.Sprintf("%.1f KB right after all of them had looked, before garbage was collected; %.0f MB without them", 1e3*(with.before-without)/float64(f.streams), without)
	}
	return nil
}

// resident is the memory of a server, in MB, before and after it collected its
// garbage.
type resident struct{ before, after float64 }

// withStreams opens a stream for each tenant, lets all of them look at once, and
// measures while they are open.
func withStreams(ctx context.Context, server *child, c *cohort) (r resident, err error) {
	open := make([]*reader, len(c.tenants))
	defer func() {
		for _, s := range open {
			if s != nil {
				_ = s.Close()
			}
		}
	}()
	if err = eachStream(open, func(i int) (*reader, error) { return listen(ctx, server.addr, c.cookie(i)) }); err != nil {
		return r, err
	}
	if _, err = server.tell(order{Do: "wake"}); err != nil {
		return r, err
	}
	if err = eachStream(open, func(i int) (*reader, error) { return open[i], open[i].piece(":") }); err != nil {
		return r, err
	}
	if r.before, err = residentNow(server.cmd.Process.Pid); err != nil {
		return r, err
	}
	r.after, err = settled(server)
	return r, err
}

// settled is the memory of the server after it collected its garbage, in MB.
func settled(server *child) (float64, error) {
	if _, err := server.tell(order{Do: "collect"}); err != nil {
		return 0, err
	}
	return residentNow(server.cmd.Process.Pid)
}

// collect collects garbage until stacks are as small as they become, and gives
// the memory back.
func collect() {
	for range 6 {
		runtime.GC()
	}
	debug.FreeOSMemory()
}

// eachStream calls f for every stream, some at a time.
func eachStream(list []*reader, f func(i int) (*reader, error)) error {
	_, err := sixteen(func(_, i int) (more bool, err error) {
		if i >= len(list) {
			return false, nil
		}
		list[i], err = f(i)
		return err == nil, err
	})
	return err
}

// reader is a browser that listens to a stream.
type reader struct {
	net.Conn
	in *bufio.Reader
}

// browserHeaders are those of a browser of today, whose length the server keeps.
const browserHeaders = "Connection: keep-alive\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\n" +
	"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n" +
	"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"

// listen opens a stream and waits for its first news.
func listen(ctx context.Context, addr, cookie string) (*reader, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &reader{conn, bufio.NewReaderSize(conn, 256)}
	_, err = fmt.Fprintf(conn, "GET /settings/events?v=none HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n\r\n", browserHeaders, cookie)
	if err == nil {
		err = s.piece("event: changed")
	}
	return s, err
}

// piece reads up to a line.
func (s *reader) piece(line string) error {
	if err := s.SetReadDeadline(time.Now().Add(streamWithin)); err != nil {
		return err
	}
	for {
		got, err := s.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("a stream ended before %q: %w", line, err)
		}
		if strings.HasPrefix(got, "HTTP/1.1 ") && !strings.HasPrefix(got, "HTTP/1.1 200") {
			return fmt.Errorf("a stream was answered %s", strings.TrimSpace(got))
		}
		if strings.TrimRight(got, "\r\n") == line {
			return nil
		}
	}
}
