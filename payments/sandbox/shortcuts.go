package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Batch writes the state once, after f, and not after each call: for whoever
// fills an empty sandbox, and begins again if that is interrupted.
func (s *Server) Batch(f func() error) error {
	s.hold(true)
	err := f()
	s.hold(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, s.save())
}

func (s *Server) hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = on
}

// Item is a price, by its lookup key, and how often it is had.
type Item struct {
	LookupKey string
	Quantity  int64
}

// Subscribe does what a finished Checkout does: it attaches one of the test
// cards ("pm_card_visa" …), makes it the customer's default, and starts a
// subscription to the price with the lookup key. It returns the subscription's id.
func (s *Server) Subscribe(customer, lookupKey, card string) (string, error) {
	return s.SubscribeTo(customer, card, Item{lookupKey, 1})
}

// SubscribeTo is Subscribe with several prices and quantities.
func (s *Server) SubscribeTo(customer, card string, items ...Item) (string, error) {
	if err := s.GiveCard(customer, card); err != nil {
		return "", err
	}
	form := url.Values{"customer": {customer}}
	for i, it := range items {
		price, err := s.priceOf(it.LookupKey)
		if err != nil {
			return "", err
		}
		form.Set(fmt.Sprintf("items[%d][price]", i), price)
		form.Set(fmt.Sprintf("items[%d][quantity]", i), strconv.FormatInt(it.Quantity, 10))
	}
	sub, err := s.do(http.MethodPost, "/v1/subscriptions", form)
	return sub.ID, err
}

func (s *Server) priceOf(lookupKey string) (string, error) {
	prices, err := s.do(http.MethodGet, "/v1/prices?"+url.Values{"lookup_keys[]": {lookupKey}}.Encode(), nil)
	if err != nil {
		return "", err
	}
	if len(prices.Data) == 0 {
		return "", fmt.Errorf("sandbox: no price has the lookup key %q", lookupKey)
	}
	return prices.Data[0].ID, nil
}

// SetQuantity does what somebody with access to Stripe's dashboard may do: it
// changes how often a subscription has the price with the lookup key, or adds
// that price. The difference is prorated onto the next invoice.
func (s *Server) SetQuantity(subscription, lookupKey string, quantity int64) error {
	price, err := s.priceOf(lookupKey)
	if err != nil {
		return err
	}
	form := url.Values{"items[0][quantity]": {strconv.FormatInt(quantity, 10)}}
	if item := s.itemOf(subscription, price); item != "" {
		form.Set("items[0][id]", item)
	} else {
		form.Set("items[0][price]", price)
	}
	_, err = s.do(http.MethodPost, "/v1/subscriptions/"+subscription, form)
	return err
}

// ReleaseSchedule does what somebody with access to Stripe's dashboard may do:
// it drops the schedule that manages a subscription, and with it every change
// that was to come. A subscription without one is an error.
func (s *Server) ReleaseSchedule(subscription string) error {
	sub, err := s.do(http.MethodGet, "/v1/subscriptions/"+subscription, nil)
	if err != nil {
		return err
	}
	if sub.Schedule == "" {
		return fmt.Errorf("sandbox: %s has no schedule", subscription)
	}
	_, err = s.do(http.MethodPost, "/v1/subscription_schedules/"+sub.Schedule+"/release", nil)
	return err
}

// itemOf is the id of the subscription's item with this price, "" if it has none.
func (s *Server) itemOf(subscription, price string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.st.Subs.get(subscription); sub != nil {
		for _, it := range sub.Items {
			if it.Price == price {
				return it.ID
			}
		}
	}
	return ""
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

// RemoveCards takes every card from a customer.
func (s *Server) RemoveCards(customer string) error {
	methods, err := s.do(http.MethodGet, "/v1/customers/"+customer+"/payment_methods", nil)
	for _, pm := range methods.Data {
		if err == nil {
			_, err = s.do(http.MethodPost, "/v1/payment_methods/"+pm.ID+"/detach", nil)
		}
	}
	return err
}

// CancelAtPeriodEnd does what a customer does in the portal: it ends the
// subscription with its period, or takes that back. A schedule is released first.
func (s *Server) CancelAtPeriodEnd(subscription string, cancel bool) error {
	if sub, err := s.do(http.MethodGet, "/v1/subscriptions/"+subscription, nil); err == nil && sub.Schedule != "" {
		if err := s.ReleaseSchedule(subscription); err != nil {
			return err
		}
	}
	_, err := s.do(http.MethodPost, "/v1/subscriptions/"+subscription, url.Values{"cancel_at_period_end": {fmt.Sprint(cancel)}})
	return err
}

// reference is what the shortcuts read of an answer.
type reference struct {
	ID       string      `json:"id"`
	Schedule string      `json:"schedule"`
	Data     []reference `json:"data"`
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
