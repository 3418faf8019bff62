package mcp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/mcp"
)

// outage is Stripe, which can be down.
type outage struct {
	billing.Processor
	down atomic.Bool
}

func (o *outage) Quote(ctx context.Context, from billing.Subscription, c billing.Change, at time.Time) (billing.Quote, error) {
	if o.down.Load() {
		return billing.Quote{}, errors.New("connection refused")
	}
	return o.Processor.Quote(ctx, from, c, at)
}

// TestProblemsSayWhatToDo: what stands in the way is a result that an agent can
// read, with the next step in it.
func TestProblemsSayWhatToDo(t *testing.T) {
	stripe := &outage{}
	s := newSite(t, worldtest.Options{Catalog: "capacity", Wrap: func(p billing.Processor) billing.Processor { stripe.Processor = p; return stripe }})
	c := s.cast("acme", "solo")
	agent, owner := s.overHTTP(c.AgentKey, newest, nil), s.overHTTP(c.OwnerToken, newest, nil)
	const units = "target_additional_capacity_units"
	agent.call("upgrade_plan", args{"plan": "mega"}).fails("unknown_plan", "no such plan")
	agent.call("upgrade_plan", args{"plan": "free"}).fails("use_downgrade", "use the downgrade call")
	request := agent.call("increase_capacity", args{units: 3, "mode": "web"}).is("web-approve-required")["request"]
	agent.call("get_approval", args{"request": request}).is("pending")
	agent.call("get_approval", args{"request": request}).fails("slow_down", "Try again in 10 seconds")
	agent.call("increase_capacity", args{"confirm_token": "csc_" + strings.Repeat("A", 43)}).fails("consent_token_invalid", "Ask again without a token")
	owner.call("start_trial", args{"target_plan": "team"}).fails("trial_not_available")

	stripe.down.Store(true)
	agent.call("preview_change", args{"additional_capacity_units": 4}).fails("stripe_unavailable", "try again shortly")
	agent.call("upgrade_plan", args{"plan": "team"}).fails("stripe_unavailable", "Nothing was changed")
	stripe.down.Store(false)

	for n := range 40 { // each wish replaces the one before
		if a := agent.call("increase_capacity", args{units: 4 + n, "mode": "web"}); a.IsError {
			a.fails("approval_limit", "Try again in ")
			return
		}
	}
	t.Error("an agent asks without end")
}

// TestUserWhoDoesNotAnswer: the client still shows the question when the call's
// time is over. The call ends, the link is in the result, and the question is
// taken back.
func TestUserWhoDoesNotAnswer(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.cast("acme", "pro")
	closed := make(chan struct{})
	u := &user{caps: opensLinks()}
	u.looks = func(ctx context.Context) { <-ctx.Done(); close(closed) }
	u.answer = func(*sdk.ElicitParams) (string, error) { return "cancel", nil }
	server := mcp.New("test", func(http.Header) *api.Client { return &api.Client{BaseURL: s.url, Key: c.AgentKey} }).Impatient(50 * time.Millisecond)
	a := s.overPipeOf(server, c.AgentKey, session, u).call("upgrade_plan", args{"plan": "scale"})
	a.is("pending")
	if !strings.Contains(a.all(), "/approve/apr_") || u.asked.Load() != 1 {
		t.Errorf("asked %d times: %s", u.asked.Load(), a.all())
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the question stays")
	}
}

// TestServerThatIsNotThere: the bridge tells what is known.
func TestServerThatIsNotThere(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for at, word := range map[string]string{"http://127.0.0.1:1": "could not be reached", s.url + "/settings": "404 Not Found"} {
		server := mcp.New("test", func(http.Header) *api.Client { return &api.Client{BaseURL: at, Key: "csa_x"} })
		a := s.overPipeOf(server, "", newest, nil).call("get_billing", nil)
		if !a.IsError || !strings.Contains(a.all(), word) {
			t.Errorf("%s: %s", at, a.all())
		}
	}
}
