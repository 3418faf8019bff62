package payments

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/countersignhq/countersign/billing"
)

const (
	// MaxWebhookBody is the most that a webhook may carry, in bytes.
	MaxWebhookBody = 256 << 10
	// webhookTolerance is how far the sender's clock may be from ours.
	webhookTolerance = 300 * time.Second
	// maxSignatures is far above the one per secret that Stripe sends.
	maxSignatures = 16
)

// The reasons to refuse a webhook, for the log: the sender learns none of them.
var (
	ErrWebhookSecret    = errors.New("payments: no webhook secret is configured")
	ErrWebhookTooLarge  = errors.New("payments: webhook body too large")
	ErrWebhookHeader    = errors.New("payments: malformed signature header")
	ErrWebhookTime      = errors.New("payments: webhook timestamp too far from now")
	ErrWebhookSignature = errors.New("payments: no signature matches")
	ErrWebhookMode      = errors.New("payments: webhook of the other mode (live or test)")
	ErrWebhookBody      = errors.New("payments: webhook body is not an event")
)

// VerifyWebhook checks that Stripe sent the body just now, and returns the
// little that is read from it. header is Stripe-Signature; secrets are the
// endpoint's present one and, while it is rolled, the former; live says which
// mode this installation runs in.
//
// stripe-go's own check would accept an empty secret and a time far in the
// future. An API version other than ours is no reason to refuse: nothing but
// identifiers is read from an event.
func VerifyWebhook(body []byte, header string, secrets []string, now time.Time, live bool) (billing.Event, error) {
	if err := checkSecrets(secrets); err != nil {
		return billing.Event{}, err
	}
	if len(body) > MaxWebhookBody {
		return billing.Event{}, ErrWebhookTooLarge
	}
	at, signatures, err := parseSignature(header)
	if err != nil {
		return billing.Event{}, err
	}
	if d := now.Sub(at); d > webhookTolerance || d < -webhookTolerance {
		return billing.Event{}, ErrWebhookTime
	}
	if !signed(at, body, secrets, signatures) {
		return billing.Event{}, ErrWebhookSignature
	}
	return readEvent(body, live)
}

// checkSecrets refuses as a whole a list with an empty secret in it, for which
// anybody could sign.
func checkSecrets(secrets []string) error {
	for _, s := range secrets {
		if strings.TrimSpace(s) == "" {
			return ErrWebhookSecret
		}
	}
	if len(secrets) == 0 {
		return ErrWebhookSecret
	}
	return nil
}

// parseSignature reads "t=1492774577,v1=5257…,v1=…,v0=…": exactly one time, at
// least one v1; other schemes are ignored.
func parseSignature(header string) (at time.Time, signatures [][]byte, err error) {
	var seen bool
	for pair := range strings.SplitSeq(header, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		switch {
		case !ok:
			return time.Time{}, nil, ErrWebhookHeader
		case key == "t":
			s, err := strconv.ParseInt(value, 10, 64)
			// 2⁴⁰ s is the year 36812; beyond, differences of times overflow.
			if err != nil || seen || s < 0 || s > 1<<40 {
				return time.Time{}, nil, ErrWebhookHeader
			}
			at, seen = time.Unix(s, 0), true
		case key == "v1":
			if sig, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, sig)
			}
		}
	}
	if !seen || len(signatures) == 0 || len(signatures) > maxSignatures {
		return time.Time{}, nil, ErrWebhookHeader
	}
	return at, signatures, nil
}

// signed compares every signature with every secret in constant time.
func signed(at time.Time, body []byte, secrets []string, signatures [][]byte) bool {
	match := false
	for _, secret := range secrets {
		want := webhook.ComputeSignature(at, body, secret)
		for _, sig := range signatures {
			match = hmac.Equal(want, sig) || match
		}
	}
	return match
}

func readEvent(body []byte, live bool) (billing.Event, error) {
	var e struct {
		ID       string `json:"id"`
		Object   string `json:"object"`
		Type     string `json:"type"`
		Created  int64  `json:"created"`
		Livemode *bool  `json:"livemode"`
		Data     struct {
			Object json.RawMessage `json:"object"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &e) != nil || e.ID == "" || e.Type == "" || e.Object != "event" || e.Livemode == nil {
		return billing.Event{}, ErrWebhookBody
	}
	if *e.Livemode != live {
		return billing.Event{}, ErrWebhookMode
	}
	return billing.Event{ID: e.ID, Type: e.Type, CustomerID: customerOf(e.Data.Object), CreatedAt: unix(e.Created)}, nil
}
