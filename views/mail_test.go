package views

import (
	"cmp"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/countersignhq/countersign/billing"
)

const mailBase = "https://billing.acme.test"

type mailCase struct {
	message billing.Message
	url     string // of ours
	name    string // of the reader; empty: Ada
	org     string // empty: Acme
}

func mailQuote() billing.Quote {
	return billing.Quote{
		Change: billing.Change{Action: billing.ActionChangePlan, Plan: "scale"}, FromPlan: "pro", ToPlan: "scale", Currency: "usd",
		DueNow: 1740, Recurring: 4900, Interval: "month",
	}
}

func downgradeQuote() billing.Quote {
	return billing.Quote{
		Change: billing.Change{Action: billing.ActionScheduleDowngrade}, FromPlan: "pro", ToPlan: "free", Currency: "usd",
		EffectiveAt: now.AddDate(0, 0, 7),
	}
}

// mailCases is every kind of mail, in every shape that it has.
func mailCases() map[string]mailCase {
	const request, page, settings = "apr_1", mailBase + "/approve/apr_1", mailBase + "/settings/billing"
	visa := &billing.Card{Brand: "visa", Last4: "4242"}
	ada := billing.Actor{Kind: billing.KindHuman, ID: "usr_1", Name: "Ada Okafor"}
	bot := billing.Actor{Kind: billing.KindAgent, ID: "agt_1", Name: "deploy-bot"}
	usd := func(n int64) billing.Money { return billing.Money{Amount: n, Currency: "usd"} }
	asks := billing.RequestWaits{Request: request, Agent: bot.Name, Quote: mailQuote(), Until: now.AddDate(0, 0, 1)}
	last, sent, hostile := asks, asks, asks
	last.Last = true
	sent.Sender = "Mia Tanaka"
	hostile.Agent, hostile.Sender = "<b>bot</b>\r\nBcc: x@evil.test", "\u202eevil\u200b <script>alert(1)</script>"+strings.Repeat("x", 200)
	answered := billing.RequestAnswered{Request: request, Agent: bot.Name, Quote: mailQuote(), By: ada.Name, At: now}
	approved, paused := answered, answered
	approved.Approved = true
	paused.Reason, paused.Paused = "not_me", true
	answered.Reason = "too_expensive"
	done := billing.AgentChange{Request: request, Agent: bot.Name, Quote: mailQuote(), By: ada, End: billing.ChangeDone, At: now, Charged: 1740}
	chat, failed, bank, later := done, done, done, done
	chat.By, chat.Charged, chat.Credited = bot, 0, 860
	failed.End, failed.Charged, failed.Why = billing.ChangeFailed, 0, "The card was declined."
	bank.End, bank.Charged, bank.Why = billing.ChangeBank, 0, "The bank wants to confirm this payment."
	later.Quote, later.Charged, later.EffectiveAt = downgradeQuote(), 0, now.AddDate(0, 0, 7)
	unpaid := billing.PaymentFailed{Invoice: "in_1", Plan: "scale", Amount: usd(4900), Card: visa, NextTry: now.AddDate(0, 0, 3), KeepUntil: now.AddDate(0, 0, 14)}
	lastTry, out, ended, confirm := unpaid, unpaid, unpaid, unpaid
	confirm.NeedsBank = true
	lastTry.NextTry = time.Time{}
	out.KeepUntil, out.Out = time.Time{}, true
	ended.Ended, ended.NextTry, ended.KeepUntil = true, time.Time{}, time.Time{}
	paid := billing.InvoicePaid{
		Invoice: "in_1", Number: "ACME-0004", Description: "Scale", Total: 5880,
		Payment: billing.Payment{At: now, Amount: usd(5880), Tax: 980, Card: visa, Lines: []billing.Line{{Description: "1 × Scale (at $49.00 / month)", Amount: 4900}}, HostedURL: "https://invoice.stripe.test/i/acct_1/test_1?s=ap"},
	}
	credit := paid
	credit.Total, credit.Amount, credit.Tax, credit.HostedURL, credit.Description = 3000, usd(2140), 0, "", "Change to Scale"
	credit.Lines = []billing.Line{{Description: "Remaining time on Scale after 23 Nov 2026", Amount: 4000}, {Description: "Unused time on Pro after 23 Nov 2026", Amount: -1000}}
	tampered := paid
	tampered.HostedURL = "javascript:alert(1)"
	return map[string]mailCase{
		"sign-in":          {message: billing.SignIn{URL: mailBase + "/login/cso_1?a=1&b=2", Expires: now.Add(15 * time.Minute)}, url: mailBase + "/login/cso_1?a=1&b=2"},
		"asked":            {message: asks, url: page},
		"asked-last":       {message: last, url: page},
		"asked-sent":       {message: sent, url: page},
		"asked-hostile":    {message: hostile, url: page, name: "Eve\r\nBcc: <x@y>\u2066", org: "Acme\u202e\n<i>& Co</i>"},
		"approved":         {message: approved, url: page},
		"denied":           {message: answered, url: page},
		"denied-paused":    {message: paused, url: page},
		"change-done":      {message: done, url: page},
		"change-chat":      {message: chat, url: page},
		"change-scheduled": {message: later, url: page},
		"change-failed":    {message: failed, url: page},
		"change-bank":      {message: bank, url: page},
		"payment-failed":   {message: unpaid, url: settings},
		"payment-last-try": {message: lastTry, url: settings},
		"payment-bank":     {message: confirm, url: settings},
		"payment-out":      {message: out, url: settings},
		"payment-ended":    {message: ended, url: settings},
		"trial-ending":     {message: billing.TrialEnding{Plan: "scale", EndsAt: now.AddDate(0, 0, 3)}, url: settings},
		"receipt":          {message: paid, url: settings},
		"receipt-credit":   {message: credit, url: settings},
		"receipt-tampered": {message: tampered, url: settings},
	}
}

