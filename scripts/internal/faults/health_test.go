package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// Group D: health and the way back.

// service is something that a check asks.
type service struct {
	url    string
	asked  atomic.Int32
	failed atomic.Int32
}

// serve answers by whether it is well, at each question anew.
func serve(t *testing.T, well func(n int32) bool) *service {
	t.Helper()
	s := &service{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := s.asked.Add(1); !well(n) {
			s.failed.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// check is the stage's only check, of hosts.toml; more are its own keys.
func (s *service) check(more string) string {
	return "checks = [\"web\"]\n[checks.web]\ntype = \"http\"\nurl = \"" + s.url + "\"\ninterval = \"50ms\"\ntimeout = \"1s\"\ndeadline = \"2s\"\n" + more
}

func TestF55ANoOpThatIsUnhealthy(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		s := serve(t, func(int32) bool { return false })
		w := oneHost(t, mode, s.check(""), member{same: true})
		r := w.run("apply", "--yes")
		injected(t, s.failed.Load() > 0, "its check is told 500")
		r.wants(t, 4, "error[health] web")
		w.untouchedHost("web")
		w.seen(t, r, "told, nothing undone")
	})
}

func TestF58AHostThatWasRolledBackByHand(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := alone(t, mode, func(s *simfleet.System) { s.FailsUnits = []string{"bad.service"} })
		host := w.fleet.Host("web")
		newest := simfleet.ToplevelPath("newest", "web")
		host.ForeignSwitch("switch", simfleet.System{Toplevel: newest})
		host.ForeignRollback()
		l := host.Links()
		injected(t, l == w.first["web"] && len(w.look("web").Foreign) == 0, "generation 42 is there, 41 runs")
		r := w.run("apply", "--yes")
		r.wants(t, 5, "bad.service", "all read back")
		w.isBack("web")
		w.seen(t, r, "back on what ran, not on the newest")
	})
}

func TestF59HealthThatFlaps(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		s := serve(t, func(n int32) bool { return n%3 != 0 })
		w := oneHost(t, mode, s.check("successes = 3\n"), member{})
		r := w.run("apply", "--yes")
		injected(t, s.failed.Load() > 1 && s.asked.Load() > 2*s.failed.Load(), "one answer in three is 500")
		r.wants(t, 5, "error[health] web", "all read back")
		w.isBack("web")
		w.seen(t, r, "two passes in a row are not three")
	})
}

func TestF60AChecksCommandThatMisbehaves(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for name, c := range map[string]struct {
			exit   int
			output string
			hangs  bool
			says   string
		}{
			"hangs":            {hangs: true, says: "error[inconclusive] web"},
			"floods":           {exit: 1, output: strings.Repeat("x", 64<<20), says: "error[health] web"},
			"is binary":        {exit: 1, output: "\x1b[2J\x00\xff\u202e", says: "error[health] web"},
			"is no command":    {exit: 127, says: "error[inconclusive] web"},
			"may not be run":   {exit: 126, says: "error[inconclusive] web"},
			"is well, exactly": {exit: 0},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w, asked := commandCheck(t, mode, c.exit, c.output, c.hangs)
				r := w.run("apply", "--yes")
				if c.says == "" { // so that the others fail by what they do
					r.wants(t, 0)
					w.isOn("web", 1)
					return
				}
				injected(t, asked.Load() > 0, "the check's command %s", name)
				r.wants(t, 5, c.says, "all read back")
				if strings.ContainsAny(r.text(), "\x1b\x00\u202e") || len(r.text()) > 64<<10 {
					t.Errorf("%d bytes: %.200q", len(r.text()), r.text())
				}
				w.isBack("web")
				w.seen(t, r, "never passed, nothing printed raw")
			})
		}
	})
}

// commandCheck is a host whose only check is a command that ends so.
func commandCheck(t *testing.T, mode string, exit int, output string, hangs bool) (*world, *atomic.Int32) {
	t.Helper()
	asked := &atomic.Int32{}
	traits := &simfleet.Traits{Command: func(string, []string) (int, string) {
		asked.Add(1)
		return exit, output
	}}
	w := oneHost(t, mode, "checks = [\"tool\"]\n[checks.tool]\ntype = \"command\"\ncommand = [\"tool\"]\ninterval = \"50ms\"\ntimeout = \"1s\"\ndeadline = \"2s\"\n",
		member{traits: traits})
	if hangs {
		w.gate.interpose(func(ctx context.Context, _ string, r simfleet.Request, next simfleet.Handler) int {
			s, stdin := peek(r.Stdin)
			r.Stdin = stdin
			if s.Name == "probe command" {
				asked.Add(1)
				<-ctx.Done()
				return killed
			}
			return next.Exec(ctx, r)
		})
	}
	return w, asked
}

