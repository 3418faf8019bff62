package sandbox

import "net/http"

// routes is the whole surface on one page.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	api := func(pattern string, h handler) { mux.Handle(pattern, s.api(h)) }
	api("GET /v1/account", s.getAccount)
	api("GET /v1/balance", s.getBalance)

	api("POST /v1/customers", s.createCustomer)
	api("GET /v1/customers", s.listCustomers)
	api("GET /v1/customers/{id}", s.getCustomer)
	api("POST /v1/customers/{id}", s.updateCustomer)
	api("DELETE /v1/customers/{id}", s.deleteCustomer)
	api("GET /v1/customers/{id}/payment_methods", s.listMethods)
	api("POST /v1/customers/{id}/balance_transactions", s.createBalanceTx)
	api("GET /v1/customers/{id}/balance_transactions", s.listBalanceTxs)

	api("POST /v1/products", s.createProduct)
	api("GET /v1/products", s.listProducts)
	api("GET /v1/products/{id}", s.getProduct)
	api("POST /v1/products/{id}", s.updateProduct)
	api("POST /v1/prices", s.createPrice)
	api("GET /v1/prices", s.listPrices)
	api("GET /v1/prices/{id}", s.getPrice)
	api("POST /v1/prices/{id}", s.updatePrice)

	api("GET /v1/payment_methods", s.listMethods)
	api("GET /v1/payment_methods/{id}", s.getMethod)
	api("POST /v1/payment_methods/{id}/attach", s.attachMethod)
	api("POST /v1/payment_methods/{id}/detach", s.detachMethod)
	api("GET /v1/payment_intents/{id}", s.getIntent)
	api("GET /v1/charges", s.listCharges)
	api("GET /v1/charges/{id}", s.getCharge)

	api("POST /v1/refunds", s.createRefund)
	api("GET /v1/refunds", s.listRefunds)
	api("GET /v1/refunds/{id}", s.getRefund)

	api("POST /v1/checkout/sessions", s.createCheckout)
	api("GET /v1/checkout/sessions", s.listCheckouts)
	api("GET /v1/checkout/sessions/{id}", s.getCheckout)
	api("GET /v1/checkout/sessions/{id}/line_items", s.listCheckoutItems)
	api("POST /v1/checkout/sessions/{id}/expire", s.expireCheckout)
	api("POST /v1/billing_portal/sessions", s.createPortal)

	api("POST /v1/subscriptions", s.createSubscription)
	api("GET /v1/subscriptions", s.listSubscriptions)
	api("GET /v1/subscriptions/{id}", s.getSubscription)
	api("POST /v1/subscriptions/{id}", s.updateSubscription)
	api("DELETE /v1/subscriptions/{id}", s.cancelSubscription)

	api("POST /v1/subscription_schedules", s.createSchedule)
	api("GET /v1/subscription_schedules", s.listSchedules)
	api("GET /v1/subscription_schedules/{id}", s.getSchedule)
	api("POST /v1/subscription_schedules/{id}", s.updateSchedule)
	api("POST /v1/subscription_schedules/{id}/release", s.releaseSchedule)
	api("POST /v1/subscription_schedules/{id}/cancel", s.cancelSchedule)

	api("GET /v1/invoices", s.listInvoices)
	api("GET /v1/invoices/upcoming", s.getUpcoming)
	api("GET /v1/invoices/{id}", s.getInvoice)
	api("GET /v1/invoices/{id}/lines", s.listLines)
	api("POST /v1/invoices/{id}/pay", s.payInvoice)
	api("POST /v1/invoices/{id}/void", s.voidInvoice)

	api("GET /v1/events", s.listEvents)
	api("GET /v1/events/{id}", s.getEvent)
	api("POST /v1/webhook_endpoints", s.createEndpoint)
	api("GET /v1/webhook_endpoints", s.listEndpoints)
	api("GET /v1/webhook_endpoints/{id}", s.getEndpoint)
	api("POST /v1/webhook_endpoints/{id}", s.updateEndpoint)
	api("DELETE /v1/webhook_endpoints/{id}", s.deleteEndpoint)
	api("/v1/", func(c *call) (obj, *apiError) { return nil, unknownURL(c.r) })

	s.pages(mux)
	return mux
}
