package host

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// A run arms a host twice when it fails in the soak: to change it, and to bring
// it back. A resume tells the two apart by where the host is.
func TestResumeKnowsWhichWayTheHostWent(t *testing.T) {
	cause := &deploy.Problem{Code: deploy.CodeHealth, What: "failed in the soak"}
	on := func(l deploy.Links) *deploy.Links { return &l }
	leaving := deploy.HostReport{Changed: true, Leaving: newSystem, Before: on(onOld), Problem: cause}
	for name, c := range map[string]struct {
		result deploy.Result
		links  deploy.Links
		left   deploy.HostReport
		state  deploy.State
		code   deploy.Code
		arms   int
		now    deploy.Links
	}{
		"it went back":                         {deploy.ResultConfirmed, onOld, leaving, deploy.StateReturned, deploy.CodeHealth, 0, onOld},
		"its way back was undone: once more":   {deploy.ResultReturned, onNew, leaving, deploy.StateReturned, deploy.CodeHealth, 1, onOld},
		"its way back never began: once more":  {deploy.ResultConfirmed, onNew, leaving, deploy.StateReturned, deploy.CodeHealth, 1, onOld},
		"it was returned as usual":             {deploy.ResultReturned, onOld, deploy.HostReport{Changed: true, Before: on(onOld)}, deploy.StateReturned, deploy.CodeLate, 0, onOld},
		"it was confirmed as usual":            {deploy.ResultConfirmed, onNew, deploy.HostReport{Changed: true, Before: on(onOld)}, deploy.StateConfirmed, "", 0, onNew},
		"a later run has taken the host on":    {deploy.ResultReturned, onNew, deploy.HostReport{Changed: true, Before: on(onOld)}, deploy.StateReturned, deploy.CodeLate, 0, onNew},
		"nothing is known of what it was once": {deploy.ResultReturned, onOld, deploy.HostReport{Changed: true}, deploy.StateReturned, deploy.CodeLate, 0, onOld},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost()
			f.result, f.links = c.result, c.links
			f.onArm = func(f *fakeHost) { f.result, f.claim, f.started = "", "", false }
			f.onStart = func(f *fakeHost) { f.links = onOld }
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				out := d.Resume(t.Context(), webHost(), "prod", c.left)
				wantState(t, out, c.state, c.code)
				if n := f.count("send arm"); n != c.arms || f.links != c.now {
					t.Errorf("armed %d times, want %d; is on %+v", n, c.arms, f.links)
				}
			})
		})
	}
}

// What another run did with the host since is not what the resumed one confirmed
// or returned, and its words do not say so.
func TestResumeOfARunThatAnotherCameAfter(t *testing.T) {
	elsewhere := linksOf("system-7-link", "/nix/store/third", "/nix/store/third", "/nix/store/third")
	for name, c := range map[string]struct {
		result deploy.Result
		last   string
		links  deploy.Links
		state  deploy.State
		code   deploy.Code
		since  bool
	}{
		"it went away from what was confirmed": {deploy.ResultConfirmed, "RUN9", elsewhere, deploy.StateReturned, deploy.CodeForeignChange, true},
		"it confirmed the same":                {deploy.ResultConfirmed, "RUN9", onNew, deploy.StateConfirmed, "", false},
		"it took a returned host on":           {deploy.ResultReturned, "RUN9", elsewhere, deploy.StateReturned, deploy.CodeLate, true},
		"none came":                            {deploy.ResultConfirmed, "RUN1", onNew, deploy.StateConfirmed, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost()
			f.result, f.links = c.result, c.links
			f.observed.Previous = &deploy.Previous{Run: c.last, Profile: oldSystem}
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				before := onOld
				out := d.Resume(t.Context(), webHost(), "prod", deploy.HostReport{Changed: true, Before: &before, Wanted: newSystem})
				wantState(t, out, c.state, c.code)
				if since := out.Problem != nil && strings.Contains(out.Problem.State, "RUN9"); since != c.since {
					t.Errorf("%+v", out.Problem)
				}
			})
		})
	}
}

