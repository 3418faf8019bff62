package views

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
