package simulation

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// asked is a request of an agent that waits for its second half.
type asked struct {
	org, agent int
	id, token  string
	proposal   billing.Proposal
}

// change is something that happened at Stripe and that we did not do.
type change struct {
	at       int
	customer string // "" for everybody's
}

// Violation is an invariant that did not hold.
type Violation struct {
	Invariant string
	What      string
}

// run is one history.
type run struct {
	scheduler
	w        *World
	ctx      context.Context
	plan     Plan
	mutant   *Mutant
	replicas [2]*replica
	log      *slog.Logger
	timers   []timer

	asks      []asked
	sentCalls []*apiCall
	trials    [3]billing.Trial // as they were seen last
	pages     []string         // checkouts that can be paid
	presses   int
	armed     []armed
	burnt     map[string]bool // keys under which Stripe remembers a fault of its own
	calls     []*call
	changes   []change
	clockwork int                  // counts what happens at Stripe
	looked    map[*task]*look      // the last reading of each task
	agreed    map[string]int       // when each intent was agreed to
	leases    map[string]time.Time // until when an intent is somebody's
	looks     int
	news      map[string]int            // events that were stored, by customer
	flying    map[string]flight         // by intent
	saved     map[string]int            // by org, the number of the reading that is stored
	pressed   map[string]bool           // requests that somebody has agreed to
	kept      map[string]billing.Intent // of a mutant
	sent      map[string]int            // of a mutant
	reached   map[string]bool
	found     []Violation
	history   io.Writer // nil: nobody reads it
	hash      uint64
}

func newRun(w *World, p Plan, m *Mutant) *run {
	r := &run{
		w: w, ctx: context.Background(), plan: p, mutant: m, burnt: map[string]bool{}, looked: map[*task]*look{}, agreed: map[string]int{}, leases: map[string]time.Time{}, news: map[string]int{}, reached: map[string]bool{},
		flying: map[string]flight{}, saved: map[string]int{}, pressed: map[string]bool{}, kept: map[string]billing.Intent{}, sent: map[string]int{},
		log: slog.New(slog.DiscardHandler),
	}
	r.scheduler.now, r.scheduler.trace, r.idle = r.now, r.trace, &w.idle
	for i := range r.replicas {
		r.replicas[i] = r.newReplica(fmt.Sprintf("replica %d", i))
	}
	return r
}

// Result is what became of one history.
type Result struct {
	Found   []Violation
	Reached map[string]bool
	Hash    uint64 // of everything that happened, in order
}

// forge sends what Stripe did not sign.
func (r *run) forge(s Step) {
	c := r.w.cast[s.A%2]
	body := fmt.Appendf(nil, `{"id":"evt_forged_%d","object":"event","type":"customer.subscription.updated","created":%d,"livemode":false,"data":{"object":{"id":"%s","object":"customer"}}}`, s.B, r.now().Unix(), c.customer)
	secret := []string{"", "whsec_other"}[s.B%2]
	header := sandbox.Sign(body, secret, r.now().Unix())
	if _, err := r.mutant.verifyWebhook(body, header, []string{webhookSecret}, r.now()); err == nil {
		r.violate("I15", "a forged event was accepted")
	}
	if _, err := r.mutant.verifyWebhook(body, header, []string{""}, r.now()); err == nil {
		r.violate("I15", "an event was accepted without a secret")
	}
	r.reach("fault: forged event")
}

// Run makes a plan happen and checks the invariants. history may be nil.
func (w *World) Run(ctx context.Context, p Plan, m *Mutant, history io.Writer) (Result, error) {
	if err := w.restore(ctx, p.Seed); err != nil {
		return Result{}, err
	}
	r := newRun(w, p, m)
	// One that cannot end costs no goroutine for each statement.
	r.ctx, r.history = context.WithoutCancel(ctx), history
	w.run = r
	defer func() { r.stop(); w.run = nil }()
	for _, s := range p.Steps {
		r.trace("== " + s.String())
		r.do(s)
		rnd := random(s.Seed, 1)
		for range s.Pieces {
			if !r.step(rnd) {
				break
			}
		}
	}
	r.drain(random(p.Seed, 2))
	if err := r.heal(); err != nil {
		return Result{}, fmt.Errorf("seed %d: recovery: %w", p.Seed, err)
	}
	if err := r.check(); err != nil {
		return Result{}, fmt.Errorf("seed %d: check: %w", p.Seed, err)
	}
	return Result{Found: r.found, Reached: r.reached, Hash: r.hash}, nil
}

func (r *run) now() time.Time { return r.w.box.Now().UTC() }

