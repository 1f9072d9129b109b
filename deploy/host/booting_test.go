package host

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// comesBack are hosts that cannot be reached for so long; confirm_timeout is a
// minute, and nothing is waited for longer than that.
var comesBack = map[string]struct {
	silent time.Duration
	back   bool
}{
	"it comes back":         {20 * time.Second, true},
	"it does not come back": {time.Hour, false},
}

// A host that reboots in the soak is judged from its new boot: it is neither
// brought back for its silence, nor is a person called.
func TestASoakWaitsForAHostThatBoots(t *testing.T) {
	for name, c := range comesBack {
		t.Run(name, func(t *testing.T) {
			f := newFakeHost()
			synctest.Test(t, func(t *testing.T) {
				d := f.driver()
				defer d.Close()
				confirmed(t, f, d)
				d.Health = func(ctx context.Context, q HealthRequest) *deploy.Problem {
					if _, err := q.Conn.Run(ctx, deploy.Command{}, nil, nil); err != nil {
						return &deploy.Problem{Code: deploy.CodeInconclusive, What: "no answer"}
					}
					return nil
				}
				f.fails["run"] = []error{lostConnection()}
				f.cutUntil = time.Now().Add(c.silent)
				if p := d.Check(t.Context(), webHost()); (p == nil) != c.back {
					t.Errorf("%+v", p)
				}
				wantWaited(t, f.cutUntil, c.silent)
			})
		})
	}
}

// What a check itself cannot say is told at once.
func TestASoakDoesNotWaitForACheckThatCannotSay(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		confirmed(t, f, d)
		f.health = &deploy.Problem{Code: deploy.CodeInconclusive, What: "the command is not there"}
		begun := time.Now()
		if p := d.Check(t.Context(), webHost()); codeOf(p) != deploy.CodeInconclusive || time.Since(begun) > 0 {
			t.Errorf("%+v after %s", p, time.Since(begun))
		}
	})
}

// A second interruption ends the wait.
func TestASoakThatIsLeftDoesNotWait(t *testing.T) {
	f := newFakeHost()
	synctest.Test(t, func(t *testing.T) {
		d := f.driver()
		defer d.Close()
		detach, stop := context.WithCancel(t.Context())
		stop()
		d.Detach = detach
		f.health = &deploy.Problem{Code: deploy.CodeInconclusive, What: "no answer"}
		begun := time.Now()
		if p := d.Check(t.Context(), webHost()); codeOf(p) != deploy.CodeInconclusive || time.Since(begun) > 0 {
			t.Errorf("%+v after %s", p, time.Since(begun))
		}
	})
}

// wantWaited: as long as it took, and confirm_timeout at most.
func wantWaited(t *testing.T, cutUntil time.Time, silent time.Duration) {
	t.Helper()
	waited := time.Since(cutUntil.Add(-silent))
	if waited > webHost().ConfirmTimeout || silent < webHost().ConfirmTimeout && waited > silent+2*maxPause {
		t.Errorf("waited %s for a host that was silent for %s", waited, silent)
	}
}
