package e2e

import (
	"strings"
	"testing"
)

// TestOperator: an agent asks for more, the operator grants it, the owner reads
// the answer; every page on the way is looked at.
func TestOperator(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	owner, op := newTab(t, true), newTab(t, true)
	owner.open(d.url + "/dev/mailbox")
	owner.open(eval[string](owner, `[...document.querySelectorAll('li')].find(l => l.textContent.includes('ada@acme.test')).querySelector('a').href`))
	owner.press("Sign in as")
	owner.see("Current plan")
	owner.press("Ask for more , Agents")
	owner.audit("billing-ask")
	owner.press("Send")
	owner.see("Your request is on its way")
	owner.audit("billing-asked")

	op.open(d.url + "/admin")
	op.see("Operator sign-in")
	op.audit("admin-login")
	op.open(d.url + "/dev/mailbox")
	op.open(eval[string](op, `[...document.querySelectorAll('a.btn')].find(a => a.href.includes('/admin/login/')).href`))
	op.press("Sign in as")
	op.see("Agents on Pro")
	op.audit("admin-signals")
	op.press("Agents on Pro")
	op.see("wants more")
	op.audit("admin-limits")
	op.press("Acme")
	op.see("Counts at the next check")
	op.audit("admin-limit")
	op.fill("New limit", "50")
	op.fill("Reason (the asker reads it)", "A good customer.")
	op.press("Grant")
	op.see("It counts at the next check")
	op.audit("admin-granted")
	op.open(d.url + "/admin/orgs?q=ac")
	op.audit("admin-orgs")
	op.press("Acme")
	op.see("Latest events")
	op.audit("admin-org")
	op.press("Sync now")
	op.see("No difference")
	op.audit("admin-synced")
	op.open(d.url + "/admin/stripe")
	op.see("No difference was found.")
	op.audit("admin-stripe")

	owner.open(d.url + "/settings/billing")
	owner.see("A good customer.")
	if !strings.Contains(owner.text(), "of 50") {
		t.Errorf("the limit is not 50 in:\n%.2000s", owner.text())
	}
}
