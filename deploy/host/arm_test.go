package host

import (
	"slices"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// The arming that nobody answered never reached the host: there is nothing to
// go back from, and that is found out once.
func TestAnArmingThatNeverArrivedLeavesTheHostUntouched(t *testing.T) {
	s := &told{fakeHost: newFakeHost(), settles: []deploy.Settlement{{Links: onOld}}}
	s.fails["arm"] = []error{lostConnection(), lostConnection()}
	tell(t, s, func(t *testing.T, out deploy.Outcome, _ time.Duration) {
		wantState(t, out, deploy.StateUntouched, deploy.CodeUnreachable)
		if !slices.Equal(s.asked, []string{"back"}) || s.count("send arm") != 2 || s.started {
			t.Errorf("asked %v, trace %v", s.asked, s.trace)
		}
		if s.count("send unlock") != 1 {
			t.Errorf("its lock was kept: %v", s.trace)
		}
	})
}
