package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/countersignhq/countersign/billing"
)

// hook posts webhooks to the host application, signed by the rules of Standard
// Webhooks. It implements billing.Deliverer.
type hook struct {
	address string
	keys    []*webhooks.Webhook // the receiver takes any of them, while rolling
	client  *http.Client
	now     func() time.Time
}

const (
	hookTimeout   = 15 * time.Second
	hookHandshake = 10 * time.Second
	hookIdle      = 30 * time.Second
	hookAnswer    = 4 << 10 // what is read of an answer, so that the connection can be used again
	minHookKey    = 24      // bytes
	maxHookKey    = 64
)

var (
	errHookAddress = errors.New("COUNTERSIGN_WEBHOOK_URL must be an address like https://app.example.com/webhooks, without a user and password")
	errHookPlain   = errors.New("COUNTERSIGN_WEBHOOK_URL must be https; http is for a private network, with COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE=true")
	errHookSecret  = errors.New("COUNTERSIGN_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64, several separated by commas while rolling; make one with: echo whsec_$(openssl rand -base64 32)")
	errHookPrivate = errors.New("COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE must be true or false")
	// errNotCalled: the name of the target leads to an address that is not for us.
	errNotCalled = errors.New("this address may not be called")
)

// newHook checks the configuration; its errors repeat no part of it.
func newHook(address, secrets string, allowPrivate bool, now func() time.Time) (*hook, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Hostname() == "", u.Scheme != "https" && u.Scheme != "http", u.User != nil, u.Fragment != "":
		return nil, errHookAddress
	case u.Scheme == "http" && !allowPrivate:
		return nil, errHookPlain
	}
	h := &hook{address: u.String(), now: now, client: hookClient(allowPrivate)}
	for text := range strings.SplitSeq(secrets, ",") {
		key, ok := hookKey(strings.TrimSpace(text))
		if !ok {
			return nil, errHookSecret
		}
		h.keys = append(h.keys, key)
	}
	return h, nil
}

// hookKey reads a secret. The library would take an empty one.
func hookKey(text string) (*webhooks.Webhook, bool) {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) < minHookKey || len(raw) > maxHookKey {
		return nil, false
	}
	key, err := webhooks.NewWebhookRaw(raw)
	return key, err == nil
}

// hookFrom is the hook that is configured, or nil.
func hookFrom(get func(string) string) (*hook, error) {
	address := get("COUNTERSIGN_WEBHOOK_URL")
	if address == "" {
		return nil, nil //nolint:nilnil // nothing is configured, and nothing is wrong
	}
	private, err := strconv.ParseBool(get("COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE"))
	if err != nil {
		return nil, errHookPrivate
	}
	return newHook(address, get("COUNTERSIGN_WEBHOOK_SECRET"), private, time.Now)
}

// hookClient connects to public addresses only. It goes through no proxy, which
// would connect for it, and follows no redirect.
func hookClient(allowPrivate bool) *http.Client {
	dialer := &net.Dialer{Timeout: hookHandshake, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !callable(to.Addr(), allowPrivate) {
			return errNotCalled
		}
		return nil
	}}
	return &http.Client{
		Timeout: hookTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: hookHandshake, ForceAttemptHTTP2: true, DisableCompression: true,
			MaxResponseHeaderBytes: maxHeaderBytes, MaxIdleConnsPerHost: 8, IdleConnTimeout: hookIdle,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// never may be called, whatever is allowed: where clouds keep the credentials
// of machines, and what leads to another address than it says.
var never = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "fd00:ec2::254/128", "fd20:ce::254/128", "fe80::/10", "fec0::/10", "ff00::/8",
	"64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "100::/64",
)

// private is for the operator to allow: this machine and its own networks.
var private = prefixes(
	"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "192.0.2.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "::1/128", "fc00::/7", "2001:db8::/32",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// callable decides about the address that a name turned out to have, at the
// moment of connecting to it: an earlier answer may have been another one.
func callable(a netip.Addr, allowPrivate bool) bool {
	a = a.Unmap().WithZone("")
	inside := func(list []netip.Prefix) bool {
		for _, p := range list {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	switch {
	case inside(never):
		return false
	case inside(private):
		return allowPrivate
	}
	return a.Is4() || netip.MustParsePrefix("2000::/3").Contains(a)
}

// Target implements billing.Deliverer.
func (h *hook) Target() string {
	sum := sha256.Sum256([]byte("countersign/webhook target/v1\x00" + h.address))
	return hex.EncodeToString(sum[:])
}

// Deliver implements billing.Deliverer.
func (h *hook) Deliver(ctx context.Context, id, body string) billing.Receipt {
	req, err := h.request(ctx, id, body)
	if err != nil {
		return billing.Receipt{Fault: billing.FaultConnection}
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return billing.Receipt{Fault: faultOf(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, hookAnswer) // what it says does not matter
	switch resp.StatusCode / 100 {
	case 2:
		return billing.Receipt{Status: resp.StatusCode}
	case 3:
		return billing.Receipt{Status: resp.StatusCode, Fault: billing.FaultRedirect}
	}
	return billing.Receipt{Status: resp.StatusCode, Fault: billing.FaultStatus}
}

// request is the signed message: each key signs, and the receiver takes any.
func (h *hook) request(ctx context.Context, id, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	at := h.now()
	signatures := make([]string, len(h.keys))
	for i, key := range h.keys {
		if signatures[i], err = key.Sign(id, at, []byte(body)); err != nil {
			return nil, err
		}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Countersign")
	req.Header.Set(webhooks.HeaderWebhookID, id)
	req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(webhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return req, nil
}

// faultOf puts an error of the client into a class. Its text, with the address
// in it, goes nowhere.
func faultOf(err error) billing.Fault {
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		rec  tls.RecordHeaderError
		alrt tls.AlertError
		slow net.Error
	)
	switch {
	case errors.Is(err, errNotCalled):
		return billing.FaultRefused
	case errors.As(err, &dns):
		return billing.FaultName
	case errors.As(err, &cert), errors.As(err, &rec), errors.As(err, &alrt), errors.Is(err, http.ErrSchemeMismatch):
		return billing.FaultTLS
	case errors.As(err, &slow) && slow.Timeout():
		return billing.FaultTimeout
	}
	return billing.FaultConnection
}
