package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
)

// newHostKey makes the key with which the host application begins: everything
// else, the first org and its owner included, it can then make by itself.
func newHostKey() *cobra.Command {
	create := configFlags(&cobra.Command{
		Use: "create NAME", Short: "Make a host key in the configured database and print it once", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := resolve(cmd, os.Getenv, os.ReadFile)
			if err != nil {
				return err
			}
			if err = c.check(); err != nil {
				return err
			}
			p, err := productionParts(c, slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			a, err := build(cmd.Context(), p)
			if err != nil {
				return err
			}
			defer a.store.Close()
			key, secret, err := a.service.IssueKey(cmd.Context(), billing.NewKey{Kind: billing.KindHost, Name: args[0], CreatedBy: "operator"})
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), secret)
			fmt.Fprintf(cmd.ErrOrStderr(), "Host key %s for %s. It is shown this once; only its hash is kept.\n", key.ID, key.Name)
			return nil
		},
	})
	return group("hostkey", "Keys of the host application", create)
}
