package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Subscribe does what a finished Checkout does: it attaches one of the test
// cards ("pm_card_visa" …), makes it the customer's default, and starts a
// subscription to the price with the lookup key. It returns the subscription's id.
func (s *Server) Subscribe(customer, lookupKey, card string) (string, error) {
	if err := s.GiveCard(customer, card); err != nil {
		return "", err
	}
	prices, err := s.do(http.MethodGet, "/v1/prices?"+url.Values{"lookup_keys[]": {lookupKey}}.Encode(), nil)
	if err != nil {
		return "", err
	}
	if len(prices.Data) == 0 {
		return "", fmt.Errorf("sandbox: no price has the lookup key %q", lookupKey)
	}
	sub, err := s.do(http.MethodPost, "/v1/subscriptions", url.Values{"customer": {customer}, "items[0][price]": {prices.Data[0].ID}})
	return sub.ID, err
}

// GiveCard attaches a test card and makes it the customer's default.
func (s *Server) GiveCard(customer, card string) error {
	pm, err := s.do(http.MethodPost, "/v1/payment_methods/"+url.PathEscape(card)+"/attach", url.Values{"customer": {customer}})
	if err != nil {
		return err
	}
	_, err = s.do(http.MethodPost, "/v1/customers/"+customer, url.Values{"invoice_settings[default_payment_method]": {pm.ID}})
	return err
}

// CancelAtPeriodEnd does what a customer does in the portal: it ends the
// subscription with its period, or takes that back.
func (s *Server) CancelAtPeriodEnd(subscription string, cancel bool) error {
	_, err := s.do(http.MethodPost, "/v1/subscriptions/"+subscription, url.Values{"cancel_at_period_end": {fmt.Sprint(cancel)}})
	return err
}

// reference is what the shortcuts read of an answer.
type reference struct {
	ID   string      `json:"id"`
	Data []reference `json:"data"`
}

// do makes a request of the API to itself, so that a shortcut does exactly what
// the calls behind it do.
func (s *Server) do(method, path string, form url.Values) (reference, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, path, strings.NewReader(form.Encode()))
	if err != nil {
		return reference{}, err
	}
	req.Header.Set("Authorization", "Bearer "+s.opt.SecretKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := &recorder{head: http.Header{}}
	s.mux.ServeHTTP(rec, req)
	var o reference
	if rec.status != http.StatusOK {
		return o, fmt.Errorf("sandbox: %s %s: %d %s", method, path, rec.status, rec.body.String())
	}
	return o, json.Unmarshal(rec.body.Bytes(), &o)
}

// recorder keeps an answer.
type recorder struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.head }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
