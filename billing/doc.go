// Package billing is the domain of Countersign: who may ask for a change, what
// it would cost, whose consent it needs, and how it is carried out exactly once.
//
// It owns the rules and nothing else. It speaks no HTTP, writes no SQL and knows
// no Stripe object: those live behind the interfaces in ports.go. Time and
// randomness are handed in, money is int64 minor units, times are UTC.
//
// The flow of every change, whoever makes it, is in three files: change.go
// (what happens to a proposal), approval.go (an agent's request and a person's
// decision) and intent.go (the one path that reaches Stripe).
package billing
