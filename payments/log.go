package payments

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// logger takes stripe-go's chatter to slog, all of it at debug: what deserves a
// higher level is said by those who know what the call was for.
type logger struct{ log *slog.Logger }

// Debugf drops the message: stripe-go's only debug message is the whole answer,
// with names, addresses and client secrets.
func (l logger) Debugf(string, ...any) {}

func (l logger) Infof(format string, v ...any)  { l.say(format, v...) }
func (l logger) Warnf(format string, v ...any)  { l.say(format, v...) }
func (l logger) Errorf(format string, v ...any) { l.say(format, v...) }

func (l logger) say(format string, v ...any) {
	l.log.Debug("stripe-go", "message", redact(fmt.Sprintf(format, v...)))
}

// secretPattern matches keys, webhook secrets and the client secrets of payment
// and setup intents.
var secretPattern = regexp.MustCompile(`\b(sk|rk|pk|whsec|ek)_[0-9A-Za-z_]+|\b(pi|seti|cs)_[0-9A-Za-z_]*_secret_[0-9A-Za-z_]+`)

// redact cuts a message before the first object or body that it quotes, and
// blanks what looks like a secret in the rest.
func redact(s string) string {
	if i := strings.IndexByte(s, '{'); i >= 0 {
		s = s[:i] + "…"
	}
	if i := strings.Index(s, "body sample:"); i >= 0 {
		s = s[:i] + "…"
	}
	return secretPattern.ReplaceAllString(s, "[redacted]")
}
