package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/web"
)

// drainTime is how long a load balancer has to notice that /readyz says no.
const drainTime = 3 * time.Second

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server for production", Args: exactly(0),
		Long: `Run the server. Every value comes from a flag, else the environment, else the
--config file, else the default; a secret NAME may stand in the file that
NAME_FILE names. countersign config prints what is in force.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := resolve(cmd, os.Getenv, os.ReadFile)
			if err != nil {
				return err
			}
			if err = c.check(); err != nil {
				return err
			}
			return serve(cmd.Context(), c, cmd.ErrOrStderr())
		},
	}
	return configFlags(cmd)
}

func serve(ctx context.Context, c config, out io.Writer) error {
	log := slog.New(slog.NewJSONHandler(out, nil))
	p, err := productionParts(c, log)
	if err != nil {
		return err
	}
	a, err := build(ctx, p)
	if err != nil {
		return err
	}
	defer a.store.Close()
	if err = refuseCopy(ctx, a.store); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.get("COUNTERSIGN_ADDR"))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	log.Info("serving", "address", l.Addr().String(), "base_url", p.baseURL, "stripe", p.processor != nil, "webhooks", p.host != nil, "catalog", p.catalog.Name)
	return a.run(ctx, l, drainTime)
}

func productionParts(c config, log *slog.Logger) (parts, error) {
	catalog, err := billing.LoadCatalog(c.get("COUNTERSIGN_CATALOG"), os.ReadFile)
	if err != nil {
		return parts{}, err
	}
	p := parts{
		baseURL: strings.TrimRight(c.get("COUNTERSIGN_BASE_URL"), "/"), secret: c.get("COUNTERSIGN_SECRET_KEY"),
		database: c.get("DATABASE_URL"), metrics: c.get("COUNTERSIGN_METRICS_TOKEN"), catalog: catalog, log: log,
		targets: []string{"https://checkout.stripe.com", "https://billing.stripe.com", "https://invoice.stripe.com"},
	}
	if address := c.get("SMTP_URL"); address != "" {
		if p.mailer, err = newSMTP(address, c.get("COUNTERSIGN_MAIL_FROM"), catalog); err != nil {
			return p, err
		}
	}
	if p.proxies, err = web.ParseNetworks(c.get("COUNTERSIGN_TRUSTED_PROXIES")); err != nil {
		return p, err
	}
	if p.oauth, err = oauthFrom(c.get); err != nil {
		return p, err
	}
	if p.host, err = hookFrom(c.get); err != nil {
		return p, err
	}
	if p.operators, err = operatorsFrom(c.get); err != nil {
		return p, err
	}
	grace, err := graceFrom(c.get)
	if err != nil {
		return p, err
	}
	p.grace = &grace
	key := c.get("STRIPE_SECRET_KEY")
	if key == "" {
		return p, nil
	}
	reads, err := readsFrom(c.get)
	if err != nil {
		return p, err
	}
	client, err := payments.New(payments.Options{SecretKey: key, APIBase: c.get("STRIPE_API_BASE"), ReadsPerSecond: reads, Catalog: catalog, Log: log})
	if err != nil {
		return p, err
	}
	p.processor = client
	if base := c.get("STRIPE_API_BASE"); base != "" {
		p.targets = append(p.targets, base)
	}
	live, err := payments.CheckConfig(key, c.get("STRIPE_API_BASE"))
	p.verify = verifier(strings.Split(c.get("STRIPE_WEBHOOK_SECRET"), ","), time.Now, live)
	return p, err
}

// What Stripe allows in a second is 100 reads, and 25 with test keys; the rest is
// for people in its dashboard and for other programs.
const (
	readsLive = 80
	readsTest = 20
)

// readsFrom is how many reads of Stripe this process may make in a second.
func readsFrom(get func(string) string) (int, error) {
	if text := get("STRIPE_READS_PER_SECOND"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, errors.New("STRIPE_READS_PER_SECOND must be a number from 1 on")
		}
		return n, nil
	}
	if live, _ := payments.CheckConfig(get("STRIPE_SECRET_KEY"), get("STRIPE_API_BASE")); live || get("STRIPE_API_BASE") != "" {
		return readsLive, nil
	}
	return readsTest, nil
}

// oauthFrom returns the checker of access tokens, nil without issuers.
func oauthFrom(get func(string) string) (*web.OAuth, error) {
	issuers, err := web.ParseIssuers(get("COUNTERSIGN_OAUTH_ISSUERS"))
	if err != nil || len(issuers) == 0 {
		return nil, err
	}
	audience := get("COUNTERSIGN_OAUTH_AUDIENCE")
	if audience == "" {
		audience = strings.TrimRight(get("COUNTERSIGN_BASE_URL"), "/")
	}
	return web.NewOAuth(web.OAuthConfig{
		Issuers: issuers, Audience: audience, OrgClaim: get("COUNTERSIGN_OAUTH_ORG_CLAIM"), Clock: billing.ClockFunc(time.Now),
	}), nil
}

// verifier checks the signature of webhooks with any of the secrets.
func verifier(secrets []string, now func() time.Time, live bool) func([]byte, string) (billing.Event, error) {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return strings.TrimSpace(s) == "" })
	for i := range secrets {
		secrets[i] = strings.TrimSpace(secrets[i])
	}
	return func(body []byte, header string) (billing.Event, error) {
		return payments.VerifyWebhook(body, header, secrets, now(), live)
	}
}
