package views

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/countersignhq/countersign/billing"
)

// history is a resource's last days with these values, the last one today.
func history(r billing.Resource, today time.Time, values ...int64) billing.UsageHistory {
	h := billing.UsageHistory{Resource: r}
	for i, v := range values {
		d := today.UTC().Truncate(24*time.Hour).AddDate(0, 0, i-len(values)+1)
		h.Days = append(h.Days, billing.UsageDay{Resource: r.ID, Day: d, Value: v, Closing: v})
		h.Limits = append(h.Limits, billing.Limit{Value: 10})
	}
	return h
}

// under gives the last days of a history these limits, and the days before the
// first of them.
func under(h billing.UsageHistory, limits ...billing.Limit) billing.UsageHistory {
	for i := range h.Limits {
		h.Limits[i] = limits[max(0, len(limits)-len(h.Limits)+i)]
	}
	return h
}

var (
	plotted = billing.Resource{ID: "agents", Kind: billing.Gauge, Singular: "agent", Plural: "agents"}
	counted = billing.Resource{ID: "api_calls", Kind: billing.Counter, Singular: "API call", Plural: "API calls"}
)

func TestUsagePlot(t *testing.T) {
	few := billing.Limit{Value: 10}
	for name, tc := range map[string]struct {
		resource billing.Resource
		limit    billing.Limit
		values   []int64
		path     string
		limits   string // "" for no line
		desc     string
	}{
		"one day":        {plotted, few, []int64{4}, "M580 60H600", "M580 0H600", "From 4 on 23 Nov 2026 to 4 today, most 4. The limit is 10."},
		"a step up":      {plotted, few, []int64{2, 5}, "M560 80H580V50H600", "M560 0H600", "From 2 on 22 Nov 2026 to 5 today, most 5. The limit is 10."},
		"all zero":       {plotted, few, []int64{0, 0}, "M560 100H580V100H600", "M560 0H600", "From 0 on 22 Nov 2026 to 0 today, most 0. The limit is 10."},
		"at the limit":   {plotted, few, []int64{10}, "M580 0H600", "M580 0H600", "From 10 on 23 Nov 2026 to 10 today, most 10. The limit is 10."},
		"one day over":   {plotted, few, []int64{10, 20}, "M560 50H580V0H600", "M560 50H600", "From 10 on 22 Nov 2026 to 20 today, most 20. The limit is 10; 1 day was over its limit."},
		"two days over":  {plotted, few, []int64{20, 11}, "M560 0H580V45H600", "M560 50H600", "From 20 on 22 Nov 2026 to 11 today, most 20. The limit is 10; 2 days were over their limit."},
		"nothing may be": {plotted, billing.Limit{}, []int64{0}, "M580 100H600", "M580 100H600", "From 0 on 23 Nov 2026 to 0 today, most 0. The limit is 0."},
		"unlimited":      {plotted, billing.Limit{Unlimited: true}, []int64{5, 10}, "M560 50H580V0H600", "", "From 5 on 22 Nov 2026 to 10 today, most 10. There is no limit."},
		"next to none":   {plotted, billing.Limit{Value: 1_000_000}, []int64{1}, "M580 99H600", "M580 0H600", "From 1 on 23 Nov 2026 to 1 today, most 1. The limit is 1,000,000."},
		"huge":           {plotted, billing.Limit{Value: math.MaxInt64}, []int64{math.MaxInt64}, "M580 0H600", "M580 0H600", "From 9,223,372,036,854,775,807 on 23 Nov 2026 to 9,223,372,036,854,775,807 today, most 9,223,372,036,854,775,807. The limit is 9,223,372,036,854,775,807."},
		"bars":           {counted, few, []int64{8, 0, 2}, "M543 100v-100h14v100zM583 100v-25h14v25z", "", "Used by day since 21 Nov 2026: most 8, today 2."},
		"no bars":        {counted, few, []int64{0}, "", "", "Used by day since 23 Nov 2026: most 0, today 0."},
	} {
		p := Locale{}.newUsagePlot(under(history(tc.resource, now, tc.values...), tc.limit), tc.limit, now)
		if p.Path != tc.path || p.Limits != tc.limits || len(p.Changes) != 0 || p.Marks != "" {
			t.Errorf("%s: path %q, limit at %q, changes %q", name, p.Path, p.Limits, p.Changes)
		}
		if p.Desc != tc.desc {
			t.Errorf("%s: %q", name, p.Desc)
		}
		if len(p.Rows) != len(tc.values) || p.Rows[0].Value != number(tc.values[len(tc.values)-1]) {
			t.Errorf("%s: rows %+v", name, p.Rows)
		}
		if p.From.ISO != "2026-10-25" || p.To.ISO != "2026-11-23" {
			t.Errorf("%s: from %s to %s", name, p.From.ISO, p.To.ISO)
		}
	}
}