func (c mailCase) mail(t *testing.T) Mail {
	return NewMail(flat(t), billing.Mail{
		To: billing.User{Email: "ada@acme.test", Name: cmp.Or(c.name, "Ada Okafor")}, Org: billing.Org{Name: cmp.Or(c.org, "Acme")},
		Message: c.message, URL: c.url, At: now,
	})
}

// TestMails compares each mail with the files in testdata/mails. After a change of
// words that is meant, UPDATE_MAILS=1 writes them anew.
func TestMails(t *testing.T) {
	for name, c := range mailCases() {
		m := c.mail(t)
		_, body, _ := strings.Cut(m.HTML, "</style>")
		golden(t, name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
		golden(t, name+".html", body+"\n")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "mails", name)
	want, err := os.ReadFile(path)
	switch {
	case os.Getenv("UPDATE_MAILS") != "":
		if err = os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	case errors.Is(err, fs.ErrNotExist):
		t.Errorf("%s is not there; UPDATE_MAILS=1 writes it", name)
	case string(want) != got:
		t.Errorf("%s has changed; UPDATE_MAILS=1 writes it anew. It is\n%s", name, got)
	}
}

func htmlWords(t *testing.T, m Mail) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(m.HTML))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "title" {
			b.WriteString(n.Data + " ")
		}
	}
	return squeezed(b.String())
}

var beforePunctuation = regexp.MustCompile(` +([:.,])`)

func squeezed(s string) string {
	return beforePunctuation.ReplaceAllString(strings.Join(strings.Fields(s), " "), "$1")
}

// TestMailBodiesSayTheSame, word for word.
func TestMailBodiesSayTheSame(t *testing.T) {
	for name, c := range mailCases() {
		m := c.mail(t)
		text := squeezed(strings.Replace(m.Text, "\n-- \n", "\n", 1))
		if got := htmlWords(t, m); got != text {
			t.Errorf("%s: the HTML says\n%s\nand the text\n%s", name, got, text)
		}
	}
}

var anyURL = regexp.MustCompile(`[a-z]+://[^\s"<]+`)

// TestMailsLeadAndDoNotAct: a mail holds no form, no picture, no script and no
// address but those of the pages that it leads to; the code is in those about
// requests.
func TestMailsLeadAndDoNotAct(t *testing.T) {
	for name, c := range mailCases() {
		m := c.mail(t)
		allowed := []string{c.url}
		if paid, ok := c.message.(billing.InvoicePaid); ok && strings.HasPrefix(paid.HostedURL, "https:") {
			allowed = append(allowed, paid.HostedURL)
		}
		for _, body := range []string{m.Text, html.UnescapeString(m.HTML)} {
			found := anyURL.FindAllString(body, -1)
			if len(found) == 0 {
				t.Errorf("%s leads nowhere", name)
			}
			for _, u := range found {
				if !slices.Contains(allowed, u) {
					t.Errorf("%s: a link to %s", name, u)
				}
			}
		}
		page := render(t, mailBody(m.HTML))
		for _, n := range page.tag("form", "button", "input", "script", "img", "link", "iframe", "object") {
			t.Errorf("%s: <%s>", name, n.Data)
		}
		for _, a := range page.tag("a") {
			if u, err := url.Parse(attr(a, "href")); err != nil || u.Scheme != "https" {
				t.Errorf("%s: a link to %q", name, attr(a, "href"))
			}
		}
		if about := strings.Contains(c.url, "/approve/"); about != strings.Contains(m.Text, billing.CheckCode("apr_1")) {
			t.Errorf("%s: the check code is there or not, against the rule", name)
		}
	}
}

// TestMailNames: what people call themselves, an org or an agent changes nothing
// but itself.
func TestMailNames(t *testing.T) {
	m := mailCases()["asked-hostile"].mail(t)
	if strings.ContainsAny(m.Subject, "\r\n") || !strings.HasPrefix(m.Text, m.Subject+"\n\nHello Eve Bcc: <x@y>,\n\n") {
		t.Errorf("subject %q, text %q", m.Subject, m.Text)
	}
	for _, body := range []string{m.Subject, m.Text, m.HTML} {
		if strings.ContainsAny(body, "\u202e\u2066\u200b\r") || strings.Contains(body, strings.Repeat("x", longestName)) {
			t.Errorf("not cleaned: %q", body)
		}
	}
	for _, markup := range []string{"<b>", "<script", "<i>", "<x@y>"} {
		if strings.Contains(m.HTML, markup) {
			t.Errorf("%s is in the HTML", markup)
		}
	}
}

func TestTrialDays(t *testing.T) {
	for left, want := range map[time.Duration]string{
		72 * time.Hour: "in 3 days", 71 * time.Hour: "in 3 days", 49 * time.Hour: "in 3 days", 24 * time.Hour: "tomorrow", 13 * time.Hour: "tomorrow", time.Hour: "today", 0: "today",
	} {
		if got := (Locale{}).inDays(left); got != want {
			t.Errorf("%v: %q, want %q", left, got, want)
		}
	}
}

// mailBody is finished HTML as a component.
func mailBody(page string) templ.Component { return templ.Raw(page) }
