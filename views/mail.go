package views

import (
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// Mail is an email: both bodies say the same.
type Mail struct {
	Subject string
	Text    string
	HTML    string
}

// SignInMail is the email with a sign-in link. The link is its only secret, and
// it carries nothing of the org.
func SignInMail(name, link string, expires time.Time) Mail {
	once := copyMailOnce + " " + expires.UTC().Format(formatMoment) + "."
	return mailOf(copyMailSubject, name, copyMailLead, link, "<strong>"+html.EscapeString(copyMailButton)+"</strong>",
		once+"\n"+copyMailNot, html.EscapeString(once)+" "+html.EscapeString(copyMailNot))
}

// RequestMail tells somebody who can decide that an agent's request waits. It
// carries the address and the check code, and no button that acts.
func RequestMail(name, sender, what, link, code string) Mail {
	lead := oneLine(sender) + " asks you to look at the request of an agent: " + strings.TrimSuffix(oneLine(what), ".") + "."
	return mailOf(copyRequestSubject, name, lead, link, html.EscapeString(link),
		copyMailCheck+" "+code, html.EscapeString(copyMailCheck)+" <strong>"+html.EscapeString(code)+"</strong>")
}

// TrialEndingMail tells somebody who can decide that a trial is about to end,
// and what happens if they do nothing.
func TrialEndingMail(m billing.TrialMail) Mail {
	what := oneLine(m.Org) + "’s trial of " + m.Plan
	lead := what + " ends on " + m.EndsAt.UTC().Format(formatMoment) + "."
	return mailOf(what+" ends "+inDays(m.Days), m.Name, lead, m.URL, html.EscapeString(copyTrialMailLink), copyTrialMailNote, html.EscapeString(copyTrialMailNote))
}

func inDays(n int) string {
	if n <= 1 {
		return "tomorrow"
	}
	return "in " + strconv.Itoa(n) + " days"
}

// mailOf writes both bodies: a greeting, why we write, the link and what to know
// about it. linkHTML and noteHTML are markup of ours, escaped already.
func mailOf(subject, name, lead, link, linkHTML, note, noteHTML string) Mail {
	greeting := "Hello,"
	if name = oneLine(name); name != "" {
		greeting = "Hello " + name + ","
	}
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + html.EscapeString(subject) + "</title></head><body>\n")
	for _, p := range []string{
		html.EscapeString(greeting), html.EscapeString(lead),
		"<a href=\"" + html.EscapeString(link) + "\">" + linkHTML + "</a>", noteHTML, html.EscapeString(copyProduct),
	} {
		b.WriteString("<p>" + p + "</p>\n")
	}
	b.WriteString("</body></html>\n")
	return Mail{
		Subject: subject, HTML: b.String(),
		Text: strings.Join([]string{greeting, "", lead, "", link, "", note, "", copyProduct, ""}, "\n"),
	}
}

// oneLine keeps a name from adding lines to a message.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
