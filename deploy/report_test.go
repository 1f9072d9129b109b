package deploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixdeploy/nixdeploy/deploy"
)

var (
	steps = []deploy.Step{
		deploy.StepConnect, deploy.StepInspect, deploy.StepLock, deploy.StepUpload, deploy.StepDryBuild, deploy.StepBuild, deploy.StepArm,
		deploy.StepSwitch, deploy.StepReconnect, deploy.StepHealth, deploy.StepConfirm, deploy.StepRecord, deploy.StepSoak, deploy.StepReturn, deploy.StepUnlock,
	}
	states = []deploy.State{
		deploy.StateWaiting, deploy.StateUnchanged, deploy.StateUntouched, deploy.StateInFlight, deploy.StateConfirmed, deploy.StateReturned,
		deploy.StateRebootPending, deploy.StateStranded, deploy.StateSkipped,
	}
	kinds = []deploy.EventKind{
		deploy.EventRunStarted, deploy.EventStageStarted, deploy.EventWaveStarted, deploy.EventStepIntent, deploy.EventStepStarted,
		deploy.EventStepFinished, deploy.EventStepFailed, deploy.EventOutput, deploy.EventHostState, deploy.EventSoakStarted,
		deploy.EventSoakFinished, deploy.EventStageFinished, deploy.EventRunFinished, deploy.EventStageApproved,
	}
)

// anyEvent draws one of the events that a journal can hold, in any order: a
// fold must bear what a crash or a newer version leaves.
var anyEvent = rapid.Custom(func(t *rapid.T) deploy.Event {
	e := deploy.Event{
		Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Run: "R1", Time: time.Unix(rapid.Int64Range(1, 1e6).Draw(t, "time"), 0).UTC(),
		Stage: rapid.SampledFrom([]string{"", "test", "prod"}).Draw(t, "stage"), Wave: rapid.IntRange(0, 3).Draw(t, "wave"),
	}
	switch e.Kind {
	case deploy.EventRunStarted:
		e.Start = &deploy.RunStart{Command: "apply", Operator: "anna@ci"}
	case deploy.EventRunFinished:
		exit := rapid.IntRange(0, 7).Draw(t, "exit")
		e.Exit = &exit
	case deploy.EventStepIntent, deploy.EventStepStarted, deploy.EventStepFinished, deploy.EventStepFailed, deploy.EventOutput, deploy.EventHostState:
		e.Host = rapid.SampledFrom([]string{"web-1", "web-2", "db-1"}).Draw(t, "host")
		e.Step = rapid.SampledFrom(steps).Draw(t, "step")
		e.Wanted = rapid.SampledFrom([]string{"", "/nix/store/a", "/nix/store/b"}).Draw(t, "wanted")
		if rapid.Bool().Draw(t, "links") {
			e.Before, e.After = &deploy.Links{Profile: "p"}, &deploy.Links{Profile: "q"}
		}
	}
	if e.Kind == deploy.EventStepFailed || e.Kind == deploy.EventHostState && rapid.Bool().Draw(t, "bad") {
		e.Problem = &deploy.Problem{Code: deploy.CodeHealth, What: "no"}
	}
	if e.Kind == deploy.EventHostState {
		e.State = rapid.SampledFrom(states).Draw(t, "state")
	}
	return e
})

var anyRun = rapid.SliceOfN(anyEvent, 0, 40)

