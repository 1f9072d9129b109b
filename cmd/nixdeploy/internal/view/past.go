package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Past tells one run: what it was, stage by stage what came of each host, what
// failed, and how to go on. verbose adds all links before and after.
func (s Style) Past(p Past, zone *time.Location, verbose bool, next string) string {
	r := p.Report
	var b strings.Builder
	b.WriteString(s.hang("", fmt.Sprintf("Run %s: %s, fleet %s", s.Clean(p.Run), s.commandOf(r.Start), s.Clean(r.Start.Fleet))))
	fact := func(label, text string) {
		if text != "" {
			b.WriteString(s.hang("  "+pad(label, 11), text))
		}
	}
	fact("by", s.Clean(r.Start.Operator))
	fact("began", stamp(r.Began, zone))
	fact("ended", s.end(p, zone))
	fact("flake", s.Clean(r.Start.Flake))
	fact("inventory", s.Clean(r.Start.Inventory))
	fact("override", s.Clean(r.Start.Override))
	if r.Start.Accept {
		fact("accepted", "systems that do not fit their hosts (--accept)")
	}
	fact("saved plan", s.savedPlan(r.Start.SavedPlan))
	b.WriteString(s.stagesOf(r))
	if verbose {
		b.WriteString(s.allLinks(r.Hosts))
	}
	if problems := problemsOf(r.Hosts); len(problems) > 0 {
		b.WriteString("\n" + s.Problems(problems))
	}
	if p.Later != "" {
		b.WriteString(s.hang("", "A later run of this fleet has gone on from here: what was recommended then may no longer hold."))
	}
	return b.String() + s.Next(next)
}

// savedPlan says which file was applied, "" for none.
func (s Style) savedPlan(p *deploy.SavedPlan) string {
	if p == nil {
		return ""
	}
	text := fmt.Sprintf("%s by %s, SHA-256 %s", s.Clean(p.ID), s.Clean(p.By), s.Clean(p.Hash))
	if p.Signer != "" {
		text += ", signed by " + s.Clean(p.Signer)
	}
	return text
}

func (s Style) end(p Past, zone *time.Location) string {
	switch p.Outcome() {
	case "running":
		return "it still runs, for " + took(p.took())
	case "ended":
		return fmt.Sprintf("%s, after %s: exit %d, %s", stamp(p.Report.Ended, zone), took(p.took()), p.Report.Exit, s.Clean(p.Meaning))
	}
	return "it did not; the last that is written down is of " + stamp(p.Newest, zone)
}

// stagesOf tells each stage with its hosts by wave, then hosts of no stage.
func (s Style) stagesOf(r deploy.Report) string {
	var b strings.Builder
	told := map[string]bool{}
	stage := func(name, head string) {
		if told[name] {
			return
		}
		told[name] = true
		rows := [][]cell{{text("  "), text("host"), text("wave"), text("state"), text("generation"), text("runs")}}
		for _, h := range r.Hosts {
			if h.Stage == name {
				rows = append(rows, s.pastHost(h))
			}
		}
		b.WriteString("\n" + s.hang("", head))
		if len(rows) > 1 {
			b.WriteString(s.table(rows))
		}
	}
	for _, st := range r.Stages {
		head := fmt.Sprintf("Stage %s, %s", s.Clean(st.Stage), count(st.Waves, "wave"))
		stage(st.Stage, head+s.after(st.Message))
	}
	for _, h := range r.Hosts {
		stage(h.Stage, "Stage "+s.Clean(h.Stage)) // it was not begun as one, or only resumed
	}
	return b.String()
}

func (s Style) pastHost(h deploy.HostReport) []cell {
	m := stateMark(h.State)
	wave := "-"
	if h.Wave > 0 {
		wave = fmt.Sprint(h.Wave)
	}
	_, runs := s.runs(h)
	return []cell{
		{s.pick(m.unicode, m.ascii), m.color}, {s.Clean(h.Host), bold}, text(wave), {string(h.State), m.color},
		text(s.moved(h)), text(runs),
	}
}

// moved is the generation that a host had and has: "118 > 119", or one of them.
func (s Style) moved(h deploy.HostReport) string {
	before, after := Generation(h.Before), Generation(h.After)
	switch {
	case before == after, after == "-":
		return before
	case before == "-":
		return after
	}
	return before + s.pick(" → ", " > ") + after
}

// allLinks tells what each host was before and after, by whole store paths.
func (s Style) allLinks(hosts []deploy.HostReport) string {
	var b strings.Builder
	links := func(host, when string, l *deploy.Links) {
		if l == nil {
			return
		}
		b.WriteString("\n" + s.hang("", fmt.Sprintf("%s %s", s.Clean(host), when)))
		for _, f := range [][2]string{
			{"profile", strings.TrimSpace(l.ProfileLink + " " + l.Profile)}, {"running", l.Running}, {"booted", l.Booted}, {"next boot", l.NextBoot},
		} {
			if f[1] == "" {
				f[1] = "not read"
			}
			b.WriteString(s.hang("  "+pad(f[0], 11), s.Clean(f[1])))
		}
	}
	for _, h := range hosts {
		links(h.Host, "before", h.Before)
		links(h.Host, "after", h.After)
	}
	return b.String()
}

func problemsOf(hosts []deploy.HostReport) []deploy.Problem {
	var problems []deploy.Problem
	for _, h := range hosts {
		if h.Problem == nil {
			continue
		}
		p := *h.Problem
		if p.Host == "" {
			p.Host = h.Host
		}
		problems = append(problems, p)
	}
	return problems
}
