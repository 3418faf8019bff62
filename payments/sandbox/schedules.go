package sandbox

// schedule changes a subscription at set moments. The phase at index At is the
// one that runs, as long as the status is "active".
type schedule struct {
	ID, Customer, Sub, Released, Status, EndBehavior string
	Phases                                           []phase
	At                                               int
	Metadata                                         map[string]string
	Created, Canceled, Completed, ReleasedAt         int64
	Warn                                             int64 // when to announce that it expires, else 0
}

// phase is what a subscription is from Start to End, exclusive.
type phase struct {
	Start, End                        int64
	Items                             []phaseItem
	Proration, DefaultPM, Description string
	Metadata                          map[string]string // an empty value removes the key
}

type phaseItem struct {
	Price    string
	Quantity int64
	Metadata map[string]string
}

const warnBefore = 7 * day // subscription_schedule.expiring

// scheduleOf is the schedule that manages a subscription, nil if none does.
func (s *Server) scheduleOf(sub *subscription) *schedule {
	sc := s.st.Schedules.get(sub.Schedule)
	if sc == nil || sc.Status != "active" {
		return nil
	}
	return sc
}

func (s *Server) viewSchedule(sc *schedule) obj {
	if sc == nil {
		return nil
	}
	out := obj{
		"id": sc.ID, "object": "subscription_schedule", "application": nil, "canceled_at": optTime(sc.Canceled),
		"completed_at": optTime(sc.Completed), "created": sc.Created, "current_phase": nil, "customer": sc.Customer,
		"default_settings": obj{
			"application_fee_percent": nil, "automatic_tax": obj{"enabled": false, "liability": nil},
			"billing_cycle_anchor": "automatic", "billing_thresholds": nil, "collection_method": "charge_automatically",
			"default_payment_method": nil, "description": nil,
			"invoice_settings": obj{"account_tax_ids": nil, "days_until_due": nil, "issuer": obj{"type": "self"}},
			"on_behalf_of":     nil, "transfer_data": nil,
		},
		"end_behavior": sc.EndBehavior, "livemode": false, "metadata": copyMeta(sc.Metadata), "phases": s.viewPhases(sc),
		"released_at": optTime(sc.ReleasedAt), "released_subscription": opt(sc.Released), "status": sc.Status,
		"subscription": opt(sc.Sub), "test_clock": nil,
	}
	if sub := s.st.Subs.get(sc.Sub); sub != nil { // a card set on the subscription is copied
		out["default_settings"].(obj)["default_payment_method"] = opt(sub.DefaultPM)
	}
	if sc.Status == "active" {
		out["current_phase"] = obj{"start_date": sc.Phases[sc.At].Start, "end_date": sc.Phases[sc.At].End}
	}
	return out
}

func (s *Server) viewPhases(sc *schedule) []obj {
	var out []obj
	for _, ph := range sc.Phases {
		items := []obj{}
		for _, it := range ph.Items {
			items = append(items, obj{
				"billing_thresholds": nil, "metadata": copyMeta(it.Metadata), "price": it.Price,
				"quantity": it.Quantity, "tax_rates": []obj{},
			})
		}
		out = append(out, obj{
			"add_invoice_items": []obj{}, "application_fee_percent": nil, "billing_cycle_anchor": nil,
			"billing_thresholds": nil, "collection_method": nil, "coupon": nil,
			"currency": s.st.Prices.get(ph.Items[0].Price).Currency, "default_payment_method": opt(ph.DefaultPM),
			"default_tax_rates": []obj{}, "description": opt(ph.Description), "end_date": ph.End,
			"invoice_settings": nil, "items": items, "metadata": copyMeta(ph.Metadata), "on_behalf_of": nil,
			"proration_behavior": ph.Proration, "start_date": ph.Start, "transfer_data": nil, "trial_end": nil,
		})
	}
	return out
}

// createSchedule puts a subscription under a schedule whose one phase is the
// running period. At Stripe nothing else can be said in the same call.
func (s *Server) createSchedule(c *call) (obj, *apiError) {
	from := c.p.need("from_subscription")
	for _, name := range sortedKeys(c.p.n.kids) {
		if name != "from_subscription" && name != "expand" {
			c.p.fail(invalid("", "", "You cannot set `%s` if `from_subscription` is set.", name))
		}
	}
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sub := s.st.Subs.get(from)
	switch {
	case sub == nil:
		return nil, missing("subscription", "from_subscription", from)
	case !sub.live(), sub.Status == "incomplete":
		return nil, invalid("", "", "You cannot migrate a subscription that is currently in the `%s` status.", sub.Status)
	case s.scheduleOf(sub) != nil:
		return nil, invalid("", "", "You cannot migrate a subscription that is already attached to a schedule: `%s`.", sub.Schedule)
	}
	sc := &schedule{
		ID: s.newID("sub_sched_", 24), Customer: sub.Customer, Sub: sub.ID, Status: "active", EndBehavior: "release", Created: s.now(),
		Phases: []phase{{Start: sub.PeriodStart, End: sub.PeriodEnd, Items: phaseItems(sub.Items), Proration: "create_prorations"}},
	}
	if sub.CancelAt != 0 {
		sc.EndBehavior = "cancel"
	}
	s.st.Schedules.put(sc.ID, sc)
	s.warnLater(sc)
	s.emit("subscription_schedule.created", s.viewSchedule(sc), nil)
	s.change("customer.subscription.updated", sub.ID, func() { sub.Schedule = sc.ID })
	return s.viewSchedule(sc), nil
}