// A view that follows a run sees at each moment what a replay of the journal
// so far would show, and asking in between changes nothing.
func TestFoldOfAPrefixAndTheRestIsTheFoldOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyRun.Draw(t, "events")
		f := deploy.NewFolder()
		for i, e := range events {
			if diff := cmp.Diff(deploy.Fold(events[:i]), f.Report()); diff != "" {
				t.Fatalf("after %d events: %s", i, diff)
			}
			f.Add(e)
		}
		if diff := cmp.Diff(deploy.Fold(events), f.Report()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Output is never in the journal, so it must not count in what is folded.
func TestFoldIsTheSameWithoutOutput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyRun.Draw(t, "events")
		kept := slices.DeleteFunc(slices.Clone(events), func(e deploy.Event) bool { return e.Kind == deploy.EventOutput })
		if diff := cmp.Diff(deploy.Fold(kept), deploy.Fold(events)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// What resume and exit codes rest on, whatever the order of events was.
func TestWhatAFoldPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyRun.Draw(t, "events")
		var order []string
		for _, e := range events {
			if e.Host != "" && e.Kind != deploy.EventOutput && !slices.Contains(order, e.Host) {
				order = append(order, e.Host)
			}
		}
		report := deploy.Fold(events)
		var got []string
		for _, h := range report.Hosts {
			got = append(got, h.Host)
			of := func(kind deploy.EventKind) (last int, any bool) {
				last = -1
				for i, e := range events {
					if e.Host == h.Host && e.Kind == kind {
						last = i
					}
				}
				return last, last >= 0
			}
			intent, changed := of(deploy.EventStepIntent)
			if h.Changed && !changed {
				t.Fatalf("%s counts as changed without an intent", h.Host)
			}
			stranded := slices.ContainsFunc(events, func(e deploy.Event) bool { return e.Host == h.Host && e.State == deploy.StateStranded })
			if h.Unresolved && !changed && !stranded {
				t.Fatalf("%s is unresolved, and nothing was begun", h.Host)
			}
			end := -1
			for i, e := range events {
				if e.Host == h.Host && e.Kind == deploy.EventHostState && e.State.Final() {
					end = i
				}
			}
			if changed && intent > end && !h.Unresolved {
				t.Fatalf("%s has a step begun that changes it, and no end, and resume would pass it by", h.Host)
			}
			if end > intent && end >= 0 && h.Unresolved != (events[end].State == deploy.StateStranded) {
				t.Fatalf("%s ended %s, unresolved %v", h.Host, events[end].State, h.Unresolved)
			}
		}
		if !slices.Equal(got, order) {
			t.Fatalf("hosts %v, want %v", got, order)
		}
	})
}

// A host that the run left as it was does not count as changed, whatever was
// intended: the exit code is the same for the live run and for its journal.
func TestIntentionsDoNotCountAsChanges(t *testing.T) {
	for state, changed := range map[deploy.State]bool{
		deploy.StateUntouched: false, deploy.StateUnchanged: false, deploy.StateSkipped: false,
		deploy.StateConfirmed: true, deploy.StateReturned: true, deploy.StateStranded: true,
	} {
		r := deploy.Fold([]deploy.Event{
			{Kind: deploy.EventStepIntent, Host: "web-1", Step: deploy.StepRecord},
			{Kind: deploy.EventHostState, Host: "web-1", State: state},
		})
		if r.Hosts[0].Changed != changed {
			t.Errorf("%s: changed is %v", state, r.Hosts[0].Changed)
		}
	}
}

// A confirmed host that was to go back is remembered as such until it is back.
func TestWhoLeavesIsRemembered(t *testing.T) {
	at := func(e deploy.Event) deploy.Event { e.Host = "web-1"; return e }
	events := []deploy.Event{
		at(deploy.Event{Kind: deploy.EventHostState, State: deploy.StateConfirmed, After: &deploy.Links{Running: "/nix/store/new"}}),
		at(deploy.Event{Kind: deploy.EventStepStarted, Step: deploy.StepReturn}),
	}
	if h := deploy.Fold(events).Hosts[0]; h.Leaving != "/nix/store/new" {
		t.Errorf("folds to %+v", h)
	}
	events = append(events, at(deploy.Event{Kind: deploy.EventHostState, State: deploy.StateStranded}))
	if h := deploy.Fold(events).Hosts[0]; h.Leaving != "/nix/store/new" {
		t.Errorf("stranded on its way: %+v", h)
	}
	events = append(events, at(deploy.Event{Kind: deploy.EventHostState, State: deploy.StateReturned}))
	if h := deploy.Fold(events).Hosts[0]; h.Leaving != "" {
		t.Errorf("back: %+v", h)
	}
}

