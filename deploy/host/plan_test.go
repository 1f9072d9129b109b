package host

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// counted counts the connections that are opened and closed.
type counted struct {
	*fakeHost
	opened, closed int
	user           string
}

func (c *counted) Dial(ctx context.Context, h inventory.Host) (deploy.Conn, error) {
	if _, err := c.fakeHost.Dial(ctx, h); err != nil {
		return nil, err
	}
	c.opened++
	return &countedConn{c}, nil
}

type countedConn struct{ c *counted }

func (c *countedConn) Run(context.Context, deploy.Command, func(string), func(string)) (int, error) {
	return 0, c.c.did("run")
}
func (c *countedConn) Close() error { c.c.closed++; return nil }
func (c *countedConn) User() string { return c.c.user }

func TestInspectPlansWhatAHostWouldGoThrough(t *testing.T) {
	recorded := func(toplevel string) func(*fakeHost) {
		return func(f *fakeHost) {
			f.observed.Recorded = &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: toplevel}
			f.observed.WantedValid = true
		}
	}
	for _, c := range []struct {
		name   string
		change func(*fakeHost)
		want   deploy.Change
		code   deploy.Code
		wanted string
		open   int // connections kept for what follows
	}{
		{"its turn will tell", func(*fakeHost) {}, deploy.ChangeEvaluate, "", "", 1},
		{"it remembers this flake and runs it", recorded(oldSystem), deploy.ChangeUnchanged, "", oldSystem, 0},
		{"it remembers this flake and was rolled back", recorded(newSystem), deploy.ChangeSwitch, "", newSystem, 1},
		{"what it remembers is collected by now", func(f *fakeHost) { recorded(newSystem)(f); f.observed.WantedValid = false }, deploy.ChangeEvaluate, "", "", 1},
		{"what it remembers is another configuration", func(f *fakeHost) { recorded(oldSystem)(f); f.observed.Recorded.Attribute = "db" }, deploy.ChangeEvaluate, "", "", 1},
		{"another machine", func(f *fakeHost) { f.observed.Marker.Host = "db-1" }, deploy.ChangeBlocked, deploy.CodeIdentity, "", 0},
		{"locked", func(f *fakeHost) { f.observed.Lease = &deploy.Lease{Run: "theirs"} }, deploy.ChangeBlocked, deploy.CodeLocked, "", 0},
		{"cannot be reached", func(f *fakeHost) { f.fails["dial"] = []error{lostConnection()} }, deploy.ChangeUnknown, deploy.CodeUnreachable, "", 0},
		{"says nothing of use", func(f *fakeHost) { f.fails["inspect"] = []error{errors.New("?")} }, deploy.ChangeUnknown, deploy.CodeInternal, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeHost()
			c.change(f)
			net := &counted{fakeHost: f}
			d := f.driver()
			d.Dialer = net
			h := webHost()
			h.Target = "web-1.example.org"
			plan := d.Inspect(t.Context(), h, "prod")
			if plan.Change != c.want || codeOf(plan.Problem) != c.code || plan.Wanted != c.wanted || plan.Target != h.Target {
				t.Errorf("planned %+v", plan)
			}
			if plan.Problem != nil && plan.Problem.Host != "web-1" {
				t.Errorf("problem of %q", plan.Problem.Host)
			}
			if (plan.Observed == nil) != (c.want == deploy.ChangeUnknown) {
				t.Errorf("observed %+v", plan.Observed)
			}
			if open := net.opened - net.closed; open != c.open {
				t.Errorf("%d connections kept, want %d", open, c.open)
			}
			for _, s := range f.trace {
				if s != "send dial" && s != "send inspect" {
					t.Errorf("an inspection did %q", s)
				}
			}
			d.Close()
			if net.opened != net.closed {
				t.Errorf("%d connections opened, %d closed", net.opened, net.closed)
			}
		})
	}
}

// A host that cannot be planned says what state it is in: nobody touched it.
func TestAHostThatIsNotReachedSaysItsState(t *testing.T) {
	f := newFakeHost()
	f.fails["dial"] = []error{lostConnection()}
	if p := f.driver().Inspect(t.Context(), webHost(), "prod").Problem; p == nil || p.State != "not touched by this run" {
		t.Errorf("%+v", p)
	}
}