func phaseItems(items []item) []phaseItem {
	var out []phaseItem
	for _, it := range items {
		out = append(out, phaseItem{it.Price, it.Quantity, it.Metadata})
	}
	return out
}

func (s *Server) warnLater(sc *schedule) {
	sc.Warn = sc.Phases[len(sc.Phases)-1].End - warnBefore
	if sc.Warn <= s.now() {
		sc.Warn = 0
	}
}

func (s *Server) warn(sc *schedule) {
	sc.Warn = 0
	s.emit("subscription_schedule.expiring", s.viewSchedule(sc), nil)
}

func (s *Server) schedule(c *call) (*schedule, *apiError) {
	sc := s.st.Schedules.get(c.r.PathValue("id"))
	if sc == nil {
		return nil, missing("subscription schedule", "id", c.r.PathValue("id"))
	}
	return sc, nil
}

// running finds the schedule of a call that wants to have it done something.
func (s *Server) running(c *call, verb, done string) (*schedule, *subscription, *apiError) {
	sc, fail := s.schedule(c)
	if fail != nil {
		return nil, nil, fail
	}
	if sc.Status != "active" {
		return nil, nil, invalid("", "", "You cannot %s a subscription schedule that is currently in the `%s` status. It must be in `not_started, active` status to be %s.", verb, sc.Status, done)
	}
	return sc, s.st.Subs.get(sc.Sub), nil
}

func (s *Server) getSchedule(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sc, fail := s.schedule(c)
	if fail != nil {
		return nil, fail
	}
	return s.viewSchedule(sc), nil
}

// listSchedules knows none that have not started: each begins with a subscription.
func (s *Server) listSchedules(c *call) (obj, *apiError) {
	pg, customer, waiting, created := c.p.page(), c.p.str("customer"), c.p.bool("scheduled"), c.p.created()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/subscription_schedules", ids(&s.st.Schedules, func(sc *schedule) bool {
		return !waiting && (customer == "" || sc.Customer == customer) && created.holds(sc.Created)
	}))
}

func (s *Server) releaseSchedule(c *call) (obj, *apiError) {
	keep := c.p.bool("preserve_cancel_date")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sc, sub, fail := s.running(c, "release", "released")
	if fail != nil {
		return nil, fail
	}
	s.change("customer.subscription.updated", sub.ID, func() { s.release(sc, sub, keep) })
	return s.viewSchedule(sc), nil
}

// release lets a subscription go on by itself. A cancellation that the schedule
// stood for goes with it, unless it shall be kept.
func (s *Server) release(sc *schedule, sub *subscription, keep bool) {
	s.change("subscription_schedule.updated", sc.ID, func() {
		sc.Status, sc.ReleasedAt, sc.Released, sc.Sub = "released", s.now(), sub.ID, ""
	})
	s.emit("subscription_schedule.released", s.viewSchedule(sc), nil)
	sub.Schedule = ""
	if sub.CancelAt != 0 && !keep {
		s.resume(sub)
	}
}

// cancelSchedule ends the subscription with the schedule.
func (s *Server) cancelSchedule(c *call) (obj, *apiError) {
	now := c.p.bool("invoice_now") || !c.p.has("invoice_now")
	prorated := c.p.bool("prorate") || !c.p.has("prorate")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sc, sub, fail := s.running(c, "cancel", "canceled")
	if fail != nil {
		return nil, fail
	}
	s.cancelNow(sub, now, prorated)
	return s.viewSchedule(sc), nil
}

// endWith ends a schedule whose subscription ended. The two go on naming each
// other.
func (s *Server) endWith(sub *subscription, reason string) {
	sc := s.scheduleOf(sub)
	if sc == nil {
		return
	}
	sc.Status, sc.Canceled = "canceled", s.now()
	typ := "subscription_schedule.canceled"
	if reason == "payment_failed" {
		typ = "subscription_schedule.aborted"
	}
	s.emit(typ, s.viewSchedule(sc), nil)
}

// managed refuses what only the schedule may decide.
func managed(sc *schedule) *apiError {
	return invalid("", "", "The subscription is managed by the subscription schedule `%s`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.", sc.ID)
}
