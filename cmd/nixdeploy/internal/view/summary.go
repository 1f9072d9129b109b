package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Ending is what the summary of a run is made of.
type Ending struct {
	Report  deploy.Report
	Hosts   []Selected // all that the run was asked to do, begun or not
	Stages  []string   // all stages of the fleet, in order
	ByShare []string   // those of them whose gate does without some of their hosts
	Exit    int
	Meaning string // of the exit code, one line
	Next    string // the command that goes on, "" when there is nothing to do
}

// Selected is one host of the selection.
type Selected struct{ Host, Stage string }

// order is how the summary sorts states: what needs a person first.
func order() []deploy.State {
	return []deploy.State{
		deploy.StateStranded, deploy.StateReturned, deploy.StateUntouched, deploy.StateRebootPending,
		deploy.StateInFlight, deploy.StateConfirmed, deploy.StateUnchanged, deploy.StateSkipped,
	}
}

// Summary writes how a run ended: counts with names, which host runs what,
// what stays closed, and how to go on.
func (s Style) Summary(e Ending) string {
	hosts := e.hosts()
	var b strings.Builder
	b.WriteString(s.summaryHead(e))
	b.WriteString(s.table(s.counts(hosts)))
	b.WriteString(s.systems(hosts))
	b.WriteString(s.closed(e, hosts))
	b.WriteString(s.Next(e.Next))
	return b.String()
}

// hosts are those of the selection in its order, which does not depend on who
// was quickest, then any others of the report. What the run never came to is
// skipped.
func (e Ending) hosts() []deploy.HostReport {
	reported := make(map[string]deploy.HostReport, len(e.Report.Hosts))
	for _, h := range e.Report.Hosts {
		reported[h.Host] = h
	}
	var hosts []deploy.HostReport
	for _, sel := range e.Hosts {
		h, ok := reported[sel.Host]
		if !ok {
			h = deploy.HostReport{Host: sel.Host, Stage: sel.Stage}
		}
		delete(reported, sel.Host)
		hosts = append(hosts, h)
	}
	for _, h := range e.Report.Hosts {
		if _, left := reported[h.Host]; left {
			hosts = append(hosts, h)
		}
	}
	for i, h := range hosts {
		if h.State == deploy.StateWaiting || h.State == "" {
			hosts[i].State = deploy.StateSkipped
		}
	}
	return hosts
}

func (s Style) summaryHead(e Ending) string {
	head := "Run " + s.Clean(e.Report.Run) + " ended"
	if d := e.Report.Ended.Sub(e.Report.Began); !e.Report.Ended.IsZero() && d >= time.Second {
		head += " after " + took(d)
	}
	return s.hang("", fmt.Sprintf("%s: exit %d, %s", head, e.Exit, s.Clean(e.Meaning)))
}

func (s Style) counts(hosts []deploy.HostReport) [][]cell {
	var rows [][]cell
	for _, st := range order() {
		var names []string
		var cause string
		for _, h := range hosts {
			if h.State != st {
				continue
			}
			names = append(names, h.Host)
			if h.Problem != nil && cause == "" {
				cause = s.Clean(what(*h.Problem))
			}
		}
		if len(names) == 0 {
			continue
		}
		m := stateMark(st)
		line := s.names(names, 24)
		if len(names) == 1 && cause != "" {
			line += ": " + cause
		}
		rows = append(rows, []cell{
			{" " + s.pick(m.unicode, m.ascii), m.color}, {string(st), m.color}, text(fmt.Sprint(len(names))), text(line),
		})
	}
	return rows
}

// systems says what each host runs now: those that did not end well always,
// the others as long as they fit on a screen.
func (s Style) systems(hosts []deploy.HostReport) string {
	const screen = 24
	rows := [][]cell{{text("  host"), text("stage"), text("generation"), text("runs")}}
	left := 0
	for _, h := range sortedByState(hosts) {
		if len(rows) > screen && good(h.State) {
			left++
			continue
		}
		gen, runs := s.runs(h)
		rows = append(rows, []cell{{"  " + s.Clean(h.Host), bold}, text(s.Clean(h.Stage)), text(gen), text(runs)})
	}
	out := s.table(rows)
	if left > 0 {
		out += fmt.Sprintf("  and %d more that ended well\n", left)
	}
	return out
}

func sortedByState(hosts []deploy.HostReport) []deploy.HostReport {
	sorted := slices.Clone(hosts)
	rank := order()
	slices.SortStableFunc(sorted, func(a, b deploy.HostReport) int {
		return slices.Index(rank, a.State) - slices.Index(rank, b.State)
	})
	return sorted
}

func good(st deploy.State) bool {
	return st == deploy.StateConfirmed || st == deploy.StateUnchanged || st == deploy.StateSkipped
}

// runs is what is known of a host's system at the end of a run.
func (s Style) runs(h deploy.HostReport) (generation, system string) {
	links := h.After
	if links == nil && !h.Changed {
		links = h.Before
	}
	switch {
	case !h.Contacted:
		return "-", "no connection was made"
	case links == nil && h.Changed:
		return "-", "not read back"
	case links == nil:
		return "-", "not read"
	}
	system = s.systemName(links.Running)
	if links.NextBoot != "" && links.NextBoot != links.Running {
		system += ", boots " + s.systemName(links.NextBoot)
	}
	return Generation(links), system
}

// closed names the stages that stay shut behind one that is not whole.
func (s Style) closed(e Ending, hosts []deploy.HostReport) string {
	if e.Report.Start.Flake == "" { // a rollback proves nothing, and closes nothing
		return ""
	}
	for i, stage := range e.Stages {
		var missing []string
		spared := slices.Contains(e.ByShare, stage) && !slices.ContainsFunc(hosts, func(h deploy.HostReport) bool {
			return h.State == deploy.StateSkipped && slices.Contains(e.Stages[i+1:], h.Stage)
		})
		for _, h := range hosts {
			if spared && (deploy.Outcome{State: h.State, Problem: h.Problem}).Away() {
				continue
			}
			if h.Stage == stage && (!good(h.State) || h.State == deploy.StateSkipped || h.Problem != nil) {
				missing = append(missing, h.Host)
			}
		}
		if len(missing) == 0 {
			continue
		}
		later := e.Stages[i+1:]
		if len(later) == 0 {
			return ""
		}
		noun, verb := "Stage", "stays"
		if len(later) > 1 {
			noun, verb = "Stages", "stay"
		}
		return s.hang("", fmt.Sprintf("%s %s %s closed for flake %s: not confirmed in %s: %s", noun,
			strings.Join(s.cleanAll(later), ", "), verb, FlakeID(e.Report.Start.Flake), s.Clean(stage), s.names(missing, 12)))
	}
	return ""
}
