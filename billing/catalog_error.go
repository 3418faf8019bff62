package billing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// CatalogError says everything that is wrong with a catalogue file.
type CatalogError struct {
	Name     string           // the file, as the caller named it
	Problems []CatalogProblem // at least one, in the order of the file
}

// CatalogProblem is one mistake and where it is.
type CatalogProblem struct {
	Line, Column int // from 1, the column in characters
	Message      string
}

// Error returns a line "file:line:column: message" for each problem, the form
// that editors and terminals make clickable.
func (e *CatalogError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", e.Name, p.Line, p.Column, p.Message)
	}
	return strings.Join(lines, "\n")
}

// problems collects the mistakes of a file as they are found.
type problems []CatalogProblem

func (p *problems) add(at position, format string, args ...any) {
	*p = append(*p, CatalogProblem{Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)})
}

// err returns the collected mistakes in the order of the file, or nil.
func (p *problems) err(name string) error {
	if len(*p) == 0 {
		return nil
	}
	slices.SortStableFunc(*p, func(a, b CatalogProblem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &CatalogError{Name: name, Problems: *p}
}

// quote returns s in quotes for a message, shortened if it is long.
func quote(s string) string {
	const longest = 40
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// instead ends the message about an unknown word: with the word that was
// probably meant, or else with all that are known.
func instead(word string, known []string) string {
	if meant := suggest(word, known); meant != "" {
		return fmt.Sprintf("; did you mean %q?", meant)
	}
	return "; " + use(known)
}

// use lists the words that are known, for the end of a message.
func use(known []string) string {
	switch n := len(known); n {
	case 0:
		return "none is defined"
	case 1:
		return "use " + known[0]
	default:
		return "use " + strings.Join(known[:n-1], ", ") + " or " + known[n-1]
	}
}

// suggest returns the known word that is nearest to the given one, or "" if none
// is near: one slip of the finger for a short word, one in three letters for a
// long one.
func suggest(word string, known []string) string {
	best, meant := len(word)+1, ""
	for _, k := range known {
		most := max(1, len(k)/3)
		if gap := len(word) - len(k); gap > most || gap < -most {
			continue
		}
		if d := editDistance(strings.ToLower(word), k); d <= most && d < best {
			best, meant = d, k
		}
	}
	return meant
}

// editDistance counts the letters to insert, delete, replace or swap with their
// neighbour to get from a to b.
func editDistance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitution := last[j-1]
			if a[i-1] != b[j-1] {
				substitution++
			}
			row[j] = min(last[j]+1, row[j-1]+1, substitution)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
