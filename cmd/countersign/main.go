// Command countersign is the whole product: the server, its demo, and the tools
// around them. It builds the parts and hands them to each other; it holds no
// rule, no SQL and no HTML.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set at release with -ldflags "-X main.version=…".
var version = "dev"

// gcPercent is how much garbage may pile up before it is collected, in percent
// of what is alive. That is a few MB here: by Go's own measure a busy server
// would collect a hundred times a second, a sixth of its work.
const gcPercent = 400

// memoryGoal is from where on garbage is collected sooner, in bytes: a server
// whose caches are full stays below 150 MB with what SQLite has besides.
const memoryGoal = 72 << 20

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && err.Error() != "" {
		fmt.Fprintln(clean{os.Stderr}, "countersign: "+err.Error())
	}
	return exitCode(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "countersign",
		Short: "Billing for products whose customers use AI agents",
		Long: `Countersign is a self-hosted billing service. People change their plan in one
click; agents may ask, and an owner of the organisation approves.

` + exitHelp,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		// Without a RunE of its own cobra would end with 0 on an unknown command.
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("unknown command %q; see countersign --help", args[0])}
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(newDemo(), newServe(), newConfig(), newCatalog(), newHostKey(), newBackup(), newRestored(), newDoctor(), newBench(), newBenchServer())
	root.AddCommand(newCLI()...)
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		asGroup(c) // it, too, would end with 0 on an unknown shell
	}
	return root
}

// group is a command that only holds others.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := asGroup(&cobra.Command{Use: use, Short: short})
	cmd.AddCommand(children...)
	return cmd
}

// asGroup makes a command an error on its own.
func asGroup(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usagef("unknown command %q; see %s --help", args[0], cmd.CommandPath())
		}
		return usagef("say which: see %s --help", cmd.CommandPath())
	}
	return cmd
}
