// Package web is HTTP's own language: who is calling, what of a request may be
// believed, and how an answer is written. It owns sessions in cookies, bearer
// keys, the guard against cross-origin requests, strict decoding, security
// headers, rate limits, the request log, and the one table from errors to
// statuses.
//
// It knows no endpoint, no page and no plan. Handlers have the form
// func(*Request) error; they read through the Request and answer through it, and
// never set a header, a cookie or a status by hand. Routes are registered with a
// Router, whose methods leave no way to add a POST without its protection.
package web
