package sandbox

import (
	"net/http"
)

const keepKeys = 24 * 60 * 60 // seconds, as Stripe prunes them

// replay is what an idempotency key remembers.
type replay struct {
	Path    string
	Params  string
	Created int64
	Done    bool
	Status  int
	Request string
	Body    []byte
}

// take claims a key for a request. It returns the stored answer if the key
// was used before, or Stripe's error if it cannot be used.
func (s *Server) take(key, path, encoded string) (*replay, *apiError) {
	s.pruneKeys()
	if len(key) > 255 {
		return nil, &apiError{status: http.StatusBadRequest, kind: "idempotency_error", msg: "Idempotency keys can have up to 255 characters."}
	}
	old := s.st.Keys[key]
	if old == nil {
		s.st.Keys[key] = &replay{Path: path, Params: encoded, Created: s.now()}
		return nil, nil
	}
	fail := &apiError{status: http.StatusBadRequest, kind: "idempotency_error"}
	switch {
	case old.Path != path:
		fail.msg = "Keys for idempotent requests can only be used for the same endpoint they were first used for ('" + path + "' vs '" + old.Path + "'). Try using a key other than '" + key + "' if you meant to execute a different request."
	case old.Params != encoded:
		fail.msg = "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + key + "' if you meant to execute a different request."
	case !old.Done:
		fail.status, fail.code = http.StatusConflict, "idempotency_key_in_use"
		fail.msg = "There is currently another in-progress request using this Stripe-Idempotent-Key (that probably means you submitted twice, and the other request is still going through): " + key + ". Please try again later."
	default:
		return old, nil
	}
	return nil, fail
}

// settle stores the answer under the key, or frees the key when nothing was
// executed.
func (s *Server) settle(key string, keep bool, status int, request string, body []byte) {
	r := s.st.Keys[key]
	if r == nil {
		return
	}
	s.dirty = true
	if !keep {
		delete(s.st.Keys, key)
		return
	}
	r.Done, r.Status, r.Request, r.Body = true, status, request, body
}

func (s *Server) pruneKeys() {
	for key, r := range s.st.Keys {
		if r.Done && s.now()-r.Created >= keepKeys {
			delete(s.st.Keys, key)
		}
	}
}
