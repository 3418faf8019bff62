package billing

import (
	"strconv"
	"time"

	"github.com/countersignhq/countersign/billing/jsontext"
)

// A page seals a quote for each offer, so its JSON is written by hand: a third of
// what encoding/json takes. A test holds both equal, for every member.

func (v *sealedQuote) appendJSON(to []byte) []byte {
	j := jsonText(to)
	j.text(`{"p":`, v.Purpose)
	j.text(`,"h":`, v.Holder)
	j.time(`,"u":`, v.Until)
	j.raw(`,"q":`)
	j.quote(&v.Quote)
	j.raw(`}`)
	return j
}

// jsonText is JSON that is being written: names with their values.
type jsonText []byte

func (j *jsonText) quote(q *Quote) {
	j.text(`{"change":{"action":`, string(q.Change.Action))
	j.someText(`,"plan":`, q.Change.Plan)
	j.someNumber(`,"additional_capacity_units":`, q.Change.Units)
	j.text(`},"currency":`, q.Currency)
	j.text(`,"from_plan":`, q.FromPlan)
	j.text(`,"to_plan":`, q.ToPlan)
	j.someNumber(`,"from_units":`, q.FromUnits)
	j.someNumber(`,"to_units":`, q.ToUnits)
	j.number(`,"due_now":`, q.DueNow)
	j.someNumber(`,"credit":`, q.Credit)
	j.someNumber(`,"balance_used":`, q.BalanceUsed)
	j.someNumber(`,"tax":`, q.Tax)
	j.truth(`,"lifts_downgrade":true`, q.LiftsDowngrade)
	j.truth(`,"lifts_reduction":true`, q.LiftsReduction)
	j.someNumber(`,"trial_days":`, int64(q.TrialDays))
	j.lines(q.Lines)
	j.number(`,"recurring":`, q.Recurring)
	j.text(`,"interval":`, q.Interval)
	j.someTime(`,"effective_at":`, q.EffectiveAt)
	j.someTime(`,"next_charge_at":`, q.NextChargeAt)
	j.someTime(`,"proration_date":`, q.ProrationDate)
	j.number(`,"subscription_version":`, q.SubscriptionVersion)
	j.text(`,"catalog_version":`, q.CatalogVersion)
	j.raw(`}`)
}

func (j *jsonText) lines(all []Line) {
	if len(all) == 0 {
		return
	}
	begin := `,"lines":[{"description":`
	for _, l := range all {
		j.text(begin, l.Description)
		j.number(`,"amount":`, l.Amount)
		j.truth(`,"proration":true`, l.Proration)
		j.raw(`}`)
		begin = `,{"description":`
	}
	j.raw(`]`)
}

func (j *jsonText) raw(s string) { *j = append(*j, s...) }

func (j *jsonText) text(name, s string) {
	j.raw(name)
	*j = jsontext.AppendString(*j, s)
}

func (j *jsonText) number(name string, n int64) {
	j.raw(name)
	*j = strconv.AppendInt(*j, n, 10)
}

func (j *jsonText) time(name string, t time.Time) {
	j.raw(name)
	all, err := jsontext.AppendTime(*j, t)
	if err != nil {
		panic("billing: quote does not marshal: " + err.Error())
	}
	*j = all
}

// truth writes a member that is there where it is true.
func (j *jsonText) truth(member string, is bool) {
	if is {
		j.raw(member)
	}
}

// What is empty is left out.

func (j *jsonText) someText(name, s string) {
	if s != "" {
		j.text(name, s)
	}
}

func (j *jsonText) someNumber(name string, n int64) {
	if n != 0 {
		j.number(name, n)
	}
}

func (j *jsonText) someTime(name string, t time.Time) {
	if !t.IsZero() {
		j.time(name, t)
	}
}
