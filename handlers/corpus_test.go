package handlers_test

import (
	"bytes"
	"net/http"
	"strings"
	"unicode/utf16"
)

// bad is one row of the corpus: a request that is wrong, and the exact answer.
type bad struct {
	name   string
	call   call
	status int
	code   string
	field  string // details.field; empty if the error names none
}

// on builds a row for a JSON body.
func on(path, name, body string, status int, code, field string) bad {
	return bad{name, call{method: http.MethodPost, path: "/api/" + path, kind: jsonKind, body: body}, status, code, field}
}

func invalid(path, name, body, field string) bad {
	return on(path, name, body, 400, "invalid_field", field)
}

func nonsense(path, name, body string) bad { return on(path, name, body, 400, "invalid_json", "") }

// in builds a row for an address.
func in(name, path string, status int, code, field string) bad {
	return bad{name, call{method: http.MethodGet, path: path}, status, code, field}
}

const (
	up     = "billing/upgrade"
	down   = "billing/downgrade"
	wishes = "billing/request-limit-increase"
)

// documents are bodies that are no JSON object, for every call that takes one.
func documents() []bad {
	var rows []bad
	for _, path := range []string{up, down, "billing/checkout", "billing/portal", wishes, "web-approve/cancel"} {
		rows = append(rows, shapes(path)...)
		rows = append(rows,
			on(path, "64 KiB and a byte", "{"+strings.Repeat(" ", 64<<10-1)+"}", 413, "body_too_large", ""),
			on(path, "a million bytes", `{"plan":"`+strings.Repeat("a", 1_000_000)+`"}`, 413, "body_too_large", ""),
			on(path, "an unknown field", `{"admin":true}`, 400, "unknown_field", "admin"),
			on(path, "the org in the body", `{"org":"org_x"}`, 400, "unknown_field", "org"),
			on(path, "a prototype", `{"__proto__":{"plan":"scale"}}`, 400, "unknown_field", "__proto__"),
			on(path, "an empty name", `{"":1}`, 400, "unknown_field", ""),
			on(path, "a long name", `{"`+strings.Repeat("n", 5000)+`":1}`, 400, "unknown_field", strings.Repeat("n", 40)+"…"),
		)
	}
	return rows
}

// shapes are what no call takes, whatever it is about.
func shapes(path string) []bad {
	utf16le := new(bytes.Buffer)
	for _, c := range utf16.Encode([]rune(`{"plan":"scale"}`)) {
		utf16le.Write([]byte{byte(c), byte(c >> 8)})
	}
	var rows []bad
	for name, body := range map[string]string{
		"two documents":         `{}{}`,
		"a trailing word":       `{} x`,
		"a trailing comma":      `{},`,
		"null":                  `null`,
		"an array":              `[]`,
		"an object in a list":   `[{}]`,
		"a string":              `"scale"`,
		"a number":              `5`,
		"true":                  `true`,
		"cut":                   `{`,
		"only a space":          ` `,
		"single quotes":         `{'plan':'scale'}`,
		"a comment":             `{/*plan*/}`,
		"a bare name":           `{plan:"scale"}`,
		"NaN":                   `{"plan":NaN}`,
		"a leading zero":        `{"plan":05}`,
		"a byte order mark":     "\ufeff{}",
		"UTF-16":                utf16le.String(),
		"invalid UTF-8":         "{\"plan\":\"scale\xff\"}",
		"an overlong slash":     "{\"plan\":\"\xc0\xaf\"}",
		"a surrogate in bytes":  "{\"plan\":\"\xed\xa0\x80\"}",
		"a NUL byte":            "{\"plan\":\"sca\x00le\"}",
		"a raw newline":         "{\"plan\":\"sca\nle\"}",
		"half a pair":           `{"plan":"\ud800"}`,
		"the other half":        `{"plan":"\udc00"}`,
		"a pair reversed":       `{"plan":"\udc00\ud800"}`,
		"half a pair in a name": `{"\ud83d":"scale"}`,
		"20,000 arrays":         strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"20,000 objects":        strings.Repeat(`{"plan":`, 5_000) + "1" + strings.Repeat("}", 4_999),
	} {
		rows = append(rows, nonsense(path, name, body))
	}
	for kind, row := range map[string]string{
		"text/plain": "text", formKind: "a form", "multipart/form-data; boundary=x": "multipart", "": "nothing",
		"application/json; charset=latin1": "latin1", "application/json; a=b": "a parameter", "application/vnd.api+json": "another JSON",
		"application/json, text/plain": "two types", "json": "a word", "application/": "half a type", "*/*": "any",
	} {
		rows = append(rows, bad{"sent as " + row, call{method: "POST", path: "/api/" + path, kind: kind, body: `{"plan":"scale"}`}, 415, "unsupported_media_type", ""})
	}
	for _, encoding := range []string{"gzip", "identity", "br, gzip"} {
		r := on(path, "encoded as "+encoding, "{}", 415, "unsupported_media_type", "")
		r.call.header = map[string]string{"Content-Encoding": encoding}
		rows = append(rows, r)
	}
	return rows
}

