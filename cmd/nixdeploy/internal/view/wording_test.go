package view

import (
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestGateWords(t *testing.T) {
	dev := deploy.GateStage{Stage: "dev", Proven: []string{"d1"}}
	for _, c := range []struct {
		name string
		gate deploy.Gate
		want string
	}{
		{"nothing comes before", deploy.Gate{Open: true}, "open: the first stage"},
		{"one stage proves it", deploy.Gate{Open: true, Before: []deploy.GateStage{dev}}, "open: this flake is confirmed on dev (1 host)"},
		{"two stages do", deploy.Gate{Open: true, Before: []deploy.GateStage{dev, {Stage: "test", Proven: []string{"t1", "t2"}}}},
			"open: this flake is confirmed on dev (1 host) and test (2 hosts)"},
		{"one of two does not", deploy.Gate{Before: []deploy.GateStage{dev, {Stage: "test", Proven: []string{"t1"}, Missing: []string{"t2"}}}},
			"closed: this flake is not confirmed on test (not t2)"},
		{"one reason for all", deploy.Gate{Before: []deploy.GateStage{{Stage: "dev", Missing: []string{"d1", "d2"},
			Why: map[string]string{"d1": "unreachable", "d2": "unreachable"}}}}, "closed: this flake is not confirmed on dev (not d1 d2: unreachable)"},
		{"each its own reason", deploy.Gate{Before: []deploy.GateStage{{Stage: "dev", Missing: []string{"d1", "d2"},
			Why: map[string]string{"d1": "unreachable", "d2": "another flake"}}}}, "closed: this flake is not confirmed on dev (not d1 d2)"},
		{"closed, nobody says why", deploy.Gate{}, "closed"},
		{"what people wrote is not trusted", deploy.Gate{Override: "hot\x1b[31mfix\n", Before: []deploy.GateStage{{Stage: "dev", Missing: []string{"d1"}}}},
			"overridden: hot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Style{}.gate(c.gate)
			if got != c.want && (c.gate.Override == "" || !strings.HasPrefix(got, c.want)) || strings.ContainsAny(got, "\x1b\n") {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestWhatAHostsRowSaysOfTheWork(t *testing.T) {
	for _, c := range []struct {
		h    deploy.HostPlan
		want string
	}{
		{deploy.HostPlan{}, "switch, all built"},
		{deploy.HostPlan{Build: make([]string, 2)}, "build 2"},
		{deploy.HostPlan{Fetch: make([]string, 3)}, "fetch 3"},
		{deploy.HostPlan{Fetch: make([]string, 3), Transfer: deploy.Transfer{Download: 1258291}}, "fetch 3 (1.2 MiB)"},
		{deploy.HostPlan{Build: make([]string, 1), Fetch: make([]string, 1), Transfer: deploy.Transfer{Download: 5 << 10}}, "build 1, fetch 1 (5.0 KiB)"},
		{deploy.HostPlan{Build: make([]string, 1), Transfer: deploy.Transfer{Download: 5 << 10}}, "build 1"},
		{deploy.HostPlan{Difference: &deploy.Difference{OldSize: 5, NewSize: 5}}, "no package"},
		{deploy.HostPlan{Difference: &deploy.Difference{Packages: make([]deploy.PackageChange, 1), NewSize: 5 << 20, Units: &deploy.UnitChanges{}}}, "~1, +5.0 MiB, 0 units"},
		{deploy.HostPlan{Difference: &deploy.Difference{
			Packages: []deploy.PackageChange{{Name: "a", New: []string{"1"}}, {Name: "b", Old: []string{"1"}}, {Name: "c", Old: []string{"1"}, New: []string{"2"}}, {Name: "d"}},
			OldSize:  5 << 20, Reboot: []string{"kernel"},
			Units: &deploy.UnitChanges{Stop: []string{"a", "x"}, Start: []string{"a", "b"}, Restart: []string{"c"}, Reload: []string{"d"}, Kept: []string{"e"}},
		}}, "+1 -1 ~2, -5.0 MiB, 5 units, reboot"},
	} {
		if got := (Style{}).work(c.h); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestWhyAHostIsNotPlanned(t *testing.T) {
	p := &deploy.Problem{What: "no route to host"}
	for _, c := range []struct {
		h    deploy.HostPlan
		want string
	}{
		{deploy.HostPlan{Change: deploy.ChangeBlocked, Problem: p}, "blocked: no route to host"},
		{deploy.HostPlan{Change: deploy.ChangeBlocked}, "blocked"},
		{deploy.HostPlan{Change: deploy.ChangeUnknown, Problem: p}, "cannot say: no route to host"},
		{deploy.HostPlan{Change: deploy.ChangeUnknown}, "cannot say"},
	} {
		if got := (Style{}).why(c.h); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// Only a first wave of one host, with others after it, is a canary.
func TestWaveWords(t *testing.T) {
	one, many := []string{"a"}, []string{"b", "c"}
	for _, c := range []struct {
		n     int
		waves [][]string
		want  string
	}{
		{0, [][]string{one, many}, "-"},
		{1, [][]string{one, many}, "1 canary"},
		{1, [][]string{many, one}, "1"},
		{1, [][]string{one}, "1"},
		{2, [][]string{one, one}, "2"},
	} {
		if got := wave(c.n, c.waves); got != c.want {
			t.Errorf("wave %d of %v: %q, want %q", c.n, c.waves, got, c.want)
		}
	}
}

func TestPlanTotals(t *testing.T) {
	hosts := func(changes ...deploy.Change) (list []deploy.HostPlan) {
		for _, c := range changes {
			list = append(list, deploy.HostPlan{Change: c})
		}
		return list
	}
	for _, c := range []struct {
		p    deploy.Plan
		want string
	}{
		{deploy.Plan{}, "Plan: 0 to change, 0 unchanged"},
		{deploy.Plan{Hosts: hosts(deploy.ChangeUnchanged), AtMost: time.Hour}, "Plan: 0 to change, 1 unchanged"},
		{deploy.Plan{Hosts: hosts(deploy.ChangeSwitch, deploy.ChangeEvaluate, deploy.ChangeUnknown, deploy.ChangeBlocked, deploy.ChangeBlocked)},
			"Plan: 1 to change, 0 unchanged, 1 to evaluate, 1 unknown, 2 blocked"},
		{deploy.Plan{Hosts: hosts(deploy.ChangeSwitch), AtMost: time.Hour}, "a failure stops it"},
		{deploy.Plan{Hosts: hosts(deploy.ChangeEvaluate), AtMost: time.Hour, Budget: 2}, "more than 2 failures stop it"},
		{deploy.Plan{Hosts: hosts(deploy.ChangeSwitch), AtMost: time.Hour, Budget: 1}, "more than 1 failure stops it"},
	} {
		got := strings.Join(strings.Fields(Style{}.planTotals(c.p)), " ")
		if !strings.HasSuffix(got, c.want) || strings.Contains(got, "takes at most") != strings.Contains(c.want, "stop") {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestWhichHostsAPlanContacts(t *testing.T) {
	p := deploy.Plan{Hosts: []deploy.HostPlan{{Host: "a", Change: deploy.ChangeSwitch}, {Host: "b", Change: deploy.ChangeBlocked}, {Host: "c", Change: deploy.ChangeUnknown}}}
	if got := (Style{}).contacts(p); got != "a c" {
		t.Errorf("got %q", got)
	}
	p.Gate.Before = []deploy.GateStage{{Stage: "dev", Proven: []string{"d1"}, Missing: []string{"d2"}}}
	if got := (Style{}).contacts(p); got != "a c; for the gate d1 d2" {
		t.Errorf("got %q", got)
	}
	p.Hosts = p.Hosts[1:2]
	if got := (Style{}).contacts(p); got != "no host: all are blocked" {
		t.Errorf("got %q", got)
	}
}

func TestLinesOfAHostsEnd(t *testing.T) {
	after := deploy.Links{ProfileLink: "system-7-link", Profile: "p", Running: "p", NextBoot: "p"}
	for _, c := range []struct {
		name string
		e    deploy.Event
		want string
	}{
		{"confirmed", deploy.Event{State: deploy.StateConfirmed, After: &after}, "web1: confirmed, generation 7\n"},
		{"returned", deploy.Event{State: deploy.StateReturned, After: &after}, "web1: returned, generation 7 again\n"},
		{"skipped, and why", deploy.Event{State: deploy.StateSkipped, Message: "the budget is used up"}, "web1: skipped: the budget is used up\n"},
		{"not its end", deploy.Event{State: deploy.StateInFlight, After: &after}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.e.Kind, c.e.Host = deploy.EventHostState, "web1"
			if got := NewLines(Style{}, false).Text(c.e); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	got := NewLines(Style{}, false).Text(deploy.Event{Kind: deploy.EventHostState, Host: "web1", State: deploy.StateStranded, Message: "said twice",
		Problem: &deploy.Problem{Code: deploy.CodeReturnFailed, What: "the way back failed", Next: "nixdeploy resume"}})
	if !strings.HasPrefix(got, "web1: stranded\n") || !strings.Contains(got, "nixdeploy resume") || strings.Contains(got, "said twice") {
		t.Errorf("got %q", got)
	}
}

// What took long says so, by its own duration or by when it was seen to begin.
func TestLinesTellHowLongAStepTook(t *testing.T) {
	for _, c := range []struct {
		name     string
		duration time.Duration
		began    deploy.Step
		want     string
	}{
		{"as it says", 75 * time.Second, deploy.StepBuild, "web1: build done in 1m15s\n"},
		{"as it was seen", 0, deploy.StepBuild, "web1: build done in 20s\n"},
		{"another step was seen", 0, deploy.StepUpload, "web1: build done\n"},
		{"in no time", 900 * time.Millisecond, deploy.StepBuild, "web1: build done\n"},
	} {
		l := NewLines(Style{}, false)
		l.Text(deploy.Event{Kind: deploy.EventStepStarted, Host: "web1", Step: c.began, Time: noon})
		got := l.Text(deploy.Event{Kind: deploy.EventStepFinished, Host: "web1", Step: deploy.StepBuild, Duration: c.duration, Time: noon.Add(20 * time.Second)})
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Quiet is about steps that went well and are quick: a failure is always told.
func TestQuietLinesTellWhatMatters(t *testing.T) {
	for _, s := range []deploy.Step{deploy.StepConnect, deploy.StepUpload, deploy.StepArm, deploy.StepReconnect, deploy.StepConfirm, deploy.StepRecord} {
		l := NewLines(Style{}, false)
		if got := l.Text(deploy.Event{Kind: deploy.EventStepStarted, Host: "web1", Step: s}) + l.Text(deploy.Event{Kind: deploy.EventStepFinished, Host: "web1", Step: s}); got != "" {
			t.Errorf("quiet says %q", got)
		}
		if got := l.Text(deploy.Event{Kind: deploy.EventStepFailed, Host: "web1", Step: s, Problem: &deploy.Problem{What: "no"}}); got != "web1: "+string(s)+" failed: no\n" {
			t.Errorf("a failure is %q", got)
		}
		if got := NewLines(Style{}, true).Text(deploy.Event{Kind: deploy.EventStepStarted, Host: "web1", Step: s, Message: "why"}); got != "web1: "+string(s)+" started: why\n" {
			t.Errorf("verbose says %q", got)
		}
	}
}

func TestSizesAreWordedAsNixDoes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0.0 KiB", 100: "0.1 KiB", 1 << 10: "1.0 KiB", 1 << 20: "1.0 MiB", 90387251: "86.2 MiB", 5 << 30: "5.0 GiB", 3 << 40: "3.0 TiB", 3 << 50: "3072.0 TiB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}
