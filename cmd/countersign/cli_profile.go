package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// profile is a server with the key for it, kept in a file that only its owner
// can read.
type profile struct {
	URL string `json:"url"`
	Key string `json:"key"`
}

const defaultProfile = "default"

// connection is the server to talk to, and as whom.
type connection struct {
	url, key string
	from     string // where the key is from, in words
}

// connect finds the server and the key: a flag goes before the environment, and
// that before the profile. A profile that is named by flag gives both.
func (c *cli) connect(getenv func(string) string) (connection, error) {
	conn := connection{url: c.url, from: "COUNTERSIGN_API_KEY"}
	if c.profile == "" {
		conn.key = strings.TrimSpace(getenv("COUNTERSIGN_API_KEY")) // a file's last line ends with a newline
		if conn.url == "" {
			conn.url = getenv("COUNTERSIGN_URL")
		}
	}
	if conn.key == "" || conn.url == "" {
		if err := c.fromProfile(&conn, getenv); err != nil {
			return conn, err
		}
	}
	if conn.url == "" {
		return conn, usagef("which server? Give --url, set COUNTERSIGN_URL, or run countersign login")
	}
	if !plainKey(conn.key) {
		return conn, &exitError{exitLogin, conn.from + " does not hold a key: there are spaces or strange characters in it"}
	}
	var err error
	conn.url, err = serverAddress(conn.url)
	return conn, err
}

// plainKey reports whether a key can be sent: visible ASCII.
func plainKey(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

// fromProfile adds what is missing. A kept key is never sent to another server
// than the one it is for.
func (c *cli) fromProfile(conn *connection, getenv func(string) string) error {
	name := c.profileName(getenv)
	p, err := readProfile(name)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && conn.key == "":
		return &exitError{exitLogin, fmt.Sprintf("no key: run countersign login, or set COUNTERSIGN_API_KEY (there is no profile %q)", name)}
	case missing:
		return nil
	case err != nil:
		return err
	case conn.url == "":
		conn.url = p.URL
	}
	if conn.key != "" {
		return nil
	}
	conn.key, conn.from = p.Key, "profile "+name
	if strings.TrimRight(conn.url, "/") != strings.TrimRight(p.URL, "/") {
		return usagef("the key of profile %q is for %s and is not sent to %s; set COUNTERSIGN_API_KEY, or log in there with another --profile", name, p.URL, conn.url)
	}
	return nil
}

func (c *cli) profileName(getenv func(string) string) string {
	if c.profile != "" {
		return c.profile
	}
	if name := getenv("COUNTERSIGN_PROFILE"); name != "" {
		return name
	}
	return defaultProfile
}

// serverAddress checks an address and returns it without a slash at its end.
func serverAddress(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", usagef("the server's address must be like https://billing.example.com")
	}
	return strings.TrimRight(raw, "/"), nil
}

// profileDir is where the profiles are: $XDG_CONFIG_HOME, else the system's place.
func profileDir() (string, error) {
	base := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		var err error
		if base, err = os.UserConfigDir(); err != nil {
			return "", err
		}
	}
	return filepath.Join(base, "countersign", "profiles"), nil
}

func profilePath(name string) (string, error) {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
		return "", usagef("a profile's name has letters, digits, - and _ only")
	}
	dir, err := profileDir()
	return filepath.Join(dir, name+".json"), err
}

// readProfile refuses a file that others could have read or written.
func readProfile(name string) (p profile, err error) {
	path, err := profilePath(name)
	if err != nil {
		return p, err
	}
	f, err := os.Open(path)
	if err != nil {
		return p, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return p, err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return p, fmt.Errorf("%s is open to others and is not used: chmod 600 it, and think of a new key", path)
	}
	if err = json.NewDecoder(f).Decode(&p); err != nil {
		return p, fmt.Errorf("%s is damaged; run countersign login", path) // the cause may quote the key
	}
	return p, nil
}

// writeProfile keeps a profile and returns its path.
func writeProfile(name string, p profile) (string, error) {
	path, err := profilePath(name)
	if err != nil {
		return "", err
	}
	if err = os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return "", err
	}
	return path, writeFile(path, append(raw, '\n'))
}

// profileNames lists the profiles, for completion.
func profileNames() (names []string) {
	dir, err := profileDir()
	if err != nil {
		return nil
	}
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".json"); ok {
			names = append(names, name)
		}
	}
	return names
}