// values are fields with values that they cannot have.
func values() []bad {
	rows := []bad{
		on(up, "a field twice", `{"plan":"scale","plan":"scale"}`, 400, "duplicate_field", "plan"),
		on(up, "a field twice, differing", `{"plan":"pro","plan":"scale"}`, 400, "duplicate_field", "plan"),
		on(up, "a field twice, once escaped", `{"plan":"pro","pl\u0061n":"scale"}`, 400, "duplicate_field", "plan"),
		on(down, "a field twice", `{"mode":"web","mode":"chat"}`, 400, "duplicate_field", "mode"),
		on(up, "another case", `{"Plan":"scale"}`, 400, "unknown_field", "Plan"),
		on(up, "upper case", `{"PLAN":"scale"}`, 400, "unknown_field", "PLAN"),
		on(up, "a look-alike", `{"рlan":"scale"}`, 400, "unknown_field", "рlan"),
		on(up, "the Kelvin sign", "{\"confirm_to\u212aen\":\"csc_x\"}", 400, "unknown_field", "confirm_to\u212aen"),
		on(down, "a plan to downgrade to", `{"plan":"free"}`, 400, "unknown_field", "plan"),
		on(up, "the other reference's word", `{"target_plan":"scale"}`, 400, "unknown_field", "target_plan"),
		on("web-approve/cancel", "no request", `{}`, 400, "missing_field", "request"),
		on("web-approve/cancel", "no body", ``, 400, "missing_field", "request"),
		on("web-approve/cancel", "a request that is none", `{"request":"apr_1"}`, 404, "not_found", ""),
		on("web-approve/cancel", "upper case", `{"request":"APR_`+strings.Repeat("0", 26)+`"}`, 404, "not_found", ""),
		on("web-approve/cancel", "SQL", `{"request":"' OR '1'='1"}`, 404, "not_found", ""),
		on(up, "blanks only in the plan", `{"plan":"scale "}`, 400, "unknown_plan", ""),
		on(up, "an upper-case plan", `{"plan":"SCALE"}`, 400, "unknown_plan", ""),
		on(up, "a path for a plan", `{"plan":"../scale"}`, 400, "unknown_plan", ""),
		on(up, "markup for a plan", `{"plan":"<script>alert(1)</script>"}`, 400, "unknown_plan", ""),
		on(up, "bidi in a plan", "{\"plan\":\"\u202escale\"}", 400, "unknown_plan", ""),
		on(up, "a zero-width space in a plan", "{\"plan\":\"scale\u200b\"}", 400, "unknown_plan", ""),
		on(up, "CRLF in a plan", `{"plan":"scale\r\nX: y"}`, 400, "unknown_plan", ""),
		on(up, "60,000 characters", `{"plan":"`+strings.Repeat("a", 60_000)+`"}`, 400, "unknown_plan", ""),
		on(wishes, "an unknown kind", `{"kind":"seats"}`, 400, "unknown_kind", "kind"),
		on(wishes, "an upper-case kind", `{"kind":"AGENTS"}`, 400, "unknown_kind", "kind"),
		on(wishes, "another spelling", `{"desired_value":5}`, 400, "unknown_field", "desired_value"),
		on(wishes, "a value twice", `{"desiredValue":5,"desiredValue":6}`, 400, "duplicate_field", "desiredValue"),
		on(up, "just 64 KiB", `{"plan":"gold"`+strings.Repeat(" ", 64<<10-15)+`}`, 400, "unknown_plan", ""),
		on("billing/checkout", "an unknown plan", `{"plan":"gold"}`, 400, "unknown_plan", ""),
	}
	wrong := map[string]string{"null": "null", "a list": `["scale"]`, "an object": `{"plan":"scale"}`, "a number": "5", "true": "true", "nothing": `""`, "a NUL": `"sca\u0000le"`}
	for name, v := range wrong {
		for _, field := range []string{"plan", "confirm_token", "mode", "reason"} {
			rows = append(rows, invalid(up, field+" is "+name, `{"`+field+`":`+v+`}`, field))
		}
		rows = append(rows, invalid("web-approve/cancel", "request is "+name, `{"request":`+v+`}`, "request"),
			invalid("billing/checkout", "plan is "+name, `{"plan":`+v+`}`, "plan"), invalid(down, "mode is "+name, `{"mode":`+v+`}`, "mode"))
	}
	for name, v := range map[string]string{
		"nothing": "null", "zero": "0", "negative": "-1", "a half": "1.5", "a whole float": "5.0", "an exponent": "1e3", "text": `"5"`,
		"past 2^53-1": "9007199254740992", "past 64 bits": "18446744073709551616", "true": "true", "a list": "[5]",
	} {
		rows = append(rows, invalid(wishes, "desiredValue is "+name, `{"desiredValue":`+v+`}`, "desiredValue"))
	}
	for name, v := range map[string]string{"null": "null", "a list": `["agents"]`, "a number": "5", "nothing": `""`} {
		rows = append(rows, invalid(wishes, "kind is "+name, `{"kind":`+v+`}`, "kind"), invalid(wishes, "reason is "+name, `{"reason":`+v+`}`, "reason"))
	}
	for _, mode := range []string{"Chat", "WEB", "web ", "auto", "human"} {
		rows = append(rows, invalid(up, "mode "+mode, `{"mode":"`+mode+`"}`, "mode"))
	}
	for _, n := range []string{
		"-1", "0", "299", "604801", "9223372036854775807", "9223372036854775808", "18446744073709551616", "5.0", "300.0", "300.5", "1e3", "3E2", `"300"`,
		"null", "true", "[300]", "{}", "1e400", "-0", "99999999999999999999999999",
	} {
		rows = append(rows, invalid(up, "expires_in "+n, `{"plan":"scale","mode":"web","expires_in":`+n+`}`, "expires_in"))
	}
	return rows
}

