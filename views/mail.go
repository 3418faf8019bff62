package views

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/countersignhq/countersign/billing"
)

// Mail is an email: both bodies say the same.
type Mail struct {
	Name    string // of the reader, for a header; may be empty
	Subject string
	Text    string
	HTML    string
}

// letter is what both bodies are made from.
type letter struct {
	subject, greeting string
	lead              []string
	facts             []mailFact
	bill              []mailFact // amounts
	code              string     // to compare by eye
	links             []mailLink
	notes             []string
	from              string // why the reader has it
}

type mailFact struct {
	term, text string
	sum        bool
}

// mailLink leads to a page. There is no link that acts: programs open them all.
type mailLink struct{ label, url string }

// NewMail writes a mail. The catalogue tells the names of plans.
func NewMail(c *billing.Catalog, m billing.Mail) Mail {
	l := letter{greeting: copyMailHello}
	name := plainName(m.To.Name)
	if name != "" {
		l.greeting = fmt.Sprintf(copyMailHelloName, name)
	}
	org := plainName(m.Org.Name)
	l.from = copyProduct
	if org != "" {
		l.from = fmt.Sprintf(copyMailFrom, org)
	}
	w := &mailWriter{letter: &l, Locale: NewLocale(m.Org.Region), catalog: c, org: org, url: m.URL, now: m.At}
	switch t := m.Message.(type) {
	case billing.SignIn:
		w.signIn(t)
	case billing.RequestWaits:
		w.waits(t)
	case billing.RequestAnswered:
		w.answered(t)
	case billing.AgentChange:
		w.change(t)
	case billing.PaymentFailed:
		w.failed(t)
	case billing.TrialEnding:
		w.trial(t)
	case billing.InvoicePaid:
		w.receipt(t)
	}
	out := l.mail()
	out.Name = name
	return out
}

func (l letter) mail() Mail {
	var page strings.Builder
	_ = mailPage(l).Render(context.Background(), &page) // a builder takes everything
	return Mail{Subject: l.subject, Text: l.text(), HTML: page.String()}
}

func (l letter) text() string {
	var b strings.Builder
	para := func(lines ...string) { b.WriteString(strings.Join(lines, "\n") + "\n\n") }
	para(l.subject)
	para(l.greeting)
	for _, p := range l.lead {
		para(p)
	}
	for _, table := range [][]mailFact{l.facts, l.bill} {
		if len(table) == 0 {
			continue
		}
		lines := make([]string, len(table))
		for i, f := range table {
			lines[i] = "  " + f.term + ": " + f.text
		}
		para(lines...)
	}
	if l.code != "" {
		para(copyMailCode + ": " + l.code)
	}
	for _, to := range l.links {
		para(to.label+":", to.url)
	}
	for _, p := range l.notes {
		para(p)
	}
	b.WriteString("-- \n" + l.from + "\n")
	return b.String()
}

// mailWriter fills a letter.
type mailWriter struct {
	*letter
	Locale
	catalog *billing.Catalog
	org     string
	url     string // the page of ours
	now     time.Time
}

func (w *mailWriter) fact(term, text string) {
	if text != "" {
		w.facts = append(w.facts, mailFact{term: term, text: text})
	}
}

func (w *mailWriter) leads(label string) {
	w.links = append(w.links, mailLink{label, w.url})
}

// verb is a change in words, "Upgrade Acme to Scale", for the subject.
func (w *mailWriter) verb(q billing.Quote) string { return w.verbOf(w.catalog, q, w.org) }

func (w *mailWriter) signIn(m billing.SignIn) {
	w.subject, w.lead = copyMailSubject, []string{copyMailLead}
	w.leads(copyMailButton)
	w.notes = []string{fmt.Sprintf(copyMailOnce, w.moment(m.Expires).Text), copyMailNot}
}