// What had been broken before is not blamed only where it can be told apart:
// units can, other checks have to pass on the new system.
func TestF61ItWasUnhealthyBefore(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		t.Run("and is mended", func(t *testing.T) {
			t.Parallel()
			var here atomic.Pointer[world]
			s := serve(t, func(int32) bool {
				w := here.Load()
				return w.fleet.Host("web").Links().Running == w.wanted("web", 1)
			})
			w := oneHost(t, mode, s.check(""), member{})
			here.Store(w)
			injected(t, statusOf(t, s) == http.StatusInternalServerError, "its check fails before the run, passes after it")
			r := w.run("apply", "--yes")
			r.wants(t, 0)
			w.isOn("web", 1)
			w.seen(t, r, "confirmed")
		})
		t.Run("and stays so", func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(int32) bool { return false })
			w := oneHost(t, mode, s.check(""), member{})
			injected(t, statusOf(t, s) == http.StatusInternalServerError, "its check fails before and after the run")
			r := w.run("apply", "--yes")
			r.wants(t, 5, "error[health] web")
			w.isBack("web")
			w.seen(t, r, "returned")
		})
	})
}

func statusOf(t *testing.T, s *service) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	return a.StatusCode
}

func TestF62HealthFailsInTheSoak(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		var here atomic.Pointer[world]
		confirmed := func() bool { return here.Load().gate.executedOn("web", "guard confirm") > 0 }
		s := serve(t, func(int32) bool { return !confirmed() })
		stage := "\nactivation = \"" + mode + "\"\nactivation_timeout = \"20s\"\n"
		w := newWorld(t, setting{
			hosts:  []member{{name: "web", stage: "dev"}, {name: "later", stage: "prod"}},
			stages: "[stages.prod]" + stage + "[stages.dev]" + stage + "soak = \"3s\"\n" + s.check(""),
		})
		here.Store(w)
		r := w.run("apply", "--yes")
		injected(t, confirmed() && s.failed.Load() > 0, "its check fails once it is confirmed")
		r.wants(t, 5, "web", "all read back")
		w.isBack("web")
		if n := w.gate.executedOn("web", "guard arm"); n != 2 {
			t.Errorf("armed %d times: the way back is guarded, too", n)
		}
		if n := w.fleet.Host("later").Connections(); n > 0 {
			t.Errorf("the stage behind it got %d connections", n)
		}
		w.seen(t, r, "back, guarded; the next stage not contacted")
	})
}

// The switch is cut between the stop of units and their start, where no link has
// moved in test-first: the way back has to start them all the same.
func TestF64TheWayBackStartsUnits(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for _, phase := range []simfleet.Phase{simfleet.PhaseStopped, simfleet.PhaseActivated} {
			t.Run(string(phase), func(t *testing.T) {
				t.Parallel()
				w := oneHost(t, mode, "", member{units: []string{"app.service"}})
				if got := w.unit("web", "app.service"); got != "active" {
					t.Fatalf("the unit is %s before anything happened", got)
				}
				w.fleet.Host("web").SetFaults(simfleet.HostFaults{SwitchDiesAt: phase})
				connections := w.fleet.Host("web").Connections()
				r := w.run("apply", "--yes")
				injected(t, r.says("without an exit code"), "the switch was killed, units %s", phase)
				r.wants(t, 5, "all read back")
				w.isBack("web")
				if got := w.unit("web", "app.service"); got != "active" {
					t.Errorf("the unit is %s after the return", got)
				}
				if w.fleet.Host("web").Connections() == connections {
					t.Error("it was not reached")
				}
				w.seen(t, r, "returned, its units active")
			})
		}
	})
}

// unit reads the state of a unit.
func (w *world) unit(host, name string) string {
	w.t.Helper()
	conn, err := w.fleet.Host(host).Dial(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	states, err := (&nixos.Probe{Conn: conn}).UnitStates(w.t.Context(), []string{name})
	if err != nil {
		w.t.Fatal(err)
	}
	return states[name]
}

// executedOn is how many scripts of that name a host executed, ever.
func (g *gate) executedOn(host, name string) int {
	n := 0
	for _, s := range g.ran() {
		if s.Host == host && (s.Name == name || strings.HasPrefix(s.Name, name+" ")) {
			n++
		}
	}
	return n
}