// Another run that confirmed the host in this one's soak is not undone.
func TestAReturnDoesNotUndoAnotherRun(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		confirmed(t, f, d)
		f.observed.Previous = &deploy.Previous{Run: "RUN9", Profile: newSystem}
		f.links = linksOf("system-7-link", "/nix/store/third", "/nix/store/third", "/nix/store/third")
		out := d.Return(t.Context(), webHost(), "prod", 1, &deploy.Problem{Code: deploy.CodeHealth})
		wantState(t, out, deploy.StateReturned, deploy.CodeForeignChange)
		if f.count("send arm") != 0 || !strings.Contains(out.Problem.State, "RUN9") {
			t.Errorf("%v, %+v", f.trace, out.Problem)
		}
	})
}

// One lost connection is no reason to leave a host on what it has to leave.
func TestAHostThatWasChangedIsCalledAgain(t *testing.T) {
	lose := func(f *fakeHost, n int) {
		for range n {
			f.fails["inspect"] = append(f.fails["inspect"], lostConnection())
		}
	}
	t.Run("in a return", func(t *testing.T) {
		f := newFakeHost()
		synctest.Test(t, func(t *testing.T) {
			d := f.driver()
			defer d.Close()
			confirmed(t, f, d)
			lose(f, 5)
			wantState(t, d.Return(t.Context(), webHost(), "prod", 1, &deploy.Problem{Code: deploy.CodeHealth}), deploy.StateReturned, deploy.CodeHealth)
		})
	})
	for changed, want := range map[bool]deploy.State{true: deploy.StateConfirmed, false: deploy.StateUntouched} {
		f := newFakeHost()
		f.result, f.links = deploy.ResultConfirmed, onNew
		lose(f, 5)
		synctest.Test(t, func(t *testing.T) {
			d := f.driver()
			defer d.Close()
			if out := d.Resume(t.Context(), webHost(), "prod", deploy.HostReport{Changed: changed}); out.State != want {
				t.Errorf("changed %v: %s, want %s", changed, out.State, want)
			}
		})
	}
}

// The script of an arming outlives the run that sent it: what it arms after the
// inspection is brought back, and not left to its guard for a quarter of an hour.
func TestResumeBringsBackWhatWasArmedAfterItLooked(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		f.armed, f.deadline = true, time.Now().Add(16*time.Minute) // but not in what is inspected
		left := deploy.HostReport{Changed: true, Step: deploy.StepArm, Before: &onOld}
		wantState(t, d.Resume(t.Context(), webHost(), "prod", left), deploy.StateReturned, deploy.CodeLate)
		if f.armed {
			t.Error("its guard is left armed")
		}
		f.wantIntentsFirst(t)
	})
}

// A host that no intent was written for cannot be armed: that it is silent is
// no reason to call a person.
func TestResumeDoesNotCallForAHostThatWasNeverArmed(t *testing.T) {
	f := newFakeHost()
	f.fails["inspect"] = []error{lostConnection()}
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		wantState(t, d.Resume(t.Context(), webHost(), "prod", deploy.HostReport{}), deploy.StateUntouched, deploy.CodeUnreachable)
	})
}

// What the journal holds as the record of a host that goes back is what it was
// before the run, not what it leaves.
func TestAReturnKeepsTheRecordInTheJournal(t *testing.T) {
	f := newFakeHost()
	run(t, f, func(t *testing.T, d *Driver, _ deploy.Outcome) {
		f.started, f.claim, f.result, f.events = false, "", "", nil
		f.onStart = func(f *fakeHost) { f.links = onOld }
		d.Return(t.Context(), webHost(), "prod", 1, &deploy.Problem{Code: deploy.CodeHealth, What: "failed in the soak"})
		for _, e := range f.events {
			if e.Before != nil && *e.Before != onOld {
				t.Errorf("%s %s: before %+v", e.Kind, e.Step, *e.Before)
			}
		}
		if h := deploy.Fold(f.events).Hosts[0]; h.State != deploy.StateReturned || h.Leaving != "" {
			t.Errorf("folds to %+v", h)
		}
	})
}

