package views

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// sources are the files that Tailwind takes classes from, and the stylesheet.
func sources(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*.templ", "*_page.go", "app.css"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[f] = string(text)
		}
	}
	return out
}

// physical matches what names a side of the screen and not of the text.
var physical = regexp.MustCompile(`(?m)(?:^|[\s"'` + "`" + `:!-])(?:` +
	`(?:m[lr]|p[lr]|left|right|border-[lr]|rounded-(?:l|r|tl|tr|bl|br)|scroll-[mp][lr])-[\w[.]` +
	`|(?:text|float|clear)-(?:left|right)\b` +
	`|(?:margin|padding|border)-(?:left|right)\s*:|(?:left|right)\s*:|text-align:\s*(?:left|right))`)

// A page that is read from right to left is the same page.
func TestNothingIsOnTheLeftOrRight(t *testing.T) {
	for name, text := range sources(t) {
		for i, line := range strings.Split(text, "\n") {
			if found := physical.FindString(line); found != "" {
				t.Errorf("%s:%d: %q; write ms-, me-, ps-, pe-, start-, end-", name, i+1, strings.TrimSpace(found))
			}
		}
	}
}

func TestPhysicalClassesAreFound(t *testing.T) {
	for _, bad := range []string{`class="ml-auto"`, `"sm:text-right"`, `-mr-3`, ` left-0 top-1`, `@apply pl-5;`, ` margin-left: 1px`, "  left: 0;", `border-r-transparent`} {
		if !physical.MatchString(bad) {
			t.Errorf("%q passes", bad)
		}
	}
	for _, good := range []string{`ms-auto text-end`, `inset-x-4`, `plural-x`, `preserve-ml`, `start-0`, `items-start pt-5`} {
		if found := physical.FindString(good); found != "" {
			t.Errorf("%q: %q", good, found)
		}
	}
}

func TestEveryPartIsOnTheComponentsPage(t *testing.T) {
	files := sources(t)
	page := files["components_page.templ"]
	for {
		before := len(page)
		for _, m := range regexp.MustCompile(`(?m)^templ (\w+)\([^\n]*\{\n(?:.*\n)*?\}`).FindAllStringSubmatch(files["parts.templ"], -1) {
			if strings.Contains(page, "@"+m[1]+"(") && !strings.Contains(page, m[0]) {
				page += m[0] // what a part uses is on the page with it
			}
		}
		if len(page) == before {
			break
		}
	}
	parts := regexp.MustCompile(`(?m)^templ (\w+)\(`).FindAllStringSubmatch(files["parts.templ"], -1)
	if len(parts) < 15 {
		t.Fatalf("%d parts were found", len(parts))
	}
	for _, m := range parts {
		if !strings.Contains(page, "@"+m[1]+"(") {
			t.Errorf("%s is not shown", m[1])
		}
	}
}

func TestEveryToneAndLevelIsOnTheComponentsPage(t *testing.T) {
	d := render(t, Components(NewComponents(plainFrame(""))))
	shown := func(class, key, value string) bool {
		return len(d.all(func(n *html.Node) bool {
			return (class == "" || slices.Contains(strings.Fields(attr(n, "class")), class)) && attr(n, key) == value
		})) > 0
	}
	for _, tone := range []Tone{ToneNeutral, ToneAccent, ToneGood, ToneWarn, ToneBad} {
		for _, class := range []string{"chip", "panel"} {
			if !shown(class, "data-tone", string(tone)) {
				t.Errorf("no %s of tone %s", class, tone)
			}
		}
	}
	for _, level := range []UsageLevel{UsageOK, UsageHigh, UsageFull, UsageOver, UsageUnlimited, UsageUnknown} {
		if !shown("", "data-level", string(level)) {
			t.Errorf("no meter of level %s", level)
		}
	}
	if n := len(d.tag("button")); n < 10 || !shown("btn-counter", "type", "submit") || !shown("btn-quiet", "type", "submit") {
		t.Errorf("%d buttons", n)
	}
}

func TestColoursAreToldFromTheirGround(t *testing.T) {
	for _, s := range NewComponents(plainFrame("")).Swatches {
		if s.Light < s.Least || s.Dark < s.Least {
			t.Errorf("%s on %s: %s", s.Name, s.Ground, s.Ratios())
		}
	}
}

func TestContrast(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"000", "ffffff", 21}, {"fff", "fff", 1}, {"767676", "ffffff", 4.54}, {"", "fff", 0}, {"fffg00", "000", 0}} {
		if got := contrast(c.a, c.b); got < c.want-0.01 || got > c.want+0.01 {
			t.Errorf("%q on %q: %.2f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}