// trace tells the history to whoever reads it, and keeps its digest.
func (r *run) trace(what string) {
	h := fnv.New64a()
	_, _ = io.WriteString(h, what)
	r.hash = r.hash*1099511628211 ^ h.Sum64()
	if r.history != nil {
		_, _ = fmt.Fprintf(r.history, "%s  %s\n", r.now().Format("02 15:04:05"), what)
	}
}

func (r *run) reach(what string) { r.reached[what] = true }

func (r *run) violate(invariant, format string, args ...any) {
	v := Violation{invariant, fmt.Sprintf(format, args...)}
	r.trace("VIOLATION " + v.Invariant + ": " + v.What)
	r.found = append(r.found, v)
}

// advance moves every clock.
func (r *run) advance(d time.Duration) {
	before := len(r.w.box.Held())
	if err := r.w.stripe().Advance(d); err != nil {
		panic(err) // it only ever moves forward
	}
	if len(r.w.box.Held()) != before {
		r.foreign("")
	}
	r.ring()
}

// foreign notes that something has changed at Stripe by somebody else.
func (r *run) foreign(customer string) {
	r.clockwork++
	r.changes = append(r.changes, change{r.clockwork, customer})
}

// drain lets all tasks come to their ends.
func (r *run) drain(rnd *rand.Rand) {
	for len(r.tasks) > 0 {
		if !r.step(rnd) {
			r.advance(time.Second)
		}
	}
}

// heal is what happens once nothing goes wrong any more: what is on its way
// arrives or is lost for good, and the workers do what they do.
func (r *run) heal() error {
	r.armed = nil
	if r.plan.Seed%2 == 0 {
		r.w.stripe().DropEvents()
	} else {
		for _, e := range r.w.box.Held() {
			if err := r.w.stripe().DeliverHeld(e.ID); err != nil {
				return err
			}
		}
	}
	r.advance(6 * time.Minute) // over every lease, grace and pause between tries
	a, b := r.replicas[0].service, r.replicas[1].service
	for range 12 {
		found, err := a.Recover(r.ctx)
		if err != nil {
			return err
		}
		if !found {
			break
		}
		r.reach("recovery of an intent")
		r.advance(26 * time.Second)
	}
	r.callsEnd()
	if err := a.Reconcile(r.ctx); err != nil {
		return err
	}
	if err := a.LookAtAll(r.ctx); err != nil {
		return err
	}
	if err := a.SyncDirty(r.ctx); err != nil {
		return err
	}
	return errors.Join(b.Expire(r.ctx), b.EndTrials(r.ctx), b.EndGraces(r.ctx))
}

// begin starts a task in one of the replicas.
func (r *run) begin(s Step, name string, work func(s *billing.Service)) {
	p := r.replicas[s.C%2]
	r.start(fmt.Sprintf("%s on %s", name, p.name), p, func() { work(p.service) })
}

func (r *run) do(s Step) {
	switch s.Action {
	case actAsk:
		r.ask(s)
	case actCall:
		r.call(s)
	case actAgain:
		r.callAgain(s)
	case actTrial:
		r.trial(s)
	case actReduction:
		r.reduction(s)
	case actBoundary:
		r.boundary(s)
	case actRead:
		r.readAll(s)
	case actWait:
		r.poll(s)
	case actConfirm, actCancel, actPoll:
		r.agentAgain(s)
	case actApprove, actDeny:
		r.decide(s)
	case actClick:
		r.click(s)
	case actRevoke, actDemote:
		r.administer(s)
	case actPay:
		r.payCheckout(s)
	case actBank, actPortal, actDashboard, actCard, actDecline:
		r.atStripe(s)
	case actDeliver, actTwice, actDrop, actForge:
		r.event(s)
	case actSync, actRecover, actReconcile, actExpire, actLapse:
		r.worker(s)
	case actClock:
		r.clock(s)
	case actCrash:
		p := r.replicas[s.A%2]
		if r.kill(p) > 0 {
			r.reach("fault: crash")
		}
		r.replicas[s.A%2] = r.newReplica(p.name + "'")
	case actFault:
		r.armed = append(r.armed, armed{faults[s.A%uint32(len(faults))], s.B%3 != 0})
	}
}

