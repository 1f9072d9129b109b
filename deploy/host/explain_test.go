package host

import (
	"errors"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// A person who reads a problem learns what the host is in now and what to do.
func TestExplainWordsEveryState(t *testing.T) {
	unread := onOld
	unread.NextBoot = ""
	pinned := linksOf("system-7-link", oldSystem, oldSystem, newSystem)
	for _, c := range []struct {
		name        string
		out         deploy.Outcome
		state, next string
	}{
		{"untouched", deploy.Outcome{State: deploy.StateUntouched}, "not touched by this run", "run the same command again when that is mended"},
		{"unchanged", deploy.Outcome{State: deploy.StateUnchanged}, "unchanged: it ran the wanted system before this run, and nothing was undone", "run the same command again when that is mended"},
		{"returned", deploy.Outcome{State: deploy.StateReturned, Before: onOld, After: onOld},
			"running, profile and next boot are generation 1 again, all read back", "mend the cause, then run the same command again"},
		{"returned, boot loader unread", deploy.Outcome{State: deploy.StateReturned, Before: onOld, After: unread},
			"running and profile are generation 1 again, read back; what it boots next could not be read", "mend the cause, then run the same command again"},
		{"returned to what was no single generation", deploy.Outcome{State: deploy.StateReturned, Before: pinned, After: pinned},
			"running, profile and next boot are what they were (profile generation 7) again, all read back", "mend the cause, then run the same command again"},
		{"stranded", deploy.Outcome{State: deploy.StateStranded, Before: onOld}, "not known to be on the new or on the old system",
			"nixdeploy resume; if that does not help, as root on it: { nix-env -p /nix/var/nix/profiles/system --switch-generation 1 || " +
				"nix-env -p /nix/var/nix/profiles/system --set " + oldSystem + "; } && " + oldSystem + "/bin/switch-to-configuration switch; then: nixdeploy resume"},
		{"stranded, never read", deploy.Outcome{State: deploy.StateStranded}, "not known to be on the new or on the old system",
			"nixdeploy resume; if it still cannot be reached, look at its console"},
		{"in flight", deploy.Outcome{State: deploy.StateInFlight}, "armed: its guard returns it unless it is confirmed", ""},
		{"confirmed", deploy.Outcome{State: deploy.StateConfirmed}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.out.Problem = &deploy.Problem{}
			explain(c.out, "RUN1")
			if p := c.out.Problem; p.State != c.state || p.Next != c.next {
				t.Errorf("state %q\n want %q\n next %q\n want %q", p.State, c.state, p.Next, c.next)
			}
		})
	}
}

// What the cause says of the remedy is better than the general word, except on
// a stranded host, whose rescue comes first.
func TestExplainKeepsACausesOwnRemedy(t *testing.T) {
	for state, want := range map[deploy.State]string{
		deploy.StateUntouched: "nixdeploy lock", deploy.StateReturned: "nixdeploy lock", deploy.StateUnchanged: "nixdeploy lock",
		deploy.StateStranded: "nixdeploy resume; if it still cannot be reached, look at its console",
	} {
		p := &deploy.Problem{Next: "nixdeploy lock", State: "as it said itself"}
		explain(deploy.Outcome{State: state, Problem: p}, "RUN1")
		if p.Next != want || p.State != "as it said itself" {
			t.Errorf("%s: next %q, state %q", state, p.Next, p.State)
		}
	}
}

func TestGenerationNamesItOnlyWhenAllIsOfIt(t *testing.T) {
	for _, c := range []struct {
		l    deploy.Links
		want string
	}{
		{linksOf("system-12-link", "p", "p", "p"), "generation 12"},
		{linksOf("system-12-link", "p", "p", ""), "generation 12"},
		{linksOf("system-12-link", "p", "r", "p"), "what they were (profile generation 12)"},
		{linksOf("system-12-link", "p", "p", "n"), "what they were (profile generation 12)"},
	} {
		if got := generation(c.l); got != c.want {
			t.Errorf("%+v: %q, want %q", c.l, got, c.want)
		}
	}
}

func TestNotExactShowsBothReadings(t *testing.T) {
	cause := &deploy.Problem{Code: deploy.CodeHealth, What: "check web failed", Details: []string{"wanted  200"}}
	p := notExact(onOld, linksOf("system-5-link", oldSystem, oldSystem, newSystem), cause)
	want := []string{
		"wanted  200",
		"was  profile system-1-link (" + oldSystem + "), running " + oldSystem + ", next boot " + oldSystem,
		"is   profile system-5-link (" + oldSystem + "), running " + oldSystem + ", next boot " + newSystem,
	}
	if p.Code != deploy.CodeReturnFailed || !errors.Is(p, cause) || strings.Join(p.Details, "\n") != strings.Join(want, "\n") {
		t.Errorf("%+v", p)
	}
	if len(cause.Details) != 1 {
		t.Errorf("the cause was written to: %q", cause.Details)
	}
}

func TestSameSystemForgivesOnlyAnUnreadBootLoader(t *testing.T) {
	with := func(change func(*deploy.Links)) deploy.Links {
		l := onOld
		change(&l)
		return l
	}
	for _, c := range []struct {
		name string
		a, b deploy.Links
		want bool
	}{
		{"the same", onOld, onOld, true},
		{"another boot", onOld, with(func(l *deploy.Links) { l.Booted = newSystem }), true},
		{"unread before", with(func(l *deploy.Links) { l.NextBoot = "" }), onOld, true},
		{"unread after", onOld, with(func(l *deploy.Links) { l.NextBoot = "" }), true},
		{"boots another next", onOld, with(func(l *deploy.Links) { l.NextBoot = newSystem }), false},
		{"runs another", onOld, with(func(l *deploy.Links) { l.Running = newSystem }), false},
		{"another profile", onOld, with(func(l *deploy.Links) { l.Profile = newSystem }), false},
		{"another generation of the same", onOld, with(func(l *deploy.Links) { l.ProfileLink = "system-9-link" }), false},
	} {
		if got := sameSystem(c.a, c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
