package handlers_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// object is the answer as a JSON object.
func (a answer) object() map[string]any {
	a.t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Fatalf("%s: %d %v: %.300s", a.what, a.status, err, a.body)
	}
	return v
}

// is asserts the HTTP status and the word in "status" or, of a failure, "error".
func (a answer) is(status int, word string) answer {
	a.t.Helper()
	got := ""
	if strings.HasPrefix(a.header.Get("Content-Type"), jsonKind) {
		v := a.object()
		got, _ = v["status"].(string)
		if code, failed := v["error"].(string); failed {
			got = code
		}
	}
	if a.status != status || got != word {
		a.t.Fatalf("%s: %d %q, want %d %q: %.400s", a.what, a.status, got, status, word, a.body)
	}
	return a
}

// text is a member that is a string.
func (a answer) text(name string) string {
	a.t.Helper()
	v, ok := a.object()[name].(string)
	if !ok {
		a.t.Fatalf("%s: %q is no string in %s", a.what, name, a.body)
	}
	return v
}

// number is a member that is a number.
func (a answer) number(name string) int64 {
	a.t.Helper()
	v, ok := a.object()[name].(float64)
	if !ok {
		a.t.Fatalf("%s: %q is no number in %s", a.what, name, a.body)
	}
	return int64(v)
}

// detail is a member of an error's details.
func (a answer) detail(name string) any {
	a.t.Helper()
	details, _ := a.object()["details"].(map[string]any)
	return details[name]
}

// keys are the names in the answer, sorted.
func (a answer) keys() string {
	a.t.Helper()
	return strings.Join(slices.Sorted(maps.Keys(a.object())), " ")
}

// same is the answer without what differs between two equal ones.
func (a answer) same() string {
	h := a.header.Clone()
	for _, name := range []string{"X-Request-Id", "Date"} {
		h.Del(name)
	}
	var out strings.Builder
	_ = h.Write(&out)
	return http.StatusText(a.status) + "\n" + out.String() + "\n" + a.body
}

// form is one form of a page.
type form struct {
	action  string
	fields  url.Values // hidden ones
	buttons url.Values
}

func (a answer) forms() []form {
	a.t.Helper()
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		a.t.Fatal(err)
	}
	var out []form
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			out = append(out, readForm(n))
		}
	}
	return out
}

func readForm(n *html.Node) form {
	f := form{action: attr(n, "action"), fields: url.Values{}, buttons: url.Values{}}
	for e := range n.Descendants() {
		switch {
		case e.Data == "input" && attr(e, "type") == "hidden":
			f.fields.Add(attr(e, "name"), attr(e, "value"))
		case e.Data == "button" && attr(e, "name") != "":
			f.buttons.Add(attr(e, "name"), attr(e, "value"))
		}
	}
	return f
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// form returns the page's form that posts to action and has a button or a
// hidden field of that value.
func (a answer) form(action, name, value string) url.Values {
	a.t.Helper()
	for _, f := range a.forms() {
		if f.action != action {
			continue
		}
		if slices.Contains(f.buttons[name], value) {
			f.fields.Set(name, value)
			return f.fields
		}
		if slices.Contains(f.fields[name], value) {
			return f.fields
		}
	}
	a.t.Fatalf("%s: %d, no form for %s with %s=%s in\n%.3000s", a.what, a.status, action, name, value, a.body)
	return nil
}

// decision opens the page of a request and returns its form, filled in.
func (s *site) decision(as caller, request, decision string) url.Values {
	s.t.Helper()
	return s.get(as, "/approve/"+request).form("/approve/"+request, "decision", decision)
}
