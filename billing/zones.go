package billing

import (
	"archive/zip"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"time"
)

// zoneinfo is IANA's data as it comes with Go, lib/time/zoneinfo.zip by gzip -9n:
// a quarter of the package time/tzdata. It is for servers that have none.
//
//go:embed zoneinfo.zip.gz
var zoneinfo string

// loadZone finds a time zone on this server, or in the data that we carry.
func loadZone(name string) (*time.Location, error) {
	if zone, err := time.LoadLocation(name); err == nil {
		return zone, nil
	}
	return carriedZone(name)
}

func carriedZone(name string) (*time.Location, error) {
	packed, err := gzip.NewReader(strings.NewReader(zoneinfo))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(packed)
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(strings.NewReader(string(raw)), int64(len(raw)))
	if err != nil {
		return nil, err
	}
	file, err := archive.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(name, data)
}