// addresses are queries, paths and methods.
func addresses(request string) []bad {
	status := "/api/web-approve/status?request=" + request
	rows := []bad{
		in("a parameter that is not known", "/api/billing?verbose=1", 400, "unknown_field", "verbose"),
		in("the org in the query", "/api/billing?org=org_x", 400, "unknown_field", "org"),
		in("another case", "/api/billing/preview?Plan=scale", 400, "unknown_field", "Plan"),
		in("a parameter twice", "/api/billing/preview?plan=pro&plan=scale", 400, "duplicate_field", "plan"),
		in("an empty parameter", "/api/billing/preview?plan=", 400, "invalid_field", "plan"),
		in("a parameter without a value", "/api/billing/preview?plan", 400, "invalid_field", "plan"),
		in("a broken escape", "/api/billing/preview?plan=%zz", 400, "invalid_query", ""),
		in("half an escape", "/api/billing/preview?plan=%", 400, "invalid_query", ""),
		in("a semicolon", "/api/billing/preview?plan=pro;x=1", 400, "invalid_query", ""),
		in("invalid UTF-8", "/api/billing/preview?plan=%ff", 400, "invalid_field", "plan"),
		in("NUL", "/api/billing/preview?plan=scale%00", 400, "invalid_field", "plan"),
		in("CRLF", "/api/billing/preview?plan=scale%0d%0aX-Y:1", 400, "invalid_field", "plan"),
		in("units that are not offered", "/api/billing/preview?additional_capacity_units=1", 409, "capacity_not_offered", ""),
		in("units as a word", "/api/billing/preview?additional_capacity_units=two", 400, "invalid_field", "additional_capacity_units"),
		in("units and a plan", "/api/billing/preview?additional_capacity_units=2&plan=pro", 400, "invalid_field", "additional_capacity_units"),
		in("no request", "/api/web-approve/status", 400, "missing_field", "request"),
		in("an empty request", "/api/web-approve/status?request=", 400, "invalid_field", "request"),
		in("a request that is none", "/api/web-approve/status?request=apr_x", 404, "not_found", ""),
		in("a long request", "/api/web-approve/status?request=apr_"+strings.Repeat("0", 10_000), 404, "not_found", ""),
		in("a request in upper case", "/api/web-approve/status?request=APR_"+strings.Repeat("0", 26), 404, "not_found", ""),
		in("two requests", status+"&request="+request, 400, "duplicate_field", "request"),
		in("a cursor of garbage", "/api/approvals?cursor=garbage", 400, "invalid_field", "cursor"),
		in("a cursor of another list", "/api/approvals?cursor=in_123", 400, "invalid_field", "cursor"),
		in("a cursor with letters that ids lack", "/api/approvals?cursor=apr_"+strings.Repeat("o", 26), 400, "invalid_field", "cursor"),
		in("SQL in a cursor", "/api/billing/invoices?cursor=in_1'%20OR%201=1--", 400, "invalid_field", "cursor"),
		in("a long cursor", "/api/billing/invoices?cursor="+strings.Repeat("a", 101), 400, "invalid_field", "cursor"),
		in("a page size", "/api/billing/invoices?limit=1000000", 400, "unknown_field", "limit"),
		in("a state that is none", "/api/approvals?state=open", 400, "invalid_field", "state"),
		in("a state in another case", "/api/approvals?state=PENDING", 400, "invalid_field", "state"),
		in("a method in the query", "/api/billing?_method=POST", 400, "unknown_field", "_method"),
	}
	for _, wait := range []string{"-1", "26", "1.5", "1e1", "+5", "05", "0x5", "abc", "", "9223372036854775808", "٥", "%205", "5s"} {
		rows = append(rows, in("wait="+wait, status+"&wait="+strings.ReplaceAll(wait, "+", "%2B"), 400, "invalid_field", "wait"))
	}
	for _, name := range []string{"confirm_token", "token", "access_token", "key", "API_KEY", "Authorization", "password", "secret"} {
		rows = append(rows, in(name+" in the query", "/api/billing?"+name+"=csa_x", 400, "secret_in_query", name))
	}
	for _, path := range []string{
		"/api", "/api/", "/api/billing/", "/api//billing", "/api/./billing", "/api/x/../billing", "/api/billing/../billing/upgrade", "/api/Billing",
		"/api/billing%2Fupgrade", "/api/billing%00", "/api/billing%0a", "/api/billing%20", "/api/billing;a=b", "/api/billing.json", "/api/billing/upgrade/", "/api%2fbilling",
		"/api/billing/upgrade%2f", "/api/%2e%2e/api/billing", "/api/billing\\upgrade", "/api/ｂilling", "/api/billing%ff", "/v1", "/v1/billing/upgrade", "/v1/billing/capacity",
	} {
		rows = append(rows, in("path "+path, path, 404, "not_found", ""))
	}
	for _, path := range []string{"//api/billing", "/API/billing", "/Settings/billing", "/settings/billing/", "/settings//billing", "/login/../settings/billing"} {
		rows = append(rows, in("path "+path, path, 404, "(page)", "")) // not one that a program would call
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "FOO", "get"} {
		r := on(up, method+" for a POST", "", 405, "method_not_allowed", "")
		r.call.method = method
		rows = append(rows, r)
	}
	rows = append(rows, bad{"POST for a GET", call{method: "POST", path: "/api/billing", kind: jsonKind, body: "{}"}, 405, "method_not_allowed", ""},
		in("GET for a POST", "/api/billing/upgrade", 405, "method_not_allowed", ""), in("GET for the webhook", "/stripe/webhook", 405, "method_not_allowed", ""))
	for _, path := range []string{up, down, "billing/checkout", "billing/portal", wishes, "web-approve/cancel"} {
		rows = append(rows, on(path+"?plan=scale", "the plan in the query", `{}`, 400, "unknown_field", "plan"))
		for name, key := range map[string]string{"of 256 characters": strings.Repeat("k", 256), "with a blank": "a b", "with a letter that is not ASCII": "clé"} {
			r := on(path, "an Idempotency-Key "+name, `{}`, 400, "invalid_idempotency_key", "")
			r.call.header = map[string]string{"Idempotency-Key": key}
			rows = append(rows, r)
		}
	}
	return rows
}

