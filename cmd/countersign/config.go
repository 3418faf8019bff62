package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/web"
)

// secret is a value that never prints itself.
type secret string

func (secret) String() string   { return "[redacted]" }
func (secret) GoString() string { return "[redacted]" }

// setting is one thing that can be configured: by flag, by environment
// variable (a secret also by the file that NAME_FILE names), by --config.
type setting struct {
	env, flag, value, help string
	secret                 bool
}

func settings() []setting {
	return []setting{
		{env: "COUNTERSIGN_BASE_URL", flag: "base-url", help: "public address, for example https://billing.example.com (required)"},
		{env: "COUNTERSIGN_SECRET_KEY", help: "32 bytes or more of randomness: signs sessions and forms (required)", secret: true},
		{env: "COUNTERSIGN_ADDR", flag: "addr", value: ":8080", help: "address to listen on"},
		{env: "COUNTERSIGN_TRUSTED_PROXIES", flag: "trusted-proxies", help: "networks of the reverse proxies in front, comma-separated, whose X-Forwarded-For is believed"},
		{env: "COUNTERSIGN_METRICS_TOKEN", help: "bearer token for /metrics; without it there is no /metrics", secret: true},
		{env: "COUNTERSIGN_OAUTH_ISSUERS", flag: "oauth-issuers", help: "issuers whose access tokens agents may use, comma-separated"},
		{env: "COUNTERSIGN_OAUTH_AUDIENCE", flag: "oauth-audience", help: "audience that these tokens must have (default: the base URL)"},
		{env: "COUNTERSIGN_OAUTH_ORG_CLAIM", flag: "oauth-org-claim", value: "org_id", help: "claim of these tokens with the organisation's id"},
		{env: "DATABASE_URL", flag: "database", value: "sqlite:countersign.db", help: "sqlite:PATH or postgres://…", secret: true},
		{env: "COUNTERSIGN_CATALOG", flag: "catalog", value: "flat", help: "flat, capacity or a file"},
		{env: "STRIPE_SECRET_KEY", help: "Stripe's API key; without it nothing can be bought", secret: true},
		{env: "STRIPE_WEBHOOK_SECRET", help: "signing secrets of the webhook endpoint, comma-separated while rolling", secret: true},
		{env: "COUNTERSIGN_PAST_DUE_GRACE", flag: "past-due-grace", value: "14", help: "days for which a subscription with an unpaid renewal keeps its plan, 0 to 365"},
		{env: "STRIPE_API_BASE", flag: "stripe-api-base", help: "another address of Stripe's API, with test keys only"},
		{env: "STRIPE_READS_PER_SECOND", flag: "stripe-reads-per-second", help: "reads of Stripe that this process makes at most (default: 80, and 20 with Stripe's test keys)"},
		{env: "COUNTERSIGN_WEBHOOK_URL", help: "where the host application is told what happens; without it nobody is", secret: true},
		{env: "COUNTERSIGN_WEBHOOK_SECRET", help: "whsec_…, signs these webhooks; comma-separated while rolling", secret: true},
		{env: "COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE", flag: "webhook-allow-private", value: "false", help: "let these webhooks go to this machine or a private network"},
		{env: "COUNTERSIGN_OPERATORS", flag: "operators", help: "email addresses of those who run this server, comma-separated: they sign in at /admin"},
		{env: "SMTP_URL", help: "smtp://user:password@host:587 for mails", secret: true},
		{env: "COUNTERSIGN_MAIL_FROM", flag: "mail-from", value: "billing@localhost", help: "sender of mails"},
	}
}

// value is a setting's value and where it came from.
type value struct {
	text, origin string
}

// config is the resolved configuration by environment name.
type config map[string]value

func (c config) get(name string) string { return c[name].text }

// resolve reads the settings: flag before environment before file before default.
func resolve(cmd *cobra.Command, getenv func(string) string, readFile func(string) ([]byte, error)) (config, error) {
	path, _ := cmd.Flags().GetString("config")
	file, err := envFile(path, readFile)
	if err != nil {
		return nil, err
	}
	c := config{}
	for _, s := range settings() {
		v := value{s.value, "default"}
		if text, ok := file[s.env]; ok {
			v = value{text, path}
		}
		if text := getenv(s.env); text != "" {
			v = value{text, "environment"}
		} else if name := getenv(s.env + "_FILE"); s.secret && name != "" {
			raw, err := readFile(name)
			if err != nil {
				return nil, fmt.Errorf("%s_FILE: %w", s.env, err)
			}
			v = value{strings.TrimSpace(string(raw)), s.env + "_FILE"}
		}
		if f := cmd.Flags().Lookup(s.flag); s.flag != "" && f.Changed {
			v = value{f.Value.String(), "flag"}
		}
		c[s.env] = v
	}
	return c, nil
}

