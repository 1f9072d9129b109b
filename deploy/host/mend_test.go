package host

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// By hand exactly what is off is set, by the paths of the record.
func TestWhatIsTypedByHand(t *testing.T) {
	const profile = "{ nix-env -p /nix/var/nix/profiles/system --switch-generation 3 || nix-env -p /nix/var/nix/profiles/system --set /p; }"
	at := func(link, p, running, next string) deploy.Links { return linksOf(link, p, running, next) }
	for name, c := range map[string]struct {
		before, after deploy.Links
		want          []string
	}{
		"all off, one system":         {at("system-3-link", "/p", "/p", "/p"), at("system-4-link", "/t", "/t", "/t"), []string{profile, "/p/bin/switch-to-configuration switch"}},
		"nothing is known":            {at("system-3-link", "/p", "/p", "/p"), deploy.Links{}, []string{profile, "/p/bin/switch-to-configuration switch"}},
		"only the profile":            {at("system-3-link", "/p", "/p", "/p"), at("system-4-link", "/t", "/p", "/p"), []string{profile}},
		"only the boot loader":        {at("system-3-link", "/p", "/p", "/p"), at("system-3-link", "/p", "/p", "/t"), []string{"/p/bin/switch-to-configuration boot"}},
		"only what runs":              {at("system-3-link", "/p", "/p", "/p"), at("system-3-link", "/p", "/t", "/p"), []string{"/p/bin/switch-to-configuration test"}},
		"what ran was not booted":     {at("system-3-link", "/p", "/c", "/p"), at("system-4-link", "/t", "/t", "/t"), []string{profile, "/p/bin/switch-to-configuration boot", "/c/bin/switch-to-configuration test"}},
		"three systems":               {at("system-3-link", "/p", "/c", "/b"), at("system-4-link", "/t", "/t", "/t"), []string{profile, "/b/bin/switch-to-configuration boot", "/c/bin/switch-to-configuration test"}},
		"the boot loader is not read": {at("system-3-link", "/p", "/p", ""), at("system-3-link", "/p", "/p", ""), []string{"/p/bin/switch-to-configuration boot"}},
		"nothing is off":              {at("system-3-link", "/p", "/p", "/p"), at("system-3-link", "/p", "/p", "/p"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, byHand(c.before, c.after)); d != "" {
				t.Error(d)
			}
		})
	}
}

// Where somebody else changed the host both ways out are named.
func TestAForeignChangeCanBeKeptOrUndone(t *testing.T) {
	out := deploy.Outcome{
		State: deploy.StateStranded, Problem: &deploy.Problem{Code: deploy.CodeForeignChange, Step: deploy.StepReturn},
		Before: onOld, After: linksOf("system-9-link", "/x", "/x", "/x"),
	}
	got := mend(out, "RUN1")
	for _, part := range []string{"--switch-generation 1", "guard.sh - release RUN1", oldSystem + "/bin/switch-to-configuration switch"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is not in %q", part, got)
		}
	}
}

func TestWhoseSystemAHostIsOn(t *testing.T) {
	pending := linksOf("system-3-link", "/p", "/c", "/b")
	for name, c := range map[string]struct {
		now     deploy.Links
		foreign bool
	}{
		"the wanted one":                  {linksOf("", "/t", "/t", "/t"), false},
		"back":                            {pending, false},
		"test-first":                      {linksOf("", "/p", "/t", "/b"), false},
		"booted into what was pending":    {linksOf("", "/p", "/b", "/b"), false},
		"another one runs":                {linksOf("", "/t", "/x", "/t"), true},
		"another profile":                 {linksOf("", "/x", "/t", "/t"), true},
		"the profile is what was to boot": {linksOf("", "/b", "/t", "/t"), true},
		"nothing was read":                {deploy.Links{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := foreign(c.now, pending, "/t"); got != c.foreign {
				t.Errorf("%v", got)
			}
		})
	}
}

// What a returned host lacks is told with why it went back.
func TestWhatAReturnedHostLacks(t *testing.T) {
	p := Progress{
		Observed: deploy.Observation{FailedUnits: []string{"old.service"}},
		Settled:  &deploy.Settlement{Links: onOld, Down: []string{"app.service"}},
	}
	if got := strings.Join(sinceReturn(p), "\n"); !strings.Contains(got, "app.service was up before") || !strings.Contains(got, "no new connection") {
		t.Error(got)
	}
	p.Recheck = &deploy.Observation{Links: onOld, FailedUnits: []string{"old.service", "app.service", "new.service"}}
	got := sinceReturn(p)
	if len(got) != 2 || !strings.HasSuffix(got[1], "not before: new.service") {
		t.Errorf("%q", got)
	}
	p.Settled.Down, p.Recheck.FailedUnits = nil, nil
	if got := sinceReturn(p); got != nil {
		t.Errorf("all is well, and %q", got)
	}
	p.Recheck.Links = linksOf("system-9-link", "/x", "/x", "/x")
	if got := strings.Join(sinceReturn(p), "\n"); !strings.Contains(got, "somebody changed it") {
		t.Error(got)
	}
}

// Of a host that is not reached the last reading may be older than what broke
// it: whatever that says, a person learns what to choose at the console.
func TestAHostThatDoesNotComeUpIsChosenAtItsConsole(t *testing.T) {
	odd := linksOf("system-3-link", "/p", "/c", "/p")
	for name, c := range map[string]struct {
		before, after deploy.Links
		want          string
	}{
		"read before it broke": {onOld, onOld, "choose generation 1 in its boot menu, at its console"},
		"read on the way":      {onOld, linksOf("system-2-link", "/t", "/t", "/t"), "choose generation 1 in its boot menu, at its console; if that does not help, as root on it: "},
		"not what was booted":  {odd, odd, "choose the entry of /c in its boot menu"},
		"never read":           {deploy.Links{}, deploy.Links{}, "look at its console"},
	} {
		out := deploy.Outcome{State: deploy.StateStranded, Problem: &deploy.Problem{Code: deploy.CodeUnreachable}, Before: c.before, After: c.after}
		if got := mend(out, "RUN1"); !strings.HasPrefix(got, "nixdeploy resume; if it ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