// proposal makes a wish of a step's choices.
func proposal(n, units uint32) billing.Proposal {
	k := int64(units % 6)
	switch n % 16 {
	case 0, 1, 2:
		return billing.Proposal{Verb: billing.VerbUpgrade, Plan: "solo"}
	case 3, 4, 5, 6:
		return billing.Proposal{Verb: billing.VerbUpgrade, Plan: "team"}
	case 7, 8:
		return billing.Proposal{Verb: billing.VerbDowngrade}
	case 9:
		return billing.Proposal{Verb: billing.VerbResume}
	case 10, 11, 12:
		k += 2
		return billing.Proposal{Verb: billing.VerbIncrease, Units: &k}
	case 13, 14:
		k /= 3
		return billing.Proposal{Verb: billing.VerbReduce, Units: &k}
	}
	return billing.Proposal{Verb: billing.VerbKeepCapacity}
}

// orgOf chooses an org; the one that never paid is chosen less.
func orgOf(n uint32) int { return []int{0, 0, 0, 1, 1, 1, 2}[n%7] }

// wish is what an agent asks for, in the chat or on the web.
func (r *run) wish(s Step) billing.Proposal {
	pr := proposal(s.B, s.B>>8)
	if s.B>>16%2 == 0 {
		pr.Mode = billing.ModeWeb
	}
	return pr
}

func (r *run) ask(s Step) {
	r.request(s, orgOf(s.A), int(s.A>>8)%2, r.wish(s))
}

// request is an agent's wish.
func (r *run) request(s Step, org, agent int, pr billing.Proposal) {
	r.begin(s, "ask", func(service *billing.Service) {
		p, err := service.Authenticate(r.ctx, r.w.cast[org].keys[agent])
		if err != nil {
			r.reach("error: " + billing.CodeOf(err))
			return
		}
		r.pass("authenticated")
		out, err := service.Propose(r.ctx, p, pr)
		r.outcome("ask", out, err)
		if out.Approval != nil {
			r.asks = append(r.asks, asked{org, agent, out.Approval.ID, out.Token, pr})
		}
	})
}

func (r *run) outcome(who string, out billing.Outcome, err error) {
	if err != nil {
		r.reach("error: " + billing.CodeOf(err))
		r.trace(who + ": " + billing.CodeOf(err))
		return
	}
	r.reach("outcome: " + string(out.Status))
	r.trace(who + ": " + string(out.Status))
	r.handOut(out.CheckoutURL)
}

// handOut notes a page of Checkout that somebody can pay from now on.
func (r *run) handOut(page string) {
	if page != "" && !slices.Contains(r.pages, page) {
		r.pages = append(r.pages, page)
	}
}

// choose takes one of the requests, the newest more often.
func (r *run) choose(n uint32) (asked, bool) {
	if len(r.asks) == 0 {
		return asked{}, false
	}
	if n%2 == 0 {
		return r.asks[len(r.asks)-1], true
	}
	return r.asks[int(n>>1)%len(r.asks)], true
}

// agentAgain is what an agent does with a request that it has made; sometimes
// another org's agent has got hold of it.
func (r *run) agentAgain(s Step) {
	a, ok := r.choose(s.A)
	if !ok {
		return
	}
	org, stranger := a.org, s.B%16 == 0
	if stranger {
		org = (a.org + 1) % len(r.w.cast)
	}
	r.begin(s, string(s.Action), func(service *billing.Service) {
		p, err := service.Authenticate(r.ctx, r.w.cast[org].keys[a.agent])
		if err != nil {
			r.reach("error: " + billing.CodeOf(err))
			return
		}
		r.pass("authenticated")
		switch s.Action {
		case actConfirm:
			if a.token == "" {
				return
			}
			r.pressed[a.id] = true
			pr := a.proposal
			pr.ConfirmToken = a.token
			var out billing.Outcome
			out, err = service.Propose(r.ctx, p, pr)
			r.outcome("confirm", out, err)
		case actCancel:
			_, err = service.CancelApproval(r.ctx, p, a.id)
		case actPoll:
			_, err = service.Status(r.ctx, p, a.id, 0)
		}
		if stranger && err == nil {
			r.violate("I8", "%s of another org's request %s was answered", s.Action, a.id)
		}
	})
}

// person is an owner or an admin with the role that they have now.
func (r *run) person(org int, n uint32) billing.Principal {
	c := r.w.cast[org]
	p := c.owner
	switch n % 8 {
	case 1, 2, 3:
		p = c.admin
	case 4:
		p = c.member
	}
	p.Role = ""
	members, err := r.w.store.Members(r.ctx, c.org.ID)
	if err != nil {
		r.violate("read", "members: %v", err)
	}
	for _, m := range members {
		if m.User.ID == p.ID {
			p.Role = m.Role
		}
	}
	return p
}

