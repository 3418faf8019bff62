package sandbox

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

const keepEvents = 2000 // Stripe keeps 30 days

// event is what happened, with the object as it was at that moment.
type event struct {
	ID, Type, Object, Request, Key string
	Created                        int64
	Data, Previous                 json.RawMessage
}

// emit records an event and queues its deliveries.
func (s *Server) emit(typ string, object, previous obj) {
	ev := &event{ID: s.newID("evt_1", 23), Type: typ, Created: s.now(), Data: s.encode(object)}
	ev.Object, _ = object["id"].(string)
	if previous != nil {
		ev.Previous = s.encode(previous)
	}
	if s.cur != nil {
		ev.Request, ev.Key = s.cur.id, s.cur.key
	}
	s.st.Events.put(ev.ID, ev)
	s.st.Events.trim(keepEvents)
	s.dirty = true
	s.enqueue(ev)
}

// change runs a mutation of one object and emits what it changed, if anything.
func (s *Server) change(typ, id string, mutate func()) {
	before := s.view(id)
	mutate()
	s.emitChange(typ, before, s.view(id))
}

func (s *Server) emitChange(typ string, before, after obj) {
	previous := obj{}
	for key, old := range before {
		if !reflect.DeepEqual(old, after[key]) {
			previous[key] = old
		}
	}
	if len(previous) > 0 {
		s.emit(typ, after, previous)
	}
}

func (s *Server) viewEvent(ev *event) obj {
	if ev == nil {
		return nil
	}
	data := obj{"object": ev.Data}
	if ev.Previous != nil {
		data["previous_attributes"] = ev.Previous
	}
	pending := 0
	for _, waiting := range [][]delivery{s.st.Queue, s.st.Held} {
		for _, d := range waiting {
			if d.Event == ev.ID {
				pending++
			}
		}
	}
	return obj{
		"id": ev.ID, "object": "event", "api_version": APIVersion, "created": ev.Created,
		"data": data, "livemode": false, "pending_webhooks": pending, "type": ev.Type,
		"request": obj{"id": opt(ev.Request), "idempotency_key": opt(ev.Key)},
	}
}

func (s *Server) getEvent(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	ev := s.st.Events.get(c.r.PathValue("id"))
	if ev == nil {
		return nil, missing("event", "id", c.r.PathValue("id"))
	}
	return s.viewEvent(ev), nil
}

func (s *Server) listEvents(c *call) (obj, *apiError) {
	pg, created, typ, types := c.p.page(), c.p.created(), c.p.str("type"), c.p.strs("types")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	if typ != "" {
		types = append(types, typ)
	}
	return s.cut(pg, "/v1/events", ids(&s.st.Events, func(ev *event) bool {
		return created.holds(ev.Created) && (types == nil || wants(types, ev.Type))
	}))
}

// wants matches a type against "*", "customer.*" or itself.
func wants(patterns []string, typ string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		prefix, wild := strings.CutSuffix(p, "*")
		return p == typ || wild && strings.HasPrefix(typ, prefix)
	})
}