func (w *mailWriter) waits(m billing.RequestWaits) {
	what, agent := w.verb(m.Quote), plainName(m.Agent)
	w.subject = fmt.Sprintf(copyWaitsSubject, what)
	w.lead = []string{fmt.Sprintf(copyWaitsLead, agent, lowerFirst(what)), copyWaitsNothing}
	if by := plainName(m.Sender); by != "" {
		w.lead[0] = fmt.Sprintf(copyWaitsSender, by, agent, lowerFirst(what))
	}
	w.fact(copyMailCost, w.costOf(m.Quote))
	w.fact(copyMailUntil, w.moment(m.Until).Text)
	w.code = billing.CheckCode(m.Request)
	w.leads(copyMailSeeRequest)
	w.notes = []string{copyMailOnlyPage}
	if m.Last {
		w.notes = append(w.notes, copyWaitsLast)
	}
}

func (w *mailWriter) answered(m billing.RequestAnswered) {
	subject, lead, next := copyDeniedSubject, copyDeniedLead, copyDeniedNext
	if m.Approved {
		subject, lead, next = copyApprovedSubject, copyApprovedLead, copyApprovedNext
	}
	what := w.verb(m.Quote)
	w.subject = fmt.Sprintf(subject, what)
	w.lead = []string{fmt.Sprintf(lead, plainName(m.By), plainName(m.Agent), lowerFirst(what)), next}
	w.fact(copyMailCost, w.costOf(m.Quote))
	w.fact(copyMailReason, denialReasons[m.Reason])
	w.fact(copyMailWhen, w.moment(m.At).Text)
	w.code = billing.CheckCode(m.Request)
	w.leads(copyMailSeeRequest)
	if m.Paused {
		w.notes = []string{copyDeniedPaused}
	}
}

// denialReasons are those of the approve page's buttons.
var denialReasons = map[string]string{
	"too_expensive": copyTooExpensive, "not_now": copyNotNow, "not_me": copyNotMe,
}

func (w *mailWriter) change(m billing.AgentChange) {
	subject, lead := copyDoneSubject, copyDoneLead
	switch m.End {
	case billing.ChangeFailed:
		subject, lead = copyFailSubject, copyFailLead
	case billing.ChangeBank:
		subject, lead = copyBankSubject, copyBankLead
	}
	what := w.verb(m.Quote)
	w.subject = fmt.Sprintf(subject, what)
	w.lead = []string{fmt.Sprintf(lead, plainName(m.Agent), lowerFirst(what))}
	by := plainName(m.By.Name)
	if m.By.Kind == billing.KindAgent {
		by = copyAgreedChat
	}
	w.fact(copyAgreedBy, by)
	if m.End == billing.ChangeDone {
		w.carriedOut(m)
	} else {
		w.fact(copyMailWhy, plainText(m.Why))
		w.fact(copyMailCharged, copyMailNoCost)
	}
	w.fact(copyMailWhen, w.moment(m.At).Text)
	w.code = billing.CheckCode(m.Request)
	if w.leads(copyMailSeeRequest); m.End == billing.ChangeBank {
		w.notes = append(w.notes, copyBankNext)
	}
	w.notes = append(w.notes, copyMailNotWanted)
}

// carriedOut adds what a change that was made costs, and until when it can be
// undone.
func (w *mailWriter) carriedOut(m billing.AgentChange) {
	charged := copyMailNoCost
	if m.Charged > 0 {
		charged = w.money(m.Charged, m.Quote.Currency)
	}
	w.fact(copyMailCharged, charged)
	if m.Credited > 0 {
		w.fact(copyMailCredit, w.money(m.Credited, m.Quote.Currency))
	}
	switch m.Quote.Change.Action {
	case billing.ActionScheduleDowngrade, billing.ActionReduce:
		w.fact(copyMailEffect, w.day(m.EffectiveAt).Text)
		w.notes = append(w.notes, copyUndoPlan)
	case billing.ActionStartTrial:
		w.fact(copyMailEnds, w.moment(m.EffectiveAt).Text)
	}
}

