package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/countersignhq/countersign/payments/sandbox"
)

// BenchmarkReads serves reads without the network: the limit is 200 µs each.
func BenchmarkReads(b *testing.B) {
	t := &testing.T{}
	r := newRig(t)
	for range 200 {
		r.subscribe(r.pro)
	}
	sub := r.subscribe(r.pro)
	in := r.sub(sub.ID).LatestInvoice
	for name, path := range map[string]string{
		"customer":     "/v1/customers/" + sub.Customer.ID,
		"subscription": "/v1/subscriptions/" + sub.ID + "?expand[]=latest_invoice.payment_intent&expand[]=customer.invoice_settings.default_payment_method",
		"upcoming":     "/v1/invoices/upcoming?subscription=" + sub.ID,
		"invoice":      "/v1/invoices/" + in.ID,
		"list":         "/v1/subscriptions?customer=" + sub.Customer.ID,
	} {
		b.Run(name, func(b *testing.B) {
			h := r.box.Handler()
			for b.Loop() {
				req := httptest.NewRequest("GET", path, nil)
				req.Header.Set("Authorization", "Bearer sk_test_sandbox")
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, req)
				if rec.Code != http.StatusOK {
					b.Fatal(rec.Code, rec.Body)
				}
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		s, err := sandbox.New(sandbox.Options{Now: func() time.Time { return start }})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
