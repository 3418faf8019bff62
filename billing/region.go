package billing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bojanz/currency"
)

// Region is how an org's people write numbers and tell the time. It changes what
// pages and mails look like, and nothing else: billing windows and all answers to
// programs are in UTC and minor units.
type Region struct {
	TimeZone string // IANA name; empty is UTC
	Locale   string // BCP 47 tag; empty is English
}

// or fills what is empty.
func (r Region) or(before Region) Region {
	return Region{cmp.Or(r.TimeZone, before.TimeZone), cmp.Or(r.Locale, before.Locale)}
}

// cleanRegion checks what the host sent, and brings it into the form that is kept.
func cleanRegion(r Region) (Region, error) {
	if r.TimeZone != "" {
		if _, err := ParseTimeZone(r.TimeZone); err != nil {
			return r, ErrInvalid.Say("There is no time zone %.40q. Use an IANA name such as \"Europe/Berlin\", or \"UTC\".", r.TimeZone).With("field", "timeZone")
		}
	}
	if r.Locale != "" {
		tag, err := ParseLocale(r.Locale)
		if err != nil {
			return r, ErrInvalid.Say("There is no locale %.40q. Use a BCP 47 tag such as \"en\" or \"de-CH\".", r.Locale).With("field", "locale")
		}
		r.Locale = tag
	}
	return r, nil
}

// The region of an org that has not said otherwise.
const (
	DefaultTimeZone = "UTC"
	DefaultLocale   = "en"
)

// Areas that IANA names time zones in. Other names are old aliases, or files
// that happen to lie on a server.
var zoneAreas = []string{
	"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Etc", "Europe", "Indian", "Pacific",
}

// ParseTimeZone finds a zone by its IANA name: "UTC" or "Asia/Kathmandu".
func ParseTimeZone(name string) (*time.Location, error) {
	area, _, inside := strings.Cut(name, "/")
	if name == DefaultTimeZone || inside && slices.Contains(zoneAreas, area) {
		if zone, err := loadZone(name); err == nil {
			return zone, nil
		}
	}
	return nil, fmt.Errorf("unknown time zone %q, use an IANA name such as \"Europe/Berlin\" or \"UTC\"", name)
}

// ParseLocale returns a BCP 47 tag as it is usually written: "de-DE" for
// "DE-de". It takes a language, a script and a territory, no more.
func ParseLocale(tag string) (string, error) {
	l := currency.NewLocale(tag)
	if !strings.EqualFold(l.String(), tag) || !knownLanguage(l.Language) || !knownScript(l.Script) || !knownTerritory(l.Territory) {
		return "", fmt.Errorf("unknown locale %q, use a BCP 47 tag such as \"en\" or \"de-CH\"", tag)
	}
	return l.String(), nil
}

func knownLanguage(code string) bool {
	return slices.Contains(strings.Fields(languages), code)
}

func knownScript(code string) bool {
	return code == "" || slices.Contains(strings.Fields(scripts), code)
}

func knownTerritory(code string) bool {
	if code == "" || code == "419" || code == "150" || code == "001" { // Latin America, Europe, the world
		return true
	}
	_, ok := currency.ForCountryCode(code)
	return ok
}

// The languages and scripts of Unicode's locale data.
const (
	languages = `aa ab af ak am an ar as ast av az ba be bg bm bn bo br brx bs ca ccp ce ceb chr ckb cs cv cy da de doi dsb dz
		ee el en eo es et eu ewo fa ff fi fil fo fr fur fy ga gd gl gn gsw gu gv ha haw he hi hr hsb ht hu hy ia id ig ii io is it
		ja jv ka kab kea kgp khq ki kk kl km kn ko kok ks ksh ku kw ky lb lg lkt ln lo lrc lt lu luo luy lv mai mas mer mfe mg mgh
		mgo mi mk ml mn mni mr ms mt mua my mzn naq nb nd nds ne nl nmg nn no nr nso nus ny nyn oc om or os pa pcm pl ps pt qu rm
		rn ro rof ru rw rwk sa sah saq sat sbp sc sd se seh ses sg shi shn si sk sl sm smn sn so sq sr ss st su sv sw ta te teo tg
		th ti tk tn to tr ts tt twq tzm ug uk ur uz vai ve vi vo vun wae wal wo xh xog yav yi yo yue zgh zh zu`
	scripts = `Adlm Arab Armn Beng Cyrl Deva Ethi Geor Grek Gujr Guru Hans Hant Hebr Jpan Khmr Knda Kore Laoo Latn Mlym Mong Mymr
		Olck Orya Sinh Taml Telu Tfng Thaa Thai Tibt Vaii`
)
