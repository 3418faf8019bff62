package views

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/countersignhq/countersign/static"
)

// ComponentsPage is the demo's page with every part of the design, in every
// variant and state, with made-up values.
type ComponentsPage struct {
	Frame    Frame
	Swatches []Swatch
	Chips    []Chip
	Panels   []Panel
	Empty    []Empty
	Inputs   []Input
	Invoices []InvoiceRow
	Levels   []UsageRow
	Asked    []AskedLine
	Plans    []PlanOption
	Plan     PlanCard
	Next     NextCharge
	Card     CardPanel
	Entries  []ApprovalRow
	Lines    []QuoteLine
	Facts    []Fact
	Plot     *UsagePlot
	Failure  ErrorPage
	Request  ApprovePage
}

// Swatch is a colour on the ground that it is used on.
type Swatch struct {
	Name, Ground string
	// Light and Dark are the ratios of contrast; Least is what it must be.
	Light, Dark, Least float64
}

// Ratios says how the colour is told from its ground.
func (s Swatch) Ratios() string {
	return fmt.Sprintf("light %.1f, dark %.1f, at least %.1f", s.Light, s.Dark, s.Least)
}

// value is the colour of that name in the scheme that is shown.
func value(name string) string { return "var(--" + name + ")" }

// The least contrasts of WCAG 2.2 AA.
const (
	leastText = 4.5 // words
	leastEdge = 3   // what a control or a figure is told by
)

// pairs are the colours that are used, each on its ground.
func pairs() []Swatch {
	var out []Swatch
	on := func(least float64, ground string, names ...string) {
		for _, n := range names {
			out = append(out, Swatch{Name: n, Ground: ground, Least: least})
		}
	}
	on(leastText, "surface", "ink", "muted", "accent", "warn", "bad")
	on(leastText, "canvas", "ink", "muted", "accent")
	on(leastText, "sunken", "ink", "muted", "accent")
	for _, tone := range []string{"accent", "good", "warn", "bad"} {
		on(leastText, tone+"-soft", tone, "ink")
	}
	on(leastText, "solid", "on-solid")
	on(leastText, "counter", "on-solid")
	on(leastEdge, "surface", "edge", "meter-bad", "meter-warn")
	return out
}

// NewComponents makes the page. The ratios are those of the stylesheet that is
// served.
func NewComponents(frame Frame) ComponentsPage {
	p := componentSamples()
	p.Frame = frame
	light, dark := palettes(static.Text("app.css"))
	for _, s := range pairs() {
		s.Light, s.Dark = contrast(light[s.Name], light[s.Ground]), contrast(dark[s.Name], dark[s.Ground])
		p.Swatches = append(p.Swatches, s)
	}
	return p
}

var (
	darkScheme = regexp.MustCompile(`prefers-color-scheme:\s*dark\)\s*\{\s*:root\s*\{([^}]*)`)
	lightRoot  = regexp.MustCompile(`:root\s*\{\s*color-scheme:\s*light dark;([^}]*)`)
	property   = regexp.MustCompile(`--([a-z-]+):\s*#([0-9a-f]{3,6})\b`)
)

// palettes reads the colours of both schemes out of the stylesheet. What the
// dark one does not say is as in the light one.
func palettes(css string) (light, dark map[string]string) {
	light, dark = map[string]string{}, map[string]string{}
	read := func(block []string, into ...map[string]string) {
		if block == nil {
			return
		}
		for _, m := range property.FindAllStringSubmatch(block[1], -1) {
			for _, to := range into {
				to[m[1]] = m[2]
			}
		}
	}
	read(lightRoot.FindStringSubmatch(css), light, dark)
	read(darkScheme.FindStringSubmatch(css), dark)
	return light, dark
}

// contrast is the ratio of WCAG 2, 1 to 21, of two colours as hexadecimal
// digits; 0 if one of them is none.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	if la < 0 || lb < 0 {
		return 0
	}
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(hex string) float64 {
	if len(hex) == 3 {
		hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
	}
	v, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || len(hex) != 6 {
		return -1
	}
	linear := func(c uint64) float64 {
		s := float64(c&255) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(v>>16) + 0.7152*linear(v>>8) + 0.0722*linear(v)
}
