package payments

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// post sends a form as stripe-go would, for the few calls that the product has
// no use for.
func (r *room) post(path string, form url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer sk_test_room")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	return res, err
}

// get returns the id of the first object of a list.
func (r *room) get(path string) (string, error) {
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.url+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer sk_test_room")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil || len(list.Data) == 0 {
		return "", err
	}
	return list.Data[0].ID, nil
}

// press submits a form of one of the sandbox's hosted pages, which answers a
// press that worked with a redirect.
func (r *room) press(page string, form url.Values) {
	r.t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.PostForm(page, form)
	if err != nil {
		r.t.Error(err)
		return
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		r.t.Errorf("%s answered %s", page, res.Status)
	}
}
