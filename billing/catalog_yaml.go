package billing

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxCatalogBytes = 256 << 10
	maxDepth        = 16   // of nesting; the format itself needs six
	maxKeys         = 8000 // more than the most plans and resources need; the parser's time grows with their square
)

// position is a place in the file, both from 1.
type position struct{ line, column int }

// start is where mistakes of the file as a whole are reported.
func start() position { return position{1, 1} }

// readYAML turns the file into its one document. It refuses what an honest
// catalogue does not need and what readers of YAML disagree about. It returns nil
// if the file is too broken to look for more mistakes.
func readYAML(src []byte, out *problems) ast.Node {
	text, ok := readText(src, out)
	if !ok {
		return nil
	}
	tokens, file, err := parseYAML(text)
	features := refuseFeatures(tokens, out)
	var syntax yaml.Error
	switch {
	case errors.As(err, &syntax):
		if !features { // else it is most likely the same mistake
			out.add(positionOf(syntax.GetToken()), "cannot be read: %s", syntax.GetMessage())
		}
		return nil
	case err != nil:
		out.add(start(), "cannot be read: %v", err)
		return nil
	}
	return onlyDocument(file, out)
}

// readText checks what can be checked without understanding YAML.
func readText(src []byte, out *problems) (string, bool) {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	switch {
	case len(src) > maxCatalogBytes:
		out.add(start(), "the file has %d bytes; at most %d are allowed", len(src), maxCatalogBytes)
		return "", false
	case len(bytes.TrimSpace(src)) == 0:
		out.add(start(), "the file is empty")
		return "", false
	}
	before := len(*out)
	text := strings.ReplaceAll(string(src), "\r\n", "\n")
	for i, line := range strings.Split(text, "\n") {
		checkCharacters(i+1, line, out)
	}
	return text, len(*out) == before
}

// checkCharacters reports the first character of the line that has no business
// in a text file. The YAML reader would drop some of them without a word.
func checkCharacters(number int, line string, out *problems) {
	column := 0
	for i, r := range line {
		column++
		at := position{number, column}
		switch {
		case r == '\t':
			out.add(at, "a tab; write spaces")
			return
		case r == utf8.RuneError && !strings.HasPrefix(line[i:], "\ufffd"):
			out.add(at, "not valid UTF-8")
			return
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff':
			out.add(at, "the control character %U; remove it", r)
			return
		}
	}
}

// parseYAML runs the YAML reader. Its panics on broken input, of which its issue
// tracker knows several, become errors. Nesting is limited before the parser
// sees it, because no recover stops a stack overflow, and so is the number of keys.
func parseYAML(text string) (tokens token.Tokens, file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the YAML is too broken")
		}
	}()
	tokens = lexer.Tokenize(text)
	if tk, why := excess(tokens); tk != nil {
		return tokens, nil, &yaml.SyntaxError{Message: why, Token: tk}
	}
	// Repeated keys are allowed here and reported by fields, all of them.
	file, err = parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	return tokens, file, err
}

// excess returns the token at which there are too many keys, or at which brackets,
// or list marks on one line, nest too deeply. Nesting by indentation is limited by
// the file's size.
func excess(tokens token.Tokens) (*token.Token, string) {
	brackets, marks, line, keys := 0, 0, 0, 0
	for _, tk := range tokens {
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType:
			if tk.Position.Line != line {
				line, marks = tk.Position.Line, 0
			}
			marks++
		case token.MappingValueType:
			keys++
		}
		switch {
		case brackets > maxDepth || marks > maxDepth:
			return tk, "nested too deeply"
		case keys > maxKeys:
			return tk, "too many keys"
		}
	}
	return nil, ""
}

// refuseFeatures reports the parts of YAML that a catalogue must not use, and
// whether there were any.
func refuseFeatures(tokens token.Tokens, out *problems) bool {
	before := len(*out)
	for _, tk := range tokens {
		if tk.Type == token.AliasType && tk.Prev != nil && tk.Prev.Prev != nil && tk.Prev.Prev.Type == token.MergeKeyType {
			continue // "<<: *x" is one mistake
		}
		if message := refusedFeature(tk.Type); message != "" {
			out.add(positionOf(tk), "%s", message)
		}
	}
	return len(*out) > before
}

func refusedFeature(t token.Type) string {
	switch t {
	case token.AnchorType:
		return "anchors (&) are not allowed; write the values out"
	case token.AliasType:
		return "aliases (*) are not allowed; write the values out"
	case token.MergeKeyType:
		return "merge keys (<<) are not allowed; write the values out"
	case token.TagType:
		return "tags (!) are not allowed; remove the tag"
	case token.MappingKeyType:
		return "complex keys (?) are not allowed; write key: value"
	case token.LiteralType, token.FoldedType:
		return "block text (| or >) is not allowed; write the text on one line"
	case token.DirectiveType:
		return "directives (%) are not allowed; remove the line"
	}
	return ""
}

// onlyDocument returns the content of the file's one document.
func onlyDocument(file *ast.File, out *problems) ast.Node {
	var body ast.Node
	for _, doc := range file.Docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); directive {
			continue // reported by refuseFeatures
		}
		switch {
		case body == nil:
			body = doc.Body
		case doc.Start != nil:
			out.add(positionOf(doc.Start), "a second document; write one catalogue in a file")
			return nil // what seems to be missing may be in the other one
		case doc.Body != nil:
			out.add(nodePosition(doc.Body), "a second document; write one catalogue in a file")
			return nil
		}
	}
	if body == nil {
		out.add(start(), "the file is empty") // but for comments
	}
	return body
}

func positionOf(tk *token.Token) position {
	if tk == nil || tk.Position == nil {
		return start()
	}
	return position{tk.Position.Line, tk.Position.Column}
}

// nodePosition returns where a node begins. A block map's own token is the colon
// of its first key, hence the key is asked.
func nodePosition(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return positionOf(m.Values[0].Key.GetToken())
	}
	return positionOf(n.GetToken())
}
