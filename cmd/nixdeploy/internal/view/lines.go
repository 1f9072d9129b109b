package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Lines turns events into plain, append-only lines, for CI logs, pipes and
// screen readers: one line for each step that matters. It remembers just
// enough of the run to say in a heartbeat what is going on. Not safe for
// concurrent use.
type Lines struct {
	style   Style
	verbose bool // every step, and what hosts print

	stage   string
	wave    int
	waves   [][]string
	soak    *soak
	hosts   map[string]*progress
	printed time.Time // of the newest line
}

type progress struct {
	state deploy.State
	step  deploy.Step
	since time.Time
}

type soak struct {
	began time.Time
	takes time.Duration
}

// NewLines returns Lines for a stream. verbose shows every step and what the
// hosts print.
func NewLines(s Style, verbose bool) *Lines {
	return &Lines{style: s, verbose: verbose, hosts: map[string]*progress{}}
}

// Text returns what e adds to the log, "" for nothing.
func (l *Lines) Text(e deploy.Event) string {
	out := l.text(e)
	l.remember(e)
	if out != "" || l.printed.IsZero() {
		l.printed = e.Time
	}
	return out
}

func (l *Lines) text(e deploy.Event) string {
	s := l.style
	stage, host := s.Clean(e.Stage), s.Clean(e.Host)
	switch e.Kind {
	case deploy.EventRunStarted:
		return l.runStarted(e)
	case deploy.EventStageStarted:
		if e.Plan == nil {
			return stage + ": stage started\n"
		}
		return fmt.Sprintf("%s: stage started, %s in %s\n", stage,
			count(len(e.Plan.Hosts), "host"), count(len(e.Plan.Waves), "wave"))
	case deploy.EventStageApproved:
		if e.Approval != nil {
			return fmt.Sprintf("%s: flake %s approved by %s\n", stage, FlakeID(e.Approval.Flake), s.Clean(e.Approval.By))
		}
	case deploy.EventWaveStarted:
		return l.waveStarted(e)
	case deploy.EventStepStarted:
		if l.verbose || startsLoudly(e.Step) {
			return fmt.Sprintf("%s: %s started%s\n", host, e.Step, s.after(e.Message))
		}
	case deploy.EventStepFinished:
		if l.verbose || endsLoudly(e.Step) {
			return fmt.Sprintf("%s: %s done%s%s\n", host, e.Step, l.tookIn(e), s.after(e.Message))
		}
	case deploy.EventStepFailed:
		why := e.Message
		if e.Problem != nil {
			why = what(*e.Problem)
		}
		return fmt.Sprintf("%s: %s failed%s%s\n", host, e.Step, l.tookIn(e), s.after(why))
	case deploy.EventOutput:
		if l.verbose {
			return host + " | " + s.Clean(e.Message) + "\n"
		}
	case deploy.EventHostState:
		return l.hostState(e)
	case deploy.EventSoakStarted:
		return fmt.Sprintf("%s: wave %d: soak of %s started\n", stage, e.Wave, took(e.Duration))
	case deploy.EventSoakFinished:
		return fmt.Sprintf("%s: wave %d: soak done\n", stage, e.Wave)
	case deploy.EventStageFinished:
		return fmt.Sprintf("%s: stage finished%s\n", stage, s.after(e.Message))
	}
	return ""
}

// after appends a message that may be empty.
func (s Style) after(message string) string {
	if message == "" {
		return ""
	}
	return ": " + s.Clean(message)
}

func (l *Lines) runStarted(e deploy.Event) string {
	s := l.style
	if e.Start == nil {
		return "run " + s.Clean(e.Run) + ": started\n"
	}
	what := s.Clean(e.Start.Command)
	if e.Start.Undoes != "" {
		what += " of run " + s.Clean(e.Start.Undoes)
	}
	flake := ""
	if e.Start.Flake != "" { // a rollback has none
		flake = "flake " + FlakeID(e.Start.Flake) + ", "
	}
	return fmt.Sprintf("run %s: %s of fleet %s, %s%s, stages %s\n", s.Clean(e.Run), what, s.Clean(e.Start.Fleet), flake, count(len(e.Start.Hosts), "host"), s.names(e.Start.Stages, 8))
}

func (l *Lines) waveStarted(e deploy.Event) string {
	line := fmt.Sprintf("%s: wave %d", l.style.Clean(e.Stage), e.Wave)
	if n := len(l.waves); n > 0 {
		line += fmt.Sprintf(" of %d", n)
	}
	if i := e.Wave - 1; i >= 0 && i < len(l.waves) {
		line += ": " + l.style.names(l.waves[i], 12)
	}
	return line + "\n"
}

