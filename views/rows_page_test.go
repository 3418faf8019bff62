package views

import (
	"strings"
	"testing"
)

// TestRowsEscape: parts that are drawn by hand let nothing out of its place,
// and lead to nothing but addresses.
func TestRowsEscape(t *testing.T) {
	const evil, trap = `"><i>'&`, "javascript:alert(1)"
	at := Time{evil, evil, evil}
	form := &Form{URL: trap + evil, Fields: []Field{{evil, evil}}}
	for name, p := range map[string]part{
		"dated":  dated{evil, at, evil},
		"link":   action{Label: evil, Href: trap + evil, Into: evil, About: evil},
		"button": action{Label: evil, Form: form, Primary: true, About: evil},
		"away":   action{Label: evil, Form: &Form{URL: trap, Away: true}},
		"invoice": &invoiceRow{
			Number: evil, Date: at, Description: evil, Amount: evil, Chip: Chip{evil, evil}, Hosted: trap + evil, PDF: trap + evil,
			Pay: &Action{Label: evil, Href: trap},
		},
		"bar":       &usageBar{Level: UsageOK, Percent: 5, Note: evil, Since: at, Resets: at},
		"figure":    &usageFigure{Level: UsageOK, Used: evil, Limit: evil, PerUnit: evil},
		"unlimited": &usageFigure{Level: UsageUnlimited, Used: evil},
		"plot":      &plotLink{PlotURL: trap + evil, Label: evil},
		"ask":       askForMore{ID: evil, About: evil, Form: *form, Min: evil},
		"usage": &usageItem{
			Label: evil, Level: UsageLevel(evil), Actions: []Action{{Label: evil, Href: trap}}, PlotURL: trap,
			Ask: &AskForMore{ID: evil, Form: *form}, Asked: &AskedLine{Chip: Chip{evil, evil}, What: Dated{evil, at, evil}, Reason: evil},
		},
		"plan": &planOption{
			Name: evil, Chip: Chip{evil, evil}, Price: evil, Per: evil, Points: []string{evil}, Note: evil, Review: trap + evil,
			Button: &Action{Label: evil, Form: form}, Trial: &Action{Label: evil, Href: trap},
		},
	} {
		var k ink
		p.draw(&k)
		got := string(k.b)
		for _, bad := range []string{evil, "<i>", "='", `href="javascript`, `action="javascript`} {
			if strings.Contains(got, bad) {
				t.Errorf("%s: %q in %s", name, bad, got)
			}
		}
	}
}
