package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/handlers"
	"github.com/countersignhq/countersign/payments"
)

// finding is what one check says, and what to do about it. It holds no secret.
type finding struct {
	Check  string `json:"check"`
	Result string `json:"result"` // ok, warn or FAIL
	Text   string `json:"text"`
}

// doctor collects findings.
type doctor struct {
	c         config
	found     []finding
	lastEvent time.Time // of Stripe's, as the database has it
}

func (d *doctor) says(result, check, format string, args ...any) {
	d.found = append(d.found, finding{check, result, fmt.Sprintf(format, args...)})
}

const (
	doctorPatience = 10 * time.Second // with each of database and Stripe
	maxSkew        = time.Minute      // of clocks; webhooks are refused from 5 minutes on
)

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check what serve needs: configuration, database, clocks, Stripe and its prices", Args: exactly(0),
		Long: `Check the configuration, the database and its schema, the clocks, and at Stripe
the key, the catalogue's prices and the webhook endpoint. Nothing is changed, the schema neither. Each
check is a line: ok, warn or FAIL, and what to do. The exit code is 1 if one
failed.`,
		Example: "  countersign doctor --config countersign.env",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := resolve(cmd, os.Getenv, os.ReadFile)
			if err != nil {
				return err
			}
			d := &doctor{c: c}
			d.configuration()
			d.database(cmd.Context())
			d.stripe(cmd.Context())
			d.mail(cmd.Context())
			return d.print(cmd)
		},
	}
	cmd.Flags().Bool("json", false, "print the findings as JSON")
	return configFlags(cmd)
}

func (d *doctor) configuration() {
	err := d.c.check()
	if err == nil {
		d.says("ok", "configuration", "complete")
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		d.says("FAIL", "configuration", "%s", line)
	}
}

func (d *doctor) database(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	c, err := db.Inspect(ctx, d.c.get("DATABASE_URL"))
	if err != nil {
		d.says("FAIL", "database", "it does not answer (%v): check DATABASE_URL; a new SQLite file is made by the first serve", err)
		return
	}
	d.lastEvent = c.LastEvent
	d.says("ok", "database", "%s answers", c.Engine)
	switch {
	case c.Have == 0:
		d.says("warn", "schema", "there is none yet: the first serve makes it")
	case c.Have < c.Newest:
		d.says("warn", "schema", "version %d, and this binary brings %d: the next serve migrates it; back up before", c.Have, c.Newest)
	case c.Have > c.Newest:
		d.says("warn", "schema", "version %d is newer than this binary's %d: upgrade the binary", c.Have, c.Newest)
	default:
		d.says("ok", "schema", "version %d", c.Have)
	}
	d.clock("database clock", c.Now)
}

// clock compares another clock with this machine's.
func (d *doctor) clock(check string, theirs time.Time) {
	if theirs.IsZero() {
		return
	}
	if skew := time.Since(theirs).Round(time.Second); skew.Abs() > maxSkew {
		d.says("warn", check, "this machine's clock differs by %s: set it by NTP", skew)
		return
	}
	d.says("ok", check, "agrees with this machine's")
}

// dated keeps the Date of the last answer that passed by, in Unix seconds.
type dated struct{ at atomic.Int64 }

func (t *dated) RoundTrip(r *http.Request) (*http.Response, error) {
	a, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		if at, bad := http.ParseTime(a.Header.Get("Date")); bad == nil {
			t.at.Store(at.Unix())
		}
	}
	return a, err
}

func (d *doctor) stripe(ctx context.Context) {
	key, base := d.c.get("STRIPE_SECRET_KEY"), d.c.get("STRIPE_API_BASE")
	if key == "" {
		d.says("warn", "stripe", "STRIPE_SECRET_KEY is not set: nothing can be bought")
		return
	}
	catalog, err := billing.LoadCatalog(d.c.get("COUNTERSIGN_CATALOG"), os.ReadFile)
	if err != nil {
		d.says("FAIL", "catalogue", "%v", err)
		return
	}
	live, err := payments.CheckConfig(key, base)
	if err != nil {
		d.says("FAIL", "stripe", "%v", err)
		return
	}
	date := &dated{}
	client, err := payments.New(payments.Options{SecretKey: key, APIBase: base, Catalog: catalog, HTTPClient: &http.Client{Transport: date}, Timeout: doctorPatience})
	if err != nil {
		d.says("FAIL", "stripe", "%v", err)
		return
	}
	diffs, err := client.DiffCatalog(ctx, catalog)
	if at := date.at.Load(); at != 0 {
		d.clock("Stripe's clock", time.Unix(at, 0))
	}
	if err != nil {
		d.says("FAIL", "stripe", "its prices cannot be read (%v): check the key and the way to Stripe", err)
		return
	}
	d.says("ok", "stripe", "answers; %s", map[bool]string{true: "a live key: real money", false: "a test key"}[live])
	d.prices(catalog, diffs)
	d.webhook(ctx, client)
}

