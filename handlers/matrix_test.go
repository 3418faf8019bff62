package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/web"
)

// class is what a caller is, as far as rights go.
type class string

// The classes of callers. A member token is of the class of its person's role.
const (
	anybody  class = "nobody"
	boss     class = "owner or billing admin, cookie"
	plain    class = "member, cookie"
	bossTool class = "owner or billing admin, token"
	tool     class = "member, token"
	agent    class = "agent"
	reader   class = "agent that may only read"
	asker    class = "agent that may only ask"
	paused   class = "agent that is paused"
	revoked  class = "agent that is revoked"
	hostKey  class = "host"
	operator class = "operator"
)

var classes = []class{anybody, boss, plain, bossTool, tool, agent, reader, asker, paused, revoked, hostKey, operator}

// rule is a line of the table: who may, and what the others get.
type rule struct {
	need    need
	ok      int // the answer for those who may
	foreign int // the answer for those who may, about another org's thing; 0 if the route is about none
	body    func(x cell) string
}

type need string

// The needs, each with the answer for those who have it not.
const (
	needNothing need = "nothing"
	needSession need = "a person"
	needStream  need = "a person, told in JSON"
	needManager need = "a person who can manage"
	needRead    need = "read"
	needOwner   need = "read as one who manages billing, or an agent"
	needBrowser need = "manage in a browser"
	needAsk     need = "ask"
	needWish    need = "ask for a higher limit"
	needOwn     need = "one's own request"
	needHost    need = "the host application"
	needAdmin   need = "an operator"
	needTools   need = "a key or token of an organisation"
)

// denied is the whole of the rights: for each need, what the classes that lack
// it are answered.
var denied = map[need]map[class]int{
	needNothing: {},
	needSession: {anybody: 303, bossTool: 303, tool: 303, agent: 303, reader: 303, asker: 303, paused: 303, revoked: 303, hostKey: 303, operator: 303},
	needStream:  {anybody: 401, bossTool: 401, tool: 401, agent: 401, reader: 401, asker: 401, paused: 401, revoked: 401, hostKey: 401, operator: 401},
	needManager: {anybody: 303, plain: 403, bossTool: 303, tool: 303, agent: 303, reader: 303, asker: 303, paused: 303, revoked: 303, hostKey: 303, operator: 303},
	needRead:    {anybody: 401, operator: 401, asker: 403, revoked: 401, hostKey: 403},
	needOwner:   {anybody: 401, operator: 401, plain: 403, tool: 403, asker: 403, revoked: 401, hostKey: 403},
	needBrowser: {anybody: 401, operator: 401, plain: 403, bossTool: 403, tool: 403, agent: 403, reader: 403, asker: 403, paused: 403, revoked: 401, hostKey: 403},
	needAsk:     {anybody: 401, operator: 401, plain: 403, tool: 403, reader: 403, paused: 403, revoked: 401, hostKey: 403},
	needWish:    {anybody: 401, operator: 401, reader: 403, paused: 403, revoked: 401, hostKey: 403},
	needOwn:     {anybody: 401, operator: 401, boss: 404, plain: 404, bossTool: 404, tool: 404, reader: 404, asker: 403, paused: 404, revoked: 401, hostKey: 404},
	needHost:    {anybody: 401, operator: 401, boss: 403, plain: 403, bossTool: 403, tool: 403, agent: 403, reader: 403, asker: 403, paused: 403, revoked: 401},
	needTools:   {anybody: 401, operator: 401, boss: 401, plain: 401, revoked: 401, hostKey: 403},
	needAdmin:   {anybody: 303, boss: 303, plain: 303, bossTool: 303, tool: 303, agent: 303, reader: 303, asker: 303, paused: 303, revoked: 303, hostKey: 303},
}

