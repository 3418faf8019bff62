package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// console is countersign on a terminal of its own.
type console struct {
	t      *testing.T
	cmd    *exec.Cmd
	screen *os.File
	shown  worldtest.SafeBuffer
	ended  chan error
}

// open runs countersign, this test binary under another name.
func (s *scriptServer) open(t *testing.T, columns uint16, env []string, args ...string) *console {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, cmd: exec.CommandContext(t.Context(), self, args...), ended: make(chan error, 1)}
	c.cmd.Args[0] = "countersign"
	c.cmd.Env = append([]string{
		"GORACE=" + noNap, "TERM=xterm", "TZ=UTC", "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "XDG_CONFIG_HOME=" + t.TempDir(),
		"COUNTERSIGN_URL=" + s.url, "COUNTERSIGN_API_KEY=" + s.paid.AgentKey,
	}, env...)
	if c.screen, err = pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 60, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := c.screen.Read(buf)
			_, _ = c.shown.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	go func() { err := c.cmd.Wait(); <-read; c.ended <- err }()
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.screen.Close() })
	return c
}

// sees waits for a text on the screen.
func (c *console) sees(text string) {
	c.t.Helper()
	if !until(func() bool { return strings.Contains(c.shown.String(), text) }) {
		c.t.Fatalf("no %q on the screen:\n%s", text, c.shown.String())
	}
}

// hides waits until the terminal shows no more what is typed.
func (c *console) hides() {
	c.t.Helper()
	if !until(func() bool {
		stty := exec.CommandContext(c.t.Context(), "stty", "-a")
		stty.Stdin = c.screen
		out, err := stty.Output()
		if err != nil {
			c.t.Fatal(err)
		}
		return strings.Contains(string(out), " -echo ")
	}) {
		c.t.Fatal("what is typed is shown")
	}
}

// exits waits for the end and returns all that was shown.
func (c *console) exits(code int) string {
	c.t.Helper()
	select {
	case err := <-c.ended:
		got := 0
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			got = e.ExitCode()
		}
		if got != code {
			c.t.Errorf("exit code %d instead of %d (%v):\n%s", got, code, err, c.shown.String())
		}
	case <-time.After(20 * time.Second):
		c.t.Fatalf("it does not end:\n%s", c.shown.String())
	}
	return c.shown.String()
}

const (
	someQR     = "▀▄"
	someColour = "\x1b[38;5;16"
	someSpin   = "\x1b[K"
)

// On a terminal web mode shows a QR code, waits with a spinner, and says what
// happened.
func TestWebModeOnATerminal(t *testing.T) {
	for _, c := range []struct {
		name            string
		env             []string
		args            []string
		columns         uint16
		qr, colour, out bool // out: it does not wait
	}{
		{name: "a terminal", columns: 100, qr: true, colour: true},
		{name: "NO_COLOR", env: []string{"NO_COLOR=1"}, columns: 100, qr: true},
		{name: "too narrow for the code", columns: 30},
		{name: "a dumb one", env: []string{"TERM=dumb"}, columns: 100, out: true},
		{name: "told not to wait", args: []string{"--wait=false"}, columns: 100, out: true},
		{name: "for a program", args: []string{"--json"}, columns: 100, out: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScriptServer(t, "flat")
			con := s.open(t, c.columns, c.env, append([]string{"billing", "upgrade", "--plan", "scale", "--mode", "web"}, c.args...)...)
			if c.out {
				if shown := con.exits(exitPending); strings.Contains(shown, "\x1b") || strings.Contains(shown, "█") || !strings.Contains(shown, "/approve/apr_") {
					t.Errorf("shown:\n%q", shown)
				}
				return
			}
			con.sees("Waiting for a decision about apr_")
			if err := s.approveFirst(t); err != nil {
				t.Fatal(err)
			}
			shown := con.exits(0)
			for _, text := range []string{"Due now: $30.00", "/approve/apr_", "Check code  ", someSpin, "Approved.", "Done: the plan is scale now."} {
				if !strings.Contains(shown, text) {
					t.Errorf("no %q in\n%s", text, shown)
				}
			}
			if strings.Contains(shown, someQR) != c.qr || strings.Contains(shown, someColour) != c.colour {
				t.Errorf("QR code %v, in colour %v:\n%s", !c.qr, !c.colour, shown)
			}
		})
	}
}

func (s *scriptServer) approveFirst(t *testing.T) error {
	waiting, err := s.Service.Approvals(t.Context(), s.paid.Owner, billing.ApprovalFilter{State: billing.ApprovalPending, Limit: 1})
	if err != nil || len(waiting) == 0 {
		return errors.Join(err, errors.New("nobody has asked"))
	}
	return s.press(t.Context(), s.paid.Owner, waiting[0].ID, true)
}

// Ctrl-C ends the waiting and not the request.
func TestWaitingIsStopped(t *testing.T) {
	s := newScriptServer(t, "flat")
	con := s.open(t, 100, nil, "billing", "upgrade", "--plan", "scale", "--mode", "web")
	con.sees("Waiting for a decision about apr_")
	if _, err := con.screen.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	if shown := con.exits(exitPending); !strings.Contains(shown, "the request stays. Go on with: countersign approvals wait apr_") {
		t.Error(shown)
	}
	if err := s.approveFirst(t); err != nil {
		t.Error(err)
	}
}

// The key is asked for and not shown, and Ctrl-C gives up.
func TestLoginOnATerminal(t *testing.T) {
	s := newScriptServer(t, "flat")
	config := t.TempDir()
	con := s.open(t, 100, []string{"XDG_CONFIG_HOME=" + config}, "login")
	con.sees("Key (it is not shown): ")
	con.hides()
	if _, err := con.screen.WriteString(s.paid.AgentKey + "\n"); err != nil {
		t.Fatal(err)
	}
	if shown := con.exits(0); strings.Contains(shown, s.paid.AgentKey) || !strings.Contains(shown, "Logged in at "+s.url+" for acme.") {
		t.Error(shown)
	}
	if info, err := os.Stat(filepath.Join(config, "countersign/profiles/default.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	con = s.open(t, 100, nil, "login")
	con.sees("Key (it is not shown): ")
	con.hides()
	if _, err := con.screen.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	con.exits(exitFailure)
}