// hostState is the line of a host that came to its end, with the failure's
// block when there was one: what is told while the run goes on is not repeated
// at length after it.
func (l *Lines) hostState(e deploy.Event) string {
	if !e.State.Final() {
		return ""
	}
	s := l.style
	m := stateMark(e.State)
	line := fmt.Sprintf("%s: %s", s.Clean(e.Host), s.paint(m.color, string(e.State)))
	if e.Problem == nil { // else the block says it
		line += s.after(e.Message)
	}
	if g := Generation(e.After); g != "-" {
		line += ", generation " + g
		if e.State == deploy.StateReturned {
			line += " again"
		}
	}
	if e.Problem == nil {
		return line + "\n"
	}
	p := *e.Problem
	if p.Host == "" {
		p.Host = e.Host
	}
	return line + "\n" + s.Problem(p)
}

func (l *Lines) tookIn(e deploy.Event) string {
	d := e.Duration
	if h := l.hosts[e.Host]; d == 0 && h != nil && h.step == e.Step {
		d = e.Time.Sub(h.since)
	}
	if d < time.Second {
		return ""
	}
	return " in " + took(d)
}

func startsLoudly(s deploy.Step) bool {
	switch s {
	case deploy.StepBuild, deploy.StepSwitch, deploy.StepReturn:
		return true
	}
	return false
}

func endsLoudly(s deploy.Step) bool {
	return startsLoudly(s) || s == deploy.StepDryBuild || s == deploy.StepHealth
}

func (l *Lines) remember(e deploy.Event) {
	switch e.Kind {
	case deploy.EventStageStarted:
		l.stage, l.wave, l.waves, l.soak = e.Stage, 0, nil, nil
		if e.Plan != nil {
			l.waves = e.Plan.Waves
			for _, h := range e.Plan.Hosts { // so that "2 of 5 done" counts hosts of later waves
				l.host(h.Host)
			}
		}
	case deploy.EventWaveStarted:
		l.wave = e.Wave
	case deploy.EventSoakStarted:
		l.soak = &soak{began: e.Time, takes: e.Duration}
	case deploy.EventSoakFinished, deploy.EventStageFinished:
		l.soak = nil
	case deploy.EventStepStarted:
		h := l.host(e.Host)
		h.state, h.step, h.since = deploy.StateInFlight, e.Step, e.Time
	case deploy.EventHostState:
		l.host(e.Host).state = e.State
	}
}

func (l *Lines) host(name string) *progress {
	h := l.hosts[name]
	if h == nil {
		h = &progress{state: deploy.StateWaiting}
		l.hosts[name] = h
	}
	return h
}

// heartbeat is how long the log may be silent: CI services end a job that
// prints nothing for ten minutes, and people lose faith long before.
const heartbeat = 30 * time.Second

// Heartbeat returns a line that says what is being waited for, when nothing
// was printed for 30 seconds before now, else "".
func (l *Lines) Heartbeat(now time.Time) string {
	if l.printed.IsZero() || now.Sub(l.printed) < heartbeat {
		return ""
	}
	l.printed = now
	return l.whereItStands(now) + "\n"
}

// maxInFlight is how many hosts a heartbeat names: the slowest.
const maxInFlight = 8

func (l *Lines) whereItStands(now time.Time) string {
	done := 0
	var flying []string
	for name, h := range l.hosts {
		switch {
		case h.state.Final():
			done++
		case h.state == deploy.StateInFlight:
			flying = append(flying, name)
		}
	}
	slices.SortFunc(flying, func(a, b string) int {
		if c := l.hosts[a].since.Compare(l.hosts[b].since); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	var facts []string
	if l.wave > 0 {
		facts = append(facts, fmt.Sprintf("wave %d of %d", l.wave, max(l.wave, len(l.waves))))
	}
	facts = append(facts, fmt.Sprintf("%d of %d done", done, len(l.hosts)))
	if l.soak != nil {
		facts = append(facts, fmt.Sprintf("soak %s of %s", took(now.Sub(l.soak.began)), took(l.soak.takes)))
	}
	if len(flying) > 0 {
		facts = append(facts, "in flight: "+l.inFlight(flying, now))
	}
	where := l.style.Clean(l.stage)
	if where == "" {
		where = "still working"
	}
	return where + ": " + strings.Join(facts, ", ")
}

func (l *Lines) inFlight(names []string, now time.Time) string {
	shown := names[:min(maxInFlight, len(names))]
	parts := make([]string, len(shown))
	for i, n := range shown {
		h := l.hosts[n]
		parts[i] = fmt.Sprintf("%s %s %s", l.style.Clean(n), h.step, took(now.Sub(h.since)))
	}
	out := strings.Join(parts, ", ")
	if more := len(names) - len(shown); more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}