func (w *mailWriter) failed(m billing.PaymentFailed) {
	plan := planName(w.catalog, m.Plan)
	amount := w.money(m.Amount.Amount, m.Amount.Currency)
	if w.subject, w.lead = fmt.Sprintf(copyFailedSubject, amount, w.org, plan), []string{fmt.Sprintf(copyFailedLead, amount, w.org, plan)}; m.Ended {
		w.subject, w.lead = fmt.Sprintf(copyEndedSubject, w.org, plan), []string{fmt.Sprintf(copyEndedLead, w.org, plan)}
	}
	link := copyMailPay
	if m.NeedsBank {
		w.subject, w.lead, link = fmt.Sprintf(copyConfirmSubject, amount, w.org, plan), []string{fmt.Sprintf(copyConfirmLead, amount, w.org, plan)}, copyMailConfirm
	}
	if m.Amount.Currency != "" {
		w.fact(copyMailAmount, amount)
	}
	w.fact(copyMailCard, cardWords(m.Card))
	switch {
	case m.Ended:
		w.fact(copyMailOut, copyMailFree)
		w.leads(copyMailSeeBilling)
		return
	case m.NeedsBank:
	case m.NextTry.IsZero():
		w.fact(copyMailNextTry, copyMailNoTry)
	default:
		w.fact(copyMailNextTry, w.day(m.NextTry).Text)
	}
	if m.Out {
		w.fact(copyMailOut, copyMailOutText)
	} else if !m.KeepUntil.IsZero() {
		w.fact(fmt.Sprintf(copyMailKept, plan), w.moment(m.KeepUntil).Text)
	}
	w.leads(link)
}

func (w *mailWriter) trial(m billing.TrialEnding) {
	plan := planName(w.catalog, m.Plan)
	w.subject = fmt.Sprintf(copyTrialSubject, w.org, plan, w.inDays(m.EndsAt.Sub(w.now)))
	w.lead = []string{fmt.Sprintf(copyTrialLead, w.org, plan, w.moment(m.EndsAt).Text), copyTrialMailNote}
	w.leads(copyTrialMailLink)
}

// inDays says how far away the end is, in days that have begun.
func (in Locale) inDays(d time.Duration) string {
	const day = 24 * time.Hour
	switch n := int64((d + day - 1) / day); {
	case d < 12*time.Hour:
		return "today"
	case n == 1:
		return "tomorrow"
	default:
		return "in " + in.number(n) + " days"
	}
}

func (w *mailWriter) receipt(m billing.InvoicePaid) {
	in := m.Amount.Currency
	amount := w.money(m.Amount.Amount, in)
	w.subject = fmt.Sprintf(copyReceiptSubject, w.org, amount, plainText(m.Description))
	w.lead = []string{fmt.Sprintf(copyReceiptLead, w.org, amount)}
	w.fact(copyReceiptNumber, plainText(m.Number))
	w.fact(copyReceiptPaid, w.day(m.Payment.At).Text)
	w.fact(copyMailCard, cardWords(m.Card))
	for _, line := range m.Lines {
		w.bill = append(w.bill, mailFact{term: plainText(line.Description), text: w.money(line.Amount, in)})
	}
	if m.Tax > 0 {
		w.bill = append(w.bill, mailFact{term: copyReceiptTax, text: w.money(m.Tax, in)})
	}
	if credit := m.Total - m.Amount.Amount; credit > 0 {
		w.bill = append(w.bill, mailFact{term: copyReceiptTotal, text: w.money(m.Total, in)},
			mailFact{term: copyReceiptCredit, text: w.money(-credit, in)})
	}
	w.bill = append(w.bill, mailFact{term: copyReceiptCharged, text: amount, sum: true})
	w.leads(copyMailSeeBilling)
	if u, err := url.Parse(m.HostedURL); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		w.links = append(w.links, mailLink{copyReceiptHosted, u.String()})
	}
}

// longestName is where a name in a mail is cut off, in runes.
const longestName = 80

// plainName is a name that neither adds lines to a mail nor changes the direction
// of the words around it.
func plainName(s string) string {
	s = plainText(s)
	if r := []rune(s); len(r) > longestName {
		s = strings.TrimSpace(string(r[:longestName-1])) + "…"
	}
	return s
}

// plainText is one line without characters that are not seen.
func plainText(s string) string {
	seen := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(seen), " ")
}
