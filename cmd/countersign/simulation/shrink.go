package simulation

import (
	"context"
	"slices"
)

// Shrink takes away steps for as long as the plan goes on to violate one of the
// same invariants, and returns what cannot be spared.
func (w *World) Shrink(ctx context.Context, p Plan, m *Mutant, found []Violation) (Plan, error) {
	for size := len(p.Steps) / 2; size > 0; {
		shorter := false
		for at := 0; at+size <= len(p.Steps); {
			less := Plan{Seed: p.Seed, Steps: slices.Delete(slices.Clone(p.Steps), at, at+size)}
			res, err := w.Run(ctx, less, m, nil)
			if err != nil {
				return p, err
			}
			if !alike(res.Found, found) {
				at += size
				continue
			}
			p, shorter = less, true
		}
		if !shorter || size > 1 {
			size /= 2
		}
	}
	return p, nil
}

// alike reports whether an invariant is violated in both.
func alike(a, b []Violation) bool {
	return slices.ContainsFunc(a, func(v Violation) bool {
		return slices.ContainsFunc(b, func(o Violation) bool { return o.Invariant == v.Invariant })
	})
}