// So does one that takes no flake, does not evaluate or does not build; and what to
// do is told with it.
func TestAHostThatCannotBeEvaluatedSaysItsState(t *testing.T) {
	for name, change := range map[string]func(*fakeHost){
		"an upload that fails": func(f *fakeHost) { f.fails["upload"] = []error{lostConnection()} },
		"no evaluation":        func(f *fakeHost) { f.build = deploy.BuildAnswer{DryBuildCode: 1} },
	} {
		f := newFakeHost()
		change(f)
		d := f.driver()
		p := d.Evaluate(t.Context(), webHost(), "prod", deploy.PlanDryBuild).Problem
		d.Close()
		if p == nil || p.Host != "web-1" || p.State != "not touched by this run" || p.Next == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// Between plan and turn nothing is asked twice, and nothing is dialed twice.
func TestApplyGoesOnWithTheInspectionOfThePlan(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		d.Inspect(t.Context(), webHost(), "prod")
		wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateConfirmed, "")
		if f.count("send inspect") != 1 || f.count("send dial") != 2 {
			t.Errorf("trace %v", f.trace)
		}
		f.started, f.claim, f.result = false, "", ""
		d.Apply(t.Context(), webHost(), "prod", 1) // another run has to look anew
		if f.count("send inspect") != 2 {
			t.Errorf("an old inspection was believed: %v", f.trace)
		}
	})
}

// What an inspection has just seen is the first look at the units of a host on
// which nothing changes; what it saw before a person thought it over is not, and
// it is inspected again.
func TestAnUnchangedHostIsLookedAtOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		check  inventory.Check
		since  time.Duration
		seen   []string
		dialed int
	}{
		{"at once", inventory.Check{Type: inventory.CheckUnits, Successes: 1}, 0, []string{"old.service"}, 1},
		{"after an hour at the prompt", inventory.Check{Type: inventory.CheckUnits, Successes: 1}, time.Hour, []string{"old.service"}, 2},
		{"twice in a row is not once", inventory.Check{Type: inventory.CheckUnits, Successes: 2}, 0, []string{"old.service"}, 1},
		{"a check of another kind", inventory.Check{Type: inventory.CheckCommand, Successes: 1}, 0, []string{"old.service"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeHost()
				f.observed.Recorded = &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: oldSystem}
				f.observed.WantedValid = true
				h := webHost()
				h.Checks = []inventory.Check{c.check}
				d := f.driver()
				defer d.Close()
				var asked HealthRequest
				d.Health = func(ctx context.Context, q HealthRequest) *deploy.Problem {
					asked = q
					if q.Seen == nil || !onlyUnits(h) { // as a check does that has to ask
						_, err := q.Conn.Run(ctx, deploy.Command{}, nil, nil)
						return asProblemOrNil(err)
					}
					return nil
				}
				d.Inspect(t.Context(), h, "prod")
				time.Sleep(c.since)
				wantState(t, d.Apply(t.Context(), h, "prod", 1), deploy.StateUnchanged, "")
				if !slices.Equal(asked.Seen, c.seen) {
					t.Errorf("seen %q, want %q", asked.Seen, c.seen)
				}
				if n := f.count("send dial"); n != c.dialed {
					t.Errorf("dialled %d times, want %d: %v", n, c.dialed, f.trace)
				}
			})
		})
	}
}

func asProblemOrNil(err error) *deploy.Problem {
	if err == nil {
		return nil
	}
	return &deploy.Problem{What: err.Error()}
}

func TestAPlanSaysThatAnEarlierRunIsSettledFirst(t *testing.T) {
	f := newFakeHost()
	f.observed.Active = &deploy.ActiveRun{Run: "run-1", Mode: "switch", Wanted: newSystem, Record: onOld}
	d := f.driver()
	defer d.Close()
	plan := d.Inspect(t.Context(), webHost(), "prod")
	if plan.Problem != nil || plan.Change != deploy.ChangeSwitch || !slices.Equal(plan.Notes, []string{"an earlier run of yours is unresolved here: it is settled first"}) {
		t.Errorf("%+v", plan)
	}
}

