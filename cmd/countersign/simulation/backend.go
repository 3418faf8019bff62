package simulation

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"
)

// backend is stripe-go's own, but for what costs time and decides nothing: the
// client of net/http with its timers, and reading the same answer again.
type backend struct {
	*stripe.BackendImplementation
	wire    http.RoundTripper
	answers *answers
}

func newBackend(wire http.RoundTripper, kept *answers) stripe.Backend {
	own := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(stripeURL), MaxNetworkRetries: stripe.Int64(0), EnableTelemetry: stripe.Bool(false),
		LeveledLogger: &stripe.LeveledLogger{},
	})
	return backend{own.(*stripe.BackendImplementation), wire, kept} //nolint:forcetypeassert // documented
}

// Call implements stripe.Backend.
func (b backend) Call(method, path, key string, params stripe.ParamsContainer, v stripe.LastResponseSetter) error {
	if at := reflect.ValueOf(params); params == nil || at.IsNil() {
		return b.CallRaw(method, path, key, nil, nil, v)
	}
	values := &form.Values{}
	form.AppendTo(values, params)
	return b.CallRaw(method, path, key, values, params.GetParams(), v)
}

// CallRaw implements stripe.Backend.
func (b backend) CallRaw(method, path, key string, values *form.Values, params *stripe.Params, v stripe.LastResponseSetter) error {
	body := ""
	if values != nil {
		body = values.Encode()
	}
	if method == http.MethodGet && body != "" {
		path, body = path+"?"+body, ""
	}
	req, err := b.NewRequest(method, path, key, "application/x-www-form-urlencoded", params)
	if err != nil {
		return err
	}
	req.Body = io.NopCloser(strings.NewReader(body))
	res, err := b.wire.RoundTrip(req)
	if err != nil {
		return &url.Error{Op: method, URL: path, Err: err}
	}
	defer func() { _ = res.Body.Close() }()
	raw := res.Body.(answerBody).whole //nolint:forcetypeassert // wire makes them
	if res.StatusCode >= http.StatusBadRequest {
		return b.ResponseToError(res, raw)
	}
	err = b.answers.decode(raw, v)
	v.SetLastResponse(&stripe.APIResponse{
		Header: res.Header, RawJSON: raw, RequestID: res.Header.Get("Request-Id"), Status: res.Status, StatusCode: res.StatusCode,
	})
	return err
}

// answers keeps what Stripe's answers say, and which they were since something
// last changed there.
type answers struct {
	readers
	decoded map[decoding]reflect.Value
	latest  map[string]*recorder    // by the address that was read
	check   func(raw []byte, v any) // of a test
}

type decoding struct {
	typ  reflect.Type
	body string
}

const keptDecodings = 3000

func newAnswers() *answers {
	return &answers{readers: readers{}, decoded: map[decoding]reflect.Value{}, latest: map[string]*recorder{}}
}

// decode reads JSON into what v points to. The same bytes are read once, of a list
// each of its things: what is deeper in the value than its first level is shared,
// and nobody writes there.
func (a *answers) decode(raw []byte, v any) error {
	into := reflect.ValueOf(v).Elem()
	if kept, ok := a.decoded[decoding{into.Type(), string(raw)}]; ok {
		into.Set(kept)
		return nil
	}
	err := a.decodeAnew(raw, into)
	if err != nil {
		return err
	}
	if len(a.decoded) >= keptDecodings {
		clear(a.decoded)
	}
	kept := reflect.New(into.Type()).Elem()
	kept.Set(into)
	a.decoded[decoding{into.Type(), string(raw)}] = kept
	return nil
}

func (a *answers) decodeAnew(raw []byte, into reflect.Value) error {
	data := into.FieldByName("Data")
	if _, list := into.Addr().Interface().(stripe.ListContainer); !list || data.Kind() != reflect.Slice {
		err := a.read(raw, into)
		if a.check != nil {
			a.check(raw, into.Addr().Interface())
		}
		return err
	}
	var page struct {
		stripe.ListMeta
		Data []json.RawMessage `json:"data"`
	}
	if err := a.read(raw, reflect.ValueOf(&page).Elem()); err != nil {
		return err
	}
	into.FieldByName("ListMeta").Set(reflect.ValueOf(page.ListMeta))
	all := reflect.MakeSlice(data.Type(), len(page.Data), len(page.Data))
	for i, one := range page.Data {
		item := reflect.New(data.Type().Elem().Elem())
		if err := a.decode(one, item.Interface()); err != nil {
			return err
		}
		all.Index(i).Set(item)
	}
	data.Set(all)
	return nil
}
