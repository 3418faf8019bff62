package views

import (
	"strings"
	"testing"
)

func TestErrorsSayWhatHappenedAndWhatToDo(t *testing.T) {
	for _, status := range []int{400, 401, 402, 403, 404, 405, 409, 413, 415, 429, 500, 502, 503, 504} {
		ref := ""
		if status >= 500 {
			ref = "req_1"
		}
		p := NewError(plainFrame(""), status, "What happened.", ref, "")
		words := text(render(t, Error(p)).root)
		if p.Title == "" || p.Text == "" || len(p.Actions) != 1 || p.Next == "" && status != 401 && status != 404 {
			t.Errorf("%d: %+v", status, p)
		}
		if status != 404 && !strings.Contains(words, "What happened.") || !strings.Contains(words, p.Next) || !strings.Contains(words, ref) {
			t.Errorf("%d: the page says %q", status, words)
		}
	}
	if href := NewError(plainFrame(""), 401, "", "", "").Actions[0].Href; href != "/login" {
		t.Errorf("who is not signed in is led to %s", href)
	}
}
