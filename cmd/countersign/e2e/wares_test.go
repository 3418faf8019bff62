package e2e

import "strings"

// wares is a catalogue in the words that the journeys meet: Acme is on its first
// paid plan, and the one above is for sale.
type wares struct {
	catalog    string
	first, top plan
	lost       string // on a downgrade of Acme
	flags      []string
}

type plan struct{ id, name, price string }

// cents is the price in minor units.
func (p plan) cents() (n int64) {
	for _, c := range strings.NewReplacer("$", "", ".", "").Replace(p.price) {
		n = n*10 + int64(c-'0')
	}
	return n
}

var (
	flat = wares{
		"flat", plan{"pro", "Pro", "$19.00"}, plan{"scale", "Scale", "$49.00"}, "10 agents become 3", nil,
	}
	unpaid = wares{
		"flat", flat.first, flat.top, flat.lost, []string{"--sandbox-unpaid"},
	}
	inYen = wares{
		"testdata/yen.yaml", plan{"pro", "Pro", "¥1,900"}, plan{"scale", "Scale", "¥4,900"}, flat.lost, nil,
	}
	inUnits = wares{
		"capacity", plan{"solo", "Solo", "$2.99"}, plan{"team", "Team", "$49.00"}, "2,500 bundle requests a month become 250", nil,
	}
)
