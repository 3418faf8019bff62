package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments"
)

func newCatalogDiff() *cobra.Command {
	return atStripe(&cobra.Command{
		Use: "diff [FILE|flat|capacity]", Short: "Compare a catalogue's prices with Stripe's; exit code 1 if they differ",
		Long:    "Compare a catalogue's prices with Stripe's, and change nothing. The exit code is 1 if they differ.",
		Example: "  STRIPE_SECRET_KEY=sk_… countersign catalog diff plans.yaml",
	}, func(ctx context.Context, cmd *cobra.Command, client *payments.Client, c *billing.Catalog) error {
		diffs, err := client.DiffCatalog(ctx, c)
		if err != nil {
			return err
		}
		for _, d := range diffs {
			if d.Missing {
				fmt.Fprintf(cmd.OutOrStdout(), "+ lookup key %q is missing at Stripe; push creates it\n", d.LookupKey)
			} else {
				fmt.Fprintf(cmd.OutOrStdout(), "! %s\n", strings.TrimPrefix(d.Differs.Error(), "payments: "))
			}
		}
		if len(diffs) > 0 {
			return &exitError{code: exitFailure}
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: Stripe has every price as in the catalogue\n", c.Name)
		return nil
	})
}

func newCatalogPush() *cobra.Command {
	return atStripe(&cobra.Command{
		Use: "push [FILE|flat|capacity]", Short: "Create at Stripe the products and prices that are missing there",
		Long: `Create at Stripe the products and prices of a catalogue that are missing there,
found by lookup key. Twice changes nothing. A price that differs is never
changed: people may be paying it. Give the plan a new lookup key instead.`,
		Example: "  STRIPE_SECRET_KEY=sk_… countersign catalog push plans.yaml",
	}, func(ctx context.Context, cmd *cobra.Command, client *payments.Client, c *billing.Catalog) error {
		created, err := client.PushCatalog(ctx, c)
		for _, key := range created {
			fmt.Fprintln(cmd.OutOrStdout(), key)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d prices created\n", c.Name, len(created))
		return err
	})
}

// atStripe makes a command that works on a catalogue and a Stripe account, both
// from the configuration of serve.
func atStripe(cmd *cobra.Command, do func(context.Context, *cobra.Command, *payments.Client, *billing.Catalog) error) *cobra.Command {
	cmd.Args = atMost(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := resolve(cmd, os.Getenv, os.ReadFile)
		if err != nil {
			return err
		}
		name := c.get("COUNTERSIGN_CATALOG")
		if len(args) == 1 {
			name = args[0]
		}
		catalog, err := billing.LoadCatalog(name, os.ReadFile)
		if err != nil {
			return err
		}
		key := c.get("STRIPE_SECRET_KEY")
		if key == "" {
			return errors.New("STRIPE_SECRET_KEY is not set")
		}
		client, err := payments.New(payments.Options{SecretKey: key, APIBase: c.get("STRIPE_API_BASE"), Catalog: catalog})
		if err != nil {
			return err
		}
		return do(cmd.Context(), cmd, client, catalog)
	}
	return configFlags(cmd)
}
