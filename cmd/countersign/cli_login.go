package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/countersignhq/countersign/api"
)

// maxKey is longer than any key or token, an OAuth access token included.
const maxKey = 16 << 10

func newLogin(c *cli) *cobra.Command {
	return &cobra.Command{
		Use: "login", Short: "Keep a server's address and a key for it in a profile", Args: exactly(0),
		ValidArgsFunction: cobra.NoFileCompletions,
		Long: `Keep a server's address and a key for it in a profile: a file that only you can
read. The key is asked for on a terminal, without showing it, and is read from
standard input otherwise. It is tried at the server before it is kept.`,
		Example: `  countersign login --url https://billing.example.com
  pass show billing/agent-key | countersign login --url https://billing.example.com --profile ci`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, name, err := c.loginTarget()
			if err != nil {
				return err
			}
			if conn.key, err = readKey(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr()); err != nil {
				return err
			}
			s := c.session(cmd, conn)
			return s.end(s.login(cmd.Context(), name))
		},
	}
}

// loginTarget is the server to log in at, and the profile to keep it in.
func (c *cli) loginTarget() (conn connection, name string, err error) {
	name = c.profileName(os.Getenv)
	if conn.url = c.url; conn.url == "" {
		conn.url = os.Getenv("COUNTERSIGN_URL")
	}
	if conn.url == "" {
		p, err := readProfile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return conn, name, err
		}
		conn.url = p.URL
	}
	if _, err = profilePath(name); err != nil {
		return conn, name, err
	}
	if conn.url == "" {
		return conn, name, usagef("which server? Give --url or set COUNTERSIGN_URL")
	}
	conn.url, err = serverAddress(conn.url)
	return conn, name, err
}

// login tries the key, and keeps it if the server takes it.
func (s *session) login(ctx context.Context, name string) error {
	if strings.HasPrefix(s.Key, "csh_") {
		return usagef("this is a host application's key; log in with an agent's key or a member's token")
	}
	b, err := s.Billing(ctx)
	if err != nil {
		return err
	}
	path, err := writeProfile(name, profile{URL: s.BaseURL, Key: s.Key})
	if err != nil {
		return err
	}
	if s.json {
		s.raw(s.tape.body)
	}
	fmt.Fprintf(s.err, "Logged in at %s for %s. The key is kept in %s.\n", s.BaseURL, b.Org.Name, path)
	return nil
}

// readKey asks for a key on a terminal, without an echo, or reads a line.
func readKey(ctx context.Context, in io.Reader, prompt io.Writer) (key string, err error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(prompt, "Key (it is not shown): ")
		key, err = readHidden(ctx, int(f.Fd()))
		fmt.Fprintln(prompt)
	} else {
		key, err = bufio.NewReader(io.LimitReader(in, maxKey)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return "", err
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", usagef("there is no key on standard input")
	}
	if !plainKey(key) {
		return "", usagef("that is not a key: there are spaces or strange characters in it")
	}
	return key, nil
}

// readHidden reads a line without an echo. Ctrl-C gives the terminal back as it was.
func readHidden(ctx context.Context, fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return string(l.text), l.err
	case <-ctx.Done():
		return "", errors.Join(&exitError{exitFailure, "stopped"}, term.Restore(fd, before))
	}
}

func newWhoami(c *cli) *cobra.Command {
	return c.verb(&cobra.Command{
		Use: "whoami", Short: "Say which server and key are in use, and whether the key is good",
		Example: "  countersign whoami",
	}, func(ctx context.Context, s *session, _ []string) error {
		b, err := s.Billing(ctx)
		if err == nil {
			s.print(func(w io.Writer) { s.printWho(w, b) })
		}
		return err
	})
}

func (s *session) printWho(w io.Writer, b api.Summary) {
	var f facts
	f.add("Server", "%s", s.BaseURL)
	f.add("Organisation", "%s (%s)", b.Org.Name, b.Org.ID)
	f.add("Plan", "%s", b.PlanName)
	f.add("Key", "%s, from %s", keyText(s.Key), s.keyFrom)
	f.print(w)
}

// keyText says what sort of key it is, with what it is recognised by.
func keyText(key string) string {
	const shown = 8
	switch {
	case len(key) <= 2*shown:
		return "unknown"
	case strings.HasPrefix(key, "csa_"):
		return key[:shown] + "… of an agent, which asks"
	case strings.HasPrefix(key, "csm_"):
		return key[:shown] + "… of a member, which acts at once"
	}
	return "an access token"
}
