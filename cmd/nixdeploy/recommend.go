package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// shellLine joins words into a line that a POSIX shell reads as exactly them.
func shellLine(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = shellWord(w)
	}
	return strings.Join(out, " ")
}

const shellSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:@%+="

func shellWord(w string) string {
	if w != "" && strings.Trim(w, shellSafe) == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

func quoted(s string) string { return strconv.Quote(s) }

// recommend is a complete command line that goes on from this one: the
// inventory is named when this call had to name it.
func (o options) recommend(words ...string) string {
	line := append([]string{"nixdeploy"}, strings.Fields(words[0])...)
	if o.file != "" {
		line = append(line, "--file", o.file)
	}
	return shellLine(append(line, words[1:]...)...)
}

// recommendedHere finds the commands that other rooms recommend.
var recommendedHere = regexp.MustCompile(`\bnixdeploy (plan|approve|apply|rollback|status|resume|hosts|option|adopt|render|lock status|lock|history|show)\b`)

// named is p with the inventory that this call had to name in the commands that
// it recommends: the room that worded them does not know it.
func (o options) named(p *deploy.Problem) *deploy.Problem {
	if p == nil || o.file == "" {
		return p
	}
	own := *p
	own.Next = o.namedIn(p.Next)
	own.Details = slices.Clone(p.Details)
	for i, d := range own.Details {
		own.Details[i] = o.namedIn(d)
	}
	return &own
}

// namedIn is named for a text.
func (o options) namedIn(text string) string {
	if o.file == "" || strings.Contains(text, " --file ") {
		return text
	}
	return recommendedHere.ReplaceAllString(text, "nixdeploy $1 --file "+strings.ReplaceAll(shellWord(o.file), "$", "$$"))
}

// maxNamed is how many hosts a recommended command names; with more of them it
// names the stage: hosts that are done are left alone anyway.
const maxNamed = 12

// nextAfter is the command that goes on after a run.
func (o options) nextAfter(report deploy.Report, hosts []inventory.Host, stages []string) string {
	byName := map[string]deploy.HostReport{}
	for _, h := range report.Hosts {
		byName[h.Host] = h
	}
	if slices.ContainsFunc(report.Hosts, unresolved) {
		return o.recommend("resume", report.Run)
	}
	var open []inventory.Host // of the first stage that is not whole
	for _, h := range hosts {
		r, begun := byName[h.Name]
		if len(open) == 0 && begun && o.opens(r) {
			return o.named(r.Problem).Next // what opens the gate, not what it just refused
		}
		done := begun && r.State.Good() && (r.Problem == nil || r.State != deploy.StateUnchanged)
		if !done && (len(open) == 0 || open[0].Stage == h.Stage) {
			open = append(open, h)
		}
	}
	if len(open) > 0 && o.planFile != "" && o.planFile != "-" {
		return o.againSaved(report)
	}
	if len(open) > 0 {
		return o.again(report.Start.Command, open)
	}
	return o.nextStage(report.Start.Command, hosts, stages)
}

// opens says that the problem of a host names what opens its gate. A stage that is
// frozen, or shut, opens by itself for what was asked for: it names the whole stage.
func (o options) opens(h deploy.HostReport) bool {
	p := h.Problem
	if p == nil || p.Next == "" || p.Code != deploy.CodeGate && p.Code != deploy.CodeApproval {
		return false
	}
	asked := len(o.on) > 0 || o.first || o.accept || o.planFile != ""
	return !asked || p.Next != "nixdeploy apply --stage "+h.Stage
}

// againSaved goes on with a saved plan: what it did already is left alone. One
// that no longer fits is no way on.
func (o options) againSaved(report deploy.Report) string {
	for _, h := range report.Hosts {
		if h.Problem != nil && h.Problem.Code == deploy.CodeMoved {
			return o.recommend("plan", "--out", o.planFile)
		}
	}
	return o.recommend("apply", o.planFile)
}

func unresolved(h deploy.HostReport) bool {
	return h.Unresolved || h.State == deploy.StateStranded || h.State == deploy.StateInFlight
}

// again is the same command for the hosts that are open, on the same terms: one
// that was never confirmed is refused without --first.
func (o options) again(command string, open []inventory.Host) string {
	words := []string{command}
	if command == "rollback" {
		words = append(words, o.goal()...)
	}
	same := options{stage: open[0].Stage, first: o.first, accept: o.accept}
	var names []string
	if len(open) <= maxNamed {
		for _, h := range open {
			names = append(names, h.Name)
		}
	}
	return o.recommend(append(words, same.chosen(names)...)...)
}

// nextStage follows a run in which all went well.
func (o options) nextStage(command string, hosts []inventory.Host, stages []string) string {
	if command != "apply" || len(hosts) == 0 || len(o.on) > 0 {
		return o.recommend("status")
	}
	last := hosts[len(hosts)-1].Stage
	if i := slices.Index(stages, last); i >= 0 && i+1 < len(stages) {
		return o.recommend("apply", "--stage", stages[i+1])
	}
	return o.recommend("status")
}

// display is a path as a person in the working directory would write it.
func (a App) display(path string) string {
	dir, err := a.workDir()
	if err != nil {
		return path
	}
	abs := path
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(dir, abs)
	}
	rel, err := filepath.Rel(dir, abs)
	if err != nil || len(rel) > len(abs) || strings.HasPrefix(rel, "../../..") {
		return path
	}
	return rel
}
