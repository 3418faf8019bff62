package billing

import (
	"strings"
	"testing"
)

// TestCleanReason (W20): an agent's words stand beside ours, so nothing in them
// may hide, turn the line round or break it.
func TestCleanReason(t *testing.T) {
	long := strings.Repeat("ä", 281)
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "We ran out of rows.", "We ran out of rows."},
		{"empty", "", ""},
		{"other scripts stay", "Größer, 大きい, أكبر, กว่า", "Größer, 大きい, أكبر, กว่า"},
		{"an accent of its own stays", "e\u0301", "e\u0301"},
		{"emoji stay", "🚀 ok", "🚀 ok"},
		{"markup stays text", "<b onclick=x>&amp;", "<b onclick=x>&amp;"},
		{"edges", " \t\n hi \r\n ", "hi"},
		{"one line, single spaces", "a\r\n\r\nb\u2028c\u2029d\u00a0\u3000e\vf", "a b c d e f"},
		{"NUL, escape, delete, C1", "a\x00b\x1b[31mc\x7fd\u009be", "ab[31mcde"},
		{"right-to-left override", "pay \u202e00.91$\u202c now", "pay 00.91$ now"},
		{"embeddings and isolates", "\u202aa\u202b\u202d\u2066b\u2067\u2068\u2069c\u061c", "abc"},
		{"marks", "\u200ea\u200fb", "ab"},
		{"zero width", "a\u200bb\u200cc\u200dd\u2060e\ufefff", "abcdef"},
		{"soft hyphen, joiner", "a\u00adb\u034fc", "abc"},
		{"invisible letters", "a\u115f\u1160\u3164\uffa0b", "ab"},
		{"variation selectors", "a\ufe0fb\U000e0100c", "abc"},
		{"tags", "a\U000e0001\U000e0041\U000e007fb", "ab"},
		{"private use", "a\ue000\U000f0000b", "ab"},
		{"invalid UTF-8", "a\xffb\xc3", "ab"},
		{"a hidden space is none", "a\u200b \u200bb", "a b"},
		{"only hidden", "\u200b\u202e\x00", ""},
		{"as long as may be", long[:560], long[:560]},
		{"longer", long, long[:558] + "…"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := cleanReason(tc.in); got != tc.want {
				t.Errorf("cleanReason(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}