func TestFoldOfARun(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	before, after, exit := deploy.Links{Profile: "old"}, deploy.Links{Profile: "new"}, 1
	sick := &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}
	start := deploy.RunStart{Command: "apply", Operator: "anna@ci", Fleet: "home", Stages: []string{"test", "prod"}, Hosts: []string{"t1", "w1", "w2"}}
	events := []deploy.Event{
		{Kind: deploy.EventRunStarted, Run: "R1", Time: at(10), Start: &start},
		{Kind: deploy.EventStageStarted, Stage: "test"},
		{Kind: deploy.EventWaveStarted, Stage: "test", Wave: 1},
		{Kind: deploy.EventStepStarted, Stage: "test", Wave: 1, Host: "t1", Step: deploy.StepInspect},
		{Kind: deploy.EventHostState, Stage: "test", Wave: 1, Host: "t1", State: deploy.StateUnchanged, Wanted: "old", Before: &before, After: &before},
		{Kind: deploy.EventStageFinished, Stage: "test", Message: "proven"},
		{Kind: deploy.EventStageStarted, Stage: "prod"},
		{Kind: deploy.EventWaveStarted, Stage: "prod", Wave: 1},
		{Kind: deploy.EventStepFailed, Stage: "prod", Wave: 1, Host: "w1", Step: deploy.StepHealth, Problem: sick},
		{Kind: deploy.EventStepIntent, Stage: "prod", Wave: 1, Host: "w1", Step: deploy.StepReturn, Wanted: "new", Before: &before},
		{Kind: deploy.EventHostState, Stage: "prod", Wave: 1, Host: "w1", State: deploy.StateReturned, Problem: sick, Before: &before, After: &before},
		{Kind: deploy.EventWaveStarted, Stage: "prod", Wave: 2},
		{Kind: deploy.EventStepFailed, Stage: "prod", Wave: 2, Host: "w2", Step: deploy.StepConnect, Problem: sick},
		{Kind: deploy.EventHostState, Stage: "prod", Wave: 2, Host: "w2", State: deploy.StateConfirmed, After: &after},
		{Kind: deploy.EventStageFinished, Stage: "prod", Message: "stopped"},
		{Kind: deploy.EventRunFinished, Time: at(99), Exit: &exit},
	}
	want := deploy.Report{
		Run: "R1", Start: start, Began: at(10), Ended: at(99), Finished: true, Exit: 1,
		Stages: []deploy.StageReport{{Stage: "test", Waves: 1, Message: "proven"}, {Stage: "prod", Waves: 2, Message: "stopped"}},
		Hosts: []deploy.HostReport{
			{Host: "t1", Stage: "test", Wave: 1, State: deploy.StateUnchanged, Step: deploy.StepInspect, Contacted: true, Wanted: "old", Before: &before, After: &before},
			{Host: "w1", Stage: "prod", Wave: 1, State: deploy.StateReturned, Step: deploy.StepReturn, Changed: true, Wanted: "new", Before: &before, After: &before, Problem: sick},
			{Host: "w2", Stage: "prod", Wave: 2, State: deploy.StateConfirmed, After: &after}, // its problem was got over
		},
	}
	if diff := cmp.Diff(want, deploy.Fold(events)); diff != "" {
		t.Error(diff)
	}
}

// A resume goes on with a run that had ended; killed in that, it has not ended.
func TestWhatFollowsTheEndTakesItBack(t *testing.T) {
	exit := 6
	events := []deploy.Event{
		{Kind: deploy.EventHostState, Host: "w1", State: deploy.StateStranded},
		{Kind: deploy.EventRunFinished, Time: time.Unix(9, 0), Exit: &exit},
	}
	if r := deploy.Fold(events); !r.Finished || r.Exit != 6 {
		t.Fatalf("%+v", r)
	}
	events = append(events, deploy.Event{Kind: deploy.EventStepIntent, Host: "w1", Step: deploy.StepReturn})
	if r := deploy.Fold(events); r.Finished || r.Exit != 0 || !r.Ended.IsZero() {
		t.Errorf("%+v", r)
	}
}

// Killed in the middle: neither finished nor ended, and resume knows whom.
func TestFoldOfARunThatWasKilled(t *testing.T) {
	r := deploy.Fold([]deploy.Event{
		{Kind: deploy.EventStepStarted, Host: "w1", Step: deploy.StepSwitch},
		{Kind: deploy.EventStepIntent, Host: "w1", Step: deploy.StepSwitch},
		{Kind: deploy.EventStepStarted, Host: "w2", Step: deploy.StepBuild},
		{Kind: deploy.EventHostState, Host: "w3", State: deploy.StateStranded},
	})
	var open []string
	for _, h := range r.Hosts {
		if h.Unresolved {
			open = append(open, h.Host)
		}
	}
	if r.Finished || !r.Ended.IsZero() || !slices.Equal(open, []string{"w1", "w3"}) || r.Hosts[1].State != deploy.StateInFlight {
		t.Errorf("%+v", r)
	}
}

func TestWhatCountsAgainstABudget(t *testing.T) {
	p := &deploy.Problem{Code: deploy.CodeHealth}
	for _, c := range []struct {
		state       deploy.State
		ill         bool // with a problem
		failed      bool
		final, good bool
	}{
		{deploy.StateUnchanged, false, false, true, true},
		{deploy.StateUnchanged, true, true, true, true}, // its health counts, though nothing was done
		{deploy.StateConfirmed, false, false, true, true},
		{deploy.StateConfirmed, true, false, true, true},
		{deploy.StateRebootPending, false, false, true, true},
		{deploy.StateSkipped, true, false, true, false},
		{deploy.StateUntouched, true, true, true, false},
		{deploy.StateReturned, true, true, true, false},
		{deploy.StateStranded, true, true, true, false},
		{deploy.StateInFlight, false, true, false, false},
		{deploy.StateWaiting, false, true, false, false},
		{"", false, true, false, false},
	} {
		o := deploy.Outcome{State: c.state}
		if c.ill {
			o.Problem = p
		}
		if o.Failed() != c.failed || c.state.Final() != c.final || c.state.Good() != c.good {
			t.Errorf("%q, ill %v: failed %v, final %v, good %v", c.state, c.ill, o.Failed(), c.state.Final(), c.state.Good())
		}
	}
}