// credentials are callers who are not whom they say.
func (s *site) credentials(p people) []bad {
	row := func(name string, status int, code string, header map[string]string) bad {
		if _, ok := header["Authorization"]; !ok {
			header["Authorization"] = ""
		}
		return bad{name, call{method: "POST", path: "/api/" + up, kind: jsonKind, body: `{"plan":"scale"}`, header: header}, status, code, ""}
	}
	cookie := s.request(call{as: p.owner, method: "GET", path: "/"}).Header.Get("Cookie")
	flipped := func(key string, at int) string {
		b := []byte(key)
		b[at] = map[bool]byte{true: 'A', false: 'B'}[b[at] != 'A']
		return string(b)
	}
	own := map[string]string{"Sec-Fetch-Site": "same-origin"}
	with := func(name, value string) map[string]string {
		h := map[string]string{name: value}
		for k, v := range own {
			h[k] = v
		}
		return h
	}
	rows := []bad{
		row("no credential", 401, "unauthorized", map[string]string{}),
		row("cookie and bearer", 400, "ambiguous_credentials", map[string]string{"Authorization": "Bearer " + p.OwnerToken, "Cookie": cookie}),
		row("bearer and an empty cookie", 400, "ambiguous_credentials", map[string]string{"Authorization": "Bearer " + p.OwnerToken, "Cookie": "cs_session="}),
		row("basic", 401, "unauthorized", map[string]string{"Authorization": "Basic b3duZXI6cGFzcw=="}),
		row("a bare key", 401, "unauthorized", map[string]string{"Authorization": p.OwnerToken}),
		row("no key", 401, "unauthorized", map[string]string{"Authorization": "Bearer"}),
		row("two keys in one", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + p.OwnerToken + "," + p.OwnerToken}),
		row("a key that is cut", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + p.OwnerToken[:len(p.OwnerToken)-1]}),
		row("a key that is longer", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + p.OwnerToken + "0"}),
		row("a typo in the key", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + flipped(p.OwnerToken, 10)}),
		row("a typo in the checksum", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + flipped(p.OwnerToken, len(p.OwnerToken)-1)}),
		row("an agent's key as a member's", 401, "unauthorized", map[string]string{"Authorization": "Bearer csm_" + p.AgentKey[4:]}),
		row("a session as a key", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + p.OwnerCookie}),
		row("a key as a cookie", 401, "unauthorized", with("Cookie", "cs_session="+p.OwnerToken)),
		row("a bare session as a cookie", 401, "unauthorized", with("Cookie", "cs_session="+p.OwnerCookie)),
		row("a cookie that is cut", 401, "unauthorized", with("Cookie", cookie[:len(cookie)-3])),
		row("a planted cookie before the real one", 401, "unauthorized", with("Cookie", "cs_session=x; "+cookie)),
		row("the cookie's name under TLS", 401, "unauthorized", with("Cookie", strings.Replace(cookie, "cs_session", "__Host-cs_session", 1))),
		row("a million bytes of key", 401, "unauthorized", map[string]string{"Authorization": "Bearer csm_" + strings.Repeat("a", 500_000)}),
	}
	return rows
}
