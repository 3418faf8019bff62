package billing

import (
	"testing"
	"time"
)

func TestParseTimeZone(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Auckland", "America/Argentina/Ushuaia", "Etc/GMT+5"} {
		if zone, err := ParseTimeZone(name); err != nil || zone.String() != name {
			t.Errorf("%s: %v, %v", name, zone, err)
		}
	}
	for _, name := range []string{
		"", "Local", "utc", "GMT", "EST", "europe/berlin", "Europe/", "Europe/Atlantis", "Mars/Olympus", "/Europe/Berlin", "../Europe/Berlin",
		"Europe/../Europe/Berlin", "posix/Europe/Berlin", "right/UTC", "localtime", "+02:00", "Europe/Berlin ", "Europe/Berlin\x00",
	} {
		_, err := ParseTimeZone(name)
		if err == nil {
			t.Errorf("%q is a zone", name)
		}
	}
	_, err := ParseTimeZone("Mars/Olympus")
	if want := `unknown time zone "Mars/Olympus", use an IANA name such as "Europe/Berlin" or "UTC"`; err == nil || err.Error() != want {
		t.Error(err)
	}
}

func TestParseLocale(t *testing.T) {
	for tag, want := range map[string]string{
		"en": "en", "de-DE": "de-DE", "DE-de": "de-DE", "zh-hant-tw": "zh-Hant-TW", "es-419": "es-419", "ar-EG": "ar-EG", "fil": "fil", "sr-Latn": "sr-Latn",
	} {
		if got, err := ParseLocale(tag); err != nil || got != want {
			t.Errorf("%s: %q, %v", tag, got, err)
		}
	}
	for _, tag := range []string{
		"", "e", "english", "xx", "qq-DE", "de_DE", "de-", "-DE", "de-ZZ", "de-DE-1996", "de-DE-u-nu-arab", "en-Abcd", "de DE", " de", "de-DE ", "aa ab", "419", "en-999", "İ", "*",
	} {
		if got, err := ParseLocale(tag); err == nil {
			t.Errorf("%q is the locale %q", tag, got)
		}
	}
	_, err := ParseLocale("de_DE")
	if want := `unknown locale "de_DE", use a BCP 47 tag such as "en" or "de-CH"`; err == nil || err.Error() != want {
		t.Error(err)
	}
}

// TestCarriedZones: a server without zones of its own has ours.
func TestCarriedZones(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"Europe/Berlin": "14:00 CEST", "Asia/Kathmandu": "17:45 +0545", "America/St_Johns": "09:30 NDT", "Pacific/Auckland": "00:00 NZST",
	} {
		zone, err := carriedZone(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := at.In(zone).Format("15:04 MST"); got != want || zone.String() != name {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"Europe/Atlantis", "Europe", "../Europe/Berlin", ""} {
		if zone, err := carriedZone(name); err == nil {
			t.Errorf("%q is %v", name, zone)
		}
	}
}
