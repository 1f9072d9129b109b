package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// Group E: the rollout.

// bad makes a release fail its checks on a host.
func bad(s *simfleet.System) { s.FailsUnits = []string{"bad.service"} }

// wave is members a, b, ... of one stage; those of failing get a bad release.
func wave(stage string, n int, failing ...string) []member {
	var list []member
	for i := range n {
		m := member{name: fmt.Sprintf("%s-%d", stage, i+1), stage: stage}
		if slices.Contains(failing, m.name) {
			m.system = bad
		}
		list = append(list, m)
	}
	return list
}

// policy is a stage's table.
func policy(stage, mode, more string) string {
	return "[stages." + stage + "]\nactivation = \"" + mode + "\"\nactivation_timeout = \"20s\"\n" + more + "\n"
}

// are: which hosts are on the release; all others are as they were.
func (w *world) are(t *testing.T, released ...string) {
	t.Helper()
	for _, name := range w.names {
		if slices.Contains(released, name) {
			w.isOn(name, 1)
		} else if l := w.fleet.Host(name).Links(); !sameBut(l, w.first[name]) {
			t.Errorf("%s is not as it was: %+v", name, l)
		}
	}
}

// failedBy says that the bad release was on these hosts.
func (w *world) failedBy(t *testing.T, hosts ...string) {
	t.Helper()
	for _, name := range hosts {
		injected(t, slices.Contains(w.activations(name), w.wanted(name, 1)), "a unit of the release fails on %s", name)
	}
}

func TestF68HalfOfAWaveFails(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for onFailure, released := range map[string][]string{"host": {"prod-1", "prod-3"}, "wave": nil, "stage": nil} {
			t.Run(onFailure, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setting{
					hosts:  wave("prod", 6, "prod-2", "prod-4"),
					stages: policy("prod", mode, "parallel = 4\nmax_failures = 1\nbatches = [4, \"100%\"]\non_failure = \""+onFailure+"\""),
				})
				r := w.run("apply", "--yes")
				w.failedBy(t, "prod-2")
				r.wants(t, 5, "error[health] prod-2")
				w.are(t, released...)
				w.untouchedHost("prod-5")
				w.untouchedHost("prod-6")
				w.seen(t, r, "on_failure = "+onFailure)
			})
		}
	})
}

func TestF69TheSecondWaveFails(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for onFailure, released := range map[string][]string{"host": {"prod-1"}, "wave": {"prod-1"}, "stage": nil} {
			t.Run(onFailure, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setting{
					hosts:  wave("prod", 3, "prod-2", "prod-3"),
					stages: policy("prod", mode, "parallel = 2\nmax_failures = 2\nbatches = [1, \"100%\"]\non_failure = \""+onFailure+"\""),
				})
				r := w.run("apply", "--yes", "--json")
				w.failedBy(t, "prod-2")
				r.wants(t, 5)
				w.are(t, released...)
				for _, name := range w.names { // the journal tells every host's record
					if was := w.first[name].Profile; !strings.Contains(w.journalText(), was) {
						t.Errorf("the journal does not tell what %s was: %s", name, was)
					}
				}
				w.seen(t, r, "on_failure = "+onFailure)
			})
		}
	})
}

// journalText is the newest run's journal.
func (w *world) journalText() string {
	w.t.Helper()
	data, err := os.ReadFile(w.journalOf())
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

// refuse makes hosts refuse connections.
func (w *world) refuse(t *testing.T, hosts ...string) {
	t.Helper()
	for _, name := range hosts {
		if err := w.fleet.Host(name).Server.SetFault(simfleet.Fault{Refuse: true}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestF70HostsThatCannotBeReachedCount(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		for budget, exit := range map[string]int{"20%": 4, "30%": 5} {
			t.Run(budget, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setting{
					hosts:  wave("prod", 10),
					stages: policy("prod", mode, "parallel = 10\nmax_failures = \""+budget+"\""),
				})
				w.refuse(t, "prod-1", "prod-2", "prod-3")
				r := w.run("apply", "--yes")
				injected(t, r.says("error[unreachable] prod-1"), "three of ten hosts refuse connections")
				r.wants(t, exit, "error[unreachable] prod-2", "error[unreachable] prod-3")
				if exit == 4 {
					for _, name := range w.names {
						w.untouchedHost(name)
					}
				} else {
					w.are(t, w.names[3:]...)
				}
				w.seen(t, r, "max_failures = "+budget)
			})
		}
	})
}