// webhook looks for our address among the account's endpoints. What does not come
// there, the reconciler finds within a minute: late, but it finds it.
func (d *doctor) webhook(ctx context.Context, client *payments.Client) {
	base := strings.TrimRight(d.c.get("COUNTERSIGN_BASE_URL"), "/")
	if base == "" {
		return // the configuration's finding says so
	}
	url := base + handlers.PathStripe
	all, err := client.Endpoints(ctx)
	if err != nil {
		d.says("warn", "webhook", "Stripe does not list its endpoints (%v): the key may not read them", err)
		return
	}
	at := slices.IndexFunc(all, func(e payments.Endpoint) bool { return e.URL == url })
	if at < 0 {
		d.says("FAIL", "webhook", "Stripe has no endpoint at %s: create it in Stripe's dashboard", url)
		return
	}
	switch e := all[at]; {
	case !e.Enabled:
		d.says("FAIL", "webhook", "the endpoint at %s is disabled: enable it in Stripe's dashboard", url)
	case len(e.Missing) > 0:
		d.says("warn", "webhook", "the endpoint does not send %s: add them in Stripe's dashboard", strings.Join(e.Missing, ", "))
	case e.Version != payments.APIVersion:
		d.says("warn", "webhook", "the endpoint has the API version %q, and this binary speaks %s: create it anew with that one", e.Version, payments.APIVersion)
	case d.lastEvent.IsZero():
		d.says("warn", "webhook", "the endpoint is as it should be, and nothing ever came: send a test event")
	default:
		d.says("ok", "webhook", "as it should be; the last event came %s", d.lastEvent.Format(time.RFC3339))
	}
}

func (d *doctor) prices(catalog *billing.Catalog, diffs []payments.PriceDiff) {
	for _, diff := range diffs {
		if diff.Missing {
			d.says("FAIL", "prices", "lookup key %q is missing at Stripe: countersign catalog push", diff.LookupKey)
		} else {
			d.says("FAIL", "prices", "%s: give the plan a new lookup key", strings.TrimPrefix(diff.Differs.Error(), "payments: "))
		}
	}
	if len(diffs) == 0 {
		d.says("ok", "prices", "Stripe has every price of %s", catalog.Name)
	}
}

func (d *doctor) mail(ctx context.Context) {
	if d.c.get("SMTP_URL") == "" {
		d.says("warn", "mail", "SMTP_URL is not set: nobody can sign in by mail")
		return
	}
	server, err := newSMTP(d.c.get("SMTP_URL"), d.c.get("COUNTERSIGN_MAIL_FROM"), nil)
	if err != nil {
		d.says("FAIL", "mail", "SMTP_URL cannot be used: it has to be like smtp://user:password@host:587")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	if err = server.check(ctx); err != nil {
		d.says("FAIL", "mail", "the mail server does not let us in: %v", err)
		return
	}
	d.says("ok", "mail", "the mail server answers and lets us in; nothing was sent")
}

// print writes the findings; an error says that a check failed.
func (d *doctor) print(cmd *cobra.Command) error {
	var err error
	for _, f := range d.found {
		if f.Result == "FAIL" {
			err = &exitError{code: exitFailure}
		}
	}
	out := cmd.OutOrStdout()
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		return errors.Join(e.Encode(d.found), err)
	}
	for _, f := range d.found {
		fmt.Fprintf(clean{out}, "%-4s  %-14s  %s\n", f.Result, f.Check, f.Text)
	}
	return err
}
