package sandbox

import (
	"slices"
	"strconv"
)

type product struct {
	ID, Name, Description, UnitLabel string
	Active                           bool
	Metadata                         map[string]string
	Created, Updated                 int64
}

// price is a licensed, per-unit, recurring price.
type price struct {
	ID, Product, Currency, LookupKey, Nickname string
	UnitAmount                                 int64 // minor units
	Interval                                   string
	IntervalCount                              int64
	Active                                     bool
	Metadata                                   map[string]string
	Created                                    int64
}

func (s *Server) viewProduct(p *product) obj {
	if p == nil {
		return nil
	}
	return obj{
		"id": p.ID, "object": "product", "active": p.Active, "created": p.Created,
		"default_price": nil, "description": opt(p.Description), "features": []obj{},
		"images": []string{}, "livemode": false, "metadata": copyMeta(p.Metadata),
		"name": p.Name, "package_dimensions": nil, "shippable": nil,
		"statement_descriptor": nil, "tax_code": nil, "unit_label": opt(p.UnitLabel),
		"updated": p.Updated, "url": nil,
	}
}

func (s *Server) viewPrice(p *price) obj {
	if p == nil {
		return nil
	}
	return obj{
		"id": p.ID, "object": "price", "active": p.Active, "billing_scheme": "per_unit",
		"created": p.Created, "currency": p.Currency, "custom_unit_amount": nil,
		"livemode": false, "lookup_key": opt(p.LookupKey), "metadata": copyMeta(p.Metadata),
		"nickname": opt(p.Nickname), "product": p.Product,
		"recurring": obj{
			"aggregate_usage": nil, "interval": p.Interval, "interval_count": p.IntervalCount,
			"usage_type": "licensed",
		},
		"tax_behavior": "unspecified", "tiers_mode": nil, "transform_quantity": nil,
		"type": "recurring", "unit_amount": p.UnitAmount,
		"unit_amount_decimal": strconv.FormatInt(p.UnitAmount, 10),
	}
}

func (s *Server) createProduct(c *call) (obj, *apiError) {
	id, name, desc, unit := c.p.str("id"), c.p.need("name"), c.p.str("description"), c.p.str("unit_label")
	active, meta := c.p.bool("active") || !c.p.has("active"), c.p.metadata()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	if id == "" {
		id = s.newID("prod_", 14)
	} else if s.st.Products.get(id) != nil {
		return nil, invalid("resource_already_exists", "id", "Product already exists.")
	}
	return s.addProduct(&product{ID: id, Name: name, Description: desc, UnitLabel: unit, Active: active, Metadata: meta.apply(nil)}), nil
}

func (s *Server) addProduct(p *product) obj {
	p.Created, p.Updated = s.now(), s.now()
	s.st.Products.put(p.ID, p)
	s.emit("product.created", s.viewProduct(p), nil)
	return s.viewProduct(p)
}

func (s *Server) getProduct(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	p := s.st.Products.get(c.r.PathValue("id"))
	if p == nil {
		return nil, missing("product", "id", c.r.PathValue("id"))
	}
	return s.viewProduct(p), nil
}

func (s *Server) updateProduct(c *call) (obj, *apiError) {
	name, desc, active, meta := c.p.str("name"), c.p.str("description"), c.p.bool("active"), c.p.metadata()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	p := s.st.Products.get(c.r.PathValue("id"))
	if p == nil {
		return nil, missing("product", "id", c.r.PathValue("id"))
	}
	s.change("product.updated", p.ID, func() {
		if name != "" {
			p.Name = name
		}
		if c.p.has("description") {
			p.Description = desc
		}
		if c.p.has("active") {
			p.Active = active
		}
		if meta.sent {
			p.Metadata = meta.apply(p.Metadata)
		}
		p.Updated = s.now()
	})
	return s.viewProduct(p), nil
}

func (s *Server) listProducts(c *call) (obj, *apiError) {
	pg, active, only := c.p.page(), c.p.bool("active"), c.p.strs("ids")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/products", ids(&s.st.Products, func(p *product) bool {
		return (!c.p.has("active") || p.Active == active) && (only == nil || slices.Contains(only, p.ID))
	}))
}