func (r *run) decide(s Step) {
	a, ok := r.choose(s.A)
	if !ok {
		return
	}
	org, stranger := a.org, s.B>>8%16 == 0
	if stranger {
		org = (a.org + 1) % len(r.w.cast)
	}
	r.begin(s, string(s.Action), func(service *billing.Service) {
		p := r.person(org, s.B)
		page, err := service.OpenRequest(r.ctx, p, a.id)
		if err != nil {
			r.reach("error: " + billing.CodeOf(err))
			return
		}
		if stranger {
			r.violate("I8", "%s was shown to another org", a.id)
		}
		r.mutant.onOpened(r, service, p, page)
		if r.pass("page"); s.B>>12%8 == 0 {
			r.reach("page opened by a mail scanner")
			return
		}
		v := billing.Verdict{Approve: s.Action == actApprove, OpDigest: page.OpDigest, Sealed: page.Sealed, NotMe: s.B>>16%4 == 0, Reason: "not_now"}
		r.pressed[a.id] = r.pressed[a.id] || v.Approve
		page, err = service.Decide(r.ctx, p, a.id, v)
		r.trace(fmt.Sprintf("%s: %s %v", s.Action, page.Approval.State, err))
		if err != nil {
			r.reach("error: " + billing.CodeOf(err))
		}
		if err == nil && (stranger || !p.CanManage()) {
			r.violate("I8", "%s of %s by somebody who may not", s.Action, a.id)
		}
	})
}

// click is a person's own change, pressed once or twice.
func (r *run) click(s Step) {
	r.press(s, orgOf(s.A), proposal(s.B, s.B>>8))
}

func (r *run) press(s Step, org int, pr billing.Proposal) {
	r.presses++
	pr.RequestKey = fmt.Sprintf("press-%d", r.presses)
	for n := range 1 + s.B>>16%3/2 {
		one := s
		one.C += n // the second press may reach the other replica
		r.begin(one, "click", func(service *billing.Service) {
			p := r.mutant.forOrg(r.person(org, s.B>>20), r.w.cast[(org+1)%len(r.w.cast)].org.ID)
			out, err := service.Propose(r.ctx, p, pr)
			r.outcome("click", out, err)
			if err == nil && out.IntentID != "" {
				if _, err := r.w.store.Intent(r.ctx, r.w.cast[org].org.ID, out.IntentID); err != nil {
					r.violate("I8", "a click in %s made %s elsewhere: %v", r.w.cast[org].org.Name, out.IntentID, err)
				}
			}
			if err == nil && !p.CanManage() {
				r.violate("I12", "a member without the right has changed something")
			}
		})
	}
}

func (r *run) administer(s Step) {
	org := orgOf(s.A)
	c := r.w.cast[org]
	r.begin(s, string(s.Action), func(service *billing.Service) {
		var err error
		if s.Action == actRevoke {
			_, err = service.RevokeKey(r.ctx, r.person(org, 0), c.agents[s.B%2].CredentialID)
			r.reach("fault: key revoked")
		} else {
			_, err = service.AddMember(r.ctx, c.org.ID, c.admin.Email, c.admin.Name, billing.RoleMember)
			r.reach("fault: approver demoted")
		}
		if err != nil {
			r.violate("error", "%s: %v", s.Action, err)
		}
	})
}

// event lets webhooks arrive, in any order, again, or not at all.
func (r *run) event(s Step) {
	held := r.w.box.Held()
	switch {
	case s.Action == actForge:
		r.begin(s, "forged event", func(*billing.Service) { r.forge(s) })
	case len(held) == 0:
	case s.Action == actDrop:
		r.w.stripe().DropEvents()
		r.reach("fault: events lost")
	default:
		id := held[int(s.A)%len(held)].ID
		ids := []string{id}
		if s.Action == actTwice {
			ids = append(ids, id)
			r.reach("fault: event twice")
		}
		if id != held[0].ID {
			r.reach("fault: events reordered")
		}
		r.begin(s, "event "+held[int(s.A)%len(held)].Type, func(*billing.Service) { _ = r.w.stripe().DeliverHeld(ids...) })
	}
}

// webhook is the product's endpoint.
func (r *run) webhook(req *http.Request, body []byte) (*http.Response, error) {
	e, err := r.mutant.verifyWebhook(body, req.Header.Get("Stripe-Signature"), []string{webhookSecret}, r.now())
	if err != nil {
		r.violate("I15", "a genuine event was refused: %v", err)
		return reply(req, http.StatusBadRequest, nil, nil), nil
	}
	p := r.replicas[0]
	if r.turn != nil && r.turn.replica != nil {
		p = r.turn.replica
	}
	defer r.mutant.onEvent(r, e, body)
	if err = p.service.Receive(r.ctx, e); err != nil {
		return reply(req, http.StatusInternalServerError, nil, nil), nil
	}
	return reply(req, http.StatusOK, nil, nil), nil
}

