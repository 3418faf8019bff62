package billing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// hash returns the version of the catalogue: the SHA-256 of what it says, so that
// a new comment or another layout is no new version. Nothing may be renamed or
// reordered here, or every stored version changes with the next start; a part
// that is added later must vanish (omitempty) from files without it.
func (c *Catalog) hash() string {
	sum := sha256.Sum256(c.canonical())
	return "sha256:" + hex.EncodeToString(sum[:])
}

type (
	canonicalCatalog struct {
		Version     int                 `json:"version"`
		Currency    string              `json:"currency"`
		DefaultPlan string              `json:"default_plan"`
		Resources   []canonicalResource `json:"resources"`
		Plans       []canonicalPlan     `json:"plans"`
		PerUnit     map[string]int64    `json:"per_unit,omitempty"`
	}
	canonicalResource struct {
		ID     string    `json:"id"`
		Kind   string    `json:"kind"`
		Label  [2]string `json:"label"`
		Resets string    `json:"resets,omitempty"`
	}
	canonicalPlan struct {
		ID     string           `json:"id"`
		Name   string           `json:"name"`
		Price  *canonicalPrice  `json:"price,omitempty"`
		Limits map[string]int64 `json:"limits"` // -1 is unlimited; JSON sorts the keys
		Units  *canonicalUnits  `json:"units,omitempty"`
		Trial  *canonicalTrial  `json:"trial,omitempty"`
	}
	canonicalPrice struct {
		Amount    int64  `json:"amount"`
		Per       string `json:"per"`
		LookupKey string `json:"lookup_key"`
	}
	canonicalUnits struct {
		Included      int64          `json:"included"`
		MaxAdditional int64          `json:"max_additional"`
		Price         canonicalPrice `json:"price"`
	}
	canonicalTrial struct {
		Days int  `json:"days"`
		Card bool `json:"card"`
	}
)

// canonical returns the one JSON text for everything the catalogue says.
func (c *Catalog) canonical() []byte {
	out := canonicalCatalog{Version: 1, Currency: c.Currency, DefaultPlan: c.DefaultPlan, Resources: []canonicalResource{}}
	for _, r := range c.Resources {
		out.Resources = append(out.Resources, canonicalResource{r.ID, string(r.Kind), [2]string{r.Singular, r.Plural}, r.Resets})
	}
	for _, p := range c.Plans {
		out.Plans = append(out.Plans, p.canonical())
	}
	if c.Capacity != nil {
		out.PerUnit = c.Capacity.PerUnit
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic("billing: a catalogue of strings and numbers is always JSON: " + err.Error())
	}
	return b
}

func (p Plan) canonical() canonicalPlan {
	out := canonicalPlan{ID: p.ID, Name: p.Name, Limits: make(map[string]int64, len(p.Limits))}
	for id, l := range p.Limits {
		out.Limits[id] = l.Value
		if l.Unlimited {
			out.Limits[id] = -1
		}
	}
	if p.Paid() {
		price := p.Price.canonical()
		out.Price = &price
	}
	if p.Units != nil {
		out.Units = &canonicalUnits{p.Units.Included, p.Units.MaxAdditional, p.Units.Price.canonical()}
	}
	if p.Trial != nil {
		out.Trial = &canonicalTrial{p.Trial.Days, p.Trial.Card}
	}
	return out
}

func (p Price) canonical() canonicalPrice {
	return canonicalPrice{p.Amount, p.Interval, p.LookupKey}
}
