package views

import (
	"html"
	"strings"
	"time"
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
	greeting := "Hello,"
	if name = oneLine(name); name != "" {
		greeting = "Hello " + name + ","
	}
	until := expires.UTC().Format(formatMoment)
	m := Mail{Subject: copyMailSubject}
	m.Text = strings.Join([]string{greeting, "", copyMailLead, "", link, "", copyMailOnce + " " + until + ".", copyMailNot, "", copyProduct, ""}, "\n")
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + html.EscapeString(copyMailSubject) + "</title></head><body>\n")
	b.WriteString("<p>" + html.EscapeString(greeting) + "</p>\n<p>" + html.EscapeString(copyMailLead) + "</p>\n")
	b.WriteString("<p><a href=\"" + html.EscapeString(link) + "\"><strong>" + html.EscapeString(copyMailButton) + "</strong></a></p>\n")
	b.WriteString("<p>" + html.EscapeString(copyMailOnce+" "+until+".") + " " + html.EscapeString(copyMailNot) + "</p>\n")
	b.WriteString("<p>" + html.EscapeString(copyProduct) + "</p>\n</body></html>\n")
	m.HTML = b.String()
	return m
}

// RequestMail tells somebody who can decide that an agent's request waits. It
// carries the address and the check code, and no button that acts.
func RequestMail(name, sender, what, link, code string) Mail {
	greeting := "Hello,"
	if name = oneLine(name); name != "" {
		greeting = "Hello " + name + ","
	}
	lead := oneLine(sender) + " asks you to look at the request of an agent: " + oneLine(what) + "."
	m := Mail{Subject: "A request waits for your answer"}
	m.Text = strings.Join([]string{greeting, "", lead, "", link, "", copyMailCheck + " " + code, "", copyProduct, ""}, "\n")
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + html.EscapeString(m.Subject) + "</title></head><body>\n")
	for _, line := range []string{greeting, lead} {
		b.WriteString("<p>" + html.EscapeString(line) + "</p>\n")
	}
	b.WriteString("<p><a href=\"" + html.EscapeString(link) + "\">" + html.EscapeString(link) + "</a></p>\n")
	b.WriteString("<p>" + html.EscapeString(copyMailCheck) + " <strong>" + html.EscapeString(code) + "</strong></p>\n<p>" + html.EscapeString(copyProduct) + "</p>\n</body></html>\n")
	m.HTML = b.String()
	return m
}

// oneLine keeps a name from adding lines to a message.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