// A host that is read for the gate of another stage has no place in the run.
func TestAHostThatIsReadForAGateHasNoEvents(t *testing.T) {
	f := newFakeHost()
	d := f.driver()
	defer d.Close()
	d.Expect = func(context.Context, inventory.Host) (string, error) {
		t.Error("the flake was evaluated for a host that is not deployed to")
		return "", nil
	}
	d.Inspect(t.Context(), webHost(), "")
	if len(f.events) != 0 {
		t.Errorf("%+v", f.events)
	}
	if f.count("send inspect") != 1 {
		t.Errorf("it was not read: %v", f.trace)
	}
}

func TestEvaluatePlansWithoutChangingAnything(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fakeHost)
		want   deploy.Change
		code   deploy.Code
		trace  string
	}{
		{"it would change", func(*fakeHost) {}, deploy.ChangeSwitch, "", "send inspect, send upload, send build, send unlock"},
		{"it would not", func(f *fakeHost) { f.build.Toplevel = oldSystem }, deploy.ChangeUnchanged, "", "send inspect, send upload, send build, send unlock"},
		{"the flake is there already", func(f *fakeHost) { f.observed.FlakePresent = true }, deploy.ChangeSwitch, "", "send inspect, send build"},
		{"it knows by itself", func(f *fakeHost) {
			f.observed.Recorded = &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: oldSystem}
			f.observed.WantedValid = true
		}, deploy.ChangeUnchanged, "", "send inspect"},
		{"it does not evaluate", func(f *fakeHost) { f.build = deploy.BuildAnswer{DryBuildCode: 1} }, deploy.ChangeBlocked, deploy.CodeEvaluation, "send inspect, send upload, send build, send unlock"},
		{"the upload fails", func(f *fakeHost) { f.fails["upload"] = []error{&deploy.Problem{Code: deploy.CodeUpload}} }, deploy.ChangeBlocked, deploy.CodeUpload, "send inspect, send upload"},
		{"it is another machine", func(f *fakeHost) { f.observed.Marker.Fleet = "work" }, deploy.ChangeBlocked, deploy.CodeIdentity, "send inspect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &asked{fakeHost: newFakeHost()}
			a.build.Build, a.build.Fetch, a.build.Transfer = []string{"/nix/store/a.drv"}, []string{"/nix/store/b"}, deploy.Transfer{Download: 1258291}
			c.change(a.fakeHost)
			net := &counted{fakeHost: a.fakeHost}
			d := a.driver()
			d.Dialer = net
			plan := d.Evaluate(t.Context(), webHost(), "prod", deploy.PlanDryBuild)
			if plan.Change != c.want || codeOf(plan.Problem) != c.code {
				t.Errorf("planned %+v", plan)
			}
			a.wantTrace(t, c.trace)
			if net.opened != net.closed {
				t.Errorf("%d connections opened, %d closed", net.opened, net.closed)
			}
			for _, b := range a.builds {
				if !b.PlanOnly {
					t.Error("a plan built something")
				}
			}
			if c.want == deploy.ChangeSwitch && (plan.Wanted != newSystem || len(plan.Build) != 1 || len(plan.Fetch) != 1 || plan.Transfer.Download != 1258291) {
				t.Errorf("planned %+v", plan)
			}
		})
	}
}

// What was evaluated here is held against what the host says in a plan, too.
func TestEvaluateNoticesAnotherToplevel(t *testing.T) {
	f := newFakeHost()
	d := f.driver()
	d.Expect = func(context.Context, inventory.Host) (string, error) { return newSystem + "-here", nil }
	plan := d.Evaluate(t.Context(), webHost(), "prod", deploy.PlanDryBuild)
	if plan.Change != deploy.ChangeBlocked || codeOf(plan.Problem) != deploy.CodePlanMismatch ||
		!slices.Equal(plan.Problem.Details, []string{"here    " + newSystem + "-here", "there   " + newSystem}) {
		t.Errorf("%+v", plan)
	}
}