// Interrupted before the answer, nobody knows whether the host is armed: that
// is not "untouched".
func TestAnInterruptedArmingIsNotUntouched(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		drain, stop := context.WithCancel(t.Context())
		d.Detach = drain
		f.onArm = func(*fakeHost) { stop() }
		f.fails["after arm"] = []error{&deploy.Problem{Code: deploy.CodeInterrupted, What: "interrupted", Err: context.Canceled}}
		wantState(t, d.Apply(drain, webHost(), "prod", 1), deploy.StateInFlight, deploy.CodeInterrupted)
	})
}

// What another machine holds says nothing of the host, and is not touched: not
// where it knows the same run, nor where it would pass for settled.
func TestResumeSettlesNothingOnAnotherMachine(t *testing.T) {
	for name, arrange := range map[string]func(*fakeHost){
		"that the run armed, too": func(f *fakeHost) {
			f.armed, f.observed.Active = true, &deploy.ActiveRun{Run: "run-1", Wanted: newSystem, Record: onOld}
		},
		"that the run confirmed":     func(f *fakeHost) { f.result = deploy.ResultConfirmed },
		"that a later run confirmed": func(f *fakeHost) { f.observed.Previous = &deploy.Previous{Run: "run-9"} },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost()
			f.observed.Marker = &deploy.Marker{Fleet: "home", Host: "web-2"}
			arrange(f)
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				d.Terms.First = true
				out := d.Resume(t.Context(), webHost(), "prod", deploy.HostReport{Changed: true, Switched: true, Before: &onOld})
				wantState(t, out, deploy.StateStranded, deploy.CodeIdentity)
				f.wantTrace(t, "send inspect, state stranded")
				if !strings.HasPrefix(out.Problem.Next, "correct the address") || out.After != (deploy.Links{}) {
					t.Errorf("%+v", out)
				}
			})
		})
	}
}

// What the soak found unhealthy, and a second interruption kept on the new system,
// goes back in a resume: its confirmation is not the last word.
func TestResumeBringsBackWhatTheSoakFoundUnhealthy(t *testing.T) {
	f := newFakeHost()
	f.result, f.links = deploy.ResultConfirmed, onNew
	f.observed.Previous = &deploy.Previous{Run: "run-2", Profile: oldSystem, Wanted: newSystem}
	f.onArm = func(f *fakeHost) { f.result, f.claim, f.started = "", "", false }
	f.onStart = func(f *fakeHost) { f.links = onOld }
	sick := &deploy.Problem{Code: deploy.CodeHealth, Step: deploy.StepSoak, What: "a check failed in the soak", State: "runs the new system", Next: "nixdeploy resume"}
	events := []deploy.Event{
		{Kind: deploy.EventStepIntent, Step: deploy.StepConfirm, Before: &onOld, Wanted: newSystem},
		{Kind: deploy.EventHostState, State: deploy.StateConfirmed, Before: &onOld, After: &onNew, Wanted: newSystem},
		{Kind: deploy.EventHostState, State: deploy.StateStranded, Before: &onOld, After: &onNew, Wanted: newSystem, Problem: sick},
	}
	for i := range events {
		events[i].Host = "web-1"
	}
	left := deploy.Fold(events).Hosts[0]
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		out := d.Resume(t.Context(), webHost(), "prod", left)
		wantState(t, out, deploy.StateReturned, deploy.CodeHealth)
		if !strings.Contains(out.Problem.State, "are generation 1 again") || strings.Contains(out.Problem.Next, "resume") {
			t.Errorf("it is told as where it was: %+v", out.Problem)
		}
		if f.links != onOld {
			t.Errorf("it is on %+v", f.links)
		}
	})
}
