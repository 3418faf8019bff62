package views

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
)

// doc is a rendered page.
type doc struct{ root *html.Node }

func render(t *testing.T, c templ.Component) doc {
	t.Helper()
	var buf bytes.Buffer
	if err := c.Render(context.Background(), &buf); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&buf)
	if err != nil {
		t.Fatal(err)
	}
	return doc{root}
}

// all returns the elements for which ok holds, in the order of the page.
func (d doc) all(ok func(n *html.Node) bool) []*html.Node {
	var out []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && ok(n) {
			out = append(out, n)
		}
	}
	return out
}

func (d doc) tag(names ...string) []*html.Node {
	return d.all(func(n *html.Node) bool { return slices.Contains(names, n.Data) })
}

func (d doc) id(id string) *html.Node {
	for _, n := range d.all(func(n *html.Node) bool { return attr(n, "id") == id }) {
		return n
	}
	return nil
}

func attr(n *html.Node, name string) string {
	v, _ := lookup(n, name)
	return v
}

func lookup(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// text is what is read, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func field(form *html.Node, name string) (string, bool) {
	for d := range form.Descendants() {
		if d.Type == html.ElementNode && d.Data == "input" && attr(d, "name") == name {
			return attr(d, "value"), true
		}
	}
	return "", false
}

func eachSample(t *testing.T, check func(t *testing.T, d doc)) {
	for name, c := range samples() {
		t.Run(name, func(t *testing.T) { check(t, render(t, c)) })
	}
}

func TestOneMainOneHeadingOneTitle(t *testing.T) {
	eachSample(t, func(t *testing.T, d doc) {
		if n := len(d.tag("main")); n != 1 || d.id("main") == nil || d.id("main").Data != "main" {
			t.Errorf("%d main elements, or none with id main", n)
		}
		if h := d.tag("h1"); len(h) != 1 || text(h[0]) == "" {
			t.Errorf("%d h1 elements", len(h))
		}
		if title := text(d.tag("title")[0]); !strings.HasSuffix(title, " · Countersign") || strings.HasPrefix(title, " ") {
			t.Errorf("title %q", title)
		}
		if attr(d.tag("html")[0], "lang") != "en" {
			t.Error("no language")
		}
	})
}

func TestNothingInlineNothingForeign(t *testing.T) {
	eachSample(t, func(t *testing.T, d doc) {
		for _, n := range d.all(func(*html.Node) bool { return true }) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") {
					t.Errorf("<%s %s>", n.Data, a.Key)
				}
				if strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:") || strings.Contains(a.Val, "js:{") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
			}
			if n.Data == "style" {
				t.Error("a style element")
			}
			src := attr(n, "src")
			if n.Data == "link" {
				src = attr(n, "href")
			}
			if (n.Data == "script" || n.Data == "link" || n.Data == "img") && !strings.HasPrefix(src, "/static/") {
				t.Errorf("<%s> from %q", n.Data, src)
			}
			if n.Data == "script" && n.FirstChild != nil {
				t.Error("an inline script")
			}
		}
	})
}

// An empty element takes up room that nothing is in.
func TestPlansHaveNoEmptyNotes(t *testing.T) {
	eachSample(t, func(t *testing.T, d doc) {
		for _, n := range d.all(func(n *html.Node) bool { return attr(n, "class") == "plan-note" }) {
			for c := range n.ChildNodes() {
				if c.Type == html.ElementNode && text(c) == "" {
					t.Errorf("an empty <%s>", c.Data)
				}
			}
		}
	})
}

