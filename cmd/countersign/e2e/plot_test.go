package e2e

import "testing"

// TestPlotOpens: a plot is fetched when it is asked for, into its place or with
// the whole page, and the focus is where it was.
func TestPlotOpens(t *testing.T) {
	for mode, scripts := range map[string]bool{"scripts": true, "no scripts": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			j := arrive(t, flat, scripts)
			if scripts {
				j.byKeys()
			}
			j.signIn(ada)
			j.lacks("Most: ")
			j.mark()
			j.press("30 days , Agents")
			j.see("Most: ")
			j.inPlace()
			j.focusOn("30 days , Agents")
			j.press("30 days , API calls")
			j.see("Most in a day: ")
			j.inPlace()
			j.focusOn("30 days , API calls")
			if scripts {
				j.see("Most: ")
				j.audit("billing-plots-open")
			}
			j.press("30 days , API calls")
			j.lacks("Most in a day: ")
		})
	}
}
