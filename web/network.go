package web

import (
	"fmt"
	"net/netip"
	"strings"
)

// RemoteNetwork names where the request is from, for limits: the address, or
// the /64 of an IPv6 one, which a single customer has whole. Behind trusted
// proxies it is the address that the outermost of them saw.
func (r *Request) RemoteNetwork() string {
	peer, ok := parseAddr(r.RemoteAddr)
	if !ok {
		return r.RemoteAddr
	}
	return networkOf(clientOf(peer, r.Header.Values("X-Forwarded-For"), r.rt.cfg.TrustedProxies))
}

// clientOf walks the header from the right, where the proxy next to us wrote,
// for as long as whoever wrote is trusted. What stands further to the left may
// be anybody's invention.
func clientOf(peer netip.Addr, forwarded []string, trusted []netip.Prefix) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && within(peer, trusted); i-- {
		hop, ok := parseAddr(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		peer = hop
	}
	return peer
}

func within(a netip.Addr, nets []netip.Prefix) bool {
	for _, n := range nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// parseAddr reads an address, with or without a port.
func parseAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		both, perr := netip.ParseAddrPort(s)
		a, err = both.Addr(), perr
	}
	return a.Unmap().WithZone(""), err == nil
}

func networkOf(ip netip.Addr) string {
	if ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // an IPv6 address has 64 bits
	return prefix.String()
}

// ParseNetworks reads comma-separated networks (CIDR) and addresses.
func ParseNetworks(text string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		n, err := netip.ParsePrefix(part)
		if a, aerr := netip.ParseAddr(part); aerr == nil {
			n, err = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither a network like 10.0.0.0/8 nor an address", part)
		}
		if n.Bits() == 0 {
			return nil, fmt.Errorf("%s trusts everybody", part)
		}
		all = append(all, n.Masked())
	}
	return all, nil
}
