package handlers

import (
	"net/http"
	"net/url"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// pageSize is how many entries a list has at most.
const pageSize = 50

func (h *handlers) apiSummary(r *web.Request) error {
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	out := summaryOf(sum, h.Service.Catalog().Currency)
	out.PastDue = pastDueOf(sum, r.Principal)
	body, err := writeSummary(&out)
	if err != nil {
		return err
	}
	return r.Raw(http.StatusOK, "application/json", body)
}

func (h *handlers) apiPreview(r *web.Request) error {
	plan, units, err := previewTarget(r)
	if err != nil {
		return err
	}
	var quote billing.Quote
	if units != nil {
		quote, err = h.Service.PreviewCapacity(r.Context(), r.Principal, *units)
		err = inField(err, unitsQuery)
	} else {
		quote, err = h.Service.Preview(r.Context(), r.Principal, plan)
	}
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, quoteOf(quote))
}

// The most that Settings → Billing lists.
const (
	shownInvoices = 12
	shownRequests = 10
	shownLimits   = 20
)

// shownRecent is one more invoice than are shown, to know whether there are more.
func shownRecent() billing.RecentLimits {
	return billing.RecentLimits{Invoices: shownInvoices + 1, Limits: shownLimits, Waiting: shownRequests}
}

// billing is Settings → Billing, with the result of the last press if the
// address carries one.
func (h *handlers) billing(r *web.Request) error {
	v, err := h.billingValues(r)
	if err != nil {
		return err
	}
	if out, ok := readNotice(r); ok {
		if err = h.showResult(r, &v, out); err != nil {
			return err
		}
	} else if kind := r.Query("asked"); kind != "" {
		v.Result = views.NewAsked(v.Limits, kind)
	}
	return r.Page(http.StatusOK, views.Billing(views.NewBilling(v)))
}

// showResult says what became of a press. While that is not known, the page asks
// for itself with the same notice, and says it then.
func (h *handlers) showResult(r *web.Request, v *views.BillingValues, out billing.Outcome) (err error) {
	if out.Status == billing.StatusPending {
		if out, err = h.Service.Became(r.Context(), r.Principal, out); err != nil {
			return err
		}
	}
	pending := out.Status == billing.StatusPending
	if pending && v.Summary.InReview { // the banner says so
		return nil
	}
	if v.Result = h.resultPanel(v.Summary, out); !pending {
		return nil
	}
	version, _, err := h.orgVersion(r.Context(), r.Principal)
	v.Frame.Live = views.NewLive(pathBilling+"?"+url.Values{"notice": {writeNotice(r, out)}}.Encode(), pathEvents, version+".pending")
	v.Frame.Live.Ask()
	return err
}

func (h *handlers) resultPanel(s billing.Summary, out billing.Outcome) *views.Panel {
	return h.locales.Of(s.Org.Region).NewResult(h.Service.Catalog(), s.Org, "", out)
}

// billingValues reads what the page is made of.
func (h *handlers) billingValues(r *web.Request) (v views.BillingValues, err error) {
	ctx, p := r.Context(), r.Principal
	if v.Summary, err = h.Service.Summary(ctx, p); err != nil {
		return v, err
	}
	v.Locale = h.locales.Of(v.Summary.Org.Region)
	if v.Frame, err = h.appFrame(r, "", views.NavBilling, v.Summary.Pending); err != nil {
		return v, err
	}
	recent, err := h.Service.Recent(ctx, p, shownRecent())
	if err != nil {
		return v, err
	}
	v.Invoices, v.Limits, v.Waiting, v.Summary.InReview = recent.Invoices, recent.Limits, recent.Waiting, recent.InReview
	if views.Waits(v.Summary, recent) {
		v.Frame.Live = views.NewLive(pathBilling, pathEvents, h.Service.Version(v.Summary, recent))
	}
	if len(v.Invoices) > shownInvoices {
		v.Invoices, v.MoreInvoices = v.Invoices[:shownInvoices], views.InvoicesURL("")
	}
	if v.Plot = r.Query("plot"); v.Plot != "" {
		if v.History, err = h.Service.UsageHistory(ctx, p, views.PlotDays); err != nil {
			return v, err
		}
	}
	if v.SpendOpen = r.Query("spend") != ""; v.SpendOpen {
		if v.Spend, err = h.Service.Spend(ctx, p, views.SpendMonths); err != nil {
			return v, err
		}
	}
	if v.CanManage = p.CanManage(); !v.CanManage {
		if v.Owners, err = h.owners(r); err != nil {
			return v, err
		}
	}
	v.Catalog, v.Offers = h.Service.Catalog(), h.Service.Offers(p, v.Summary)
	v.Capacity = h.unitsAt(p, v.Summary, v.Summary.Plan.Additional)
	v.Token, v.Nonce = r.FormToken(purposeBilling(r)), h.Service.NewNonce()
	return v, nil
}

// owners are the people whom a member without rights can ask.
func (h *handlers) owners(r *web.Request) ([]billing.Membership, error) {
	members, err := h.Service.Members(r.Context(), r.Principal)
	var can []billing.Membership
	for _, m := range members {
		if m.Role.CanManage() {
			can = append(can, m)
		}
	}
	return can, err
}

// review shows what a change means before it is made.
func (h *handlers) review(r *web.Request) error {
	v, err := h.billingValues(r)
	if err != nil {
		return err
	}
	offer, err := h.Service.Review(r.Context(), r.Principal, v.Summary, r.Query("plan"))
	if err != nil {
		return err
	}
	review := views.NewReview(v, offer, nil)
	if !r.HTMX() {
		review = review.Apart()
	}
	return r.Page(http.StatusOK, views.ReviewPage(review))
}
