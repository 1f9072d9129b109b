package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestJudgeBuild(t *testing.T) {
	for _, c := range []struct {
		name string
		a    deploy.BuildAnswer
		code deploy.Code
		what string
	}{
		{"built", deploy.BuildAnswer{Toplevel: newSystem}, "", ""},
		{"does not evaluate", deploy.BuildAnswer{DryBuildCode: 1, BuildCode: 9}, deploy.CodeEvaluation, `nixosConfigurations."web-1" does not evaluate (exit code 1)`},
		{"does not build", deploy.BuildAnswer{BuildCode: 100, Toplevel: newSystem}, deploy.CodeBuild, "the system does not build (exit code 100)"},
		{"exit 0 without a system proves nothing", deploy.BuildAnswer{}, deploy.CodeBuild, "the system does not build (exit code 0)"},
		{"cannot be switched to", deploy.BuildAnswer{Toplevel: newSystem, Unswitchable: true}, deploy.CodeUnsupported, "the new system has no bin/switch-to-configuration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := judgeBuild(c.a, webHost())
			if codeOf(p) != c.code || p != nil && (p.What != c.what || p.Next == "") {
				t.Errorf("%+v", p)
			}
			if c.code == deploy.CodeEvaluation && p.Step != deploy.StepDryBuild {
				t.Errorf("blamed on step %q", p.Step)
			}
		})
	}
}

// A build that fails says what to do about it, as an evaluation does; with a saved
// plan it evaluates, too.
func TestAFailedBuildHasItsHint(t *testing.T) {
	for said, want := range map[string]string{
		"error: writing to file: No space left on device": "free space",
		"error: undefined variable 'hostname'":            "hostname is not known there",
		"cc: no such thing":                               "mend what the log names",
	} {
		if p := judgeBuild(deploy.BuildAnswer{BuildCode: 1, Output: []string{said}}, webHost()); !strings.Contains(p.Next, want) {
			t.Errorf("%s: %s", said, p.Next)
		}
	}
}

// The end of a log is what tells; all of it would bury the message.
func TestAFailedBuildShowsTheEndOfItsLog(t *testing.T) {
	var log []string
	for i := range 30 {
		log = append(log, fmt.Sprint("line ", i))
	}
	for _, a := range []deploy.BuildAnswer{{DryBuildCode: 1, Output: log}, {BuildCode: 1, Output: log}} {
		p := judgeBuild(a, webHost())
		if len(p.Details) != 20 || p.Details[0] != "line 10" || p.Details[19] != "line 29" {
			t.Errorf("%q", p.Details)
		}
	}
	if got := tail(log[:3], 3); len(got) != 3 {
		t.Errorf("three of three lines are %q", got)
	}
}

func TestABuildsLinesAreHandedOnAsTheyCome(t *testing.T) {
	f := newFakeHost()
	f.build = deploy.BuildAnswer{BuildCode: 1}
	run(t, f, func(t *testing.T, _ *Driver, _ deploy.Outcome) {
		for _, e := range f.events {
			if e.Kind == deploy.EventOutput && e.Step == deploy.StepBuild && e.Host == "web-1" && e.Message == "building the system configuration..." {
				return
			}
		}
		t.Error("nobody heard of the build")
	})
}

// asked keeps what the machine was asked for.
type asked struct {
	*fakeHost
	builds  []deploy.BuildRequest
	arms    []deploy.ArmRequest
	records []deploy.RecordRequest
}

func (a *asked) Build(ctx context.Context, b deploy.BuildRequest, out func(string)) (deploy.BuildAnswer, error) {
	a.builds = append(a.builds, b)
	return a.fakeHost.Build(ctx, b, out)
}

func (a *asked) Arm(ctx context.Context, q deploy.ArmRequest) ([]string, error) {
	a.arms = append(a.arms, q)
	return a.fakeHost.Arm(ctx, q)
}

func (a *asked) Record(ctx context.Context, q deploy.RecordRequest) error {
	a.records = append(a.records, q)
	return a.fakeHost.Record(ctx, q)
}

func (a *asked) driver() *Driver {
	d := a.fakeHost.driver()
	d.Attach = func(deploy.Conn, string) Machine { return a }
	return d
}

