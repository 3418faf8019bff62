package billing

// goodCatalog is the file that every case of TestCatalogMistakes breaks in one place.
const goodCatalog = `version: 1
currency: usd
default_plan: free
resources:
  agents: {kind: gauge, label: [agent, agents]}
  calls: {kind: counter, label: [call, calls], resets: calendar_month}
  jobs: {kind: gauge, label: [job, jobs]}
plans:
  free:
    name: Free
    limits: {agents: 3, calls: 100, jobs: 5}
  pro:
    name: Pro
    price: {amount: "19.00", per: month, lookup_key: pro_month}
    limits: {agents: 10, calls: unlimited, jobs: 50}
  team:
    name: Team
    price: {amount: "49.00", per: month, lookup_key: team_month}
    limits: {agents: 30, calls: unlimited}
    units: {included: 10, max_additional: 99, price: {amount: "4.00", per: month, lookup_key: unit_month}}
    trial: {days: 30, card: false}
capacity:
  per_unit: {jobs: 50}
`

// mistakes has one row for each mistake that a file can have: what is replaced in
// goodCatalog, by what, and the one message it gives.
var mistakes = []struct{ name, old, new, want string }{
	{
		"unknown key", "limits: {agents: 10", "limts: {agents: 10",
		`flat.yaml:15:5: unknown key "limts" in plan "pro"; did you mean "limits"?`,
	},
	{
		"unknown key, nothing like it", "name: Pro", "name: Pro\n    colour: red",
		`flat.yaml:14:5: unknown key "colour" in plan "pro"; use name, price, limits, units or trial`,
	},
	{
		"unknown key at the top", "capacity:", "capcity:",
		`flat.yaml:22:1: unknown key "capcity" in the file; did you mean "capacity"?`,
	},
	{
		"unknown key in a resource", "jobs: {kind: gauge", "jobs: {kind: gauge, unit: byte",
		`flat.yaml:7:23: unknown key "unit" in resource "jobs"; use kind, label or resets`,
	},
	{
		"misspelled required key", "name: Pro", "nmae: Pro",
		`flat.yaml:13:5: unknown key "nmae" in plan "pro"; did you mean "name"?`,
	},
	{
		"misspelled key of a price", `amount: "19.00"`, `amuont: "19.00"`,
		`flat.yaml:14:13: unknown key "amuont" in price of plan "pro"; did you mean "amount"?`,
	},
	{
		"unknown key in units", "max_additional: 99", "max_aditional: 99",
		`flat.yaml:20:27: unknown key "max_aditional" in units of plan "team"; did you mean "max_additional"?`,
	},
	{
		"unknown key in a trial", "card: false", "cards: false",
		`flat.yaml:21:23: unknown key "cards" in trial of plan "team"; did you mean "card"?`,
	},
	{
		"unknown key in capacity", "per_unit:", "per_units:",
		`flat.yaml:23:3: unknown key "per_units" in capacity; did you mean "per_unit"?`,
	},
	{
		"misspelled beside the right one", "name: Pro", "name: Pro\n    nam: Pro",
		`flat.yaml:14:5: unknown key "nam" in plan "pro"; use name, price, limits, units or trial`,
	},
	{
		"capital letters", "name: Pro", "Name: Pro",
		`flat.yaml:13:5: unknown key "Name" in plan "pro"; did you mean "name"?`,
	},
	{
		"repeated key", "name: Pro", "name: Pro\n    name: Other",
		`flat.yaml:14:5: key "name" is repeated in plan "pro"; it is already on line 13`,
	},
	{
		"repeated plan", "  team:", "  pro:",
		`flat.yaml:16:3: key "pro" is repeated in plans; it is already on line 12`,
	},
	{
		"repeated resource", "  jobs: {kind", "  agents: {kind: gauge, label: [a, b]}\n  jobs: {kind",
		`flat.yaml:7:3: key "agents" is repeated in resources; it is already on line 5`,
	},
	{
		"repeated limit", "limits: {agents: 10", "limits: {agents: 9, agents: 10",
		`flat.yaml:15:25: key "agents" is repeated in limits of plan "pro"; it is already on line 15`,
	},
	{
		"repeated top-level key", "currency: usd", "currency: usd\ncurrency: eur",
		`flat.yaml:3:1: key "currency" is repeated in the file; it is already on line 2`,
	},
	{
		"key that is no text", "  pro:", "  1:",
		"flat.yaml:12:3: key 1 in plans is not text; write it in quotes",
	},
	{
		"missing version", "version: 1\n", "",
		`flat.yaml:1:1: the file has no "version"`,
	},
	{
		"missing currency", "currency: usd\n", "",
		`flat.yaml:1:1: the file has no "currency"`,
	},
	{
		"missing default_plan", "default_plan: free\n", "",
		`flat.yaml:1:1: the file has no "default_plan"`,
	},
	{
		"missing name", "    name: Pro\n", "",
		`flat.yaml:12:3: plan "pro" has no "name"`,
	},
	{
		"missing kind", "jobs: {kind: gauge, ", "jobs: {",
		`flat.yaml:7:3: resource "jobs" has no "kind"`,
	},
	{
		"missing label", ", label: [job, jobs]", "",
		`flat.yaml:7:3: resource "jobs" has no "label"`,
	},
	{
		"missing limits", "    limits: {agents: 10, calls: unlimited, jobs: 50}\n", "",
		`flat.yaml:12:3: plan "pro" has no "limits"`,
	},
	{
		"missing amount", `amount: "19.00", `, "",
		`flat.yaml:14:5: price of plan "pro" has no "amount"`,
	},
	{
		"missing per", "per: month, lookup_key: pro_month", "lookup_key: pro_month",
		`flat.yaml:14:5: price of plan "pro" has no "per"`,
	},
	{
		"missing lookup_key", ", lookup_key: pro_month", "",
		`flat.yaml:14:5: price of plan "pro" has no "lookup_key"`,
	},
	{
		"missing included", "included: 10, ", "",
		`flat.yaml:20:5: units of plan "team" has no "included"`,
	},
	{
		"missing unit price", `, price: {amount: "4.00", per: month, lookup_key: unit_month}`, "",
		`flat.yaml:20:5: units of plan "team" has no "price"`,
	},
	{
		"missing days", "days: 30, ", "",
		`flat.yaml:21:5: trial of plan "team" has no "days"`,
	},
	{
		"missing card", ", card: false", "",
		`flat.yaml:21:5: trial of plan "team" has no "card"`,
	},
	{
		"missing per_unit", "  per_unit: {jobs: 50}", "  {}",
		`flat.yaml:22:1: capacity has no "per_unit"`,
	},
	{
		"plan that is a list", "    name: Pro\n    price: {amount: \"19.00\", per: month, lookup_key: pro_month}\n    limits: {agents: 10, calls: unlimited, jobs: 50}", "    - Pro",
		`flat.yaml:13:5: plan "pro" must be a map, not a list`,
	},
	{
		"plan without content", "    name: Pro\n    price: {amount: \"19.00\", per: month, lookup_key: pro_month}\n    limits: {agents: 10, calls: unlimited, jobs: 50}\n", "",
		`flat.yaml:12:3: plan "pro" must be a map, not nothing`,
	},
	{
		"limits that are no map", "limits: {agents: 10, calls: unlimited, jobs: 50}", "limits: unlimited",
		`flat.yaml:15:13: limits of plan "pro" must be a map, not "unlimited"`,
	},
	{
		"limits without content", "limits: {agents: 10, calls: unlimited, jobs: 50}", "limits:",
		`flat.yaml:15:5: limits of plan "pro" must be a map, not nothing`,
	},
	{
		"price that is no map", `price: {amount: "19.00", per: month, lookup_key: pro_month}`, `price: "19.00"`,
		`flat.yaml:14:12: price of plan "pro" must be a map, not "19.00"`,
	},
	{
		"units that are no map", `units: {included: 10, max_additional: 99, price: {amount: "4.00", per: month, lookup_key: unit_month}}`, "units: 10",
		`flat.yaml:20:12: units of plan "team" must be a map, not 10`,
	},
	{
		"trial that is no map", "trial: {days: 30, card: false}", "trial: 30",
		`flat.yaml:21:12: trial of plan "team" must be a map, not 30`,
	},
	{
		"per_unit that is no map", "per_unit: {jobs: 50}", "per_unit: 50",
		"flat.yaml:23:13: per_unit of capacity must be a map, not 50",
	},
	{
		"name that is a number", "name: Pro", "name: 3",
		`flat.yaml:13:11: "name" in plan "pro" must be a text of 1 to 60 characters, not 3`,
	},
	{
		"empty name", "name: Pro", `name: ""`,
		`flat.yaml:13:11: "name" in plan "pro" must be a text of 1 to 60 characters, not ""`,
	},
	{
		"name over two lines", "name: Pro", `name: "a\nb"`,
		`flat.yaml:13:11: "name" in plan "pro" must be a text of 1 to 60 characters, not "a\nb"`,
	},
	{
		"version in quotes", "version: 1", `version: "1"`,
		`flat.yaml:1:10: version must be 1, not "1"`,
	},
	{
		"other version", "version: 1", "version: 2",
		"flat.yaml:1:10: version must be 1, not 2",
	},
	{
		"unknown currency", "currency: usd", "currency: usdd",
		`flat.yaml:2:11: unknown currency "usdd"; write an ISO 4217 code in lower case, as in usd`,
	},
	{
		"currency in capitals", "currency: usd", "currency: USD",
		`flat.yaml:2:11: unknown currency "USD"; did you mean "usd"?`,
	},
	{
		"currency of other minor units", "currency: usd", "currency: isk",
		`flat.yaml:2:11: currency "isk" cannot be used: payment processors count its minor units differently`,
	},
	{
		"default_plan is no plan", "default_plan: free", "default_plan: fre",
		`flat.yaml:3:15: default_plan "fre" is not a plan; did you mean "free"?`,
	},
	{
		"default_plan is nothing like a plan", "default_plan: free", "default_plan: starter",
		`flat.yaml:3:15: default_plan "starter" is not a plan; use free, pro or team`,
	},
	{
		"default_plan is no text", "default_plan: free", "default_plan: 0",
		"flat.yaml:3:15: default_plan 0 is not a plan; use free, pro or team",
	},
	{
		"default_plan costs", "default_plan: free", "default_plan: pro",
		`flat.yaml:3:15: default_plan "pro" has a price; the default plan is free`,
	},
	{
		"second free plan", "    price: {amount: \"19.00\", per: month, lookup_key: pro_month}\n", "",
		`flat.yaml:12:3: plan "pro" has no "price"; only the default plan is free`,
	},
	{
		"bad resource id", "  jobs: {kind", "  Jobs-1: {kind",
		`flat.yaml:7:3: resource id "Jobs-1" must be 1 to 64 of a-z, 0-9 and _`,
	},
	{
		"reserved resource id", "  agents: {kind: gauge, label: [agent, agents]}", "  agents: {kind: gauge, label: [agent, agents]}\n  other: {kind: gauge, label: [a, b]}",
		`flat.yaml:6:3: resource id "other" is reserved; choose another`,
	},
	{
		"bad plan id", "  pro:", "  Pro Plan:",
		`flat.yaml:12:3: plan id "Pro Plan" must be 1 to 64 of a-z, 0-9 and _`,
	},
	{
		"bad kind", "jobs: {kind: gauge", "jobs: {kind: guage",
		`flat.yaml:7:16: "kind" in resource "jobs" cannot be "guage"; did you mean "gauge"?`,
	},
	{
		"bad kind, nothing like it", "jobs: {kind: gauge", "jobs: {kind: meter",
		`flat.yaml:7:16: "kind" in resource "jobs" cannot be "meter"; use gauge or counter`,
	},
	{
		"counter without resets", ", resets: calendar_month", "",
		`flat.yaml:6:3: resource "calls" is a counter and has no "resets"; use calendar_month or billing_period`,
	},
	{
		"gauge with resets", "label: [job, jobs]", "label: [job, jobs], resets: calendar_month",
		`flat.yaml:7:43: resource "jobs" is a gauge and never resets; remove "resets"`,
	},
	{
		"bad resets", "resets: calendar_month", "resets: monthly",
		`flat.yaml:6:56: "resets" in resource "calls" cannot be "monthly"; use calendar_month or billing_period`,
	},
	{
		"label of one text", "[job, jobs]", "[job]",
		`flat.yaml:7:30: "label" in resource "jobs" must be a list of two texts of 1 to 60 characters, as in [agent, agents]`,
	},
	{
		"label that is no list", "[job, jobs]", "job",
		`flat.yaml:7:30: "label" in resource "jobs" must be a list of two texts of 1 to 60 characters, as in [agent, agents]`,
	},
	{
		"amount without quotes", `amount: "19.00"`, "amount: 19.00",
		`flat.yaml:14:21: amount 19.00 in price of plan "pro" has no quotes; write the amount in quotes, as in "19.00"`,
	},
	{
		"whole amount without quotes", `amount: "19.00"`, "amount: 19",
		`flat.yaml:14:21: amount 19 in price of plan "pro" has no quotes; write the amount in quotes, as in "19.00"`,
	},
	{
		"amount that is a map", `amount: "19.00"`, `amount: {usd: "19.00"}`,
		`flat.yaml:14:21: "amount" in price of plan "pro" must be an amount in quotes, as in "19.00", not a map`,
	},
	{
		"too few decimals", `"19.00"`, `"19.0"`,
		`flat.yaml:14:21: amount "19.0" in price of plan "pro": usd has 2 decimals, as in "19.00"`,
	},
	{
		"no decimals", `"19.00"`, `"19"`,
		`flat.yaml:14:21: amount "19" in price of plan "pro": usd has 2 decimals, as in "19.00"`,
	},
	{
		"separator", `"19.00"`, `"1,900.00"`,
		`flat.yaml:14:21: amount "1,900.00" in price of plan "pro": only digits and one point are allowed`,
	},
	{
		"sign", `"19.00"`, `"-19.00"`,
		`flat.yaml:14:21: amount "-19.00" in price of plan "pro": only digits and one point are allowed`,
	},
	{
		"exponent", `"19.00"`, `"1.9e1"`,
		`flat.yaml:14:21: amount "1.9e1" in price of plan "pro": only digits and one point are allowed`,
	},
	{
		"currency sign", `"19.00"`, `"$19.00"`,
		`flat.yaml:14:21: amount "$19.00" in price of plan "pro": only digits and one point are allowed`,
	},
	{
		"leading zero", `"19.00"`, `"019.00"`,
		`flat.yaml:14:21: amount "019.00" in price of plan "pro": leading zeros are not allowed`,
	},
	{
		"empty amount", `"19.00"`, `""`,
		`flat.yaml:14:21: amount "" in price of plan "pro": there is no number`,
	},
	{
		"amount too large", `"19.00"`, `"10000000000.00"`,
		`flat.yaml:14:21: amount "10000000000.00" in price of plan "pro": too large`,
	},
	{
		"amount beyond 64 bits", `"19.00"`, `"92233720368547758.08"`,
		`flat.yaml:14:21: amount "92233720368547758.08" in price of plan "pro": too large`,
	},
	{
		"price of zero", `"19.00"`, `"0.00"`,
		`flat.yaml:14:21: amount "0.00" in price of plan "pro": a price is above zero`,
	},
	{
		"unit price of zero", `"4.00"`, `"0.00"`,
		`flat.yaml:20:63: amount "0.00" in price of units of plan "team": a price is above zero`,
	},
	{
		"bad per", "per: month, lookup_key: pro_month", "per: monthly, lookup_key: pro_month",
		`flat.yaml:14:35: "per" in price of plan "pro" cannot be "monthly"; use month or year`,
	},
	{
		"misspelled per", "per: month, lookup_key: pro_month", "per: yaer, lookup_key: pro_month",
		`flat.yaml:14:35: "per" in price of plan "pro" cannot be "yaer"; did you mean "year"?`,
	},
	{
		"repeated lookup_key", "lookup_key: team_month", "lookup_key: pro_month",
		`flat.yaml:18:54: lookup_key "pro_month" in price of plan "team" is already used in price of plan "pro"`,
	},
	{
		"repeated lookup_key of a unit", "lookup_key: unit_month", "lookup_key: pro_month",
		`flat.yaml:20:95: lookup_key "pro_month" in price of units of plan "team" is already used in price of plan "pro"`,
	},
	{
		"lookup_key with a space", "lookup_key: pro_month", "lookup_key: pro month",
		`flat.yaml:14:54: "lookup_key" in price of plan "pro" must be a text of 1 to 200 visible ASCII characters, not "pro month"`,
	},
	{
		"limit for an unknown resource", "{agents: 10, calls", "{agnets: 10, calls",
		`flat.yaml:15:14: unknown resource "agnets" in limits of plan "pro"; did you mean "agents"?`,
	},
	{
		"limit for a resource nothing like it", "{agents: 10, calls", "{agents: 10, seats: 3, calls",
		`flat.yaml:15:26: unknown resource "seats" in limits of plan "pro"; use agents, calls or jobs`,
	},
	{
		"no limit for a resource", "{agents: 10, calls", "{calls",
		`flat.yaml:15:5: limits of plan "pro" has nothing for "agents"; write a number or unlimited`,
	},
	{
		"negative limit", "agents: 10", "agents: -10",
		`flat.yaml:15:22: "agents" in limits of plan "pro" is negative; write 0 or more, or unlimited`,
	},
	{
		"limit in quotes", "agents: 10", `agents: "10"`,
		`flat.yaml:15:22: "agents" in limits of plan "pro" is in quotes; write the number without them`,
	},
	{
		"limit too large", "agents: 10", "agents: 9007199254740992",
		`flat.yaml:15:22: "agents" in limits of plan "pro" is above 9007199254740991; write unlimited`,
	},
	{
		"limit with a fraction", "agents: 10", "agents: 10.5",
		`flat.yaml:15:22: "agents" in limits of plan "pro" must be a whole number or unlimited, not 10.5`,
	},
	{
		"limit with a separator", "agents: 10", "agents: 10_000",
		`flat.yaml:15:22: "agents" in limits of plan "pro" must be a whole number or unlimited, not 10_000`,
	},
	{
		"octal limit", "agents: 10", "agents: 010",
		`flat.yaml:15:22: "agents" in limits of plan "pro" must be a whole number or unlimited, not 010`,
	},
	{
		"limit without a value", "agents: 10", "agents:",
		`flat.yaml:15:14: "agents" in limits of plan "pro" must be a whole number or unlimited, not nothing`,
	},
	{
		"misspelled unlimited", "calls: unlimited, jobs", "calls: unlimted, jobs",
		`flat.yaml:15:33: "calls" in limits of plan "pro" must be a whole number or unlimited, not "unlimted"; did you mean "unlimited"?`,
	},
	{
		"another word for unlimited", "calls: unlimited, jobs", "calls: infinite, jobs",
		`flat.yaml:15:33: "calls" in limits of plan "pro" must be a whole number or unlimited, not "infinite"`,
	},
	{
		"included out of bounds", "included: 10", "included: 0",
		`flat.yaml:20:23: "included" in units of plan "team" must be a whole number from 1 to 1000, not 0`,
	},
	{
		"max_additional out of bounds", "max_additional: 99", "max_additional: 100",
		`flat.yaml:20:43: "max_additional" in units of plan "team" must be a whole number from 1 to 99, not 100`,
	},
	{
		"max_additional in quotes", "max_additional: 99", `max_additional: "99"`,
		`flat.yaml:20:43: "max_additional" in units of plan "team" must be a whole number from 1 to 99, not "99"`,
	},
	{
		"unit price of another interval", "per: month, lookup_key: unit_month", "per: year, lookup_key: unit_month",
		`flat.yaml:20:54: price of units of plan "team" is per year and that of the plan per month; one subscription needs one interval`,
	},
	{
		"units on the free plan", "jobs: 5}", "jobs: 5}\n    units: {included: 1, max_additional: 9, price: {amount: \"1.00\", per: month, lookup_key: u}}",
		`flat.yaml:12:5: plan "free" is free and cannot have "units"`,
	},
	{
		"trial on the free plan", "jobs: 5}", "jobs: 5}\n    trial: {days: 30, card: false}",
		`flat.yaml:12:5: plan "free" is free and cannot have "trial"`,
	},
	{
		"trial of no days", "days: 30", "days: 0",
		`flat.yaml:21:19: "days" in trial of plan "team" must be a whole number from 1 to 730, not 0`,
	},
	{
		"trial card is a word", "card: false", "card: no",
		`flat.yaml:21:29: "card" in trial of plan "team" must be true or false, not "no"`,
	},
	{
		"units without capacity", "capacity:\n  per_unit: {jobs: 50}\n", "",
		`flat.yaml:20:5: plan "team" has "units" but the file has no "capacity"`,
	},
	{
		"limit that capacity sets", "limits: {agents: 30", "limits: {jobs: 7, agents: 30",
		`flat.yaml:19:14: "jobs" in limits of plan "team" is set by per_unit of capacity; remove it`,
	},
	{
		"per_unit for an unknown resource", "per_unit: {jobs", "per_unit: {jbos",
		`flat.yaml:23:14: unknown resource "jbos" in per_unit of capacity; did you mean "jobs"?`,
	},
	{
		"negative per_unit", "{jobs: 50}", "{jobs: -50}",
		`flat.yaml:23:20: "jobs" in per_unit of capacity must be a whole number from 0 to 1000000000000, not -50`,
	},
	{
		"per_unit unlimited", "{jobs: 50}", "{jobs: unlimited}",
		`flat.yaml:23:20: "jobs" in per_unit of capacity must be a whole number from 0 to 1000000000000, not "unlimited"`,
	},
	{
		"empty per_unit", "{jobs: 50}", "{}",
		"flat.yaml:23:13: per_unit of capacity is empty; write what one unit allows of a resource",
	},
	{
		"capacity that no plan uses", "limits: {agents: 30, calls: unlimited}\n    units: {included: 10, max_additional: 99, price: {amount: \"4.00\", per: month, lookup_key: unit_month}}", "limits: {agents: 30, calls: unlimited, jobs: 9}",
		`flat.yaml:21:1: capacity is used by no plan; give a plan "units" or remove it`,
	},
	{
		"anchor", "limits: {agents: 10", "limits: &x {agents: 10",
		"flat.yaml:15:13: anchors (&) are not allowed; write the values out",
	},
	{
		"alias", "trial: {days: 30, card: false}", "trial: *x",
		"flat.yaml:21:12: aliases (*) are not allowed; write the values out",
	},
	{
		"tag", "name: Pro", "name: !!str Pro",
		"flat.yaml:13:11: tags (!) are not allowed; remove the tag",
	},
	{
		"complex key", "    name: Pro", "    ? name\n    : Pro",
		"flat.yaml:13:5: complex keys (?) are not allowed; write key: value",
	},
	{
		"block text", "name: Pro", "name: |\n      Pro",
		"flat.yaml:13:11: block text (| or >) is not allowed; write the text on one line",
	},
	{
		"directive", "version: 1", "%YAML 1.2\n---\nversion: 1",
		"flat.yaml:1:1: directives (%) are not allowed; remove the line",
	},
	{
		"second document", "capacity:", "---\ncapacity:",
		"flat.yaml:22:1: a second document; write one catalogue in a file",
	},
	{
		"tab", "    name: Pro", "\tname: Pro",
		"flat.yaml:13:1: a tab; write spaces",
	},
	{
		"tab after a value", "name: Pro", "name: Pro\t# the middle one",
		"flat.yaml:13:14: a tab; write spaces",
	},
	{
		"control character", "name: Pro", "name: Pro\x01",
		"flat.yaml:13:14: the control character U+0001; remove it",
	},
	{
		"not UTF-8", "name: Pro", "name: Pr\xff",
		"flat.yaml:13:13: not valid UTF-8",
	},
	{
		"not YAML", "agents: 10, calls: unlimited, jobs: 50}", "agents: 10, calls: unlimited, jobs: 50",
		"flat.yaml:16:3: cannot be read: ',' or '}' must be specified",
	},
	{
		"bad indentation", "    name: Pro", "   name: Pro",
		"flat.yaml:13:10: cannot be read: mapping value is not allowed in this context",
	},
	{
		"nested too deeply", "label: [job, jobs]", "label: [[[[[[[[[[[[[[[[[job]]]]]]]]]]]]]]]]]",
		"flat.yaml:7:45: cannot be read: nested too deeply",
	},
	{
		"merge key", "limits: {agents: 10", "limits: {<<: *x, agents: 10",
		"flat.yaml:15:14: merge keys (<<) are not allowed; write the values out",
	},
	{
		"default plan is not the first", "  free:\n    name: Free\n    limits: {agents: 3, calls: 100, jobs: 5}\n  pro:\n    name: Pro\n    price: {amount: \"19.00\", per: month, lookup_key: pro_month}\n", "  pro:\n    name: Pro\n    price: {amount: \"19.00\", per: month, lookup_key: pro_month}\n    limits: {agents: 3, calls: 100, jobs: 5}\n  free:\n    name: Free\n",
		`flat.yaml:3:15: default_plan "free" is not the first plan; the order of plans is their rank and the free one is the lowest`,
	},
}
