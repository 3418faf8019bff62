// Package handlers owns the routes: routes.go lists all of them, and each flow
// has one file with its page and its API call side by side. A handler has three
// beats: read the request, one call into the domain, answer.
//
// It decides nothing about plans, money or rights, and speaks HTTP only through
// package web.
package handlers