func TestFormsWorkWithoutScriptAndAlikeWithIt(t *testing.T) {
	eachSample(t, func(t *testing.T, d doc) {
		for _, f := range d.tag("form") {
			action := attr(f, "action")
			if attr(f, "method") == "get" && strings.HasPrefix(action, "/") { // asks, and changes nothing
				if _, ok := field(f, "form_token"); ok {
					t.Errorf("form %s puts its token into the address", action)
				}
				continue
			}
			if attr(f, "method") != "post" || !strings.HasPrefix(action, "/") || strings.HasPrefix(action, "//") {
				t.Errorf("form method %q action %q", attr(f, "method"), action)
			}
			if token, ok := field(f, "form_token"); !strings.HasPrefix(action, "/login") && action != "/admin/login" && (!ok || token == "") {
				t.Errorf("form %s has no token", action)
			}
			if hx, ok := lookup(f, "hx-post"); ok && hx != action {
				t.Errorf("hx-post %q differs from action %q", hx, action)
			}
		}
		for _, a := range d.all(func(n *html.Node) bool { return n.Data == "a" && attr(n, "hx-get") != "" }) {
			if attr(a, "href") != attr(a, "hx-get") {
				t.Errorf("hx-get %q differs from href %q", attr(a, "hx-get"), attr(a, "href"))
			}
		}
	})
}

func TestControlsHaveNames(t *testing.T) {
	eachSample(t, func(t *testing.T, d doc) {
		labels := map[string]bool{}
		for _, l := range d.tag("label") {
			labels[attr(l, "for")] = true
		}
		for _, n := range d.tag("button", "a", "summary") {
			if text(n) == "" {
				t.Errorf("<%s> without words", n.Data)
			}
			if n.Data == "button" && attr(n, "type") != "submit" {
				t.Errorf("button %q has no type", text(n))
			}
		}
		for _, n := range d.tag("input", "select", "textarea") {
			if attr(n, "type") != "hidden" && !labels[attr(n, "id")] && n.Parent.Data != "label" {
				t.Errorf("input %q has no label", attr(n, "name"))
			}
		}
	})
}

func TestIdsAreUniqueAndFound(t *testing.T) {
	eachSample(t, func(t *testing.T, d doc) {
		seen := map[string]int{}
		for _, n := range d.all(func(n *html.Node) bool { return attr(n, "id") != "" }) {
			seen[attr(n, "id")]++
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("id %q %d times", id, n)
			}
		}
		for _, n := range d.all(func(*html.Node) bool { return true }) {
			for _, key := range []string{"aria-labelledby", "aria-describedby", "for"} {
				if ref, ok := lookup(n, key); ok && seen[ref] == 0 {
					t.Errorf("%s names %q, which is not there", key, ref)
				}
			}
			if target := attr(n, "hx-target"); strings.HasPrefix(target, "#") && seen[target[1:]] == 0 {
				t.Errorf("hx-target %q is not there", target)
			}
		}
		if n := len(d.all(func(n *html.Node) bool { _, ok := lookup(n, "autofocus"); return ok })); n > 1 {
			t.Errorf("%d elements want the focus", n)
		}
	})
}

func TestTimesAreAbsoluteAndForMachinesToo(t *testing.T) {
	eachSample(t, func(t *testing.T, d doc) {
		for _, n := range d.tag("time") {
			if attr(n, "datetime") == "" || text(n) == "" || strings.Contains(text(n), "ago") {
				t.Errorf("<time datetime=%q>%s", attr(n, "datetime"), text(n))
			}
		}
	})
}

func TestSignedOutPageSaysNothingOfTheRequest(t *testing.T) {
	page := approveBase()
	page.SignIn = "/login?next=/approve/apr_1"
	words := text(render(t, Approve(NewApproveSignedOut(page.Frame, page.SignIn))).root)
	for _, secret := range []string{"Acme", "Scale", "Pro", "$", "deploy-bot", "KRFT"} {
		if strings.Contains(words, secret) {
			t.Errorf("signed out, the page says %q", secret)
		}
	}
	if !strings.Contains(words, "Sign in to review a request") {
		t.Errorf("page says %q", words)
	}
}

