package simulation

import (
	"iter"
	"math/rand/v2"
	"net/http"
	"time"
)

// point is where a task hands over.
type point struct {
	what  string
	until time.Time       // of a wait; zero: it can go on at once
	news  <-chan struct{} // ends the wait earlier
	over  bool            // the work is done
}

func (p point) ready(now time.Time) bool { return !now.Before(p.until) || len(p.news) > 0 }

// task is something that happens a piece at a time.
type task struct {
	*coroutine
	name    string
	replica *replica // whose process it runs in; nil: nobody's
	at      point
}

// coroutine does one work after the other. Its stack stays as deep as it has grown.
type coroutine struct {
	next  func() (point, bool)
	stop  func()
	yield func(point) bool
	work  func()
}

func newCoroutine() *coroutine {
	c := &coroutine{}
	c.next, c.stop = iter.Pull(func(yield func(point) bool) {
		defer func() {
			if r := recover(); r != nil && r != any(killed{}) {
				panic(r)
			}
		}()
		c.yield = yield
		for more := true; more; more = yield(point{over: true}) {
			c.work()
		}
	})
	return c
}

// idle are coroutines without work.
type idle []*coroutine

func (i *idle) take() *coroutine {
	n := len(*i) - 1
	if n < 0 {
		return newCoroutine()
	}
	c := (*i)[n]
	*i = (*i)[:n]
	return c
}

func (i *idle) stop() {
	for _, c := range *i {
		c.stop()
	}
	*i = nil
}

// killed unwinds a task whose process has died. What is deferred there does not
// happen either, as far as others could see it; the web layer lets it through.
type killed struct{}

// Error implements error.
func (killed) Error() string { return "simulation: killed" }

// Unwrap tells the web layer that there is nobody to answer.
func (killed) Unwrap() error { return http.ErrAbortHandler }

// scheduler runs tasks, one at a time and in an order that its source decides.
type scheduler struct {
	now   func() time.Time
	tasks []*task // in the order of their beginnings
	turn  *task   // the one that runs, nil between two
	idle  *idle
	trace func(string)
	dying bool // a process is, and its tasks are unwound
}

// start adds a task. It does not run until it is chosen.
func (s *scheduler) start(name string, r *replica, work func()) {
	t := &task{s.idle.take(), name, r, point{what: "start"}}
	t.work = work
	s.tasks = append(s.tasks, t)
}

// pass hands over, if a task runs: other tasks may go on first, or this one's
// process may end here.
func (s *scheduler) pass(what string) { s.wait(point{what: what}) }

func (s *scheduler) wait(p point) {
	if t := s.turn; s.dying || t != nil && !t.yield(p) {
		panic(killed{})
	}
}

// step lets one of the tasks that can go on do its next piece; false if none can.
func (s *scheduler) step(rnd *rand.Rand) bool {
	now, ready := s.now(), 0
	for _, t := range s.tasks {
		if t.at.ready(now) {
			ready++
		}
	}
	if ready == 0 {
		return false
	}
	n := rnd.IntN(ready)
	for i, t := range s.tasks {
		if !t.at.ready(now) {
			continue
		}
		if n--; n >= 0 {
			continue
		}
		s.resume(i, t)
		return true
	}
	return false
}

func (s *scheduler) resume(i int, t *task) {
	s.trace(t.name + " from " + t.at.what)
	s.turn = t
	p, _ := t.next()
	s.turn = nil
	t.at = p
	if p.over {
		s.tasks = append(s.tasks[:i], s.tasks[i+1:]...)
		*s.idle = append(*s.idle, t.coroutine)
	}
}

// kill ends all tasks of a process where they stand.
func (s *scheduler) kill(r *replica) (died int) {
	s.dying = true
	defer func() { s.dying = false }()
	var rest []*task
	for _, t := range s.tasks {
		if t.replica != r {
			rest = append(rest, t)
			continue
		}
		t.stop()
		died++
	}
	s.tasks = rest
	return died
}

// stop ends every task.
func (s *scheduler) stop() {
	s.dying = true
	for _, t := range s.tasks {
		t.stop()
	}
	s.tasks = nil
}