// Budgets at their edges: how many of so many hosts may fail.
func TestF71TheEdgesOfBudgets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hosts   int
		budget  string
		failing int
		goesOn  bool // to the last host
	}{
		{2, "1", 1, true}, {2, "0", 1, false}, {2, "\"0%\"", 1, false}, {2, "\"49%\"", 1, false}, {2, "\"50%\"", 1, true},
		{2, "\"100%\"", 1, true}, {3, "\"33%\"", 1, false}, {3, "\"34%\"", 1, true}, {4, "\"67%\"", 3, false}, {4, "3", 3, true},
	} {
		t.Run(fmt.Sprintf("%d of %d with %s", c.failing, c.hosts, strings.Trim(c.budget, "\"")), func(t *testing.T) {
			t.Parallel()
			var failing []string
			for i := range c.failing {
				failing = append(failing, fmt.Sprintf("prod-%d", i+1))
			}
			w := newWorld(t, setting{hosts: wave("prod", c.hosts, failing...), stages: policy("prod", "switch", "parallel = 1\nmax_failures = "+c.budget)})
			r := w.run("apply", "--yes")
			w.failedBy(t, failing[0])
			r.wants(t, 5)
			last := w.names[len(w.names)-1]
			if c.goesOn {
				w.isOn(last, 1)
			} else {
				w.untouchedHost(last)
			}
			w.seen(t, r, fmt.Sprintf("%d of %d failed, max_failures = %s, goes on: %v", c.failing, c.hosts, strings.Trim(c.budget, "\""), c.goesOn))
		})
	}
}

func TestF72AnEarlyStageFails(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := newWorld(t, setting{
			hosts:  []member{{name: "box", stage: "container", system: bad}, {name: "dev", stage: "dev"}, {name: "prod", stage: "prod"}},
			stages: policy("container", mode, "") + policy("dev", mode, "") + policy("prod", mode, ""),
		})
		r := w.run("apply", "--yes")
		w.failedBy(t, "box")
		r.wants(t, 5, "error[health] box")
		w.isBack("box")
		if a, b := w.fleet.Host("dev").Connections(), w.fleet.Host("prod").Connections(); a+b > 0 {
			t.Errorf("%d connections to dev, %d to prod", a, b)
		}
		w.seen(t, r, "no connection to the later stages")
	})
}

func TestF73AHostTwiceInOneRun(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		w := newWorld(t, setting{
			hosts:  []member{{name: "web", stage: "prod", extra: "tags = [\"eu\", \"front\"]\n"}},
			stages: policy("prod", mode, ""),
		})
		selection := []string{"apply", "--yes", "--on", "web,web", "--on", "@eu", "--on", "@front"}
		r := w.run(selection...)
		injected(t, true, "%s", strings.Join(selection, " "))
		r.wants(t, 0)
		w.isOn("web", 1)
		w.switches("web", 1, 1)
		if n := w.gate.count("web", "inspect"); n != 1 {
			t.Errorf("inspected %d times", n)
		}
		w.seen(t, r, "deployed once")
	})
	t.Run("in two stages", func(t *testing.T) {
		t.Parallel()
		w := alone(t, "switch", nil)
		w.edit("fleet/hosts.toml", func(s string) string {
			return s + "\n[hosts.web]\naddress = \"192.0.2.1\"\ntarget = \"server\"\nstage = \"prod\"\n"
		})
		r := w.run("apply", "--yes")
		r.wants(t, 2, "hosts.toml")
		injected(t, r.says("web"), "[hosts.web] stands there twice")
		if n := w.fleet.Host("web").Connections(); n > 0 {
			t.Errorf("%d connections", n)
		}
		w.seen(t, r, "nothing was contacted")
	})
}

