package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
)

// The phases of a request's life, in their order. Those between ask and poll
// that are nobody's measure prepare the next one.
const (
	phaseLogin  = "login"
	phaseWarm   = "warm" // notes when the key was last used, which is done once a minute
	phaseAsk    = "ask"
	phaseOpen   = "open" // the owner looks at the approve page
	phaseDecide = "decide"
	phasePoll   = "poll"
)

// cohort is a number of orgs in which the same happens: an agent asks, an owner
// approves, the agent polls.
type cohort struct {
	tenants []tenant
	cookies []string
	ids     []string // of the requests
	forms   []string // of the approve pages, as they are posted
}

func newCohort(tenants []tenant) *cohort {
	n := len(tenants)
	return &cohort{tenants: tenants, cookies: make([]string, n), ids: make([]string, n), forms: make([]string, n)}
}

// fire runs a phase once in every org.
func (c *cohort) fire(ctx context.Context, addr, phase string) (tally, error) {
	t, err := fire(ctx, addr, each(c.shots(phase)), func(i int, head, body []byte) { c.note(phase, i, head, body) })
	if err == nil {
		err = c.complete(phase)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", phase, err)
	}
	return t, err
}

func (c *cohort) shots(phase string) []*shot {
	list := make([]*shot, len(c.tenants))
	for i := range list {
		list[i] = c.shot(phase, i)
	}
	return list
}

func (c *cohort) shot(phase string, i int) *shot {
	t, tape := c.tenants[i], tapeHeader+": "+phase
	bearer := "Authorization: Bearer " + t.Key
	switch phase {
	case phaseLogin:
		return post(t.Login, "", 303, "", append(sameSite, tape)...)
	case phaseWarm:
		return get("/api/billing", `"plan":"`+planBefore+`"`, bearer, tape)
	case phaseAsk:
		body := `{"plan":"` + planAfter + `","mode":"web","reason":"The nightly import needs more rows than this plan has."}`
		return post("/api/billing/upgrade", body, 200, `"approval_url"`, bearer, "Content-Type: application/json", tape)
	case phaseOpen:
		return get("/approve/"+c.ids[i], "Approve", c.cookie(i), tape)
	case phaseDecide:
		return post("/approve/"+c.ids[i], c.forms[i], 303, "", append(sameSite, c.cookie(i), tape)...)
	default: // phasePoll
		return get("/api/web-approve/status?request="+c.ids[i], `"plan":"`+planAfter+`"`, bearer, tape)
	}
}

// sameSite is what a browser says when a page of ours posts a form.
var sameSite = []string{
	"Origin: http://localhost", "Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded",
}

func (c *cohort) cookie(i int) string { return "Cookie: " + c.cookies[i] }

// note keeps what the next phases need of an answer.
func (c *cohort) note(phase string, i int, head, body []byte) {
	switch phase {
	case phaseLogin:
		c.cookies[i], _, _ = strings.Cut(header(head, "Set-Cookie"), ";")
	case phaseAsk:
		var answer struct {
			Request string `json:"request"`
		}
		if json.Unmarshal(body, &answer) == nil {
			c.ids[i] = answer.Request
		}
	case phaseOpen:
		c.forms[i] = decideForm(string(body), c.ids[i])
	}
}

// complete reports whether every answer had what the next phases need.
func (c *cohort) complete(phase string) error {
	for _, got := range map[string][]string{phaseLogin: c.cookies, phaseAsk: c.ids, phaseOpen: c.forms}[phase] {
		if got == "" {
			return fmt.Errorf("an answer of phase %q lacks what the next one needs", phase)
		}
	}
	return nil
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// decideForm is what the browser posts when Approve is pressed on the page.
func decideForm(page, id string) string {
	_, form, _ := strings.Cut(page, `action="/approve/`+id+`"`)
	form, _, ok := strings.Cut(form, "</form>")
	if !ok || !strings.Contains(form, `value="approve"`) {
		return ""
	}
	fields := url.Values{"decision": {"approve"}}
	for _, m := range hiddenField.FindAllStringSubmatch(form, -1) {
		fields.Set(m[1], html.UnescapeString(m[2]))
	}
	return fields.Encode()
}
