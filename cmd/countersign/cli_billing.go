package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/api"
)

func newBilling(c *cli) *cobra.Command {
	cmd := group("billing", "Read and change an organisation's plan at a server",
		c.verb(&cobra.Command{
			Use: "get", Short: "Plan, billing state, capacity units, allowances and trial",
			Example: "  countersign billing get\n  countersign billing get --json | jq .billing.allowances",
		}, func(ctx context.Context, s *session, _ []string) error {
			b, err := s.V1Billing(ctx)
			if err == nil {
				s.print(func(w io.Writer) { printStanding(w, b.Billing) })
			}
			return err
		}),
		c.verb(&cobra.Command{
			Use: "summary", Short: "Price, next charge, card, scheduled changes and usage",
			Example: "  countersign billing summary",
		}, func(ctx context.Context, s *session, _ []string) error {
			b, err := s.Billing(ctx)
			if err == nil {
				s.print(func(w io.Writer) { printSummary(w, b) })
			}
			return err
		}),
		c.verb(&cobra.Command{
			Use: "plans", Short: "What can be bought: plans, prices and limits",
			Example: "  countersign billing plans",
		}, func(ctx context.Context, s *session, _ []string) error {
			l, err := s.Plans(ctx)
			if err == nil {
				s.print(func(w io.Writer) { printPlans(w, l.Data) })
			}
			return err
		}),
		newPreview(c), newUpgrade(c), newDowngrade(c),
		group("trial", "Try a plan without a card", newTrialStart(c)),
		group("capacity", "Buy more capacity units, or fewer", newIncrease(c), newReduce(c), newKeep(c)),
		newCheckout(c), newPortal(c), newInvoices(c), newAskForMore(c), newLimitRequests(c))
	cmd.Long = cmd.Short + `.

With a member's token a change is made at once. With an agent's key it is asked
for: an owner of the organisation says yes, in the chat or on a page.

` + exitHelp
	return cmd
}

// units is a flag for a whole number, written without tricks: 010 and 0x10 are
// not meant to be guessed at.
type units struct {
	n   int64
	set bool
}

func (u *units) String() string {
	if !u.set {
		return ""
	}
	return strconv.FormatInt(u.n, 10)
}

func (u *units) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text {
		return fmt.Errorf("%q is not a whole number", text)
	}
	u.n, u.set = n, true
	return nil
}

func (*units) Type() string { return "number" }

const flagUnits = "target-additional-capacity-units"

func unitsFlag(cmd *cobra.Command, u *units) *cobra.Command {
	cmd.Flags().Var(u, flagUnits, "how many additional units there are to be in the end")
	return cmd
}

func newPreview(c *cli) *cobra.Command {
	var plan string
	var n units
	cmd := c.verb(&cobra.Command{
		Use: "preview", Short: "Say what a change would cost, and change nothing",
		Example: "  countersign billing preview --plan scale\n  countersign billing preview --target-additional-capacity-units 5",
	}, func(ctx context.Context, s *session, _ []string) (err error) {
		var q api.Quote
		switch {
		case n.set && plan != "":
			return usagef("--plan and --%s are two changes: preview one", flagUnits)
		case n.set:
			q, err = s.PreviewCapacity(ctx, n.n)
		default:
			q, err = s.Preview(ctx, plan)
		}
		if err == nil {
			s.print(func(w io.Writer) { printQuote(w, q) })
		}
		return err
	})
	cmd.Flags().StringVar(&plan, "plan", "", "plan to change to (default: the first paid one)")
	return unitsFlag(cmd, &n)
}

func newCheckout(c *cli) *cobra.Command {
	var plan string
	cmd := c.verb(&cobra.Command{
		Use: "checkout", Short: "Print the address at which a person enters a card",
		Example: "  countersign billing checkout --plan pro",
	}, func(ctx context.Context, s *session, _ []string) error {
		return s.link(s.Checkout(ctx, api.CheckoutRequest{Plan: plan}))
	})
	cmd.Flags().StringVar(&plan, "plan", "", "plan to subscribe to (default: the first paid one)")
	return cmd
}

func newPortal(c *cli) *cobra.Command {
	return c.verb(&cobra.Command{
		Use: "portal", Short: "Print the address at which a person changes the card and reads invoices",
		Example: "  countersign billing portal",
	}, func(ctx context.Context, s *session, _ []string) error {
		return s.link(s.Portal(ctx))
	})
}

func (s *session) link(l api.Link, err error) error {
	if err == nil {
		s.print(func(w io.Writer) { fmt.Fprintln(w, l.URL) })
	}
	return err
}

func newInvoices(c *cli) *cobra.Command {
	var cursor string
	cmd := c.verb(&cobra.Command{
		Use: "invoices", Short: "List invoices, newest first",
		Example: "  countersign billing invoices\n  countersign billing invoices --json | jq -r '.data[].pdf_url'",
	}, func(ctx context.Context, s *session, _ []string) error {
		l, err := s.Invoices(ctx, cursor)
		if err == nil {
			s.print(func(w io.Writer) { printInvoices(w, l.Data) })
			s.more(l.NextCursor)
		}
		return err
	})
	return cursorFlag(cmd, &cursor)
}

func cursorFlag(cmd *cobra.Command, cursor *string) *cobra.Command {
	cmd.Flags().StringVar(cursor, "cursor", "", "go on where an earlier page ended")
	return cmd
}

// more says how to see the next page.
func (s *session) more(cursor *string) {
	if cursor != nil && !s.json {
		fmt.Fprintf(s.err, "There are more: add --cursor %s\n", *cursor)
	}
}

func newAskForMore(c *cli) *cobra.Command {
	var ask api.LimitAsk
	var desired units
	cmd := c.verb(&cobra.Command{
		Use: "request-limit-increase", Short: "Ask the operator for a higher limit",
		Example: "  countersign billing request-limit-increase --kind agents --desired-value 20 --reason 'one agent per repository'",
	}, func(ctx context.Context, s *session, _ []string) error {
		if ask.DesiredValue = desired.n; desired.set && desired.n < 1 {
			return usagef("--desired-value must be a whole number from 1")
		}
		l, err := s.AskForMore(ctx, ask)
		if err == nil {
			s.print(func(w io.Writer) {
				fmt.Fprintf(w, "Noted as %s. See what becomes of it: countersign billing limit-requests\n", l.Request)
			})
		}
		return err
	})
	cmd.Flags().StringVar(&ask.Kind, "kind", "", "agents, workspaces, rows, another resource of the plan, or other (default)")
	cmd.Flags().Var(&desired, "desired-value", "how many are needed")
	cmd.Flags().StringVar(&ask.Reason, "reason", "", "what for; the operator reads it")
	return cmd
}

func newLimitRequests(c *cli) *cobra.Command {
	var cursor string
	cmd := c.verb(&cobra.Command{
		Use: "limit-requests", Short: "List what was asked for with request-limit-increase, and the answers",
		Example: "  countersign billing limit-requests",
	}, func(ctx context.Context, s *session, _ []string) error {
		l, err := s.LimitRequests(ctx, cursor)
		if err == nil {
			s.print(func(w io.Writer) { printLimitRequests(w, l.Data) })
			s.more(l.NextCursor)
		}
		return err
	})
	return cursorFlag(cmd, &cursor)
}
