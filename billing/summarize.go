package billing

import "fmt"

// Summarize says a change and its price in one sentence or two. An agent shows
// them to its user word for word.
func (s *Service) Summarize(orgName string, q Quote) string {
	from, _ := s.catalog.Plan(q.FromPlan)
	to, _ := s.catalog.Plan(q.ToPlan)
	switch q.Change.Action {
	case ActionCancelDuplicate:
		return fmt.Sprintf("End the second subscription of %s and refund what was paid for it. %s stays as it is.", orgName, from.Name)
	case ActionResume:
		return fmt.Sprintf("Keep %s on %s (%s) and undo its scheduled downgrade. Due now: nothing.%s", orgName, to.Name, price(to.Price), then(q))
	case ActionScheduleDowngrade:
		text := fmt.Sprintf("Downgrade %s from %s (%s) to %s on %s. Due now: nothing. %s stays in force until then.",
			orgName, from.Name, price(from.Price), to.Name, day(q.EffectiveAt), from.Name)
		if q.LiftsReduction {
			text += " The scheduled reduction of capacity is dropped."
		}
		return text
	case ActionIncrease:
		return fmt.Sprintf("Raise the capacity of %s from %s to %s (%s). Due now: %s.%s", orgName,
			countUnits(from, q.FromUnits), countUnits(to, q.ToUnits), extra(to, q.ToUnits), due(q), then(q))
	case ActionReduce:
		return fmt.Sprintf("Reduce the capacity of %s from %s to %s on %s. Due now: nothing. What is paid for stays until then.%s", orgName,
			countUnits(from, q.FromUnits), countUnits(to, q.ToUnits), day(q.EffectiveAt), then(q))
	case ActionKeepCapacity:
		return fmt.Sprintf("Keep the capacity of %s at %s and undo its scheduled reduction. Due now: nothing.%s", orgName,
			countUnits(to, q.ToUnits), then(q))
	case ActionStartTrial:
		return fmt.Sprintf("Start a free trial of %s for %s: %d days, no card. Due now: nothing. Nothing is charged at its end either; then the free plan is in force again.",
			to.Name, orgName, q.TrialDays)
	}
	return s.summarizeSwitch(orgName, from, to, q)
}

func (s *Service) summarizeSwitch(orgName string, from, to Plan, q Quote) string {
	verb := "Upgrade"
	if to.Rank < from.Rank {
		verb = "Switch"
	}
	text := fmt.Sprintf("%s %s from %s (%s) to %s (%s). Due now: %s.", verb, orgName, from.Name, price(from.Price), to.Name, price(to.Price), due(q))
	if to.Units != nil && q.FromUnits+q.ToUnits > 0 {
		text += fmt.Sprintf(" Capacity: %s before, %s after.", countUnits(from, q.FromUnits), countUnits(to, q.ToUnits))
	}
	if q.Credit > 0 {
		text += fmt.Sprintf(" %s is credited to the next invoices.", money(q.Credit, q.Currency))
	}
	text += then(q)
	if q.LiftsDowngrade {
		text += " The scheduled downgrade is lifted."
	}
	return text
}

func due(q Quote) string {
	if q.DueNow == 0 {
		return "nothing"
	}
	return money(q.DueNow, q.Currency)
}

// then says what is charged next, and when.
func then(q Quote) string {
	at := q.NextChargeAt
	if at.IsZero() {
		at = q.EffectiveAt
	}
	return fmt.Sprintf(" Then %s on %s.", money(q.Recurring, q.Currency), day(at))
}

// countUnits says how many units a plan has with so many additional ones: "5
// units (3 included, 2 additional)".
func countUnits(p Plan, additional int64) string {
	if p.Units == nil {
		return "no units"
	}
	total := p.Units.Included + additional
	word := "units"
	if total == 1 {
		word = "unit"
	}
	return fmt.Sprintf("%s %s (%s included, %s additional)", grouped(total), word, grouped(p.Units.Included), grouped(additional))
}

// extra says what the additional units cost: "2 × $1.00/month".
func extra(p Plan, additional int64) string {
	if p.Units == nil {
		return ""
	}
	return grouped(additional) + " × " + price(p.Units.Price)
}
