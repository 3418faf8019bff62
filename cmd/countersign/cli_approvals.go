package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/api"
)

func newApprovals(c *cli) *cobra.Command {
	cmd := group("approvals", "Requests for approval: an agent's own, a person's organisation's",
		newApprovalsList(c), newApprovalsShow(c), newApprovalsWait(c),
		c.verb(&cobra.Command{
			Use: "cancel REQUEST", Short: "Withdraw one's own request", Args: exactly(1),
			Example: "  countersign approvals cancel apr_…",
		}, func(ctx context.Context, s *session, args []string) error {
			st, err := s.CancelApproval(ctx, args[0])
			if err == nil {
				s.print(func(w io.Writer) { printEnd(w, st) })
			}
			return err
		}))
	cmd.Long = cmd.Short + ".\n\n" + exitHelp
	return cmd
}

func newApprovalsList(c *cli) *cobra.Command {
	var state, cursor string
	cmd := c.verb(&cobra.Command{
		Use: "list", Short: "List requests, newest first",
		Example: "  countersign approvals list --state pending",
	}, func(ctx context.Context, s *session, _ []string) error {
		l, err := s.Approvals(ctx, state, cursor)
		if err == nil {
			s.print(func(w io.Writer) { printApprovals(w, l.Data) })
			s.more(l.NextCursor)
		}
		return err
	})
	states := []string{"pending", "approved", "executing", "completed", "denied", "expired", "canceled", "superseded", "invalidated", "failed", "indeterminate"}
	cmd.Flags().StringVar(&state, "state", "", "only those in this state, such as pending or completed")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp))
	return cursorFlag(cmd, &cursor)
}

func newApprovalsShow(c *cli) *cobra.Command {
	return c.verb(&cobra.Command{
		Use: "show REQUEST", Short: "Show one request: who asks for what, and where it stands", Args: exactly(1),
		Example: "  countersign approvals show apr_…",
	}, func(ctx context.Context, s *session, args []string) error {
		a, raw, err := s.findApproval(ctx, args[0])
		if err != nil {
			return err
		}
		if s.json {
			s.raw(append(raw, '\n'))
		} else {
			printApproval(s.out, a)
		}
		return nil
	})
}

// findApproval looks for a request among those of the list, and returns it also
// as it stands there. Its status has a call of its own, which is for polling: it
// is paced, and for the agent that asked.
func (s *session) findApproval(ctx context.Context, id string) (a api.Approval, raw json.RawMessage, err error) {
	for cursor := ""; ; {
		l, err := s.Approvals(ctx, "", cursor)
		if err != nil {
			return a, nil, err
		}
		var body api.List[json.RawMessage]
		if err = json.Unmarshal(s.tape.body, &body); err != nil {
			return a, nil, err
		}
		for i, a := range l.Data {
			if a.Request == id {
				return a, body.Data[i], nil
			}
		}
		if l.NextCursor == nil {
			return a, nil, fmt.Errorf("there is no request %s", id)
		}
		cursor = *l.NextCursor
	}
}

func newApprovalsWait(c *cli) *cobra.Command {
	var timeout time.Duration
	cmd := c.verb(&cobra.Command{
		Use: "wait REQUEST", Short: "Wait until one's own request is decided, and say how it ended", Args: exactly(1),
		Example: "  countersign approvals wait apr_… --timeout 10m",
	}, func(ctx context.Context, s *session, args []string) error {
		return s.waitFor(ctx, args[0], timeout)
	})
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "wait no longer than this (default: until the request ends)")
	return cmd
}

func printApprovals(w io.Writer, list []api.Approval) {
	if len(list) == 0 {
		fmt.Fprintln(w, "There are no requests.")
		return
	}
	rows := [][]string{{"REQUEST", "STATUS", "ACTION", "PLAN", "DUE NOW", "AGENT", "ASKED"}}
	for _, a := range list {
		rows = append(rows, []string{a.Request, a.Status, a.Action, a.Plan, money(a.Quote.AmountDueNowCents, a.Quote.Currency), a.Agent.Name, when(a.CreatedAt)})
	}
	columns(w, rows)
}

func printApproval(w io.Writer, a api.Approval) {
	var f facts
	f.add("Request", "%s", a.Request)
	f.add("Status", "%s", a.Status)
	f.add("Action", "%s", a.Action)
	f.add("Agent", "%s (key %s…)", a.Agent.Name, a.Agent.KeyPrefix)
	f.add("Agent's note", "%s", a.Reason)
	f.add("Check code", "%s", a.CheckCode)
	f.add("Asked", "%s, %s", when(a.CreatedAt), a.Mode)
	if a.DecidedAt != nil {
		f.add("Decided", "%s by %s", when(*a.DecidedAt), orDash(a.DecidedBy))
	} else {
		f.add("Until", "%s", when(a.ExpiresAt))
	}
	if a.Denied != nil {
		f.add("Denied", "%s", deniedText(a.Denied)[2:])
	}
	if a.ReplacedBy != nil {
		f.add("Replaced by", "%s", *a.ReplacedBy)
	}
	f.print(w)
	fmt.Fprintln(w)
	printQuote(w, a.Quote)
}
