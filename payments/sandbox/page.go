package sandbox

import (
	"bytes"
	"context"
	_ "embed"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"
)

//go:embed sandbox.css
var css []byte

// How the pages write things.
func brandName(b string) string { return strings.ToUpper(b[:1]) + b[1:] }
func date(t int64) string       { return time.Unix(t, 0).UTC().Format("2 January 2006") }
func stamp(t time.Time) string  { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }
func unixStamp(t int64) string  { return time.Unix(t, 0).UTC().Format("2006-01-02 15:04:05") }

// answer is what a page's handler wants the browser to see.
type answer struct {
	status   int
	page     string // its name, with
	title    string
	body     templ.Component // or
	redirect string          // a 303, or
	raw      []byte          // a PDF; in the end the page as drawn
}

func goTo(url string) answer { return answer{redirect: url} }

func message(status int, title, text string) answer {
	return answer{status: status, page: "message", title: title, body: messageView(text)}
}

func gone(title string) answer {
	return message(http.StatusGone, title, "Nothing was charged. Go back to the page you came from and start again.")
}

// pages registers the hosted pages and the control page. A GET shows, a POST
// acts and must come from the page itself.
func (s *Server) pages(mux *http.ServeMux) {
	guard := http.NewCrossOriginProtection()
	show := func(pattern string, f func(*http.Request) answer) { mux.Handle("GET "+pattern, s.page(f)) }
	act := func(pattern string, f func(*http.Request) answer) {
		mux.Handle("POST "+pattern, guard.Handler(s.page(f)))
	}
	mux.HandleFunc("GET /sandbox.css", serveCSS)
	show("/{$}", s.showControl)
	act("/control/advance", s.controlAdvance)
	act("/control/fail", s.controlFail)
	act("/control/events", s.controlEvents)
	show("/pay/c/{id}", s.showCheckout)
	act("/pay/c/{id}", s.payCheckout)
	show("/pay/c/{id}/bank", s.showCheckoutBank)
	act("/pay/c/{id}/bank", s.checkoutBank)
	show("/pay/i/{token}", s.showInvoice)
	act("/pay/i/{token}", s.payHosted)
	show("/pay/i/{token}/bank", s.showInvoiceBank)
	act("/pay/i/{token}/bank", s.invoiceBank)
	show("/pay/i/{token}/pdf", s.showPDF)
	show("/portal/{token}", s.showPortal)
	act("/portal/{token}/card", s.portalCard)
	act("/portal/{token}/cancel", s.portalCancel)
	act("/portal/{token}/resume", s.portalResume)
}

func serveCSS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	w.Write(css)
}

// page runs a handler under the lock, saves what it did and then answers. No
// form-action in the policy: Chrome would apply it to the redirect back to
// the merchant as well.
func (s *Server) page(f func(*http.Request) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "This form could not be read.", http.StatusBadRequest)
			return
		}
		a := s.locked(r, f)
		head := w.Header()
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		switch {
		case a.redirect != "":
			http.Redirect(w, r, a.redirect, http.StatusSeeOther)
		case a.page == "":
			head.Set("Content-Type", "application/pdf")
			w.Write(a.raw)
		default:
			head.Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(max(a.status, http.StatusOK))
			w.Write(a.raw)
		}
	})
}

// locked runs a handler and draws its page while nothing else can change.
func (s *Server) locked(r *http.Request, f func(*http.Request) answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learnURL(r)
	s.tick()
	a := f(r)
	if r.Method == http.MethodPost {
		s.touched()
	}
	if err := s.save(); err != nil {
		a = message(http.StatusInternalServerError, "State not saved", err.Error())
	}
	if a.page != "" {
		a.raw = draw(a)
	}
	return a
}

func draw(a answer) []byte {
	var buf bytes.Buffer
	if err := frame(a).Render(context.Background(), &buf); err != nil {
		panic("sandbox: page " + a.page + ": " + err.Error())
	}
	return buf.Bytes()
}
