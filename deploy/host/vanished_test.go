package host

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// A host that holds nothing of the run any more, not even how it ended, is judged
// by where it is, at once: nobody will ever answer.
func TestAHostWhoseStateWasRemovedIsJudgedByItsLinks(t *testing.T) {
	for name, c := range map[string]struct {
		links deploy.Links
		state deploy.State
		code  deploy.Code
	}{
		"it runs what was wanted": {onNew, deploy.StateStranded, deploy.CodeReturnFailed},
		"it runs what it had":     {onOld, deploy.StateReturned, deploy.CodeLate},
		"it runs something else":  {onThird, deploy.StateStranded, deploy.CodeReturnFailed},
	} {
		for _, step := range []string{"contact", "confirm", "back"} {
			t.Run(name+", "+step, func(t *testing.T) {
				s := &told{fakeHost: newFakeHost(), settles: []deploy.Settlement{{Gone: true, Links: c.links}}}
				if step == "back" {
					s.health = &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed"}
				}
				if step == "contact" {
					s.onStart = func(f *fakeHost) { f.links, f.claim = c.links, deploy.ClaimReturn }
				}
				tell(t, s, func(t *testing.T, out deploy.Outcome, took time.Duration) {
					wantState(t, out, c.state, c.code)
					if len(s.asked) != 1 || took != 0 || out.After != c.links {
						t.Errorf("asked %v in %v, is on %+v", s.asked, took, out.After)
					}
					details := strings.Join(out.Problem.Details, "; ")
					if said := strings.Contains(details, "before  check web failed"); said != (step == "back") || strings.Contains(details, "the guard returned") {
						t.Errorf("details %s", details)
					}
					if typed := strings.Contains(out.Problem.Next, "switch-to-configuration"); typed != (c.state == deploy.StateStranded) {
						t.Errorf("next: %s", out.Problem.Next)
					}
				})
			})
		}
	}
}

// The same after nixdeploy was killed: a host that was switched is not "untouched".
func TestResumeJudgesAHostWhoseStateWasRemovedByItsLinks(t *testing.T) {
	left := func(step deploy.Step) deploy.HostReport {
		before := onOld
		return deploy.HostReport{Changed: true, Step: step, Switched: step != deploy.StepArm && step != deploy.StepRecord, Before: &before, Wanted: newSystem}
	}
	for name, c := range map[string]struct {
		left           deploy.HostReport
		links          deploy.Links
		last, recorded string
		state          deploy.State
		code           deploy.Code
	}{
		"it runs what was wanted":    {left(deploy.StepHealth), onNew, "", "", deploy.StateStranded, deploy.CodeReturnFailed},
		"it runs what it had":        {left(deploy.StepHealth), onOld, "", "", deploy.StateReturned, deploy.CodeLate},
		"an older run confirmed it":  {left(deploy.StepSwitch), onNew, "run-0", "", deploy.StateStranded, deploy.CodeReturnFailed},
		"a later run confirmed it":   {left(deploy.StepSwitch), onThird, "run-9", "", deploy.StateReturned, deploy.CodeForeignChange},
		"a later run found it well":  {left(deploy.StepSwitch), onNew, "run-0", "run-9", deploy.StateReturned, deploy.CodeForeignChange},
		"it may not have been armed": {left(deploy.StepArm), onOld, "", "", deploy.StateUntouched, ""},
		"it was only to be recorded": {left(deploy.StepRecord), onOld, "", "", deploy.StateUntouched, ""},
		"no intent was ever written": {deploy.HostReport{Step: deploy.StepBuild}, onThird, "", "", deploy.StateUntouched, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &told{
				fakeHost: newFakeHost(), awaits: []deploy.SwitchAnswer{{Gone: true, Links: c.links}},
				settles: []deploy.Settlement{{Gone: true, Links: c.links}},
			}
			s.links = c.links
			if c.last != "" {
				s.observed.Previous = &deploy.Previous{Run: c.last}
			}
			if c.recorded != "" {
				s.observed.Last = &deploy.Record{Run: c.recorded}
			}
			synctest.Test(t, func(t *testing.T) {
				d := s.driver()
				defer d.Close()
				d.Attach = func(deploy.Conn, string) Machine { return s }
				out := d.Resume(t.Context(), webHost(), "prod", c.left)
				wantState(t, out, c.state, c.code)
				if out.State == deploy.StateStranded && !strings.Contains(out.Problem.Next, "switch-to-configuration") {
					t.Errorf("next: %s", out.Problem.Next)
				}
			})
		})
	}
}
