package payments

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

const goodEvent = `{"id":"evt_1","object":"event","type":"invoice.paid","created":1795392000,"livemode":false,"api_version":"2019-01-01","data":{"object":{"id":"in_1","object":"invoice","customer":"cus_1"}}}`

var webhookNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func signature(at time.Time, body, secret string) string {
	return hex.EncodeToString(webhook.ComputeSignature(at, []byte(body), secret))
}

func header(at time.Time, body, secret string) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), signature(at, body, secret))
}

func TestVerifyWebhook(t *testing.T) {
	const secret, former = "whsec_new", "whsec_old"
	now, one := webhookNow, []string{secret}
	good := signature(now, goodEvent, secret)
	tests := map[string]struct {
		body    string
		header  string
		secrets []string
		live    bool
		want    error
	}{
		"good":                       {goodEvent, header(now, goodEvent, secret), one, false, nil},
		"signed with the former one": {goodEvent, header(now, goodEvent, former), []string{secret, former}, false, nil},
		"two signatures, one good":   {goodEvent, fmt.Sprintf("t=%d,v1=%s,v1=%s", now.Unix(), strings.Repeat("0", 64), good), one, false, nil},
		"old scheme beside":          {goodEvent, fmt.Sprintf("t=%d,v0=x,v1=%s", now.Unix(), good), one, false, nil},
		"300 s ago":                  {goodEvent, header(now.Add(-300*time.Second), goodEvent, secret), one, false, nil},
		"300 s ahead":                {goodEvent, header(now.Add(300*time.Second), goodEvent, secret), one, false, nil},

		"301 s ago":          {goodEvent, header(now.Add(-301*time.Second), goodEvent, secret), one, false, ErrWebhookTime},
		"301 s ahead":        {goodEvent, header(now.Add(301*time.Second), goodEvent, secret), one, false, ErrWebhookTime},
		"another secret":     {goodEvent, header(now, goodEvent, "whsec_other"), one, false, ErrWebhookSignature},
		"another body":       {goodEvent + " ", header(now, goodEvent, secret), one, false, ErrWebhookSignature},
		"another time":       {goodEvent, fmt.Sprintf("t=%d,v1=%s", now.Unix()-1, good), one, false, ErrWebhookSignature},
		"truncated":          {goodEvent, fmt.Sprintf("t=%d,v1=%s", now.Unix(), good[:62]), one, false, ErrWebhookSignature},
		"no secrets":         {goodEvent, header(now, goodEvent, ""), nil, false, ErrWebhookSecret},
		"an empty secret":    {goodEvent, header(now, goodEvent, ""), []string{""}, false, ErrWebhookSecret},
		"one of two empty":   {goodEvent, header(now, goodEvent, ""), []string{secret, " "}, false, ErrWebhookSecret},
		"no header":          {goodEvent, "", one, false, ErrWebhookHeader},
		"no time":            {goodEvent, "v1=" + good, one, false, ErrWebhookHeader},
		"two times":          {goodEvent, header(now, goodEvent, secret) + fmt.Sprintf(",t=%d", now.Unix()), one, false, ErrWebhookHeader},
		"time out of range":  {goodEvent, "t=9223372036854775807,v1=" + good, one, false, ErrWebhookHeader},
		"negative time":      {goodEvent, "t=-1,v1=" + good, one, false, ErrWebhookHeader},
		"only v0":            {goodEvent, fmt.Sprintf("t=%d,v0=%s", now.Unix(), good), one, false, ErrWebhookHeader},
		"no hex":             {goodEvent, fmt.Sprintf("t=%d,v1=zz", now.Unix()), one, false, ErrWebhookHeader},
		"a flood of them":    {goodEvent, header(now, goodEvent, secret) + strings.Repeat(",v1="+good, 20), one, false, ErrWebhookHeader},
		"test event in live": {goodEvent, header(now, goodEvent, secret), one, true, ErrWebhookMode},
	}
	big := goodEvent + strings.Repeat(" ", MaxWebhookBody+1-len(goodEvent))
	tests["one byte too many"] = struct {
		body    string
		header  string
		secrets []string
		live    bool
		want    error
	}{big, header(now, big, secret), one, false, ErrWebhookTooLarge}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := VerifyWebhook([]byte(tc.body), tc.header, tc.secrets, now, tc.live)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if tc.want != nil {
				if e.ID != "" {
					t.Errorf("an event came back with the error: %+v", e)
				}
				return
			}
			if e.ID != "evt_1" || e.Type != "invoice.paid" || e.CustomerID != "cus_1" || e.CreatedAt.Unix() != 1795392000 {
				t.Errorf("event %+v", e)
			}
		})
	}
}

func TestVerifyWebhookBodies(t *testing.T) {
	event := func(object string) string {
		return `{"id":"evt_1","object":"event","type":"t","created":1,"livemode":false,"data":{"object":` + object + `}}`
	}
	tests := map[string]struct {
		body, customer string
		want           error
	}{
		"customer itself":     {event(`{"id":"cus_1","object":"customer"}`), "cus_1", nil},
		"customer expanded":   {event(`{"id":"sub_1","object":"subscription","customer":{"id":"cus_1"}}`), "cus_1", nil},
		"customer null":       {event(`{"id":"pm_1","object":"payment_method","customer":null}`), "", nil},
		"customer a number":   {event(`{"id":"pm_1","object":"payment_method","customer":7}`), "", nil},
		"object not one":      {event(`[]`), "", nil},
		"no JSON":             {`evt_1`, "", ErrWebhookBody},
		"not an event":        {`{"id":"evt_1","object":"invoice","type":"t","livemode":false}`, "", ErrWebhookBody},
		"no id":               {`{"object":"event","type":"t","livemode":false}`, "", ErrWebhookBody},
		"no mode":             {`{"id":"evt_1","object":"event","type":"t"}`, "", ErrWebhookBody},
		"live in a test room": {`{"id":"evt_1","object":"event","type":"t","livemode":true}`, "", ErrWebhookMode},
		"empty":               {``, "", ErrWebhookBody},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := VerifyWebhook([]byte(tc.body), header(webhookNow, tc.body, "whsec_1"), []string{"whsec_1"}, webhookNow, false)
			if !errors.Is(err, tc.want) || e.CustomerID != tc.customer {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
}

func FuzzVerifyWebhook(f *testing.F) {
	f.Add(goodEvent, header(webhookNow, goodEvent, "whsec_1"))
	f.Add("", "t=1,v1=00")
	f.Add("{", "t=,v1=,")
	f.Fuzz(func(t *testing.T, body, h string) {
		// Nobody who does not know this secret gets an event through.
		if e, err := VerifyWebhook([]byte(body), h, []string{"whsec_nobody_knows"}, webhookNow, false); err == nil {
			t.Fatalf("accepted %+v", e)
		}
	})
}