// rules has a line for each route. The bodies are such that nothing happens
// twice: they may be sent by everybody, in any order.
var rules = map[string]rule{
	"GET /login":                                      {need: needNothing, ok: 200},
	"POST /login":                                     {need: needNothing, ok: 200, body: fields(func(x cell) url.Values { return url.Values{"email": {fmt.Sprintf("nobody%d@nowhere.test", x.n)}} })},
	"GET /login/{token}":                              {need: needNothing, ok: 404},
	"POST /login/{token}":                             {need: needNothing, ok: 404, body: fields(none)},
	"POST /logout":                                    {need: needSession, ok: 303, body: fields(none)},
	"POST /session/org":                               {need: needSession, ok: 303, foreign: 404, body: fields(func(x cell) url.Values { return url.Values{"org": {x.org.Org.ID}} })},
	"GET /{$}":                                        {need: needSession, ok: 303},
	"GET /settings/events":                            {need: needStream, ok: 200},
	"GET /approve/{request}/events":                   {need: needStream, ok: 200, foreign: 404},
	"GET /settings/billing":                           {need: needSession, ok: 200},
	"GET /settings/billing/review":                    {need: needManager, ok: 200},
	"GET /settings/billing/usage.csv":                 {need: needSession, ok: 200},
	"GET /settings/billing/spend.csv":                 {need: needSession, ok: 200},
	"GET /settings/billing/invoices":                  {need: needSession, ok: 200},
	"POST /settings/billing/change":                   {need: needManager, ok: 303, body: fields(func(x cell) url.Values { return url.Values{"plan": {"pro"}} })},
	"POST /settings/billing/downgrade":                {need: needManager, ok: 303, body: fields(none)},
	"POST /settings/billing/resume":                   {need: needManager, ok: 303, body: fields(none)},
	"POST /settings/billing/checkout":                 {need: needManager, ok: 409, body: fields(none)},
	"GET /settings/billing/capacity":                  {need: needSession, ok: 200},
	"POST /settings/billing/capacity":                 {need: needManager, ok: 409, body: fields(func(cell) url.Values { return url.Values{"units": {"2"}, "quote": {"x.y"}} })},
	"POST /settings/billing/capacity/keep":            {need: needManager, ok: 409, body: fields(none)},
	"POST /settings/billing/trial":                    {need: needManager, ok: 409, body: fields(func(cell) url.Values { return url.Values{"plan": {"pro"}} })},
	"GET /settings/billing/success":                   {need: needSession, ok: 303},
	"GET /settings/billing/portal":                    {need: needSession, ok: 303},
	"POST /settings/billing/portal":                   {need: needManager, ok: 303, body: fields(none)},
	"GET /settings/approvals":                         {need: needSession, ok: 200},
	"GET /settings/approvals.csv":                     {need: needSession, ok: 200},
	"GET /settings/members":                           {need: needSession, ok: 200},
	"GET /settings/activity":                          {need: needManager, ok: 200},
	"GET /settings/activity.csv":                      {need: needManager, ok: 200},
	"GET /settings/agents":                            {need: needSession, ok: 200},
	"POST /settings/agents":                           {need: needManager, ok: 200, body: fields(keyFields)},
	"POST /settings/agents/{agent}/keys":              {need: needManager, ok: 200, foreign: 404, body: fields(keyFields)},
	"POST /settings/agents/{agent}/rename":            {need: needManager, ok: 303, foreign: 404, body: fields(keyFields)},
	"POST /settings/agents/tokens":                    {need: needSession, ok: 200, body: fields(none)},
	"POST /settings/agents/keys/{key}/pause":          {need: needManager, ok: 303, foreign: 404, body: fields(none)},
	"POST /settings/agents/keys/{key}/resume":         {need: needManager, ok: 303, foreign: 404, body: fields(none)},
	"GET /settings/agents/keys/{key}/revoke":          {need: needManager, ok: 200, foreign: 404},
	"POST /settings/agents/keys/{key}/revoke":         {need: needManager, ok: 303, foreign: 404, body: fields(none)},
	"GET /approve/{request}":                          {need: needNothing, ok: 200, foreign: 404},
	"POST /approve/{request}":                         {need: needManager, ok: 409, foreign: 404, body: fields(func(cell) url.Values { return url.Values{"decision": {"approve"}} })},
	"POST /approve/{request}/opened":                  {need: needSession, ok: 204, foreign: 404, body: fields(none)},
	"POST /approve/{request}/send":                    {need: needSession, ok: 303, foreign: 404, body: fields(none)},
	"GET /api/billing":                                {need: needRead, ok: 200},
	"POST /api/billing/checkout":                      {need: needAsk, ok: 409, body: jsonBody(`{}`)},
	"POST /api/billing/portal":                        {need: needAsk, ok: 200, body: jsonBody(`{}`)},
	"POST /api/billing/upgrade":                       {need: needAsk, ok: 200, body: jsonBody(`{"plan":"pro"}`)},
	"POST /api/billing/downgrade":                     {need: needAsk, ok: 200, body: jsonBody(`{"mode":"web"}`)},
	"GET /api/billing/preview":                        {need: needRead, ok: 200},
	"GET /api/billing/plans":                          {need: needRead, ok: 200},
	"POST /settings/billing/limit":                    {need: needSession, ok: 303, body: fields(func(cell) url.Values { return url.Values{"kind": {"agents"}} })},
	"POST /api/billing/request-limit-increase":        {need: needWish, ok: 200, body: jsonBody(`{"kind":"agents"}`)},
	"GET /api/billing/limit-requests":                 {need: needRead, ok: 200, foreign: 200},
	"GET /api/billing/invoices":                       {need: needRead, ok: 200, foreign: 200},
	"GET /api/web-approve/status":                     {need: needOwn, ok: 200, foreign: 404},
	"POST /api/web-approve/cancel":                    {need: needOwn, ok: 200, foreign: 404, body: func(x cell) string { return `{"request":"` + x.request + `"}` }},
	"GET /v1/billing":                                 {need: needOwner, ok: 200},
	"POST /v1/billing/checkout":                       {need: needBrowser, ok: 409, body: jsonBody(`{"target_plan":"pro"}`)},
	"POST /v1/billing/portal":                         {need: needBrowser, ok: 200, body: jsonBody(`{}`)},
	"POST /v1/billing/trial/start":                    {need: needAsk, ok: 409, body: jsonBody(`{"target_plan":"pro"}`)},
	"POST /v1/billing/capacity/increase":              {need: needAsk, ok: 409, body: jsonBody(`{"target_additional_capacity_units":5}`)},
	"POST /v1/billing/capacity/scheduled-reduction":   {need: needAsk, ok: 409, body: jsonBody(`{"target_additional_capacity_units":1}`)},
	"DELETE /v1/billing/capacity/scheduled-reduction": {need: needAsk, ok: 409, body: jsonBody(`{}`)},
	"GET /api/approvals":                              {need: needRead, ok: 200, foreign: 200},
	"POST /mcp":                                       {need: needTools, ok: 200, body: jsonBody(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"upgrade_plan","arguments":{"plan":"pro"}}}`)},
	"PUT /api/host/orgs/{org}":                        {need: needHost, ok: 200, foreign: 200, body: func(x cell) string { return `{"name":"` + x.org.Org.Name + `"}` }},
	"POST /api/host/orgs/{org}/agents":                {need: needHost, ok: 201, foreign: 201, body: jsonBody(`{"name":"bot"}`)},
	"DELETE /api/host/orgs/{org}/agents/{id}":         {need: needHost, ok: 204, foreign: 204, body: jsonBody(`{}`)}, // of no caller of the matrix
	"POST /api/host/sso":                              {need: needHost, ok: 200, foreign: 200, body: func(x cell) string { return `{"org":"` + x.org.Org.ID + `","email":"` + x.org.Owner.Email + `"}` }},
	"POST /api/host/check":                            {need: needHost, ok: 200, foreign: 200, body: aboutUse("")},
	"POST /api/host/consume":                          {need: needHost, ok: 200, foreign: 200, body: aboutUse(`,"quantity":1,"key":"k"`)},
	"POST /api/host/usage":                            {need: needHost, ok: 202, foreign: 202, body: func(x cell) string { return `{"events":[` + aboutUse(`,"quantity":1,"key":"k"`)(x) + `]}` }},
	"PUT /api/host/usage/{org}/{resource}":            {need: needHost, ok: 200, foreign: 200, body: jsonBody(`{"value":1}`)},
	"GET /admin/login":                                {need: needNothing, ok: 200},
	"POST /admin/login":                               {need: needNothing, ok: 200, body: func(x cell) string { return adminFields("email", fmt.Sprintf("nobody%d@nowhere.test", x.n))(x) }},
	"GET /admin/login/{token}":                        {need: needNothing, ok: 404},
	"POST /admin/login/{token}":                       {need: needNothing, ok: 404, body: adminFields()},
	"POST /admin/logout":                              {need: needAdmin, ok: 303, body: adminFields()},
	"GET /admin":                                      {need: needAdmin, ok: 200},
	"GET /admin/limits":                               {need: needAdmin, ok: 200},
	"GET /admin/limits/{request}":                     {need: needAdmin, ok: 200, foreign: 200},
	"POST /admin/limits/{request}/grant":              {need: needAdmin, ok: 303, foreign: 303, body: adminFields("unlimited", "yes", "reason", "r")},
	"POST /admin/limits/{request}/decline":            {need: needAdmin, ok: 303, foreign: 303, body: adminFields("reason", "r")},
	"GET /admin/orgs":                                 {need: needAdmin, ok: 200},
	"GET /admin/orgs/{org}":                           {need: needAdmin, ok: 200, foreign: 200},
	"POST /admin/orgs/{org}/limit":                    {need: needAdmin, ok: 303, foreign: 303, body: adminFields("resource", "members", "cap", "99", "reason", "r")},
	"POST /admin/orgs/{org}/limit/end":                {need: needAdmin, ok: 303, foreign: 303, body: adminFields("resource", "members", "reason", "r")},
	"POST /admin/orgs/{org}/partner":                  {need: needAdmin, ok: 303, foreign: 303, body: adminFields("on", "no", "reason", "r")},
	"POST /admin/orgs/{org}/plan":                     {need: needAdmin, ok: 303, foreign: 303, body: adminFields("plan", "", "reason", "r")},
	"POST /admin/orgs/{org}/sync":                     {need: needAdmin, ok: 303, foreign: 303, body: adminFields()},
	"POST /admin/orgs/{org}/resume":                   {need: needAdmin, ok: 404, foreign: 404, body: adminFields("key", "key_none", "reason", "r")},
	"GET /admin/stripe":                               {need: needAdmin, ok: 200},
	"GET /admin/reviews/{intent}":                     {need: needAdmin, ok: 200, foreign: 200},
	"POST /admin/reviews/{intent}/look":               {need: needAdmin, ok: 409, foreign: 409, body: adminFields()}, // it is settled
	"POST /admin/reviews/{intent}/happened":           {need: needAdmin, ok: 409, foreign: 409, body: adminFields("reason", "r")},
	"POST /admin/reviews/{intent}/failed":             {need: needAdmin, ok: 409, foreign: 409, body: adminFields("reason", "r")},
	"GET /admin/webhooks":                             {need: needAdmin, ok: 200},
	"GET /admin/webhooks/inbox":                       {need: needAdmin, ok: 200},
	"POST /admin/webhooks/resume":                     {need: needAdmin, ok: 303, body: adminFields()},
	"GET /admin/webhooks/{event}":                     {need: needAdmin, ok: 200, foreign: 200},
	"POST /admin/webhooks/{event}/replay":             {need: needAdmin, ok: 303, foreign: 303, body: adminFields()},
	"GET /openapi.json":                               {need: needNothing, ok: 200},
	"GET /llms.txt":                                   {need: needNothing, ok: 200},
	"GET /.well-known/oauth-protected-resource":       {need: needNothing, ok: 404}, // no issuer is set
	"GET /metrics":                                    {need: needNothing, ok: 404}, // no token is set
	"GET /healthz":                                    {need: needNothing, ok: 200},
	"GET /readyz":                                     {need: needNothing, ok: 200},
	"POST /stripe/webhook":                            {need: needNothing, ok: 400, body: jsonBody(`{}`)},
	"GET /static/{file}":                              {need: needNothing, ok: 200},
}

// exceptions are the few cells that a rule does not tell: by route, class, and
// whether the thing is another org's.
var exceptions = map[string]int{
	// Whoever is signed in needs no sign-in page.
	"GET /login|" + string(boss): 303, "GET /login|" + string(plain): 303,
	"GET /admin/login|" + string(operator):               303,
	"GET /approve/{request}|foreign|" + string(operator): 200,
	// The page of a request shows people their org's and nobody else anything
	// but the way to sign in, so there is nothing to find out.
	"GET /approve/{request}|foreign|" + string(anybody): 200, "GET /approve/{request}|foreign|" + string(bossTool): 200, "GET /approve/{request}|foreign|" + string(tool): 200,
	"GET /approve/{request}|foreign|" + string(agent): 200, "GET /approve/{request}|foreign|" + string(reader): 200, "GET /approve/{request}|foreign|" + string(asker): 200,
	"GET /approve/{request}|foreign|" + string(paused): 200, "GET /approve/{request}|foreign|" + string(revoked): 200, "GET /approve/{request}|foreign|" + string(hostKey): 200,
	// That there is such a request is not told to a foreign org's member either.
	"POST /approve/{request}|foreign|" + string(plain): 404,
	// Nor is it told that another org has such a key.
	"GET /settings/agents/keys/{key}/revoke|foreign|" + string(plain): 404, "POST /settings/agents/keys/{key}/revoke|foreign|" + string(plain): 404,
	// A key or role that may not withdraw anything is told so, whatever the id.
	"POST /api/web-approve/cancel|" + string(plain): 403, "POST /api/web-approve/cancel|" + string(tool): 403, "POST /api/web-approve/cancel|" + string(reader): 403,
	"POST /api/web-approve/cancel|foreign|" + string(plain): 403, "POST /api/web-approve/cancel|foreign|" + string(tool): 403, "POST /api/web-approve/cancel|foreign|" + string(reader): 403,
}

// expected is the status of a cell.
func expected(route string, r rule, c class, foreign bool) int {
	key := route + "|"
	if foreign {
		key += "foreign|"
	}
	if status, ok := exceptions[key+string(c)]; ok {
		return status
	}
	if status, ok := denied[r.need][c]; ok {
		return status
	}
	if foreign {
		return r.foreign
	}
	return r.ok
}

// cell is one call of the matrix.
type cell struct {
	s       *site
	route   web.Route
	p       billing.Principal // for form tokens; zero without a session
	org     people            // whose thing it is about
	request string
	n       int // of the caller
}

// adminFields is a form of an operator's page with the fields given in pairs.
func adminFields(pairs ...string) func(x cell) string {
	return func(x cell) string {
		path := strings.NewReplacer("{org}", x.org.Org.ID, "{request}", x.request, "{event}", eventOf(x.org), "{intent}", intentOf(x.org)).Replace(x.route.Path)
		out := url.Values{"form_token": {x.s.Service.FormToken(x.p, "admin:"+path)}}
		for i := 0; i < len(pairs); i += 2 {
			out.Set(pairs[i], pairs[i+1])
		}
		return out.Encode()
	}
}

// eventOf is the event that each org of the matrix has in the outbox.
func eventOf(p people) string { return "evt_" + p.Org.ID }

// intentOf is the change that each of them has made.
func intentOf(p people) string { return "int_" + p.Org.ID }

func none(cell) url.Values { return url.Values{} }

func keyFields(cell) url.Values { return url.Values{"name": {"bot"}, "can": {"read"}} }

// fields fills in what every form of ours carries.
func fields(more func(x cell) url.Values) func(x cell) string {
	return func(x cell) string {
		out := x.s.formFor(x.p, x.route, x.request)
		for _, name := range []string{"plan", "org", "decision", "email", "quote"} {
			out.Del(name)
		}
		if strings.HasPrefix(x.route.Path, "/approve/") {
			out.Set("quote", "x.y")
		}
		for k, v := range more(x) {
			out[k] = v
		}
		return out.Encode()
	}
}

// aboutUse is a body of the host's about the cell's org.
func aboutUse(more string) func(cell) string {
	return func(x cell) string { return `{"org":"` + x.org.Org.ID + `","resource":"agents"` + more + `}` }
}

func jsonBody(body string) func(cell) string { return func(cell) string { return body } }

// suspect is a caller of the matrix with its class.
type suspect struct {
	caller
	class class
	p     billing.Principal
}

// operator is somebody who runs the server, with a new session.
func (s *site) operator() suspect {
	s.t.Helper()
	p, session := s.SignInOperator()
	s.secrets.add(session)
	return suspect{caller{"operator", "", session}, operator, p}
}

func (s *site) suspects(p people) []suspect {
	s.t.Helper()
	key := func(name string, c class, n billing.NewKey) suspect {
		n.Name, n.OrgID = name, p.Org.ID
		if c == hostKey {
			n.OrgID = ""
		}
		return suspect{s.key(n), c, billing.Principal{}}
	}
	list := []suspect{
		{nobody, anybody, billing.Principal{}},
		{p.owner, boss, p.Owner},
		{p.admin, boss, p.Admin},
		{p.member, plain, p.Member},
		key("owner's token", bossTool, billing.NewKey{Kind: billing.KindMember, PrincipalID: p.Owner.ID}),
		key("admin's token", bossTool, billing.NewKey{Kind: billing.KindMember, PrincipalID: p.Admin.ID}),
		key("member's token", tool, billing.NewKey{Kind: billing.KindMember, PrincipalID: p.Member.ID}),
		{p.agent, agent, billing.Principal{}},
		key("reader", reader, billing.NewKey{Kind: billing.KindAgent, Scopes: []string{billing.ScopeRead}}),
		key("asker", asker, billing.NewKey{Kind: billing.KindAgent, Scopes: []string{billing.ScopeRequest}}),
		key("paused", paused, billing.NewKey{Kind: billing.KindAgent}), key("revoked", revoked, billing.NewKey{Kind: billing.KindAgent}),
		key("host", hostKey, billing.NewKey{Kind: billing.KindHost}),
		s.operator(),
	}
	for i, x := range list {
		if x.class != paused && x.class != revoked {
			continue
		}
		principal, err := s.Service.Authenticate(s.t.Context(), x.key)
		s.ok(err)
		end := s.Store.PauseCredential
		if x.class == revoked {
			end = s.Store.RevokeCredential
		}
		s.ok(end(s.t.Context(), p.Org.ID, principal.CredentialID, s.Box.Now()))
		list[i].p = billing.Principal{}
	}
	return list
}

// TestRoleMatrixGenerated calls every route of the table as everybody, about a
// thing of one's own org and of another's, and compares each answer with the
// rules. A refused call writes nothing, and no answer speaks of another org.
func TestRoleMatrixGenerated(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("zebra", "pro", visa)
	s.tell(p.Org.ID, eventOf(p))
	s.tell(q.Org.ID, eventOf(q))
	s.unclear(p, intentOf(p), billing.IntentDone)
	s.unclear(q, intentOf(q), billing.IntentDone)
	suspects := s.suspects(p)
	seen, cells := map[class]bool{}, 0
	for _, r := range s.routes {
		route := r.Method + " " + r.Path
		line, ok := rules[route]
		if !ok {
			t.Errorf("no rule for %s", route)
			continue
		}
		s.Advance(61 * time.Second)
		mine, theirs := s.ask(p.agent, "scale"), s.ask(q.agent, "scale")
		for i, x := range suspects {
			seen[x.class] = true
			for _, foreign := range []bool{false, true} {
				if foreign && line.foreign == 0 {
					continue
				}
				at := cell{s: s, route: r, p: x.p, org: p, request: mine, n: i}
				if foreign {
					at.org, at.request = q, theirs
				}
				if r.Path == "/logout" && x.session != "" && x.class != operator { // a session of its own to end
					again, session := s.Person(p.Org, x.p.Email, x.p.Role)
					x.p, at.p, x.session = again, again, session
				}
				if r.Path == "/admin/logout" && x.class == operator {
					x = s.operator()
					at.p = x.p
				}
				if strings.HasPrefix(r.Path, "/admin/limits/") {
					at.request = s.wish(at.org)
				}
				s.try(x, at, route, line, foreign)
				cells++
			}
			if strings.HasSuffix(r.Path, "/login") && i == 6 || strings.HasSuffix(r.Path, "/send") && x.session != "" {
				s.Advance(61 * time.Minute) // mails an hour
			}
		}
	}
	for _, c := range classes {
		if !seen[c] {
			t.Errorf("nobody is a %q", c)
		}
	}
	for route := range rules {
		method, path, _ := strings.Cut(route, " ")
		if !s.has(method, path) {
			t.Errorf("a rule for %s, which is no route", route)
		}
	}
	s.never(p)
	s.never(q)
	t.Logf("%d cells on %d routes, %d callers", cells, len(s.routes), len(suspects))
}

func (s *site) has(method, path string) bool {
	for _, r := range s.routes {
		if r.Method == method && r.Path == path {
			return true
		}
	}
	return false
}

// try makes the call of one cell and holds its answer against the rules.
func (s *site) try(x suspect, at cell, route string, line rule, foreign bool) {
	s.t.Helper()
	c := call{as: x.caller, method: at.route.Method, path: address(at.route, at.request, "csl_x")}
	switch {
	case line.body != nil && (at.route.Door == web.DoorAPI || at.route.Door == web.DoorTools || at.route.Path == "/stripe/webhook"):
		c.kind, c.body = jsonKind, line.body(at)
	case line.body != nil:
		c.kind, c.body = formKind, line.body(at)
	}
	c.path = strings.NewReplacer("{org}", at.org.Org.ID, "{resource}", "agents", "{id}", at.org.OtherAgent.ID,
		"{agent}", at.org.OtherAgent.ID, "{key}", at.org.OtherAgent.CredentialID, "{event}", eventOf(at.org), "{intent}", intentOf(at.org)).Replace(c.path)
	switch at.route.Path {
	case "/api/web-approve/status":
		s.Advance(6 * time.Second) // polls keep their distance
		c.path += "?request=" + at.request
	case "/settings/billing/usage.csv":
		c.path += "?resource=agents"
	case "/settings/billing/review", "/api/billing/preview":
		c.path += "?plan=scale"
	case "/api/billing/invoices":
		if foreign {
			c.path += "?cursor=" + s.invoice(at.org)
		}
	case "/api/billing/limit-requests":
		if foreign {
			c.path += "?cursor=" + s.wish(at.org)
		}
	case "/api/approvals":
		if foreign {
			c.path += "?cursor=" + at.request
		}
	}
	want := expected(route, line, x.class, foreign)
	s.get(x.caller, "/api/billing") // notes that the key was used, once a minute
	before := s.Dump()
	a := s.do(c)
	if a.status != want {
		s.t.Errorf("%s by %s (%s), foreign %v: %d, want %d: %.200s", route, x.name, x.class, foreign, a.status, want, a.body)
	}
	changes := line.need == needHost && x.class == hostKey || line.need == needAdmin && x.class == operator // of all orgs
	if _, refused := denied[line.need][x.class]; refused || c.method == http.MethodGet || want >= 400 || foreign && !changes {
		if after := s.Dump(); after != before && at.route.Path != "/settings/billing/success" {
			s.t.Errorf("%s by %s wrote:\n%s", route, x.name, difference(before, after))
		}
	}
	for _, word := range []string{"zebra", "acme"} {
		if changes {
			break
		}
		if strings.Contains(a.body, word) && (word == "zebra" || x.class == anybody || x.class == revoked || x.class == hostKey) {
			s.t.Errorf("%s by %s speaks of %s: %.300s", route, x.name, word, a.body)
		}
	}
}

func (s *site) invoice(p people) string {
	s.t.Helper()
	rows, err := s.Store.Invoices(s.t.Context(), p.Org.ID, "", 1)
	s.ok(err)
	return rows[0].ID
}

// wish makes a request for a higher limit and returns its id.
func (s *site) wish(p people) string {
	s.t.Helper()
	r, err := s.Service.AskForMore(s.t.Context(), p.Owner, billing.LimitAsk{Kind: "rows"})
	s.ok(err)
	return r.ID
}

// TestRightsFollowAtOnce (I12): what changes about a person or a key counts at
// the next call, with the same cookie and the same token.
func TestRightsFollowAtOnce(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	upgrade := func(by caller, status int, word string) {
		t.Helper()
		s.post(by, "/api/billing/upgrade", `{"plan":"pro"}`).is(status, word)
	}
	for _, by := range []caller{p.owner, p.tool} {
		upgrade(by, 200, "resumed")
	}
	for _, step := range []struct {
		role   billing.Role
		status int
		word   string
	}{{billing.RoleMember, 403, "forbidden"}, {billing.RoleBillingAdmin, 200, "resumed"}, {billing.RoleMember, 403, "forbidden"}, {billing.RoleOwner, 200, "resumed"}} {
		_, err := s.Service.AddMember(t.Context(), p.Org.ID, p.Owner.Email, "Owner", step.role)
		s.ok(err)
		for _, by := range []caller{p.owner, p.tool} {
			upgrade(by, step.status, step.word)
		}
	}
	upgrade(p.agent, 200, "resumed")
	s.ok(s.Store.PauseCredential(t.Context(), p.Org.ID, p.Agent.CredentialID, s.Box.Now()))
	upgrade(p.agent, 403, "key_paused")
	s.ok(s.Store.PauseCredential(t.Context(), p.Org.ID, p.Agent.CredentialID, time.Time{}))
	upgrade(p.agent, 200, "resumed")
	s.ok(s.Store.RevokeCredential(t.Context(), p.Org.ID, p.Agent.CredentialID, s.Box.Now()))
	upgrade(p.agent, 401, "unauthorized")
	upgrade(p.other, 200, "resumed")
}