func (s *Server) createPrice(c *call) (obj, *apiError) {
	p := &price{
		Currency: c.p.need("currency"), Product: c.p.str("product"), UnitAmount: c.p.int("unit_amount"),
		LookupKey: c.p.str("lookup_key"), Nickname: c.p.str("nickname"),
		Active: c.p.bool("active") || !c.p.has("active"),
	}
	meta, transfer := c.p.metadata(), c.p.bool("transfer_lookup_key")
	rec := c.p.sub("recurring")
	rec.need("interval")
	p.Interval = rec.enum("interval", "month", "year", "week", "day")
	p.IntervalCount = max(1, rec.int("interval_count"))
	data := c.p.sub("product_data")
	name := data.str("name")
	checkPrice(c.p, p, name)
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	if p.Product != "" && s.st.Products.get(p.Product) == nil {
		return nil, missing("product", "product", p.Product)
	}
	if fail := s.takeLookupKey(p.LookupKey, transfer, ""); fail != nil {
		return nil, fail
	}
	if p.Product == "" {
		p.Product = s.newID("prod_", 14)
		s.addProduct(&product{ID: p.Product, Name: name, Active: true})
	}
	p.ID, p.Created, p.Metadata = s.newID("price_", 24), s.now(), meta.apply(nil)
	s.st.Prices.put(p.ID, p)
	s.emit("price.created", s.viewPrice(p), nil)
	return s.viewPrice(p), nil
}

func checkPrice(p params, pr *price, name string) {
	switch {
	case !p.has("unit_amount"):
		p.fail(required("unit_amount"))
	case pr.UnitAmount < 0:
		p.fail(invalid("parameter_invalid_integer", "unit_amount", "This value must be greater than or equal to 0."))
	case (pr.Product == "") == (name == ""):
		p.fail(invalid("", "product", "You must specify either `product` or `product_data`."))
	case len(pr.Currency) != 3:
		p.fail(invalid("", "currency", "Invalid currency: %s.", pr.Currency))
	}
}

// takeLookupKey frees a lookup key for a new owner, or refuses.
func (s *Server) takeLookupKey(key string, transfer bool, owner string) *apiError {
	if key == "" {
		return nil
	}
	for _, p := range s.st.Prices.oldest() {
		if p.LookupKey != key || p.ID == owner {
			continue
		}
		if !transfer {
			return invalid("", "lookup_key", "A price (`%s`) already uses that lookup key.", p.ID)
		}
		s.change("price.updated", p.ID, func() { p.LookupKey = "" })
	}
	return nil
}

func (s *Server) getPrice(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	p := s.st.Prices.get(c.r.PathValue("id"))
	if p == nil {
		return nil, missing("price", "id", c.r.PathValue("id"))
	}
	return s.viewPrice(p), nil
}

func (s *Server) updatePrice(c *call) (obj, *apiError) {
	active, key, transfer := c.p.bool("active"), c.p.str("lookup_key"), c.p.bool("transfer_lookup_key")
	nick, meta := c.p.str("nickname"), c.p.metadata()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	p := s.st.Prices.get(c.r.PathValue("id"))
	if p == nil {
		return nil, missing("price", "id", c.r.PathValue("id"))
	}
	if fail := s.takeLookupKey(key, transfer, p.ID); fail != nil {
		return nil, fail
	}
	s.change("price.updated", p.ID, func() {
		if c.p.has("active") {
			p.Active = active
		}
		if c.p.has("lookup_key") {
			p.LookupKey = key
		}
		if c.p.has("nickname") {
			p.Nickname = nick
		}
		if meta.sent {
			p.Metadata = meta.apply(p.Metadata)
		}
	})
	return s.viewPrice(p), nil
}

func (s *Server) listPrices(c *call) (obj, *apiError) {
	pg, active, keys, prod := c.p.page(), c.p.bool("active"), c.p.strs("lookup_keys"), c.p.str("product")
	cur, kind, created := c.p.str("currency"), c.p.str("type"), c.p.created()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/prices", ids(&s.st.Prices, func(p *price) bool {
		return (!c.p.has("active") || p.Active == active) && (prod == "" || p.Product == prod) &&
			(keys == nil || slices.Contains(keys, p.LookupKey)) && (cur == "" || p.Currency == cur) &&
			kind != "one_time" && created.holds(p.Created)
	}))
}