func TestF74OneMachineUnderTwoNames(t *testing.T) {
	t.Parallel()
	t.Run("by address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setting{hosts: []member{{name: "a", stage: "prod"}, {name: "b", stage: "prod"}}})
		a, aPort := w.fleet.Host("a").Endpoint()
		b, bPort := w.fleet.Host("b").Endpoint()
		w.edit("fleet/hosts.toml", func(s string) string {
			return strings.Replace(s, fmt.Sprintf("address = %q\nport = %s", b, bPort), fmt.Sprintf("address = %q\nport = %s", a, aPort), 1)
		})
		r := w.run("apply", "--yes")
		r.wants(t, 2, "hosts.toml")
		injected(t, r.says("same address"), "b has the address of a")
		for _, name := range w.names {
			if n := w.fleet.Host(name).Connections(); n > 0 {
				t.Errorf("%d connections to %s", n, name)
			}
		}
		w.seen(t, r, "nothing was contacted")
	})
	t.Run("by machine-id", func(t *testing.T) {
		t.Parallel()
		const id = "0123456789abcdef0123456789abcdef"
		w := newWorld(t, setting{hosts: []member{{name: "a", stage: "prod", machine: id}, {name: "b", stage: "prod", machine: id}}})
		r := w.run("apply", "--yes")
		injected(t, w.look("a").MachineID == w.look("b").MachineID, "two hosts with one machine-id")
		r.wants(t, 7, "error[identity]")
		w.untouchedHost("a")
		w.untouchedHost("b")
		w.seen(t, r, "refused, untouched")
	})
}

// Nixdeploy dies in a soak: the next apply makes up for it before the next stage,
// whether a resume, which soaks nothing, came before it or not.
func TestF76KilledInTheSoak(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mode string) {
		t.Run("then apply", func(t *testing.T) { t.Parallel(); soakedAfterAKill(t, mode, false) })
		t.Run("then resume", func(t *testing.T) { t.Parallel(); soakedAfterAKill(t, mode, true) })
	})
}

func soakedAfterAKill(t *testing.T, mode string, resumes bool) {
	t.Helper()
	w := newWorld(t, setting{
		hosts:  []member{{name: "dev", stage: "dev"}, {name: "prod", stage: "prod"}},
		stages: policy("dev", mode, "soak = \"4s\"") + policy("prod", mode, ""),
	})
	c := w.prepare("apply", "--yes").start()
	w.eventually("the soak", func() bool { return strings.Contains(w.journalIfAny(), `"soak-started"`) })
	c.kill()
	injected(t, !strings.Contains(w.journalText(), `"soak-finished"`), "killed in the soak of dev")
	w.untouchedHost("prod")
	if resumes {
		w.run("resume").wants(t, 0)
	}
	checks := w.gate.executedOn("dev", "probe")
	var checked int
	w.gate.strikeAt(func(s script, at edge) bool {
		if s.Host == "prod" && s.Name == "guard arm" && at == arrived {
			checked = w.gate.executedOn("dev", "probe") - checks
		}
		return false
	})
	r := w.run("apply", "--yes")
	r.wants(t, 0)
	w.isOn("dev", 1)
	w.isOn("prod", 1)
	w.switches("dev", 1, 1)
	if !strings.Contains(w.journalText(), `"soak-started"`) || checked < 2 {
		t.Errorf("dev was checked %d times before prod began", checked)
	}
	w.seen(t, r, "dev soaked on before prod began")
}

func (w *world) journalIfAny() string {
	runs, _ := filepath.Glob(filepath.Join(w.state(), "runs", "*", "events.jsonl"))
	if len(runs) == 0 {
		return ""
	}
	data, _ := os.ReadFile(runs[len(runs)-1]) // not there yet: nothing
	return string(data)
}