// What a saved plan came to is known: one build, and that very system or none.
func TestASavedPlanIsBuiltAtOnceAndExactly(t *testing.T) {
	for built, want := range map[string]deploy.State{newSystem: deploy.StateConfirmed, newSystem + "-other": deploy.StateUntouched} {
		synctest.Test(t, func(t *testing.T) {
			a := &asked{fakeHost: newFakeHost()}
			a.build.Toplevel = built
			d := a.driver()
			defer d.Close()
			d.Planned = true
			d.Expect = func(context.Context, inventory.Host) (string, error) { return newSystem, nil }
			out := d.Apply(t.Context(), webHost(), "prod", 1)
			if out.State != want || len(a.builds) != 1 || !a.builds[0].Exact || a.builds[0].PlanOnly {
				t.Errorf("ended %s, asked for %+v", out.State, a.builds)
			}
			if want == deploy.StateConfirmed {
				return
			}
			if p := out.Problem; codeOf(p) != deploy.CodePlanMismatch || len(a.arms) > 0 ||
				!strings.Contains(p.What, "the saved plan") || !slices.Contains(p.Details, "plan    "+newSystem) {
				t.Errorf("%+v, armed %d times", out.Problem, len(a.arms))
			}
		})
	}
}

func TestWhatAHostIsAskedToBuildAndToArm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{fakeHost: newFakeHost()}
		d := a.driver()
		defer d.Close()
		h := webHost()
		wantState(t, d.Apply(t.Context(), h, "prod", 1), deploy.StateConfirmed, "")
		build := deploy.BuildRequest{Digest: "d1", Hash: "sha256-x", Attribute: "web-1", Timeout: h.BuildTimeout}
		if len(a.builds) != 1 || a.builds[0] != build {
			t.Errorf("builds %+v", a.builds)
		}
		arm := deploy.ArmRequest{
			Stage: "prod", Fleet: "home", Host: "web-1", Digest: "d1", Hash: "sha256-x", Attribute: "web-1", Mode: "switch",
			Goal: deploy.GoalFlake, Wanted: newSystem, Expect: onOld, ActivationTimeout: h.ActivationTimeout, ConfirmTimeout: h.ConfirmTimeout,
		}
		if len(a.arms) != 1 || a.arms[0] != arm {
			t.Errorf("arms %+v", a.arms)
		}
	})
}

func TestWhatAnUnchangedHostRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{fakeHost: newFakeHost()}
		a.build.Toplevel = oldSystem
		d := a.driver()
		defer d.Close()
		wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateUnchanged, "")
		want := deploy.RecordRequest{Stage: "prod", Fleet: "home", Host: "web-1", Digest: "d1", Attribute: "web-1", Toplevel: oldSystem}
		if len(a.records) != 1 || a.records[0] != want || a.count("send unlock") != 0 {
			t.Errorf("records %+v, trace %v", a.records, a.trace)
		}
	})
}

// A record that cannot be written fails the host, though nothing is undone.
func TestARecordThatIsNotWrittenIsSaid(t *testing.T) {
	f := newFakeHost()
	f.build.Toplevel = oldSystem
	f.fails["record"] = []error{&deploy.Problem{Code: deploy.CodeProtocol, What: "the host did not write its record"}}
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateUnchanged, deploy.CodeProtocol)
		if f.count("send unlock") != 1 || f.count("send back") != 0 {
			t.Errorf("trace %v", f.trace)
		}
	})
}

func TestErrorsBecomeProblemsOfTheirHostAndStep(t *testing.T) {
	inner := &deploy.Problem{Code: deploy.CodeAuth, What: "no key"}
	named := &deploy.Problem{Code: deploy.CodeLate, What: "x", Host: "other", Step: deploy.StepArm}
	for _, c := range []struct {
		name string
		err  error
		want deploy.Problem
	}{
		{"a plain error is ours", errors.New("oops"), deploy.Problem{Code: deploy.CodeInternal, What: "oops", Host: "web-1", Step: deploy.StepBuild}},
		{"a deadline is the host's silence", fmt.Errorf("reading: %w", context.DeadlineExceeded), deploy.Problem{Code: deploy.CodeUnreachable, What: "no answer in time", Host: "web-1", Step: deploy.StepBuild}},
		{"a problem inside is found", fmt.Errorf("dialing: %w", inner), deploy.Problem{Code: deploy.CodeAuth, What: "no key", Host: "web-1", Step: deploy.StepBuild}},
		{"what it names itself stays", named, *named},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := asProblem(c.err, "web-1", deploy.StepBuild)
			if got.Code != c.want.Code || got.What != c.want.What || got.Host != c.want.Host || got.Step != c.want.Step {
				t.Errorf("%+v", got)
			}
		})
	}
}
