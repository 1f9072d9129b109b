package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Holder is what holds a host.
type Holder string

// The holders.
const (
	HeldByNobody  Holder = "free"
	HeldByRun     Holder = "run"     // an armed run: its guard decides
	HeldByLease   Holder = "lease"   // a run that has not armed the host: its short lock
	HeldByForeign Holder = "foreign" // a switch that is not nixdeploy's
	HeldUnknown   Holder = "unknown" // the host cannot be read
)

// HostLock is who holds one host, by the host's own account.
type HostLock struct {
	Host      string                   `json:"host"`
	Stage     string                   `json:"stage"`
	Holder    Holder                   `json:"holder"`
	Run       string                   `json:"run,omitempty"`
	Operator  string                   `json:"operator,omitempty"`
	Since     *time.Time               `json:"since,omitempty"`              // by the host's clock
	DecidesIn *int64                   `json:"guard_decides_in_s,omitempty"` // of an armed run
	ExpiresIn *int64                   `json:"lease_expires_in_s,omitempty"` // when its process is gone
	Foreign   []deploy.ForeignActivity `json:"foreign,omitempty"`
	Stranded  bool                     `json:"stranded,omitempty"`
	// Dead says that the run is of this machine and its process is gone, so that
	// resume may settle it now.
	Dead    bool            `json:"dead,omitempty"`
	Problem *deploy.Problem `json:"problem,omitempty"`
}

// LockOf reads a host's lock from what an inspection found. It is pure.
func LockOf(h HostStatus, dead func(run string) bool) HostLock {
	l := HostLock{Host: h.Host, Stage: h.Stage, Holder: HeldByNobody, Problem: h.Problem}
	o := h.Observed
	if o == nil {
		l.Holder = HeldUnknown
		return l
	}
	hold := func(by Holder, run, operator string, since int64) {
		at := time.Unix(since, 0).UTC()
		l.Holder, l.Run, l.Operator, l.Since, l.Dead = by, run, operator, &at, dead(run)
	}
	if o.Lease != nil {
		hold(HeldByLease, o.Lease.Run, o.Lease.Operator, o.Lease.Since)
		l.ExpiresIn = &o.Lease.Seconds
	}
	if a := o.Active; a != nil {
		hold(HeldByRun, a.Run, a.Operator, a.Since)
		l.DecidesIn, l.Stranded = &a.DecidesIn, a.Result == deploy.ResultStranded
	}
	l.Foreign = o.Foreign
	if p := deploy.ForeignLocked(o.Foreign); p != nil && l.Holder == HeldByNobody {
		l.Holder = HeldByForeign
	}
	return l
}

// Locks writes who holds which host.
func (s Style) Locks(locks []HostLock, zone *time.Location, next string) string {
	rows := [][]cell{{text(" "), text("host"), text("stage"), text("held by"), text("what ends it")}}
	n := map[Holder]int{}
	var problems []deploy.Problem
	for _, l := range locks {
		n[l.Holder]++
		m := lockMark(l.Holder)
		who, end := s.holder(l, zone)
		rows = append(rows, []cell{{s.pick(m.unicode, m.ascii), m.color}, {s.Clean(l.Host), bold}, text(s.Clean(l.Stage)), text(who), text(end)})
		if l.Problem != nil {
			p := *l.Problem
			p.Host = l.Host
			problems = append(problems, p)
		}
	}
	out := s.table(rows)
	if len(problems) > 0 {
		out += "\n" + s.Problems(problems) + "\n"
	}
	var parts []string
	for _, h := range []Holder{HeldByNobody, HeldByRun, HeldByLease, HeldByForeign, HeldUnknown} {
		if n[h] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[h], lockWord(h)))
		}
	}
	return out + s.hang("Locks: ", strings.Join(parts, ", ")) + s.Next(next)
}

func lockMark(h Holder) mark {
	switch h {
	case HeldByNobody:
		return mark{"=", "=", green}
	case HeldUnknown:
		return mark{"?", "?", yellow}
	}
	return mark{"!", "!", red}
}

func lockWord(h Holder) string {
	switch h {
	case HeldByNobody:
		return "free"
	case HeldUnknown:
		return "unknown"
	}
	return "held by a " + map[Holder]string{HeldByRun: "run", HeldByLease: "lease", HeldByForeign: "switch of somebody else"}[h]
}

// holder says in short who holds the host, and at length what ends it.
func (s Style) holder(l HostLock, zone *time.Location) (who, end string) {
	var ends []string
	switch l.Holder {
	case HeldByNobody:
		who = "nobody"
	case HeldUnknown:
		who = "not known"
	case HeldByForeign:
		who = "somebody else"
	default:
		who = l.Operator
		ends = append(ends, "run "+l.Run)
		if l.Since != nil {
			ends = append(ends, "since "+stamp(*l.Since, zone))
		}
	}
	switch {
	case l.Stranded:
		ends = append(ends, "stranded: only a resume or a person ends it")
	case l.DecidesIn != nil:
		ends = append(ends, "its guard decides in "+seconds(*l.DecidesIn)+" at the latest")
	case l.ExpiresIn != nil:
		ends = append(ends, "its lease runs out in "+seconds(*l.ExpiresIn))
	}
	if l.Dead {
		ends = append(ends, "its process is gone from this machine")
	}
	for _, a := range l.Foreign {
		ends = append(ends, a.Sentence())
	}
	return s.Clean(who), s.Clean(strings.Join(ends, "; "))
}

// JSONLocks is the one document of lock status --json.
func JSONLocks(version string, locks []HostLock, next string) []byte {
	return JSONDocument(map[string]any{"type": "locks", "nixdeploy": version, "format": EventsVersion, "hosts": locks, "next": next})
}