func TestApprovePageIsInTheOrderOfTheProtocol(t *testing.T) {
	words := text(render(t, Approve(approveBase())).root)
	at := 0
	for _, part := range []string{
		"Upgrade Acme to Scale?", "An agent asked for this change. Nothing has changed yet.", "Now : Pro", "Then : Scale",
		"Due today $17.40", "Remaining time on Scale", "Next charge", "Card Visa ending 4242", "Tax",
		"Asked by deploy-bot", "csa_4fZk…", "Created by Ada Lovelace", "Last used", "Earlier requests",
		"Check that your agent shows the same code: KRFT", "Asked", "Open until", "Agent's note", "(written by the agent",
		"Signed in as ada@acme.test", "Not you?", "Deny", "Approve, pay $17.40 now", "Too expensive", "Not now", "I did not ask for this",
	} {
		i := strings.Index(words[at:], part)
		if i < 0 {
			t.Fatalf("%q is missing after %q", part, words[max(0, at-60):at])
		}
		at += i + len(part)
	}
}

func TestDenyWeighsAsMuchAsApprove(t *testing.T) {
	d := render(t, Approve(approveBase()))
	size := map[string]string{}
	for _, b := range d.tag("button") {
		if attr(b, "name") == "decision" {
			size[attr(b, "value")] = strings.NewReplacer("btn-counter", "", "btn-primary", "").Replace(attr(b, "class"))
		}
	}
	if size["deny"] == "" || size["deny"] != size["approve"] {
		t.Errorf("classes %q", size)
	}
}

func TestReasonIsText(t *testing.T) {
	d := render(t, Approve(approveBase()))
	quote := d.tag("blockquote")[0]
	if !strings.Contains(text(quote), "<b>Scale</b>") {
		t.Errorf("the note reads %q", text(quote))
	}
	for n := range quote.Descendants() {
		if n.Type == html.ElementNode {
			t.Errorf("the note made a <%s>", n.Data)
		}
	}
}

func TestForeignLinksAreDisarmed(t *testing.T) {
	p := billingBase()
	p.Invoices = []InvoiceRow{{Number: "X", Hosted: "javascript:alert(1)"}}
	for _, a := range render(t, Billing(p)).tag("a") {
		if strings.HasPrefix(attr(a, "href"), "javascript:") {
			t.Error("a javascript: link came through")
		}
	}
}

func TestMetersSayInWordsWhatTheyShow(t *testing.T) {
	d := render(t, Billing(billingBase()))
	meters := d.all(func(n *html.Node) bool { return n.Data == "svg" && strings.HasPrefix(attr(n, "class"), "meter") })
	if len(meters) != 4 {
		t.Fatalf("%d meters", len(meters))
	}
	for _, m := range meters {
		row := m.Parent
		for row.Data != "li" {
			row = row.Parent
		}
		if attr(m, "aria-hidden") != "true" || !strings.Contains(text(row), " of ") {
			t.Errorf("row %q", text(row))
		}
	}
}

// TestWhatIsEmptyIsOnePart: where a list will be stands the same part everywhere.
func TestWhatIsEmptyIsOnePart(t *testing.T) {
	eachSample(t, func(t *testing.T, d doc) {
		for _, p := range d.tag("p") {
			if slices.Contains(strings.Fields(attr(p, "class")), "card") {
				t.Errorf("a paragraph is a card of its own: %q", text(p))
			}
		}
	})
}

func TestReviewIsTheSameFragmentOnBothPages(t *testing.T) {
	r := reviewSample()
	page := billingBase()
	page.Review = &r
	alone, inside := render(t, ReviewPage(r)).id("review"), render(t, Billing(page)).id("review")
	if text(alone) == "" || text(alone) != text(inside) {
		t.Errorf("alone %q, inside %q", text(alone), text(inside))
	}
	if empty := render(t, Billing(billingBase())).id("review"); empty == nil {
		t.Error("there is no place for the review to come to")
	}
}
