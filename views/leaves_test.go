package views

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// TestLeavesEscape: what is drawn by hand is as safe as what templ draws.
func TestLeavesEscape(t *testing.T) {
	const evil, safe = `<b>"&'`, `&lt;b&gt;&#34;&amp;&#39;`
	for want, c := range map[string]templ.Component{
		safe: words(evil),
		`<span class="sr-only">, ` + safe + `</span>`:                                                           about(evil),
		`<span class="chip" data-tone="` + safe + `">` + safe + `</span>`:                                       Chip{evil, evil},
		`<time datetime="` + safe + `">` + safe + `</time> <span class="text-muted">(` + safe + `)</span>`:      Time{evil, evil, evil},
		`<time datetime="1">` + safe + `</time>`:                                                                absolute{"1", evil, evil},
		`<input type="hidden" name="` + safe + `" value="` + safe + `"><input type="hidden" name="b" value="">`: hidden{Fields: []Field{{evil, evil}, {"b", ""}}},
	} {
		var out bytes.Buffer
		if err := c.Render(t.Context(), &out); err != nil || out.String() != want {
			t.Errorf("%T: %q, %v", c, &out, err)
		}
	}
}

func TestEmptyLeavesAreNothing(t *testing.T) {
	for _, c := range []templ.Component{words(""), about(""), Chip{}, Chip{Tone: ToneGood}, Time{}, Time{Relative: "in 3 hours"}, absolute{}, hidden{}} {
		var out bytes.Buffer
		if err := c.Render(t.Context(), &out); err != nil || out.Len() != 0 {
			t.Errorf("%#v: %q, %v", c, &out, err)
		}
	}
}

// TestLeavesSayThatTheReaderIsGone: an answer that cannot be written is no success.
func TestLeavesSayThatTheReaderIsGone(t *testing.T) {
	for _, c := range []templ.Component{words("a"), about("a"), Chip{"a", ToneGood}, Time{"1", "a", "b"}, absolute{"1", "a", ""}, hidden{Fields: []Field{{"a", "b"}}}} {
		r, w := io.Pipe()
		_ = r.Close()
		if err := c.Render(t.Context(), w); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%T: %v", c, err)
		}
	}
}

// TestEscaped: short or long, a text is escaped as templ escapes it.
func TestEscaped(t *testing.T) {
	for _, size := range []int{0, 1, long, long + 1, 3 * long} {
		for _, c := range []string{"", `"`, "&", "'", "<", ">", "é", "\x00"} {
			for _, s := range []string{strings.Repeat("a", size) + c, c + strings.Repeat("a", size)} {
				if got, want := escaped(s), templ.EscapeString(s); got != want {
					t.Errorf("%q is %q", s, got)
				}
			}
		}
	}
}

// TestLink: what leads anywhere else than a link may is templ's to say.
func TestLink(t *testing.T) {
	for _, url := range []string{
		"", "/", "//evil.example", "/a:b?c=<", "#usage-title", "#x:y", "https://a.example/?b=1&c", "HTTPS://a", "https:a", "http://a", "mailto:a@b", "javascript:alert(1)",
		" javascript:alert(1)", "JavaScript:alert(1)//https://", "data:text/html,x", "a/b:c", "about:blank",
	} {
		if got, want := link(url), templ.EscapeString(templ.URL(url)); got != want {
			t.Errorf("%q leads to %q instead of %q", url, got, want)
		}
	}
}
