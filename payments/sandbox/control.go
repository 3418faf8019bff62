package sandbox

import (
	"net/http"
	"slices"
	"time"
)

type controlPage struct {
	Now       time.Time
	Today     string
	Offset    time.Duration
	Next      int64
	Customers []controlCustomer
	Events    []controlEvent
	Calls     []Call
	Held      int
	Queued    int
	Holding   bool
	Twice     bool
}

type controlCustomer struct {
	*customer
	Subs   []portalSub
	Method *paymentMethod
}

type controlEvent struct {
	*event
	State string
}

const shown = 30 // rows of each log on the page

func (s *Server) showControl(*http.Request) answer {
	pg := controlPage{
		Now: s.time(), Today: s.time().AddDate(0, 0, 1).Format("2006-01-02"), Next: s.nextRenewal(),
		Offset: s.st.Offset.Round(time.Second), Held: len(s.st.Held), Queued: len(s.st.Queue),
		Holding: s.st.Holding, Twice: s.st.Twice,
	}
	for _, c := range s.st.Customers.newest() {
		if c.Deleted {
			continue
		}
		row := controlCustomer{customer: c, Method: s.payer(nil, c.ID)}
		for _, sub := range s.st.Subs.newest() {
			if sub.Customer == c.ID {
				row.Subs = append(row.Subs, s.portalSub(sub))
			}
		}
		pg.Customers = append(pg.Customers, row)
	}
	for _, ev := range s.st.Events.newest() {
		if len(pg.Events) == shown {
			break
		}
		pg.Events = append(pg.Events, controlEvent{ev, s.deliveryState(ev.ID)})
	}
	for _, c := range slices.Backward(s.calls) {
		if len(pg.Calls) == shown {
			break
		}
		pg.Calls = append(pg.Calls, c)
	}
	return answer{page: "control", title: "Sandbox", body: controlView(pg)}
}

func (s *Server) deliveryState(id string) string {
	of := func(d delivery) bool { return d.Event == id }
	switch {
	case slices.ContainsFunc(s.st.Held, of):
		return "held back"
	case slices.ContainsFunc(s.st.Queue, of):
		return "on its way"
	case len(s.st.Endpoints.Order) == 0:
		return "nobody listens"
	}
	return "delivered"
}

// nextRenewal is the end of the earliest running period, 0 if none runs.
func (s *Server) nextRenewal() int64 {
	var next int64
	for _, sub := range s.st.Subs.oldest() {
		if sub.live() && sub.Status != "incomplete" && (next == 0 || sub.PeriodEnd < next) {
			next = sub.PeriodEnd
		}
	}
	return next
}

func (s *Server) controlAdvance(r *http.Request) answer {
	to := s.time()
	switch r.FormValue("by") {
	case "hour":
		to = to.Add(time.Hour)
	case "day":
		to = to.AddDate(0, 0, 1)
	case "renewal":
		if next := s.nextRenewal(); next > to.Unix() {
			to = time.Unix(next, 0)
		}
	case "date":
		day, err := time.Parse("2006-01-02", r.FormValue("date"))
		if err != nil || day.Before(to) {
			return message(http.StatusUnprocessableEntity, "The clock did not move", "Choose a date after today. The sandbox's clock only moves forward.")
		}
		to = day
	default:
		return message(http.StatusUnprocessableEntity, "The clock did not move", "Choose how far it shall go.")
	}
	if err := s.advance(to.Sub(s.time())); err != nil {
		return message(http.StatusUnprocessableEntity, "The clock did not move", err.Error())
	}
	return goTo("/")
}

func (s *Server) controlFail(r *http.Request) answer {
	c := s.st.Customers.get(r.FormValue("customer"))
	if c == nil {
		return message(http.StatusNotFound, "No such customer", "Nothing changed.")
	}
	c.FailNext = 1
	if r.FormValue("on") == "false" {
		c.FailNext = 0
	}
	return goTo("/#customers")
}

func (s *Server) controlEvents(r *http.Request) answer {
	switch r.FormValue("mode") {
	case "hold":
		s.st.Holding = true
	case "release", "reverse":
		s.st.Holding = false
		if r.FormValue("mode") == "reverse" {
			slices.Reverse(s.st.Held)
		}
		s.st.Queue = append(s.st.Queue, s.st.Held...)
		s.st.Held = nil
		s.out.start(s.deliverLoop)
	case "drop":
		s.st.Held = nil
	case "twice":
		s.st.Twice = true
	case "once":
		s.st.Twice = false
	}
	return goTo("/#events")
}
