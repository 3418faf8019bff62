// Package views owns what people see: the pages, their fragments, the sign-in
// email, and all of their words (copy.go). A page is a plain struct of words
// and dates that are ready to be shown, a pure constructor beside it that makes
// the struct from values of the domain, and one .templ file that draws it.
//
// It does not speak HTTP, look anything up, or decide who may do what: a button
// is drawn because the struct has it. Only package web renders a page into an
// answer, buffered.
//
// One rule makes every action work with and without JavaScript: each page,
// the error page too, has one <main id="main">, each form is a plain POST, and
// htmx does no more than put the #main of the answer in the place of the
// present one. So an action may answer a whole page, whatever its status.
package views
