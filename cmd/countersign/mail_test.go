package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// mailServer speaks as much SMTP as a sender needs, on a real socket.
type mailServer struct {
	url string
	// rcpt and data are the answers to RCPT and to the end of DATA.
	rcpt, data string
	mu         sync.Mutex
	got        []string // whole messages
	dialogue   []string // the verbs of the sessions
}

func newMailServer(t *testing.T, rcpt, data string) *mailServer {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{url: "smtp://" + l.Addr().String(), rcpt: rcpt, data: data}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { s.serve(conn) })
		}
	})
	return s
}

func (s *mailServer) serve(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 test")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.mu.Lock()
		s.dialogue = append(s.dialogue, verb)
		s.mu.Unlock()
		switch verb {
		case "EHLO":
			say("250-test")
			say("250 8BITMIME")
		case "RCPT":
			say(s.rcpt)
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for line, err = lines.ReadString('\n'); err == nil && line != ".\r\n"; line, err = lines.ReadString('\n') {
				text.WriteString(strings.TrimPrefix(line, "."))
			}
			s.mu.Lock()
			s.got = append(s.got, text.String())
			s.mu.Unlock()
			say(s.data)
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func sender(t *testing.T, url string) *smtp {
	t.Helper()
	catalog, err := billing.Builtin("flat")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSMTP(url, "Acme Billing <billing@acme.test>", catalog)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func letterTo(name, email string) billing.Mail {
	return billing.Mail{
		ID: "0123456789abcdef", To: billing.User{Name: name, Email: email}, Org: billing.Org{Name: "Acme"}, URL: "https://b.test/settings/billing",
		At:      time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
		Message: billing.PaymentFailed{Plan: "scale", Amount: billing.Money{Amount: 4900, Currency: "usd"}, NextTry: time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)},
	}
}

// TestMailOnTheWire: both forms arrive, in UTF-8, under one id, and a name adds no
// header.
func TestMailOnTheWire(t *testing.T) {
	server := newMailServer(t, "250 ok", "250 queued")
	s := sender(t, server.url)
	for range 2 {
		if err := s.Send(t.Context(), letterTo("Zoë\r\nBcc: all@evil.test", "zoe@acme.test")); err != nil {
			t.Fatal(err)
		}
	}
	if len(server.got) != 2 {
		t.Fatalf("%d messages", len(server.got))
	}
	ids := map[string]bool{}
	for _, raw := range server.got {
		m, err := mail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		to, toErr := m.Header.AddressList("To")
		if err != nil || toErr != nil || subject != "Payment failed: $49.00 for Acme’s Scale plan" || len(to) != 1 || to[0].Address != "zoe@acme.test" || m.Header.Get("Bcc") != "" {
			t.Errorf("%q to %v: %v, %v", subject, to, err, toErr)
		}
		if m.Header.Get("Auto-Submitted") != "auto-generated" || !strings.Contains(m.Header.Get("From"), "billing@acme.test") {
			t.Errorf("headers %v", m.Header)
		}
		ids[m.Header.Get("Message-Id")] = true
		text, html := bodies(t, m)
		for name, body := range map[string]string{"text/plain": text, "text/html": html} {
			if !strings.Contains(body, "Acme’s Scale plan did not go through.") || !strings.Contains(body, "https://b.test/settings/billing") {
				t.Errorf("%s: %s", name, body)
			}
		}
	}
	if len(ids) != 1 || !ids["<0123456789abcdef@acme.test>"] {
		t.Errorf("ids %v", ids)
	}
}

func bodies(t *testing.T, m *mail.Message) (text, html string) {
	t.Helper()
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return text, html
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			html = string(body)
		} else {
			text = string(body)
		}
	}
}

// TestMailRefusals: only what trying again does not mend is given up.
func TestMailRefusals(t *testing.T) {
	for _, row := range []struct {
		rcpt, data, to string
		refused        bool
	}{
		{"550 5.1.1 nobody of that name", "250 ok", "a@b.test", true},
		{"450 4.2.1 later", "250 ok", "a@b.test", false},
		{"250 ok", "554 5.7.1 no", "a@b.test", true},
		{"250 ok", "451 4.3.0 later", "a@b.test", false},
		{"250 ok", "250 ok", "no address", true},
	} {
		server := newMailServer(t, row.rcpt, row.data)
		err := sender(t, server.url).Send(t.Context(), letterTo("A", row.to))
		if err == nil || errors.Is(err, billing.ErrMailRefused) != row.refused {
			t.Errorf("%s, %s, %s: %v", row.rcpt, row.data, row.to, err)
		}
	}
	gone := newMailServer(t, "250 ok", "250 ok")
	gone.url = "smtp://127.0.0.1:1"
	if err := sender(t, gone.url).Send(t.Context(), letterTo("A", "a@b.test")); err == nil || errors.Is(err, billing.ErrMailRefused) {
		t.Errorf("a server that is away: %v", err)
	}
}

// TestMailCheck sends nothing.
func TestMailCheck(t *testing.T) {
	server := newMailServer(t, "250 ok", "250 ok")
	if err := sender(t, server.url).check(t.Context()); err != nil {
		t.Error(err)
	}
	if got := strings.Join(server.dialogue, " "); strings.Contains(got, "MAIL") || !strings.HasPrefix(got, "EHLO") {
		t.Errorf("said %s", got)
	}
	if err := sender(t, "smtp://127.0.0.1:1").check(t.Context()); err == nil {
		t.Error("a server that is away lets us in")
	}
}

// TestMailboxPreview: the demo's page lists every mail and serves its HTML with
// leave for nothing but its own styles.
func TestMailboxPreview(t *testing.T) {
	catalog, err := billing.Builtin("flat")
	if err != nil {
		t.Fatal(err)
	}
	box := &mailbox{catalog: catalog}
	for i := range mailboxSize + 5 {
		if err := box.Send(context.Background(), letterTo("Ada", fmt.Sprintf("ada%d@acme.test", i))); err != nil {
			t.Fatal(err)
		}
	}
	list := box.list()
	if len(list) != mailboxSize || list[0].To != "ada104@acme.test" || list[0].Link != "https://b.test/settings/billing" || list[0].ID == list[1].ID {
		t.Errorf("%d mails, first %+v", len(list), list[0])
	}
	if page, ok := box.html(list[0].ID); !ok || !strings.Contains(page, "did not go through") {
		t.Errorf("%q", page)
	}
	if _, ok := box.html("1"); ok {
		t.Error("a mail that is gone is shown")
	}
}
