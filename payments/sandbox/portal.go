package sandbox

// portal is a customer portal session. Its link works for five minutes; once
// opened, for an hour.
type portal struct {
	ID, Token, Customer, ReturnURL string
	Created, Expires               int64
	Opened                         bool
}

const (
	portalLink = 5 * 60
	portalStay = 60 * 60
)

func (s *Server) viewPortal(p *portal) obj {
	return obj{
		"id": p.ID, "object": "billing_portal.session", "configuration": "bpc_1Sandbox000000000000000",
		"created": p.Created, "customer": p.Customer, "flow": nil, "livemode": false, "locale": nil,
		"on_behalf_of": nil, "return_url": opt(p.ReturnURL), "url": s.opt.PublicURL + "/portal/" + p.Token,
	}
}

func (s *Server) createPortal(c *call) (obj, *apiError) {
	p := &portal{Customer: c.p.need("customer"), ReturnURL: c.p.str("return_url"), Created: s.now()}
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	if _, fail := s.customer("customer", p.Customer); fail != nil {
		return nil, fail
	}
	p.ID, p.Token, p.Expires = s.newID("bps_1", 23), s.newID("test_", 48), p.Created+portalLink
	s.st.Portals.put(p.ID, p)
	return s.viewPortal(p), nil
}

// portalByToken finds a session that may still be used, and keeps it open.
func (s *Server) portalByToken(token string) *portal {
	for _, p := range s.st.Portals.newest() {
		if p.Token != token {
			continue
		}
		if s.now() > p.Expires {
			return nil
		}
		if !p.Opened {
			p.Opened, p.Expires, s.dirty = true, s.now()+portalStay, true
		}
		return p
	}
	return nil
}