func TestAnEvaluationThatFailsHereBlocksTheHost(t *testing.T) {
	f := newFakeHost()
	d := f.driver()
	d.Expect = func(context.Context, inventory.Host) (string, error) {
		return "", &deploy.Problem{Code: deploy.CodeEvaluation, What: "attribute 'web-1' missing"}
	}
	plan := d.Inspect(t.Context(), webHost(), "prod")
	if plan.Change != deploy.ChangeBlocked || codeOf(plan.Problem) != deploy.CodeEvaluation || plan.Problem.Step != deploy.StepDryBuild {
		t.Errorf("%+v", plan)
	}
	synctest.Test(t, func(t *testing.T) {
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateUntouched, deploy.CodeEvaluation)
		d.Close()
	})
}

// The record of another toplevel than the expected one is not a record of it.
func TestARecordOfAnotherToplevelIsWrittenAnew(t *testing.T) {
	f := newFakeHost()
	f.observed.Recorded = &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: newSystem}
	f.observed.WantedValid = true
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		d.Expect = func(context.Context, inventory.Host) (string, error) { return oldSystem, nil }
		wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateUnchanged, "")
		f.wantTrace(t, "send inspect, send health, intent record, send record, state unchanged")
	})
}

// A login by the bootstrap user on a confirmed host ends there and then.
func TestTheBootstrapUserIsNotKeptOnAConfirmedHost(t *testing.T) {
	f := newFakeHost()
	net := &counted{fakeHost: f, user: "root"}
	d := f.driver()
	d.Dialer = net
	h := webHost()
	h.User, h.BootstrapUser = "deploy", "root"
	plan := d.Inspect(t.Context(), h, "prod")
	if plan.Change != deploy.ChangeUnknown || codeOf(plan.Problem) != deploy.CodeAuth || net.opened != net.closed {
		t.Errorf("%+v, %d opened, %d closed", plan, net.opened, net.closed)
	}
}

// A host that refuses early closes the pipe: the pack must not hang on it, and
// the refusal is what is told, not the closed pipe.
func TestAnUploadThatIsRefusedEarlyEnds(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		packing := make(chan error, 1)
		d.Flake.Pack = func(w io.Writer) error {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					packing <- err
					return err
				}
			}
		}
		d.Attach = func(deploy.Conn, string) Machine { return refusing{f} }
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateUntouched, deploy.CodeLocked)
		if err := <-packing; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the pack ended with %v", err)
		}
		if f.count("send unlock") != 0 {
			t.Error("somebody else's lock was given back")
		}
	})
}

type refusing struct{ *fakeHost }

func (r refusing) Upload(_ context.Context, _, _ string, tar io.Reader) error {
	if _, err := tar.Read(make([]byte, 100)); err != nil {
		return err
	}
	return deploy.Locked("theirs", "anna@ci", 0, 60, false)
}

// A pack that fails here must reach the host as a failure, never as the end of
// a shorter flake.
func TestAPackThatFailsIsNoShortFlake(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		d.Flake.Pack = func(w io.Writer) error {
			_, _ = io.WriteString(w, "half")
			return errors.New("the file changed while it was read")
		}
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateUntouched, deploy.CodeInternal)
		if !strings.Contains(out.Problem.What, "the file changed") || f.count("send upload") != 0 {
			t.Errorf("%+v, trace %v", out.Problem, f.trace)
		}
	})
}

func TestReleaseForgetsTheHostAndMayBeRepeated(t *testing.T) {
	f := newFakeHost()
	net := &counted{fakeHost: f}
	d := f.driver()
	d.Dialer = net
	other := webHost()
	other.Name = "web-2"
	f.observed.Marker = nil
	d.Terms.First = true
	d.Inspect(t.Context(), webHost(), "prod")
	d.Inspect(t.Context(), other, "prod")
	d.Release("web-1")
	d.Release("web-1")
	d.Release("never heard of")
	if net.opened != 2 || net.closed != 1 {
		t.Errorf("%d opened, %d closed", net.opened, net.closed)
	}
	d.Close()
	d.Close()
	if net.closed != 2 {
		t.Errorf("%d closed", net.closed)
	}
}
