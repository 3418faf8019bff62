package sandbox

import (
	"iter"
	"strings"
)

// page reads limit, starting_after and ending_before.
type page struct {
	limit         int
	after, before string
}

func (p params) page() page {
	out := page{limit: 10, after: p.str("starting_after"), before: p.str("ending_before")}
	if p.has("limit") {
		n := p.int("limit")
		if n < 1 || n > 100 {
			p.fail(invalid("parameter_invalid_integer", "limit", "Invalid limit: must be between 1 and 100"))
		}
		out.limit = int(n)
	}
	if out.after != "" && out.before != "" {
		p.fail(invalid("", "ending_before", "You may only specify one of these parameters: starting_after, ending_before."))
	}
	return out
}

// span is the created filter: an exact time or a range.
type span struct{ sent, eq, gt, gte, lt, lte int64 }

const (
	hasEq = 1 << iota
	hasGt
	hasGte
	hasLt
	hasLte
)

func (p params) created() span {
	var out span
	k := p.n.kids["created"]
	if k == nil {
		return out
	}
	if k.leaf {
		out.sent, out.eq = hasEq, p.int("created")
		return out
	}
	h := p.sub("created")
	read := func(key string, flag int64, into *int64) {
		if h.has(key) {
			out.sent |= flag
			*into = h.int(key)
		}
	}
	read("gt", hasGt, &out.gt)
	read("gte", hasGte, &out.gte)
	read("lt", hasLt, &out.lt)
	read("lte", hasLte, &out.lte)
	return out
}

func (f span) holds(t int64) bool {
	switch {
	case f.sent&hasEq != 0 && t != f.eq,
		f.sent&hasGt != 0 && t <= f.gt,
		f.sent&hasGte != 0 && t < f.gte,
		f.sent&hasLt != 0 && t >= f.lt,
		f.sent&hasLte != 0 && t > f.lte:
		return false
	}
	return true
}

// cut answers one page of ids that are in newest-first order.
func (s *Server) cut(pg page, url string, ids iter.Seq[string]) (obj, *apiError) {
	var all []string
	for id := range ids {
		all = append(all, id)
	}
	from, to := 0, len(all)
	if cursor := pg.after + pg.before; cursor != "" {
		at := -1
		for i, id := range all {
			if id == cursor {
				at = i
			}
		}
		switch {
		case at < 0 && pg.after != "":
			return nil, missing("object", "starting_after", cursor)
		case at < 0:
			return nil, missing("object", "ending_before", cursor)
		case pg.after != "":
			from = at + 1
		default:
			to = at
		}
	}
	more := to-from > pg.limit
	if pg.before != "" {
		from = max(from, to-pg.limit)
	} else {
		to = min(to, from+pg.limit)
	}
	data := []obj{}
	for _, id := range all[from:to] {
		data = append(data, s.view(id))
	}
	return obj{"object": "list", "url": url, "has_more": more, "data": data}, nil
}

// ids yields the ids of the rows that match, newest first.
func ids[T any](t *table[T], match func(*T) bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		for id, row := range t.newest() {
			if match(row) && !yield(id) {
				return
			}
		}
	}
}

func listOf(url string, data []obj) obj {
	if data == nil {
		data = []obj{}
	}
	return obj{"object": "list", "url": url, "has_more": false, "data": data}
}

// view renders the object with this id, nil if there is none.
func (s *Server) view(id string) obj {
	prefix, rest, _ := strings.Cut(id, "_")
	if strings.HasPrefix(rest, "sched_") {
		return s.viewSchedule(s.st.Schedules.get(id))
	}
	switch prefix {
	case "cus":
		return s.viewCustomer(s.st.Customers.get(id))
	case "price":
		return s.viewPrice(s.st.Prices.get(id))
	case "pm":
		return s.viewMethod(s.st.Methods.get(id))
	case "sub":
		return s.viewSubscription(s.st.Subs.get(id))
	case "in":
		return s.viewInvoice(s.st.Invoices.get(id))
	case "pi":
		return s.viewIntent(s.st.Intents.get(id))
	case "ch":
		return s.viewCharge(s.st.Charges.get(id))
	case "cbtxn":
		return s.viewBalanceTx(s.st.Balances.get(id))
	case "re":
		return s.viewRefund(s.st.Refunds.get(id))
	case "cs":
		return s.viewCheckout(s.st.Checkouts.get(id))
	case "evt":
		return s.viewEvent(s.st.Events.get(id))
	case "we":
		return s.viewEndpoint(s.st.Endpoints.get(id))
	}
	return s.viewProduct(s.st.Products.get(id)) // the only ids that callers choose
}

// expandAll replaces ids by objects along the expand[] paths.
func (s *Server) expandAll(answer obj, paths []string) *apiError {
	for _, path := range paths {
		if !s.expandPath(answer, strings.Split(path, ".")) {
			return invalid("", "expand", "This property cannot be expanded (%s).", path)
		}
	}
	return nil
}

func (s *Server) expandPath(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch v := v.(type) {
	case nil:
		return true
	case []obj:
		for _, el := range v {
			if !s.expandPath(el, path) {
				return false
			}
		}
		return true
	case obj:
		s.include(v, path[0])
		kid, ok := v[path[0]]
		if !ok {
			return false
		}
		if id, ok := kid.(string); ok {
			o := s.view(id)
			if o == nil {
				return false
			}
			kid = o
			v[path[0]] = o
		}
		return s.expandPath(kid, path[1:])
	}
	return false
}

// include adds the properties that Stripe leaves out unless they are asked for.
func (s *Server) include(o obj, key string) {
	id, _ := o["id"].(string)
	if _, there := o[key]; there { // a path before this one asked for it, and perhaps for more of it
		return
	}
	switch {
	case o["object"] == "checkout.session" && key == "line_items":
		o[key] = listOf("/v1/checkout/sessions/"+id+"/line_items", s.checkoutItems(s.st.Checkouts.get(id)))
	case o["object"] == "customer" && key == "subscriptions":
		var data []obj
		for sub := range ids(&s.st.Subs, func(sub *subscription) bool { return sub.Customer == id && sub.live() }) {
			data = append(data, s.view(sub))
		}
		o[key] = listOf("/v1/customers/"+id+"/subscriptions", data)
	}
}

// opt renders an empty string as null.
func opt(v string) any {
	if v == "" {
		return nil
	}
	return v
}

// optTime renders the zero time as null.
func optTime(t int64) any {
	if t == 0 {
		return nil
	}
	return t
}

func copyMeta(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
