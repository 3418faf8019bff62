package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// measured is a tally with the processor time that it took, in seconds.
type measured struct {
	tally
	server, client float64 // of one request
	others         float64 // part of all processors that other processes had
}

// stopwatch counts processor time by what Linux says under /proc. Elsewhere all
// its figures are zero.
type stopwatch struct {
	pid                 int
	began               time.Time
	server, client, all float64
}

func startWatch(pid int) stopwatch {
	return stopwatch{pid: pid, began: time.Now(), server: used(pid), client: used(os.Getpid()), all: usedByAll()}
}

func (w stopwatch) stop(t tally) measured {
	server, client := used(w.pid)-w.server, used(os.Getpid())-w.client
	whole := time.Since(w.began).Seconds() * float64(runtime.NumCPU())
	n := float64(max(t.Ops, 1))
	return measured{t, server / n, client / n, max(0, usedByAll()-w.all-server-client) / whole}
}

// tick is the unit of /proc, which Linux fixes for programs.
const tick = 0.01

// used is the processor time of a process so far, in seconds.
func used(pid int) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(raw, []byte(") ")) // behind the name
	f := strings.Fields(string(rest))
	if len(f) < 13 {
		return 0
	}
	return (number(f[11]) + number(f[12])) * tick // utime, stime
}

// usedByAll is the processor time of everybody, in seconds.
func usedByAll() (sum float64) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	for i, f := range strings.Fields(string(line)) {
		if i >= 1 && i != 4 && i != 5 && i <= 8 { // not idle, iowait, and the guests within user
			sum += number(f)
		}
	}
	return sum * tick
}

func number(s string) float64 {
	n, _ := strconv.ParseFloat(s, 64)
	return n
}
