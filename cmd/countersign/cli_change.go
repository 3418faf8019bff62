package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/api"
)

// The verbs that change something. A person's token acts at once; an agent's key
// asks, and these verbs show how the answer is given.

// consent is the flags of an ask.
type consent struct {
	mode, token, reason string
	expires, timeout    time.Duration
	wait                bool
}

func (a *consent) flags(cmd *cobra.Command) *cobra.Command {
	f := cmd.Flags()
	f.StringVar(&a.mode, "mode", "", "where an owner agrees: chat (default) or web")
	f.StringVar(&a.token, "confirm-token", "", "the token of the first call, after the owner's yes; - reads it from standard input")
	f.StringVar(&a.reason, "reason", "", "note to the person who decides")
	f.DurationVar(&a.expires, "expires-in", 0, "how long the request waits on the web, 5m to 168h (default: the server's)")
	f.BoolVar(&a.wait, "wait", false, "wait for the decision (on a terminal, web does so by itself)")
	f.DurationVar(&a.timeout, "timeout", 0, "wait no longer than this (default: until the request ends)")
	_ = cmd.RegisterFlagCompletionFunc("mode", cobra.FixedCompletions([]string{"chat", "web"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// change is a verb that asks; check looks at its own flags on the first call.
type change struct {
	consent
	check func() error
	call  func(context.Context, *session) (api.V1Change, error)
}

func (c *cli) change(cmd *cobra.Command, ch *change) *cobra.Command {
	return ch.flags(c.verb(cmd, func(ctx context.Context, s *session, _ []string) error {
		if err := ch.ready(s); err != nil {
			return err
		}
		answer, err := ch.call(ctx, s)
		if err != nil {
			return err
		}
		return s.answered(ctx, answer, ch.consent)
	}))
}

// ready checks the flags and reads the token.
func (ch *change) ready(s *session) error {
	switch ch.mode {
	case "", "chat", "web":
	default:
		return usagef("--mode is chat or web")
	}
	if ch.token == "-" {
		line, err := bufio.NewReader(io.LimitReader(s.cmd.InOrStdin(), maxKey)).ReadString('\n')
		if ch.token = strings.TrimSpace(line); ch.token == "" {
			return usagef("there is no token on standard input (%v)", err)
		}
	}
	if ch.token == "" && ch.check != nil {
		return ch.check()
	}
	return nil
}

func (a *consent) seconds() int { return int(a.expires / time.Second) }

func newUpgrade(c *cli) *cobra.Command {
	var plan string
	ch := &change{}
	ch.call = func(ctx context.Context, s *session) (api.V1Change, error) {
		out, err := s.Upgrade(ctx, api.UpgradeRequest{Plan: plan, ConfirmToken: ch.token, Mode: ch.mode, Reason: ch.reason, ExpiresIn: ch.seconds()})
		return api.V1Change{Change: out}, err
	}
	cmd := c.change(&cobra.Command{
		Use: "upgrade", Short: "Switch to a paid plan, or keep the present one after all",
		Example: `  countersign billing upgrade --plan scale
  countersign billing upgrade --plan scale --mode web --reason 'the nightly import needs more rows'
  countersign billing upgrade --confirm-token csc_…`,
	}, ch)
	cmd.Flags().StringVar(&plan, "plan", "", "plan to switch to (default: the first paid one)")
	return cmd
}

func newDowngrade(c *cli) *cobra.Command {
	ch := &change{}
	ch.call = func(ctx context.Context, s *session) (api.V1Change, error) {
		out, err := s.Downgrade(ctx, api.DowngradeRequest{ConfirmToken: ch.token, Mode: ch.mode, Reason: ch.reason, ExpiresIn: ch.seconds()})
		return api.V1Change{Change: out}, err
	}
	return c.change(&cobra.Command{
		Use: "downgrade", Short: "Go back to the free plan when the paid period ends",
		Example: "  countersign billing downgrade",
	}, ch)
}

func newTrialStart(c *cli) *cobra.Command {
	var plan string
	ch := &change{check: func() error {
		if plan == "" {
			return usagef("--plan says which plan to try")
		}
		return nil
	}}
	ch.call = func(ctx context.Context, s *session) (api.V1Change, error) {
		return s.StartTrial(ctx, api.V1TrialRequest{TargetPlan: plan, ConfirmToken: ch.token, Mode: ch.mode, Reason: ch.reason, ExpiresIn: ch.seconds()})
	}
	cmd := c.change(&cobra.Command{
		Use: "start", Short: "Start the organisation's one trial, without a card",
		Example: "  countersign billing trial start --plan team",
	}, ch)
	cmd.Flags().StringVar(&plan, "plan", "", "plan to try")
	return cmd
}

func newIncrease(c *cli) *cobra.Command {
	return newCapacity(c, (*api.Client).IncreaseCapacity, &cobra.Command{
		Use: "increase", Short: "Buy more units now; the rest of the period is charged in part",
		Example: "  countersign billing capacity increase --" + flagUnits + " 2",
	})
}

func newReduce(c *cli) *cobra.Command {
	return newCapacity(c, (*api.Client).ReduceCapacity, &cobra.Command{
		Use: "schedule-reduction", Short: "Have fewer units from the next period on",
		Example: "  countersign billing capacity schedule-reduction --" + flagUnits + " 3",
	})
}

func newCapacity(c *cli, call func(*api.Client, context.Context, api.V1CapacityRequest) (api.V1Change, error), cmd *cobra.Command) *cobra.Command {
	n := &units{}
	ch := &change{check: func() error {
		if !n.set {
			return usagef("--%s says how many there are to be in the end", flagUnits)
		}
		return nil
	}}
	ch.call = func(ctx context.Context, s *session) (api.V1Change, error) {
		in := api.V1CapacityRequest{ConfirmToken: ch.token, Mode: ch.mode, Reason: ch.reason, ExpiresIn: ch.seconds()}
		if n.set {
			in.TargetUnits = &n.n
		}
		return call(s.Client, ctx, in)
	}
	return unitsFlag(c.change(cmd, ch), n)
}

func newKeep(c *cli) *cobra.Command {
	ch := &change{}
	ch.call = func(ctx context.Context, s *session) (api.V1Change, error) {
		return s.KeepCapacity(ctx, api.V1KeepRequest{ConfirmToken: ch.token, Mode: ch.mode, Reason: ch.reason, ExpiresIn: ch.seconds()})
	}
	return c.change(&cobra.Command{
		Use: "cancel-reduction", Short: "Take the scheduled reduction back",
		Example: "  countersign billing capacity cancel-reduction",
	}, ch)
}

// answered shows the answer to a change, or how the owner's answer is had.
func (s *session) answered(ctx context.Context, ch api.V1Change, a consent) error {
	switch ch.Status {
	case "confirmation_required":
		if a.wait {
			return s.asked(ctx, ch, a)
		}
		s.print(func(w io.Writer) { s.printChat(w, ch) })
	case "web-approve-required":
		if a.wait || (s.isPerson() && !s.json && !s.cmd.Flags().Changed("wait")) {
			return s.asked(ctx, ch, a)
		}
		s.print(func(w io.Writer) { s.printWeb(w, ch) })
	case "checkout-required", "pending":
		s.print(func(w io.Writer) { printResult(w, ch) })
	default:
		s.print(func(w io.Writer) { printResult(w, ch) })
		return nil
	}
	return &exitError{code: exitPending}
}

// printChat says what to show, and word for word how to go on.
func (s *session) printChat(w io.Writer, ch api.V1Change) {
	printMessage(w, ch)
	fmt.Fprintf(w, `
Nothing has changed yet. Show the message above word for word to the account
owner. Only after a yes, and within %d seconds, run:

  %s --confirm-token %s

The owner can also decide here: %s
`, ch.ExpiresIn, s.line(s.cmd.CommandPath()), ch.ConfirmToken, ch.ApprovalURL)
}

func (s *session) printWeb(w io.Writer, ch api.V1Change) {
	printMessage(w, ch)
	fmt.Fprintln(w)
	printAddress(w, ch)
	fmt.Fprintf(w, "\n%s To wait for that:\n\n  %s\n", askWords, s.line("countersign approvals wait "+ch.Request))
}

// askWords tell what an address is for.
const askWords = `Nothing has changed yet. An owner opens the address, sees the same check code
there, and decides.`

func printMessage(w io.Writer, ch api.V1Change) {
	fmt.Fprintln(w, ch.Message)
	if q := ch.Changed; q != nil {
		fmt.Fprintf(w, "The price has changed: it was %s now, then %s.\n", money(q.AmountDueNowCents, q.Currency), money(q.RecurringCents, q.Currency))
	}
}

func printAddress(w io.Writer, ch api.V1Change) {
	var f facts
	f.add("Open", "%s", ch.ApprovalURL)
	f.add("Check code", "%s", ch.CheckCode)
	f.add("Request", "%s", ch.Request)
	f.add("Until", "%s", whenOr(ch.ExpiresAt, ""))
	f.print(w)
}

// line is a command line of ours that reaches the same server as this one does.
func (s *session) line(words string) string {
	for _, name := range []string{"url", "profile"} {
		if f := s.cmd.Flags().Lookup(name); f != nil && f.Changed {
			words += fmt.Sprintf(" --%s %s", name, f.Value)
		}
	}
	return words
}

// printResult says what became of a change.
func printResult(w io.Writer, ch api.V1Change) {
	b := ch.Billing
	charged := ch.AmountChargedCents
	if charged == nil {
		charged = ch.AmountCharged
	}
	switch ch.Status {
	case "switched":
		fmt.Fprintf(w, "Done: the plan is %s now.%s\n", ch.Plan, chargedText(ch, charged))
	case "resumed":
		fmt.Fprintf(w, "The plan goes on: %s. Nothing was charged.\n", ch.Plan)
	case "downgrade-scheduled":
		fmt.Fprintf(w, "Done: the free plan begins on %s. Until then nothing changes.\n", whenOr(ch.EffectiveAt, "the period's end"))
	case "already-free":
		fmt.Fprintln(w, "The plan is the free one already. Nothing changed.")
	case "design-partner":
		fmt.Fprintln(w, "The plan is provided free of charge. Nothing changed.")
	case "checkout-required":
		fmt.Fprintf(w, "Nothing has changed yet: a person has to enter a card first. Open this address:\n\n  %s\n", ch.CheckoutURL)
	case "capacity-increased":
		fmt.Fprintf(w, "Done: there are more units now.%s\n", chargedText(ch, charged))
	case "capacity-reduction-scheduled":
		fmt.Fprintln(w, "Done: the reduction is scheduled. Until then nothing changes.")
	case "capacity-reduction-canceled":
		fmt.Fprintln(w, "Done: the reduction is taken back.")
	case "trial-started":
		fmt.Fprintln(w, "Done: the trial has begun. It ends by itself; nothing will be charged.")
	case "pending":
		fmt.Fprintln(w, "Agreed to, and Stripe has not answered yet. It settles by itself; look again in a moment.")
	case "":
	default:
		fmt.Fprintln(w, ch.Status)
	}
	if b != nil {
		fmt.Fprintln(w)
		printStanding(w, *b)
	}
}

func chargedText(ch api.V1Change, charged *int64) (text string) {
	if charged != nil {
		text = " " + money(*charged, ch.Currency) + " was charged."
	}
	if n := ch.AmountCreditedCents; n != nil && *n > 0 {
		text += " " + money(*n, ch.Currency) + " was credited."
	}
	if ch.AmountDiffers {
		text += " That is not what was agreed to; the operator has been told."
	}
	return text
}
