package web

import (
	"io"
	"mime"
	"net/http"
	"strings"
)

// mediaType returns the content type, if it is one and nothing but UTF-8.
func mediaType(r *http.Request) (string, bool) {
	values := r.Header.Values("Content-Type")
	if len(values) != 1 || r.Header.Get("Content-Encoding") != "" {
		return "", false
	}
	if values[0] == "application/json" { // as most send it
		return values[0], true
	}
	media, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return "", false
	}
	for name, v := range params {
		if name != "charset" || !strings.EqualFold(v, "utf-8") {
			return "", false
		}
	}
	return media, true
}

// Decode reads the body into the struct that dst points to. It takes exactly one
// JSON object, and refuses whatever two readers could understand differently:
// see DecodeStrict. No body at all reads as an empty object.
func (r *Request) Decode(dst any) error { return r.DecodeUpTo(maxBody, dst) }

// DecodeUpTo is Decode for a body of at most limit bytes.
func (r *Request) DecodeUpTo(limit int64, dst any) error {
	body, err := r.readBody(limit)
	if err != nil {
		return bodyError(err, errBody)
	}
	if len(body) == 0 {
		body = []byte("{}")
	} else if media, ok := mediaType(r.Request); !ok || media != "application/json" {
		return errMediaType
	}
	return DecodeStrict(body, dst)
}

// readBody reads a body whose length is known at once.
func (r *Request) readBody(limit int64) ([]byte, error) {
	if n := r.ContentLength; n > 0 && n <= limit {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	r.Body = http.MaxBytesReader(r.w, r.Body, limit)
	return io.ReadAll(r.Body)
}

// RawBody returns the raw body of at most limit bytes.
func (r *Request) RawBody(limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, limit))
	if err != nil {
		return nil, bodyError(err, errBody)
	}
	return body, nil
}
