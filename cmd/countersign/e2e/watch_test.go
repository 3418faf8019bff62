package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// reportViolations turns a violation of the content security policy into an
// error of the console, where watch sees it.
const reportViolations = `document.addEventListener('securitypolicyviolation', e => console.error('csp violation', e.violatedDirective, e.blockedURI))`

// watch collects what a browser complains about.
type watch struct {
	mu      sync.Mutex
	seen    []string
	allowed []string
	posts   int // forms sent
	// provoked is set by the one test that breaks the content security policy.
	provoked bool
}

func (w *watch) see(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			w.add(fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var said []string
			for _, a := range e.Args {
				said = append(said, string(a.Value)+a.Description)
			}
			w.add("console: " + strings.Join(said, " "))
		}
	case *runtime.EventExceptionThrown:
		w.add("exception: " + e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err == nil && strings.HasPrefix(u.Scheme, "http") && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
			w.add("asked another host: " + e.Request.URL)
		}
		if e.Request.Method == http.MethodPost {
			w.mu.Lock()
			w.posts++
			w.mu.Unlock()
		}
	}
}

func (w *watch) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, text)
}

// sent counts the forms that the page has sent.
func (w *watch) sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.posts
}

// allow lets a complaint pass that the test provokes. A violation of the content
// security policy never passes.
func (w *watch) allow(part string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed = append(w.allowed, part)
}

func (w *watch) problems() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.seen), func(s string) bool {
		return !ofPolicy(s) && slices.ContainsFunc(w.allowed, func(part string) bool { return strings.Contains(s, part) })
	})
}

// ofPolicy reports whether a complaint is of the content security policy.
func ofPolicy(complaint string) bool {
	return strings.Contains(complaint, "csp violation") || strings.Contains(complaint, "Content Security Policy")
}

// violations are those of the content security policy.
func (w *watch) violations() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.seen), func(s string) bool { return !ofPolicy(s) })
}

// TestWatch: what breaks the content security policy reaches us, with scripts
// and without, and no test can let it pass.
func TestWatch(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:")
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<link rel="icon" href="data:,"><p>It is here.</p>%s`, map[string]string{
			"/style": `<p style="color:red">inline</p>`, "/script": `<script>alert(1)</script>`, "/image": `<img src="/a.png" alt="">`,
			"/sheet": `<link rel="stylesheet" href="/a.css">`, "/handler": `<p onclick="alert(1)">handler</p>`,
		}[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	for _, scripts := range []bool{true, false} {
		for _, path := range []string{"/style", "/script", "/image", "/sheet", "/handler"} {
			if !scripts && (path == "/script" || path == "/handler") {
				continue // nothing would run, so nothing is refused
			}
			b := newTab(t, scripts)
			b.watch.provoked = true
			b.watch.allow("")
			b.open(server.URL + path)
			b.see("It is here.")
			eventually(t, "a complaint about "+path, patience, func() bool { return len(b.watch.violations()) > 0 })
			if len(b.watch.problems()) == 0 {
				t.Errorf("%s: a violation was let pass", path)
			}
		}
		b := newTab(t, scripts)
		b.open(server.URL + "/nothing")
		b.see("It is here.")
		if v := b.watch.violations(); len(v) > 0 {
			t.Errorf("complains about nothing: %v", v)
		}
	}
}