func (r *run) worker(s Step) {
	r.begin(s, string(s.Action), func(service *billing.Service) {
		var err error
		switch s.Action {
		case actSync:
			err = service.SyncDirty(r.ctx)
		case actRecover:
			var found bool
			if found, err = service.Recover(r.ctx); found {
				r.reach("recovery of an intent")
			}
		case actReconcile:
			err = service.Reconcile(r.ctx)
		case actExpire:
			err = service.Expire(r.ctx)
		case actLapse:
			err = errors.Join(service.EndTrials(r.ctx), service.EndGraces(r.ctx))
		}
		if err != nil {
			r.reach("error: " + billing.CodeOf(err))
			r.trace(string(s.Action) + ": " + billing.CodeOf(err))
		}
	})
}

func (r *run) clock(s Step) {
	d := time.Duration(1+s.B%15) * time.Second
	switch s.A % 24 {
	case 4, 5, 6:
		d = time.Duration(20+s.B%20) * time.Second
	case 0, 1:
		d = time.Duration(1+s.B%120) * time.Minute
	case 2:
		d = time.Duration(1+s.B%30) * time.Hour
	case 3:
		d = time.Duration(1+s.B%35) * 24 * time.Hour
	}
	if d >= time.Hour {
		r.reach("fault: clock jumps")
	}
	r.advance(d)
}

// subscriptionOf is the customer and the subscription of an org, if the product
// knows one.
func (r *run) subscriptionOf(org int) (customer, subscription string) {
	sub, err := r.w.store.Subscription(r.ctx, r.w.cast[org].org.ID)
	if err != nil || !sub.Status.Live() {
		return sub.CustomerID, ""
	}
	return sub.CustomerID, sub.SubscriptionID
}

// atStripe is what others do at Stripe, past the product.
func (r *run) atStripe(s Step) {
	box := r.w.stripe()
	customer, sub := r.subscriptionOf(orgOf(s.A))
	if customer == "" {
		return
	}
	switch s.Action {
	case actCard:
		card := []string{"pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"}[s.B%3]
		if box.GiveCard(customer, card) == nil {
			r.foreign(customer)
			r.reach("fault: " + card)
		}
	case actDecline:
		box.FailNextPayment(customer)
		r.reach("fault: payment declined")
	case actBank:
		r.answerBank(s)
	case actPortal:
		if sub != "" && box.CancelAtPeriodEnd(sub, s.B%3 != 0) == nil {
			r.foreign(customer)
			r.reach("fault: change in the portal")
		}
	case actDashboard:
		key := "solo_unit_month"
		if orgOf(s.A) == 1 {
			key = "team_unit_month"
		}
		if sub != "" && box.SetQuantity(sub, key, int64(1+s.B%7)) == nil {
			r.foreign(customer)
			r.reach("fault: change in the dashboard")
		}
	}
}

// hosted posts a form of one of Stripe's hosted pages.
func (r *run) hosted(address, form string) {
	path := strings.TrimPrefix(address, stripeURL)
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, path, strings.NewReader(form))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	rec := r.w.ask(req)
	r.trace(fmt.Sprintf("hosted page %d", rec.status))
}

// answerBank pays what waits for the bank, or fails there; in whichever org that is.
// Where nothing waits, an org gets a card whose bank asks.
func (r *run) answerBank(s Step) {
	n := slices.IndexFunc(r.w.cast[:], func(c cast) bool {
		sub, err := r.w.store.Subscription(r.ctx, c.org.ID)
		return err == nil && sub.Action != nil && sub.Action.URL != ""
	})
	if n < 0 {
		s.Action, s.B = actCard, 2
		r.atStripe(s)
		return
	}
	sub, err := r.w.store.Subscription(r.ctx, r.w.cast[n].org.ID)
	if err != nil {
		return
	}
	r.foreign(sub.CustomerID)
	r.hosted(sub.Action.URL, "")
	outcome := "complete"
	if s.B%3 == 0 {
		outcome = "fail"
	}
	r.hosted(sub.Action.URL+"/bank", "outcome="+outcome)
	r.reach("fault: bank asked")
}

func (r *run) payCheckout(s Step) {
	if len(r.pages) == 0 {
		return
	}
	page := r.pages[int(s.A)%len(r.pages)]
	r.foreign("")
	r.hosted(page, "number=4242424242424242&exp=12/34&cvc=123&name=x")
	r.reach("checkout paid")
}
