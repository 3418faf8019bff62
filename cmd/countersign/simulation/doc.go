// Package simulation runs the product's real code over real SQL and the Stripe
// sandbox under a scheduler that a seed decides: two replicas on one database,
// three orgs, agents, people and Stripe's own changes, with everything that can
// go wrong in between. Then the faults stop, the recovery runs, and the
// invariants of docs/reliability.md are checked.
//
// One seed is one history, and always the same one: every task is a coroutine
// that hands over at each transaction, each call of Stripe (before and after)
// and each wait; ids, the clock and every choice come from the seed. Nothing of
// this package is linked into the product.
package simulation
