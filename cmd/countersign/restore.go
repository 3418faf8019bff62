package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
)

func newBackup() *cobra.Command {
	return configFlags(&cobra.Command{
		Use: "backup FILE", Short: "Copy the SQLite database to a new file, while the server runs", Args: exactly(1),
		Long: `Copy the SQLite database to a new file, while the server runs. The copy is
marked: serve does not start on it before countersign restored was run.
For PostgreSQL use pg_dump --format=custom, or your provider's backups.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := resolve(cmd, os.Getenv, os.ReadFile)
			if err != nil {
				return err
			}
			if err = db.Backup(cmd.Context(), c.get("DATABASE_URL"), args[0]); err != nil {
				return err
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes\n", args[0], info.Size())
			return nil
		},
	})
}

func newRestored() *cobra.Command {
	var o billing.RestoreOptions
	var since string
	cmd := configFlags(&cobra.Command{
		Use: "restored", Short: "Make a database that was restored from a backup safe to go on with", Args: exactly(0),
		Long: `Run this once after a database was restored from a backup and before serve,
with no server running on it. What happened at Stripe since the backup is read
again; no change that was under way at the time of the backup is repeated; and
no key, token or number is used again that the lost time may have used. People
have to sign in again. It may be repeated, and prints what it found and what it
cannot know. docs/operations.md says more.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if since != "" {
				if o.Since, err = time.Parse(time.RFC3339, since); err != nil {
					return usagef("--since wants a time like 2026-03-02T12:00:00Z")
				}
			}
			c, err := resolve(cmd, os.Getenv, os.ReadFile)
			if err != nil {
				return err
			}
			if err = c.check(); err != nil {
				return err
			}
			return restored(cmd.Context(), c, o, cmd.OutOrStdout())
		},
	})
	cmd.Flags().BoolVar(&o.RevokeKeys, "revoke-keys", false, "also revoke all keys of agents and members, since some may have been revoked after the backup")
	cmd.Flags().StringVar(&since, "since", "", "look for Stripe customers created since this time (default: an hour before the last moment that the backup knows of)")
	return cmd
}

func restored(ctx context.Context, c config, o billing.RestoreOptions, out io.Writer) error {
	p, err := productionParts(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	a, err := build(ctx, p)
	if err != nil {
		return err
	}
	defer a.store.Close()
	finder, _ := p.processor.(billing.Finder) // nil without Stripe
	r, err := a.service.Restored(ctx, finder, o)
	if err != nil {
		return err
	}
	tellRestored(out, r, o, finder != nil)
	return nil
}

// tellRestored says in words what was done, and what cannot be known.
func tellRestored(out io.Writer, r billing.Restoration, o billing.RestoreOptions, stripe bool) {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	say("The last moment that this database knows of is %s.", r.Newest.Format(time.RFC3339))
	say("Done:")
	say("  %d organisations are read from Stripe again as soon as the server runs.", r.Orgs)
	say("  %d changes were under way. None is repeated: what Stripe shows decides, and what it does not show waits for an operator (needs_review).", r.Intents)
	say("  %d confirm tokens, %d sign-in links and %d sessions were ended: people sign in again.", r.Tokens, r.Links, r.Sessions)
	if stripe {
		say("  %d Checkout pages that could still be paid were ended.", r.Pages)
		say("  %d customers were found at Stripe and given back to their organisations.", len(r.Linked))
	} else {
		say("  Stripe is not configured, so nobody looked for customers and Checkout pages there.")
	}
	if o.RevokeKeys {
		say("  %d keys of agents and members were revoked.", r.Revoked)
	}
	say("To know:")
	for _, c := range r.Strangers {
		say("  Customer %s was created for %s, which is not in this database or has another customer. If it is an organisation of the lost time, provision it again and repeat this command with --since.", c.CustomerID, c.OrgID)
	}
	say("  %d keys are valid. One that was revoked or paused since the backup is valid again: revoke it again, or run this with --revoke-keys. One that was made since does not work.", r.Keys)
	say("  %d requests of agents wait. One that was decided since the backup waits again; approving it does not repeat it, since Stripe is asked first.", r.Pending)
	say("  %d webhooks to the host application wait. Some may have been delivered before, under the same webhook-id.", r.Outgoing)
	say("  Lost: organisations, members, roles, usage, overrides, limit requests, trials and the audit log of the time since. Have the host application provision and report again.")
}

// errCopied keeps serve from a database that was restored and not declared so.
var errCopied = errors.New(`this database is a copy: a backup, or moved to another PostgreSQL database. Run "countersign restored" once, and then serve; see docs/operations.md. (Nothing is lost by it if nothing was lost.)`)

// refuseCopy fails on a database that went through a backup.
func refuseCopy(ctx context.Context, store *db.Store) error {
	copied, err := store.Copied(ctx)
	if err == nil && copied {
		err = errCopied
	}
	return err
}