func TestUsagePlotOfAWholeSpan(t *testing.T) {
	values := make([]int64, PlotDays)
	p := Locale{}.newUsagePlot(under(history(plotted, now, values...), billing.Limit{Value: 3}), billing.Limit{Value: 3}, now)
	if !strings.HasPrefix(p.Path, "M0 100H20") || !strings.HasSuffix(p.Path, "H600") || !strings.HasSuffix(p.Area, "H600V100H0Z") {
		t.Errorf("path %q, area %q", p.Path, p.Area)
	}
}

// TestLimitSteps: the line of the limit has a step where it changed and a gap
// where there was none; each change has a mark and its words.
func TestLimitSteps(t *testing.T) {
	day := func(ago int) time.Time { return now.AddDate(0, 0, -ago) }
	free, pro, solo := billing.Plan{ID: "free", Name: "Free"}, billing.Plan{ID: "pro", Name: "Pro"}, billing.Plan{ID: "solo", Name: "Solo", Units: &billing.Units{Included: 3}}
	three, ten, none := billing.Limit{Value: 3}, billing.Limit{Value: 10}, billing.Limit{Unlimited: true}
	for name, tc := range map[string]struct {
		limits  []billing.Limit
		changes []billing.LimitChange
		line    string
		marks   string
		words   []string
		desc    string
	}{
		"an upgrade": {
			[]billing.Limit{three, three, ten, ten},
			[]billing.LimitChange{{At: day(1), From: three, To: ten, FromPlan: free, ToPlan: pro}},
			"M520 70H560V0H600", "M560 0V100",
			[]string{"22 Nov: Free → Pro, 3 → 10"},
			"From 4 on 20 Nov 2026 to 4 today, most 4. The limit is 10; 2 days were over their limit.",
		},
		"units": {
			[]billing.Limit{three, ten},
			[]billing.LimitChange{{At: day(0), From: three, To: ten, FromPlan: solo, ToPlan: solo.With(2)}},
			"M520 70H580V0H600", "M580 0V100",
			[]string{"23 Nov: 3 → 5 units, 3 → 10"},
			"From 4 on 20 Nov 2026 to 4 today, most 4. The limit is 10; 3 days were over their limit.",
		},
		"no limit for two days": {
			[]billing.Limit{ten, none, none, ten},
			[]billing.LimitChange{
				{At: day(2), From: ten, To: none, FromPlan: pro, ToPlan: pro}, {At: day(0), From: none, To: ten, FromPlan: pro, ToPlan: pro},
			},
			"M520 0H540M580 0H600", "M540 0V100M580 0V100",
			[]string{"23 Nov: a limit of your own, no limit → 10", "21 Nov: a limit of your own, 10 → no limit"},
			"From 4 on 20 Nov 2026 to 4 today, most 4. The limit is 10.",
		},
		"there and back in a day": {
			[]billing.Limit{three},
			[]billing.LimitChange{
				{At: day(1), From: three, To: ten, FromPlan: free, ToPlan: pro}, {At: day(1).Add(time.Hour), From: ten, To: three, FromPlan: pro, ToPlan: free},
			},
			"M520 25H600", "M560 0V100",
			[]string{"22 Nov: Pro → Free, 10 → 3", "22 Nov: Free → Pro, 3 → 10"},
			"From 4 on 20 Nov 2026 to 4 today, most 4. The limit is 3; 4 days were over their limit.",
		},
	} {
		h := under(history(plotted, now, 4, 4, 4, 4), tc.limits...)
		h.Changes = tc.changes
		p := Locale{}.newUsagePlot(h, tc.limits[len(tc.limits)-1], now)
		if p.Limits != tc.line || p.Marks != tc.marks || !slices.Equal(p.Changes, tc.words) || p.Desc != tc.desc {
			t.Errorf("%s: %q, %q, %q, %q", name, p.Limits, p.Marks, p.Changes, p.Desc)
		}
		if p.Rows[3].Limit != (Locale{}).limitWord(tc.limits[0]) || p.Rows[0].Limit != (Locale{}).limitWord(tc.limits[len(tc.limits)-1]) {
			t.Errorf("%s: rows %+v", name, p.Rows)
		}
	}
	h := history(counted, now, 4, 4)
	for range 7 {
		h.Changes = append(h.Changes, billing.LimitChange{At: now, From: three, To: ten, FromPlan: free, ToPlan: pro})
	}
	if p := (Locale{}).newUsagePlot(h, ten, now); p.Limits != "" || len(p.Changes) != shownChanges+1 || p.Changes[shownChanges] != "and 2 earlier: see the table" {
		t.Errorf("of a counter: %q, %q", p.Limits, p.Changes)
	}
}