func TestStepsThatChangeAHostAreTheOnesAnnounced(t *testing.T) {
	var changing []deploy.Step
	for _, s := range steps {
		if s.Changes() {
			changing = append(changing, s)
		}
	}
	if want := []deploy.Step{deploy.StepArm, deploy.StepSwitch, deploy.StepConfirm, deploy.StepRecord, deploy.StepReturn}; !slices.Equal(changing, want) {
		t.Errorf("%v", changing)
	}
}

func TestProblemsInOneLineAndInTheJournal(t *testing.T) {
	cause := errors.New("connection refused")
	for _, c := range []struct {
		p    deploy.Problem
		want string
	}{
		{deploy.Problem{What: "no"}, "no"},
		{deploy.Problem{What: "no", Host: "w1"}, "w1: no"},
		{deploy.Problem{What: "no", Step: deploy.StepArm}, "no"},
		{deploy.Problem{What: "no", Host: "w1", Step: deploy.StepArm}, "w1: arm: no"},
		{deploy.Problem{What: "no", Host: "w1", Step: deploy.StepArm, Err: cause}, "w1: arm: no: connection refused"},
	} {
		data, err := json.Marshal(c.p)
		var back deploy.Problem
		if err != nil || json.Unmarshal(data, &back) != nil || c.p.Error() != c.want || back.Error() != c.want {
			t.Errorf("%q and %q, want %q, %v", c.p.Error(), back.Error(), c.want, err)
		}
		if pointed, err := json.Marshal(&c.p); err != nil || string(pointed) != string(data) {
			t.Errorf("by pointer it is %s, %v", pointed, err)
		}
		if c.p.Err != nil && (!errors.Is(&c.p, cause) || c.p.What != "no") {
			t.Errorf("%+v", c.p)
		}
	}
}

func TestRefusalsForSecurity(t *testing.T) {
	for code, want := range map[deploy.Code]bool{
		deploy.CodeHostKey: true, deploy.CodeIdentity: true, deploy.CodeUnadopted: true,
		deploy.CodeAuth: false, deploy.CodeLocked: false, deploy.CodeUnreachable: false, deploy.CodeInternal: false,
	} {
		if got := (&deploy.Problem{Code: code}).Security(); got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
}

func TestLockedSaysWhatToWaitFor(t *testing.T) {
	for _, c := range []struct {
		left   int64
		armed  bool
		detail string
		resume bool
	}{
		{125, true, "decides in 2m5s", true},
		{30, false, "runs out in 30s", false},
		{-7, false, "runs out in 0s", false},
	} {
		p := deploy.Locked("R1", "anna@ci", 1700000000, c.left, c.armed)
		if p.Code != deploy.CodeLocked || p.What != "anna@ci holds it since 22:13:20 UTC, run R1" ||
			!strings.Contains(fmt.Sprint(p.Details), c.detail) || strings.Contains(p.Next, "nixdeploy resume") != c.resume {
			t.Errorf("%+v", p)
		}
	}
}

// Whether a dead run's host was armed is known by the switch that was announced.
func TestAnAnnouncedSwitchNeedsAnArmedHost(t *testing.T) {
	for _, c := range []struct {
		intents []deploy.Step
		want    bool
	}{
		{[]deploy.Step{deploy.StepArm}, false},
		{[]deploy.Step{deploy.StepRecord}, false},
		{[]deploy.Step{deploy.StepArm, deploy.StepSwitch}, true},
		{[]deploy.Step{deploy.StepArm, deploy.StepSwitch, deploy.StepConfirm}, true},
		{[]deploy.Step{deploy.StepArm, deploy.StepReturn}, false},
		{[]deploy.Step{deploy.StepArm, deploy.StepSwitch, deploy.StepConfirm, deploy.StepArm}, false},
	} {
		var events []deploy.Event
		for _, s := range c.intents {
			events = append(events, deploy.Event{Kind: deploy.EventStepIntent, Host: "web-1", Step: s},
				deploy.Event{Kind: deploy.EventStepStarted, Host: "web-1", Step: deploy.StepInspect})
		}
		if got := deploy.Fold(events).Hosts[0].Switched; got != c.want {
			t.Errorf("%v: %v", c.intents, got)
		}
	}
}
