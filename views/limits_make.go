package views

import (
	"slices"
	"strconv"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// declinedShown is how long a refusal stays on the page.
const declinedShown = 30 * 24 * time.Hour

// askRow adds to a row what can be done at a limit, and where the last request
// for a higher one stands.
func askRow(v *BillingValues, u *billing.Usage, id string, row *UsageRow) {
	for _, l := range v.Limits {
		if l.Kind == u.Resource.ID {
			row.Asked = askedLine(v.Locale, l, v.Summary.Now)
			break
		}
	}
	if row.Level != UsageHigh && row.Level != UsageFull && row.Level != UsageOver {
		return
	}
	if at := v.Capacity; at != nil && at.More == nil && v.perUnit(&v.Summary.Plan, u) != "" {
		row.Actions = append(row.Actions, Action{Label: copyAddUnits, Href: "#capacity-title", About: row.Label})
	}
	if v.roomAbove(u) {
		row.Actions = append(row.Actions, Action{Label: copyUpgrade, Href: "#plans-title", About: row.Label})
	}
	row.Ask = &AskForMore{
		ID: id, About: row.Label, Form: *v.form("/settings/billing/limit", "", Field{"kind", u.Resource.ID}),
		Min: strconv.FormatInt(max(u.Cap.Value, u.Active)+1, 10),
	}
}

// roomAbove reports whether a plan that can be had now allows more.
func (v *BillingValues) roomAbove(u *billing.Usage) bool {
	for i := range v.Offers {
		o := &v.Offers[i]
		if (o.Kind == billing.OfferSwitch || o.Kind == billing.OfferCheckout) && v.Summary.CapOn(o.Plan, u.Resource.ID).Above(u.Cap) {
			return true
		}
	}
	return false
}

// askedLine is nil for what is of no interest any more.
func askedLine(in Locale, l billing.LimitRequest, now time.Time) *AskedLine {
	what := "more"
	if l.Desired > 0 {
		what = in.number(l.Desired)
	}
	line := &AskedLine{Chip: Chip{copyAskOpen, ToneAccent}, What: Dated{Before: "Asked for " + what + " on", At: in.shortDay(l.AskedAt)}}
	a := l.Answer
	switch {
	case a == nil:
		return line
	case l.State == billing.LimitGranted:
		if !a.Until.IsZero() && !now.Before(a.Until) {
			return nil
		}
		given := "as many as you like"
		if !a.Cap.Unlimited {
			given = in.number(a.Cap.Value)
		}
		line.Chip, line.What, line.Until = Chip{copyAskGranted, ToneGood}, Dated{Before: given + ", since", At: in.shortDay(a.At)}, in.day(a.Until)
	case now.Sub(a.At) > declinedShown:
		return nil
	default:
		line.Chip, line.What = Chip{copyAskDeclined, ToneNeutral}, Dated{Before: "Asked for " + what + ", answered on", At: in.shortDay(a.At)}
	}
	line.Reason = a.Reason
	return line
}

// otherAsks are the last requests about what has no row.
func otherAsks(v *BillingValues) []AskedLine {
	if len(v.Limits) == 0 {
		return nil
	}
	var out []AskedLine
	seen := map[string]bool{}
	for _, u := range v.Summary.Usage {
		seen[u.Resource.ID] = true
	}
	for _, l := range v.Limits {
		if line := askedLine(v.Locale, l, v.Summary.Now); !seen[l.Kind] && line != nil {
			if l.Kind != "other" {
				line.What.Before = capital(l.Kind) + ": " + lowerFirst(line.What.Before)
			}
			out = append(out, *line)
		}
		seen[l.Kind] = true
	}
	return out
}

// NewAsked says that a request for a higher limit is registered, if there is an
// open one of the kind: nil if there is none.
func NewAsked(limits []billing.LimitRequest, kind string) *Panel {
	open := slices.ContainsFunc(limits, func(l billing.LimitRequest) bool { return l.Kind == kind && l.State == billing.LimitOpen })
	if !open {
		return nil
	}
	return &Panel{Tone: ToneGood, Title: copyAskSent, Text: copyAskSentText, Focus: true}
}
