package host

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// What each level asks of a host, and what its plan then knows.
func TestTheLevelsOfAPlan(t *testing.T) {
	listed := deploy.BuildAnswer{Toplevel: newSystem, Build: []string{"/nix/store/a.drv"}, Transfer: deploy.Transfer{Download: 5}}
	there := deploy.BuildAnswer{Toplevel: newSystem}
	knows := deploy.DifferenceAnswer{Difference: &deploy.Difference{NewSize: 7}}
	for _, c := range []struct {
		name    string
		level   deploy.PlanLevel
		build   deploy.BuildAnswer
		expect  bool
		trace   string
		change  deploy.Change
		differs bool
		units   bool
	}{
		{"quick, the host has to evaluate", deploy.PlanQuick, there, false, "send inspect", deploy.ChangeEvaluate, false, false},
		{"quick, evaluated here", deploy.PlanQuick, there, true, "send inspect", deploy.ChangeSwitch, false, false},
		{"dry-build, something is to be built", deploy.PlanDryBuild, listed, false, "send inspect, send upload, send build, send unlock", deploy.ChangeSwitch, false, false},
		{"dry-build, it is in the store", deploy.PlanDryBuild, there, true, "send inspect, send upload, send build, send difference, send unlock", deploy.ChangeSwitch, true, false},
		{"dry-build, nothing changes", deploy.PlanDryBuild, deploy.BuildAnswer{Toplevel: oldSystem}, false, "send inspect, send upload, send build, send unlock", deploy.ChangeUnchanged, false, false},
		{"full", deploy.PlanFull, listed, false, "send inspect, send upload, send build, send difference, send unlock", deploy.ChangeSwitch, true, true},
		{"full, nothing changes", deploy.PlanFull, deploy.BuildAnswer{Toplevel: oldSystem}, false, "send inspect, send upload, send build, send unlock", deploy.ChangeUnchanged, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &asked{fakeHost: newFakeHost()}
			a.build, a.differs = c.build, knows
			d := a.driver()
			d.Attach = func(deploy.Conn, string) Machine { return a }
			if c.expect {
				d.Expect = func(context.Context, inventory.Host) (string, error) { return newSystem, nil }
			}
			plan := d.Evaluate(t.Context(), webHost(), "prod", c.level)
			a.wantTrace(t, c.trace)
			if plan.Change != c.change || plan.Problem != nil || (plan.Difference != nil) != c.differs || len(plan.Notes) != 0 {
				t.Fatalf("%+v", plan)
			}
			for _, b := range a.builds {
				if full := c.level == deploy.PlanFull; b.Keep != full || b.PlanOnly == full || b.Exact {
					t.Errorf("asked to build %+v", b)
				}
			}
			if c.level == deploy.PlanFull && (len(plan.Build) != 0 || plan.Transfer != deploy.Transfer{}) {
				t.Errorf("what is built is still to be built: %+v", plan)
			}
			if x := plan.Difference; x != nil && (x.From != oldSystem || x.To != newSystem || (x.Units != nil) != c.units) {
				t.Errorf("%+v", x)
			}
		})
	}
}

// That a difference cannot be told keeps nobody from deploying.
func TestADifferenceThatIsNotKnownIsANote(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  deploy.DifferenceAnswer
		err     error
		note    string
		differs bool
	}{
		{"the connection is lost", deploy.DifferenceAnswer{}, lostConnection(), "what changes is not known: connection lost", false},
		{"no answer in time", deploy.DifferenceAnswer{}, context.DeadlineExceeded, "what changes is not known: no answer in time", false},
		{"dry-activate refuses", deploy.DifferenceAnswer{Difference: &deploy.Difference{}, Refused: "Could not acquire lock"}, nil, "which units it touches is not known: Could not acquire lock", true},
		{"it is gone again", deploy.DifferenceAnswer{}, nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeHost()
			f.differs, f.fails["difference"] = c.answer, []error{c.err}
			plan := f.driver().Evaluate(t.Context(), webHost(), "prod", deploy.PlanFull)
			var want []string
			if c.note != "" {
				want = []string{c.note}
			}
			if plan.Problem != nil || plan.Change != deploy.ChangeSwitch || !slices.Equal(plan.Notes, want) || (plan.Difference != nil) != c.differs {
				t.Errorf("%+v", plan)
			}
		})
	}
}

