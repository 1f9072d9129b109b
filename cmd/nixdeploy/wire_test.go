package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/host"
	"github.com/nixdeploy/nixdeploy/deploy/remote"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/deploy/savedplan"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// silent is a connection that nothing may be asked over.
type silent struct{ asked []string }

func (s *silent) Run(_ context.Context, c deploy.Command, _, _ func(string)) (int, error) {
	s.asked = append(s.asked, c.Name)
	return -1, errors.New("not connected")
}

func (s *silent) Close() error { return nil }

// What an inspection saw stands for the first look at the units.
func TestWhatWasSeenIsNotAskedAgain(t *testing.T) {
	check := inventory.Check{Name: "units", Type: inventory.CheckUnits, Interval: time.Millisecond, Timeout: time.Second, Successes: 1, Deadline: 20 * time.Millisecond}
	for _, c := range []struct {
		name  string
		seen  []string
		asked bool
		code  deploy.Code
	}{
		{"well", []string{"old.service"}, false, ""},
		{"ill", []string{"new.service"}, false, deploy.CodeHealth},
		{"not looked at", nil, true, deploy.CodeInconclusive},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := &silent{}
			h := inventory.Host{Name: "web-1", Checks: []inventory.Check{check}}
			p := judgeHealth(t.Context(), host.HealthRequest{Host: h, Conn: conn, Baseline: []string{"old.service"}, Seen: c.seen})
			if asked := slices.Contains(conn.asked, "probe"); asked != c.asked {
				t.Errorf("asked %q", conn.asked)
			}
			if code := codeOf(p); code != c.code {
				t.Errorf("judged %+v, want %q", p, c.code)
			}
		})
	}
}

func codeOf(p *deploy.Problem) deploy.Code {
	if p == nil {
		return ""
	}
	return p.Code
}

// How long a plan says that a run can take counts what this machine does, and how
// many hosts it reads at once.
func TestTheLimitsOfARunAreThoseOfItsWiring(t *testing.T) {
	f := openedFlake(t)
	for name, c := range map[string]struct {
		nix     *localNix
		saved   *savedplan.Document
		inspect time.Duration
	}{
		"the hosts evaluate":            {nil, nil, time.Minute},
		"this machine evaluates":        {&localNix{path: "/nonexistent/nix", version: "2.28.3"}, nil, time.Minute + evaluateTimeout + evaluateGrace},
		"a saved plan is not evaluated": {&localNix{path: "/nonexistent/nix", version: "2.28.3"}, &savedplan.Document{}, time.Minute},
	} {
		fleet, err := connectBy(remote.Options{AgentSocket: "none"}, c.nix, Request{Inventory: &inventory.Inventory{}, Flake: f, Saved: c.saved})
		if err != nil {
			t.Fatal(err)
		}
		fleet.Driver.Close()
		if l := fleet.Limits; l.Inspect != c.inspect || l.Readers != rollout.DefaultReaders {
			t.Errorf("%s: %+v", name, l)
		}
	}
}
