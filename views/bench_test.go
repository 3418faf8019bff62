package views

import (
	"context"
	"io"
	"testing"
)

// BenchmarkBilling is what drawing Settings → Billing costs by itself, without
// reading anything.
func BenchmarkBilling(b *testing.B) {
	c, p := context.Background(), billingBase()
	b.ReportAllocs()
	for b.Loop() {
		if err := Billing(p).Render(c, io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNewBilling is what putting the domain's values into words costs.
func BenchmarkNewBilling(b *testing.B) {
	v := onPro(b)
	b.ReportAllocs()
	for b.Loop() {
		NewBilling(v)
	}
}
