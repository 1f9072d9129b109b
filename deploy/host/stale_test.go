package host

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// onThird is what somebody else's nixos-rebuild brings the host to.
var onThird = linksOf("system-7-link", "/nix/store/third", "/nix/store/third", "/nix/store/third")

// A plan is read for hours. That a host is what is wanted is not believed of an
// inspection from before.
func TestAnOldInspectionIsNoProofThatNothingChanged(t *testing.T) {
	for read, inspections := range map[time.Duration]int{time.Second: 1, time.Hour: 2} {
		f := newFakeHost()
		f.observed.WantedValid = true
		f.observed.Recorded = &deploy.Record{Attribute: "web-1", Toplevel: oldSystem}
		synctest.Test(t, func(t *testing.T) {
			d := f.driver()
			defer d.Close()
			if plan := d.Inspect(t.Context(), webHost(), "prod"); plan.Change != deploy.ChangeUnchanged {
				t.Fatalf("planned as %s", plan.Change)
			}
			time.Sleep(read)
			if inspections == 2 {
				f.links = onThird
			}
			out := d.Apply(t.Context(), webHost(), "prod", 1)
			if f.count("send inspect") != inspections || (out.State == deploy.StateUnchanged) != (inspections == 1) {
				t.Errorf("read for %v: %s after %v", read, out.State, f.trace)
			}
		})
	}
}

// What somebody switches while the checks pass is found by the host itself, which
// does not record what it is not.
func TestAHostThatMovedDuringItsChecksIsNotRecorded(t *testing.T) {
	f := newFakeHost()
	f.build.Toplevel = oldSystem
	d := f.driver()
	d.Health = func(ctx context.Context, q HealthRequest) *deploy.Problem { f.links = onThird; return nil }
	f.fails["record"] = []error{&deploy.Problem{Code: deploy.CodeForeignChange, What: "the host changed since it was inspected", Next: "find out who changed it"}}
	synctest.Test(t, func(t *testing.T) {
		defer d.Close()
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateUntouched, deploy.CodeForeignChange)
		if out.After != onThird {
			t.Errorf("told to be on %+v", out.After)
		}
	})
}

// A unit that fails by itself while the system is built is not this run's.
func TestWhatFailedBeforeTheArmingIsNotBlamedOnTheRun(t *testing.T) {
	f := newFakeHost()
	d := f.driver()
	var baseline []string
	d.Health = func(_ context.Context, q HealthRequest) *deploy.Problem { baseline = q.Baseline; return nil }
	d.Attach = func(deploy.Conn, string) Machine { return &ailing{f} }
	synctest.Test(t, func(t *testing.T) {
		defer d.Close()
		wantState(t, d.Apply(t.Context(), webHost(), "prod", 1), deploy.StateConfirmed, "")
		if !slices.Equal(baseline, []string{"old.service", "disk.service"}) {
			t.Errorf("the baseline is %v", baseline)
		}
	})
}

// ailing is a host on which a unit fails while it builds.
type ailing struct{ *fakeHost }

func (a *ailing) Build(ctx context.Context, b deploy.BuildRequest, out func(string)) (deploy.BuildAnswer, error) {
	a.observed.FailedUnits = append(a.observed.FailedUnits, "disk.service")
	return a.fakeHost.Build(ctx, b, out)
}