// A closed plot is a link, if something was reported; the open one is drawn, or
// says that there is nothing to draw.
func TestOnePlotIsOpen(t *testing.T) {
	v := onPro(t)
	v.Summary.Usage[0].Reported = time.Time{}
	v.History = []billing.UsageHistory{{Resource: v.Summary.Usage[0].Resource}, history(v.Summary.Usage[1].Resource, now, 1), {Resource: v.Summary.Usage[2].Resource}}
	for open, want := range map[string]int{"": -1, "agents": -1, "members": 1, "workspaces": 2, "gold": -1, "rows": 3} {
		v.Plot = open
		for i, row := range NewBilling(v).Usage {
			if (row.Plot != nil) != (i == want) || (row.PlotURL != "") != (i > 0) {
				t.Errorf("%q open, row %d: plot %v, link %q", open, i, row.Plot, row.PlotURL)
			}
			if row.Plot != nil && (len(row.Plot.Rows) == 1) != (open == "members") || row.Plot != nil && open != "members" && row.Plot.Note != copyPlotNone {
				t.Errorf("%q shows %+v", open, row.Plot)
			}
		}
	}
}

// TestPlotHasATwin: what the plot shows is there in words and in a table, in the
// place of the link to it, so that htmx may swap the one for the other.
func TestPlotHasATwin(t *testing.T) {
	v := onPro(t)
	for _, u := range v.Summary.Usage {
		v.History = append(v.History, history(u.Resource, now, 3, 4, 11))
	}
	closed := render(t, Billing(NewBilling(v)))
	if n := len(closed.tag("table", "desc")); n != 0 {
		t.Errorf("closed, the page has %d tables and pictures", n)
	}
	for _, u := range v.Summary.Usage {
		v.Plot = u.Resource.ID
		id := "plot-" + v.Plot
		box := render(t, Billing(NewBilling(v))).id(id)
		links := closed.all(func(n *html.Node) bool { return attr(n, "href") == "/settings/billing?plot="+v.Plot })
		if len(links) != 1 || attr(links[0], "aria-expanded") != "false" || attr(links[0].Parent, "class") != attr(box, "class") {
			t.Fatalf("%d links", len(links))
		}
		link := links[0]
		if _, open := lookup(box, "open"); !open || box.Data != "details" || text(box.FirstChild) != text(link) {
			t.Errorf("open %v: %q, the link said %q", open, text(box.FirstChild), text(link))
		}
		plot := doc{box}
		svg := plot.tag("svg")[0]
		title, desc := plot.id(attr(svg, "aria-labelledby")), plot.id(attr(svg, "aria-describedby"))
		if title.Data != "title" || desc.Data != "desc" || text(title) == "" || text(desc) == "" {
			t.Errorf("named by %q, described by %q", text(title), text(desc))
		}
		if words := text(box); !strings.Contains(words, "23 Nov 2026 11 10 22 Nov 2026 4 10 21 Nov 2026 3 10") || !strings.Contains(words, "Download CSV") {
			t.Errorf("the table reads %q", words)
		}
		if len(plot.tag("caption")) != 1 {
			t.Error("the table has no caption")
		}
	}
}
