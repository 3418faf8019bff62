package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/countersignhq/countersign/api"
)

// The verbs that call a server. They are thin: api.Client makes the call, and
// the files cli*.go read flags, print and choose the exit code. They work
// against any server and import nothing else of the product.

// callTimeout is longer than a server holds a poll.
const callTimeout = time.Minute

// cli is the flags that these verbs share.
type cli struct {
	url, profile string
	json         bool
}

// session is one run of a verb: the server that it talks to, and where it prints.
type session struct {
	*api.Client
	cmd  *cobra.Command
	out  io.Writer // data, for people
	err  io.Writer // all else
	json bool
	tape *tape
	// keyFrom says where the key is from, in words.
	keyFrom string
}

func newCLI() []*cobra.Command {
	c := &cli{}
	verbs := []*cobra.Command{newBilling(c), newApprovals(c), newLogin(c), newWhoami(c), newMCP(c)}
	for _, v := range verbs {
		f := v.PersistentFlags()
		f.StringVar(&c.url, "url", "", "address of the server (COUNTERSIGN_URL)")
		f.StringVar(&c.profile, "profile", "", "which of the kept keys to use (COUNTERSIGN_PROFILE)")
		f.BoolVar(&c.json, "json", false, "print the body of the server's answer as it is")
		_ = v.RegisterFlagCompletionFunc("profile", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return profileNames(), cobra.ShellCompDirectiveNoFileComp
		})
	}
	return verbs
}

// verb makes a command of what it does at the server.
func (c *cli) verb(cmd *cobra.Command, do func(context.Context, *session, []string) error) *cobra.Command {
	if cmd.Args == nil {
		cmd.Args = exactly(0)
	}
	if cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		conn, err := c.connect(os.Getenv)
		if err != nil {
			return err
		}
		s := c.session(cmd, conn)
		return s.end(do(cmd.Context(), s, args))
	}
	return cmd
}

func (c *cli) session(cmd *cobra.Command, conn connection) *session {
	t := &tape{next: http.DefaultTransport}
	warnPlain(cmd.ErrOrStderr(), conn.url)
	return &session{
		Client: &api.Client{BaseURL: conn.url, Key: conn.key, HTTP: caller(t)},
		cmd:    cmd, out: clean{cmd.OutOrStdout()}, err: clean{cmd.ErrOrStderr()}, json: c.json, tape: t, keyFrom: conn.from,
	}
}

// caller makes calls over t. It goes nowhere else: what is sent may hold a
// confirm_token.
func caller(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// warnPlain says so where a key would travel in the clear.
func warnPlain(w io.Writer, address string) {
	if u, err := url.Parse(address); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
		fmt.Fprintf(w, "Warning: %s is not https, so others on the way can read your key.\n", address)
	}
}

// print shows an answer: its body as it came, or what human writes of it.
func (s *session) print(human func(io.Writer)) {
	if !s.json {
		human(s.out)
		return
	}
	s.raw(s.tape.body)
}

func (s *session) raw(body []byte) { _, _ = s.cmd.OutOrStdout().Write(body) }

// end completes a run: a refusal has a body, too, and trouble on the way is
// told from a failure.
func (s *session) end(err error) error {
	if e, ok := errors.AsType[*api.CallError](err); ok {
		if s.json && e.Body.Code != "" {
			s.raw(e.Raw)
		}
		return callFailed(e)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return notReached(s.BaseURL, e)
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%s does not answer as a Countersign server does; check the address", s.BaseURL)
	}
	return err
}

// tape keeps the last answer's body as it came.
type tape struct {
	next http.RoundTripper
	body []byte
}

// maxBody is more than api.Client reads of an answer.
const maxBody = 8 << 20

// RoundTrip implements http.RoundTripper.
func (t *tape) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	t.body, res.Body = body, io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// terminal returns the file behind w if it is a terminal that can move its cursor.
func terminal(w io.Writer) (*os.File, bool) {
	f, ok := w.(*os.File)
	return f, ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// isPerson reports whether somebody sits in front: both outputs are a terminal.
func (s *session) isPerson() bool {
	_, out := terminal(s.cmd.OutOrStdout())
	_, err := terminal(s.cmd.ErrOrStderr())
	return out && err
}