// envFile reads NAME=value lines; # begins a comment line.
func envFile(path string, readFile func(string) ([]byte, error)) (map[string]string, error) {
	out := map[string]string{}
	if path == "" {
		return out, nil
	}
	raw, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "export "))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, text, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s:%d: not NAME=value", path, n)
		}
		out[name] = strings.Trim(text, `'"`)
	}
	return out, lines.Err()
}

const minSecret = 32

// check refuses a configuration that would be unsafe or could not work. It
// reports everything that is wrong, so that one start is enough to know.
func (c config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	base, err := url.Parse(c.get("COUNTERSIGN_BASE_URL"))
	switch {
	case c.get("COUNTERSIGN_BASE_URL") == "":
		bad("COUNTERSIGN_BASE_URL is required: the address at which people reach this server")
	case err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || strings.TrimRight(base.Path, "/") != "" || base.RawQuery != "" || base.User != nil:
		bad("COUNTERSIGN_BASE_URL must be an address like https://billing.example.com")
	case base.Scheme == "http" && !loopback(base.Hostname()):
		bad("COUNTERSIGN_BASE_URL must be https outside of this machine: session cookies would travel in the clear")
	}
	if len(c.get("COUNTERSIGN_SECRET_KEY")) < minSecret {
		bad("COUNTERSIGN_SECRET_KEY needs at least %d bytes; make one with: openssl rand -base64 48", minSecret)
	}
	if key := c.get("STRIPE_SECRET_KEY"); key != "" {
		if _, err := payments.CheckConfig(key, c.get("STRIPE_API_BASE")); err != nil {
			bad("%w", err)
		}
		if _, err := readsFrom(c.get); err != nil {
			bad("%w", err)
		}
		if strings.Trim(c.get("STRIPE_WEBHOOK_SECRET"), ", ") == "" {
			bad("STRIPE_WEBHOOK_SECRET is required with a Stripe key: without it anybody could send events")
		}
	}
	if _, err := graceFrom(c.get); err != nil {
		bad("%w", err)
	}
	if _, err := web.ParseNetworks(c.get("COUNTERSIGN_TRUSTED_PROXIES")); err != nil {
		bad("COUNTERSIGN_TRUSTED_PROXIES: %w", err)
	}
	if _, err := web.ParseIssuers(c.get("COUNTERSIGN_OAUTH_ISSUERS")); err != nil {
		bad("COUNTERSIGN_OAUTH_ISSUERS: %w", err)
	}
	if _, err := hookFrom(c.get); err != nil {
		bad("%w", err)
	}
	if _, err := operatorsFrom(c.get); err != nil {
		bad("COUNTERSIGN_OPERATORS must be email addresses separated by commas")
	}
	return errors.Join(errs...)
}

// graceFrom reads for how long a past-due subscription keeps its plan.
func graceFrom(get func(string) string) (time.Duration, error) {
	days, err := strconv.Atoi(get("COUNTERSIGN_PAST_DUE_GRACE"))
	if err != nil || days < 0 || days > 365 {
		return 0, errors.New("COUNTERSIGN_PAST_DUE_GRACE must be a whole number of days from 0 to 365")
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// operatorsFrom reads who may sign in at /admin.
func operatorsFrom(get func(string) string) ([]string, error) {
	text := strings.Trim(get("COUNTERSIGN_OPERATORS"), ", ")
	if text == "" {
		return nil, nil
	}
	return billing.OperatorEmails(strings.Split(text, ","))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// configFlags adds the flags of all settings that have one.
func configFlags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("config", "", "file with NAME=value lines")
	for _, s := range settings() {
		if s.flag != "" {
			cmd.Flags().String(s.flag, s.value, fmt.Sprintf("%s (%s)", s.help, s.env))
		}
	}
	return cmd
}

func newConfig() *cobra.Command {
	return configFlags(&cobra.Command{
		Use: "config", Short: "Print the configuration of serve, with the origin of each value", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := resolve(cmd, os.Getenv, os.ReadFile)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			for _, s := range settings() {
				v := c[s.env]
				text := v.text
				if s.secret && text != "" {
					text = secret(text).String()
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", s.env, text, v.origin)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			return c.check()
		},
	})
}
