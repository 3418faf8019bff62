package views

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
)

// BenchmarkDraw is what drawing a page costs by itself, without reading anything
// and without putting values into words; page-B is how long the page is.
func BenchmarkDraw(b *testing.B) {
	approval := NewApprove(requestValues(b))
	settings := NewBilling(busy(b))
	for name, page := range map[string]templ.Component{
		"billing":       Billing(settings),
		"billing-plain": Billing(billingBase()),
		"approve":       Approve(approval),
		"approvals":     pageSamples()["approvals"],
		"agents":        agentsSamples()["agents-list"],
	} {
		b.Run(name, func(b *testing.B) {
			var out bytes.Buffer
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				if err := page.Render(b.Context(), &out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(out.Len()), "page-B")
		})
	}
}

// TestBillingIsShort: the page that is opened most is sent uncompressed.
func TestBillingIsShort(t *testing.T) {
	var out bytes.Buffer
	if err := Billing(NewBilling(busy(t))).Render(t.Context(), &out); err != nil || out.Len() > 22_000 {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}

// BenchmarkNewBilling is what putting the domain's values into words costs.
func BenchmarkNewBilling(b *testing.B) {
	v := busy(b)
	b.ReportAllocs()
	for b.Loop() {
		NewBilling(v)
	}
}

// busy is an org of which there is much to tell: every resource used for a month,
// one of them nearly up, a year of invoices, and an agent that waits.
func busy(t testing.TB) BillingValues {
	v := onPro(t)
	days := make([]int64, PlotDays)
	for i, u := range v.Summary.Usage {
		v.Summary.Usage[i].Active = 30
		if i == 0 {
			v.Summary.Usage[i].Active = 9
		}
		for d := range days {
			days[d] = int64(3 + d*(i+1)/2)
		}
		v.History = append(v.History, history(u.Resource, now, days...))
	}
	for n := range 12 {
		v.Invoices = append(v.Invoices, billing.Invoice{
			ID: fmt.Sprint("in_", n), Number: fmt.Sprintf("ACME-%04d", 12-n), CreatedAt: periodEnd.AddDate(0, -n-1, 0), Description: "Pro, monthly",
			Amount: billing.Money{Amount: 1900, Currency: "usd"}, Status: "paid",
			HostedURL: fmt.Sprintf("https://invoice.stripe.com/i/acct_1Q/live_%d", n), PDFURL: fmt.Sprintf("https://pay.stripe.com/invoice/acct_1Q/live_%d/pdf", n),
		})
	}
	v.Frame.Waiting, v.Summary.Pending = 1, 1
	v.Waiting = []billing.Approval{{
		ID: "apr_1", State: billing.ApprovalPending, Actor: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"},
		Quote: upgradeQuote(), CreatedAt: now, ExpiresAt: now.Add(23 * time.Hour),
	}}
	return v
}
