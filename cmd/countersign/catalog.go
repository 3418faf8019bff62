package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
)

func newCatalog() *cobra.Command {
	return group("catalog", "Check and show plan catalogues, and bring them to Stripe",
		newCatalogDiff(), newCatalogPush(),
		&cobra.Command{
			Use: "check FILE|flat|capacity", Short: "Report every mistake of a catalogue file", Args: exactly(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, err := billing.LoadCatalog(args[0], os.ReadFile)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d plans, %d resources, no mistakes\n", c.Name, len(c.Plans), len(c.Resources))
				return nil
			},
		},
		&cobra.Command{
			Use: "show [FILE|flat|capacity]", Short: "Print a catalogue's plans, prices and limits", Args: atMost(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				name := "flat"
				if len(args) == 1 {
					name = args[0]
				}
				c, err := billing.LoadCatalog(name, os.ReadFile)
				if err != nil {
					return err
				}
				return showCatalog(cmd.OutOrStdout(), c)
			},
		})
}

func showCatalog(out io.Writer, c *billing.Catalog) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprint(w, "PLAN")
	for _, p := range c.Plans {
		fmt.Fprintf(w, "\t%s", p.Name)
	}
	fmt.Fprint(w, "\nprice")
	for _, p := range c.Plans {
		if p.Paid() {
			fmt.Fprintf(w, "\t%s/%s", p.Price, p.Price.Interval)
		} else {
			fmt.Fprint(w, "\tfree")
		}
	}
	if c.Capacity != nil {
		fmt.Fprint(w, "\nunits included")
		for _, p := range c.Plans {
			if p.Units == nil {
				fmt.Fprint(w, "\t-")
			} else {
				fmt.Fprintf(w, "\t%d (+%s each)", p.Units.Included, p.Units.Price)
			}
		}
	}
	for _, r := range c.Resources {
		fmt.Fprintf(w, "\n%s", r.ID)
		for _, p := range c.Plans {
			if l := p.Cap(r.ID); l.Unlimited {
				fmt.Fprint(w, "\tunlimited")
			} else {
				fmt.Fprintf(w, "\t%d", l.Value)
			}
		}
	}
	fmt.Fprintf(w, "\n\nversion %s\n", c.Version)
	return w.Flush()
}

// exactly and atMost are cobra's, with the exit code of wrong usage.
func exactly(n int) cobra.PositionalArgs { return asUsage(cobra.ExactArgs(n)) }
func atMost(n int) cobra.PositionalArgs  { return asUsage(cobra.MaximumNArgs(n)) }

func asUsage(f cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}
