package web

import (
	"fmt"
	"net/http/httptest"
	"testing"
)

func TestRemoteNetwork(t *testing.T) {
	const proxies = "10.0.0.0/8, 2001:db8:ffff::/48, 192.0.2.9"
	for name, c := range map[string]struct {
		proxies, peer string
		forwarded     []string
		want          string
	}{
		"address":                        {"", "192.0.2.1:1234", nil, "192.0.2.1"},
		"IPv4 in IPv6":                   {"", "[::ffff:192.0.2.1]:1", nil, "192.0.2.1"},
		"IPv6":                           {"", "[2001:db8:1:2:3:4:5:6]:1", nil, "2001:db8:1:2::/64"},
		"zone":                           {"", "[fe80::1%eth0]:1", nil, "fe80::/64"},
		"no address":                     {"", "pipe", nil, "pipe"},
		"nobody is trusted":              {"", "10.0.0.1:1", []string{"198.51.100.7"}, "10.0.0.1"},
		"a stranger is not believed":     {proxies, "192.0.2.1:1", []string{"198.51.100.7"}, "192.0.2.1"},
		"behind a proxy":                 {proxies, "10.0.0.1:1", []string{"198.51.100.7"}, "198.51.100.7"},
		"behind a proxy by address":      {proxies, "192.0.2.9:1", []string{"198.51.100.7"}, "198.51.100.7"},
		"behind two":                     {proxies, "10.0.0.1:1", []string{"198.51.100.7, 10.2.3.4"}, "198.51.100.7"},
		"in two headers":                 {proxies, "10.0.0.1:1", []string{"198.51.100.7", "10.2.3.4"}, "198.51.100.7"},
		"what the client invents":        {proxies, "10.0.0.1:1", []string{"203.0.113.1, 10.9.9.9, 198.51.100.7"}, "198.51.100.7"},
		"the client invents a proxy":     {proxies, "10.0.0.1:1", []string{"10.9.9.9", "198.51.100.7"}, "198.51.100.7"},
		"with a port":                    {proxies, "10.0.0.1:1", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		"IPv6 client":                    {proxies, "10.0.0.1:1", []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"},
		"IPv6 client with a port":        {proxies, "10.0.0.1:1", []string{"[2001:db8:1:2:3::4]:80"}, "2001:db8:1:2::/64"},
		"IPv6 proxy":                     {proxies, "[2001:db8:ffff::1]:1", []string{"198.51.100.7"}, "198.51.100.7"},
		"mapped proxy":                   {proxies, "[::ffff:10.0.0.1]:1", []string{"198.51.100.7"}, "198.51.100.7"},
		"the proxy says nothing":         {proxies, "10.0.0.1:1", nil, "10.0.0.1"},
		"the proxy says nonsense":        {proxies, "10.0.0.1:1", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		"nonsense that the client wrote": {proxies, "10.0.0.1:1", []string{"<script>, 198.51.100.7"}, "198.51.100.7"},
		"only proxies":                   {proxies, "10.0.0.1:1", []string{"10.1.1.1, 10.2.2.2"}, "10.1.1.1"},
	} {
		trusted, err := ParseNetworks(c.proxies)
		if err != nil {
			t.Fatal(err)
		}
		r := &Request{Request: httptest.NewRequest("GET", "/", nil), rt: &Router{cfg: Config{TrustedProxies: trusted}}}
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := r.RemoteNetwork(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestParseNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "[]",
		" , ":                      "[]",
		"10.1.2.3/8,2001:db8::/32": "[10.0.0.0/8 2001:db8::/32]",
		"192.0.2.1, ::1":           "[192.0.2.1/32 ::1/128]",
		"::ffff:192.0.2.1":         "[192.0.2.1/32]",
		"proxy.internal":           `"proxy.internal" is neither a network like 10.0.0.0/8 nor an address`,
		"10.0.0.0/33":              `"10.0.0.0/33" is neither a network like 10.0.0.0/8 nor an address`,
		"10.0.0.1,0.0.0.0/0":       "0.0.0.0/0 trusts everybody",
		"::/0":                     "::/0 trusts everybody",
	} {
		nets, err := ParseNetworks(text)
		got := fmt.Sprint(nets)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