var ab = transition{from: "a", to: "b"}

func known(size int64) deploy.DifferenceAnswer {
	return deploy.DifferenceAnswer{Difference: &deploy.Difference{NewSize: size}}
}

// Many hosts, one of which is asked; the others wait for it and ask nobody.
func TestOneHostIsAskedForAllOfATransition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d differences
		var asked, right atomic.Int64
		for range 50 {
			go func() {
				got, err := d.of(t.Context(), ab, func(context.Context) (deploy.DifferenceAnswer, error) {
					time.Sleep(time.Second)
					return known(asked.Add(1)), nil
				})
				if err == nil && got.Difference.NewSize == 1 {
					right.Add(1)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if asked.Load() != 1 || right.Load() != 50 {
			t.Errorf("%d were asked, %d have the answer", asked.Load(), right.Load())
		}
		for _, other := range []transition{{from: "a", to: "c"}, {from: "b", to: "b"}, {from: "a", to: "b", booted: "x"}, {from: "a", to: "b", units: true}, {from: "a", to: "b", reader: "grub"}} {
			before := asked.Load()
			_, _ = d.of(t.Context(), other, func(context.Context) (deploy.DifferenceAnswer, error) { return known(asked.Add(1)), nil })
			if asked.Load() != before+1 {
				t.Errorf("%+v was taken for %+v", other, ab)
			}
		}
	})
}

// What one host cannot say, the next ones are asked for, side by side; and once
// one of them knows, who comes later asks nobody.
func TestAFailedAskIsNobodyElses(t *testing.T) {
	for name, failed := range map[string]struct {
		answer deploy.DifferenceAnswer
		err    error
	}{
		"error":            {deploy.DifferenceAnswer{}, errors.New("lost")},
		"not in its store": {},
		"refused there":    {deploy.DifferenceAnswer{Difference: &deploy.Difference{}, Refused: "busy"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d differences
				var good, bad atomic.Int64
				one := func(answer deploy.DifferenceAnswer, err error) {
					got, gotErr := d.of(t.Context(), ab, func(context.Context) (deploy.DifferenceAnswer, error) {
						time.Sleep(time.Second)
						return answer, err
					})
					if gotErr == nil && got.Difference != nil && got.Refused == "" {
						good.Add(1)
					} else {
						bad.Add(1)
					}
				}
				go one(failed.answer, failed.err)
				synctest.Wait()
				for range 9 {
					go one(known(1), nil)
				}
				begun := time.Now()
				time.Sleep(2*time.Second + time.Millisecond)
				synctest.Wait()
				if good.Load() != 9 || bad.Load() != 1 {
					t.Errorf("%d know, %d do not, after %s", good.Load(), bad.Load(), time.Since(begun))
				}
				one(known(1), nil)
				again := time.Now()
				one(known(2), nil)
				if time.Since(again) != 0 {
					t.Error("what is known was asked again")
				}
			})
		})
	}
}

// Who waits for another host does so no longer than for its own.
func TestAWaitForAnotherHostEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d differences
		release := make(chan struct{})
		go func() {
			_, _ = d.of(t.Context(), ab, func(context.Context) (deploy.DifferenceAnswer, error) { <-release; return known(1), nil })
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		_, err := d.of(ctx, ab, func(context.Context) (deploy.DifferenceAnswer, error) { t.Error("asked"); return known(2), nil })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}
		close(release)
		synctest.Wait()
	})
}
