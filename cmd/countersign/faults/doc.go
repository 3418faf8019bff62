// Package faults holds the tests that let things go wrong around the built
// product: its process and PostgreSQL's are killed with kill -9, replicas are
// replaced under load, and the network to Stripe and to the database is cut. It
// has no code of its own; it is a module apart so that the toxic proxy never
// reaches the product.
//
// The product is a process of its own, PostgreSQL too where it is killed. The
// Stripe sandbox is in the test's process: it outlives both, and keeps the
// record that everything is held against. The figures that the tests print are
// attributes (testing.T.Attr), which make test shows.
package faults
