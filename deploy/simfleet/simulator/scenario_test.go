package simulator

import (
	"fmt"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// fleetName is that of every simulated fleet.
const fleetName = "sim"

// Scenario is all that a seed decides before its run begins.
type scenario struct {
	seed   uint64
	calm   bool // nothing goes wrong: everything has to be confirmed
	stages []inventory.Stage
	hosts  []hostSpec
	trials []trial
	events []worldEvent
	first  bool // --first
	expect bool // the deployer evaluates, too
	// quiet is for how long nobody comes back before the end is looked at.
	again bool // everything is applied once more when all is well again
}

// hostSpec is one host and what the flakes mean for it.
type hostSpec struct {
	inv     inventory.Host
	options simfleet.HostOptions
	faults  simfleet.HostFaults
	history []change // made by hand before anything begins
	// systems is what a release comes to on this host.
	systems map[string]simfleet.System
	// deaf are systems under which no new connection is accepted.
	deaf map[string]bool
	// behind is the host that really answers at its address, "" for itself.
	behind string
	broken []string
	// helpless: the way back does not work here, so that a person is needed.
	helpless bool
}

// offBeat keeps checks from falling on the instants of the sign of life.
const offBeat = 13 * time.Microsecond

type change struct {
	how    string
	system string
}

// trial is what one operator does.
type trial struct {
	operator string
	release  string
	begins   time.Duration
	lives    []life // of one process after the other, the first applies
	resumes  bool   // resume, not apply, follows a death
	undoes   *life  // of a rollback at last, nil for none
}

// life is how long one process goes on undisturbed.
type life struct {
	diesAt     int           // at which of its doings it is killed, 0 never
	losesTail  bool          // what was not fsynced is lost, too: the machine went down
	interrupt  time.Duration // the first signal, 0 none
	twice      time.Duration // the second, after the first; 0 none
	diskFullAt int           // the journal refuses everything from that append on, 0 never
	trouble    int           // percent of calls that the link spoils
	pause      time.Duration // until the next process
}

// worldEvent is something that happens to a host from outside.
type worldEvent struct {
	at   time.Duration
	host int
	kind string
	long time.Duration
	how  string
}

func newScenario(seed uint64) *scenario {
	c := draw(seed, "scenario")
	s := &scenario{seed: seed, calm: c.one(8), first: true, expect: c.one(15), again: c.one(25)}
	s.drawStages(c)
	if s.calm {
		s.trials = []trial{{operator: "ann", release: "one", begins: time.Second, lives: []life{{}}}}
		return s
	}
	s.drawTrials(c)
	s.drawEvents(c)
	s.drawAddresses(c)
	return s
}

func (s *scenario) drawStages(c chance) {
	names := []string{"container", "dev", "prod"}[c.IntN(3):]
	for _, name := range names {
		s.stages = append(s.stages, inventory.Stage{
			Name:        name,
			Batches:     pick(c, nil, []inventory.Share{{Count: 1}, {Count: 100, Percent: true}}, []inventory.Share{{Count: 50, Percent: true}}),
			Parallel:    1 + c.IntN(3),
			MaxFailures: pick(c, inventory.Share{}, inventory.Share{}, inventory.Share{Count: 1}, inventory.Share{Count: 34, Percent: true}),
			OnFailure:   pick(c, inventory.OnFailureHost, inventory.OnFailureHost, inventory.OnFailureWave, inventory.OnFailureStage),
			Soak:        pick(c, 0, 0, 30*time.Second, 3*time.Minute),
		})
	}
	most := 5
	for _, stage := range s.stages {
		n := 1 + c.IntN(3)
		if len(s.stages) == 1 {
			n = 1 + c.IntN(most)
		}
		for i := range n {
			s.hosts = append(s.hosts, s.drawHost(c, fmt.Sprintf("%s-%d", stage.Name, i+1), stage.Name))
		}
	}
}

func (s *scenario) drawHost(c chance, name, stage string) hostSpec {
	h := hostSpec{systems: map[string]simfleet.System{}, deaf: map[string]bool{}}
	h.inv = inventory.Host{
		Name: name, Stage: stage, Target: "t", Address: name, Attribute: name, System: "x86_64-linux",
		Activation:        pick(c, inventory.ActivationSwitch, inventory.ActivationSwitch, inventory.ActivationTestFirst),
		ActivationTimeout: pick(c, time.Minute, 2*time.Minute, 5*time.Minute, 15*time.Minute),
		ConfirmTimeout:    pick(c, 15*time.Second, 30*time.Second, time.Minute),
		BuildTimeout:      pick(c, 2*time.Minute, 10*time.Minute),
		Checks: []inventory.Check{{
			Name: "units", Type: inventory.CheckUnits, Interval: 2*time.Second + offBeat, Timeout: 10*time.Second + 3*offBeat,
			Successes: 1 + c.IntN(3), Deadline: pick(c, 30*time.Second, 90*time.Second),
		}},
	}
	if c.one(20) {
		h.inv.Checks = append(h.inv.Checks, inventory.Check{
			Name: "runs", Type: inventory.CheckCommand, Command: []string{"true"}, Interval: 3*time.Second + offBeat, Timeout: 5*time.Second + 3*offBeat,
			Successes: 1, Deadline: 30 * time.Second,
		})
	}
	old := simfleet.System{Toplevel: simfleet.ToplevelPath("old", name), SwitchTime: s.switchTime(c)}
	h.options = simfleet.HostOptions{
		Hostname: name, System: old, Generation: 1 + c.IntN(5),
		Traits: &simfleet.Traits{
			Reader:   pick(c, "", "", "", simfleet.ReaderGrub, simfleet.ReaderExtlinux, simfleet.ReaderUnknown),
			BashTool: c.one(30), BootTime: c.seconds(5, 60),
		},
	}
	if c.one(15) {
		h.options.Traits.Reader, h.options.Traits.Container = "", true
	}
	if c := draw(s.seed, name+" forgets its guard"); c.one(12) {
		h.options.Traits.GuardLost, h.inv.Activation = "/etc/systemd is gone after a reboot", inventory.ActivationTestFirst
	}
	if c.one(80) {
		h.broken = nil
	} else {
		h.broken = []string{"old-trouble.service"}
	}
	s.drawHistory(c, &h)
	for _, release := range []string{"one", "two"} {
		h.systems[release] = s.drawSystem(c, &h, release)
	}
	if !s.calm {
		s.drawHostFaults(c, &h)
	}
	return h
}

// switchTime is a multiple of four milliseconds: a switch has four parts.
func (s *scenario) switchTime(c chance) time.Duration { return c.seconds(1, 30) }

// drawHistory is what people did by hand before: generations, and hosts whose
// three links do not agree.
func (s *scenario) drawHistory(c chance, h *hostSpec) {
	for i := range c.IntN(4) {
		h.history = append(h.history, change{"switch", simfleet.ToplevelPath(fmt.Sprint("by hand ", i), h.inv.Name)})
	}
	if c.one(10) {
		h.history = append(h.history, change{pick(c, "boot", "test"), simfleet.ToplevelPath("by hand, half", h.inv.Name)})
	}
}

// split says that the host does not run what it boots next.
func (h *hostSpec) split() bool {
	n := len(h.history)
	return n > 0 && h.history[n-1].how != "switch"
}

// had says that the host was on that system before.
func (h *hostSpec) had(system string) bool {
	return h.options.System.Toplevel == system || slices.ContainsFunc(h.history, func(c change) bool { return c.system == system })
}

func (s *scenario) drawSystem(c chance, h *hostSpec, release string) simfleet.System {
	sys := simfleet.System{
		Toplevel:   simfleet.ToplevelPath("release "+release, h.inv.Name),
		SwitchTime: s.switchTime(c), EvalTime: c.seconds(0, 10), BuildTime: c.seconds(0, 40),
		Units: []string{"app.service"},
	}
	if n := len(h.history); n > 0 && c.one(20) {
		sys.Toplevel = h.history[c.IntN(n)].system // somebody had it before
	} else if c.one(5) {
		sys.Toplevel = h.options.System.Toplevel
	}
	if c.one(10) {
		sys.Kernel = "other"
	}
	if s.calm {
		return sys
	}
	switch n := c.IntN(100); {
	case n < 8:
		sys.FailsUnits = []string{"new-trouble.service"}
	case n < 12:
		sys.LoopsUnits = []string{"new-loop.service"}
	case n < 17:
		sys.BreaksNetwork = true
	case n < 21:
		h.deaf[sys.Toplevel] = !h.had(sys.Toplevel)
	case n < 24:
		sys.SnippetFails = "users"
	case n < 27:
		sys.CheckFails = "assertions"
	case n < 30:
		sys.InitDiffers = true
	case n < 32:
		sys.EvalError = "error: undefined variable 'x'"
	case n < 34:
		sys.BuildError = "error: builder failed"
	case n < 37:
		sys.SwitchTime = h.inv.ActivationTimeout + c.seconds(8, 240)
	case n < 38:
		sys.Unswitchable = true
	}
	return sys
}

func (s *scenario) drawHostFaults(c chance, h *hostSpec) {
	switch n := c.IntN(100); {
	case n < 4:
		h.faults.SwitchDiesAt = pick(c, simfleet.PhaseSet, simfleet.PhaseLoader, simfleet.PhaseStopped, simfleet.PhaseActivated)
	case n < 11:
		h.faults.PowerCutAt = pick(c, simfleet.PhaseSet, simfleet.PhaseLoader, simfleet.PhaseStopped, simfleet.PhaseActivated)
	case n < 15:
		h.faults.BootFull = true
	case n < 16:
		h.faults.ControlReadonly = true
	case n < 18:
		h.faults.GuardDoesNotStart = true
	case n < 20:
		h.faults.SwitchDoesNotStart = true
	case n < 22:
		h.faults.NoWayBack, h.helpless = true, true
	case n < 24:
		h.faults.CorruptUploads = true
	}
	if c.one(8) {
		h.faults.Slow = 1 + float64(c.IntN(8))/2
	}
}

func (s *scenario) drawTrials(c chance) {
	s.trials = []trial{s.drawTrial(c, "ann", "one", time.Second)}
	if c.one(20) {
		s.trials = append(s.trials, s.drawTrial(c, "bob", pick(c, "one", "two"), c.seconds(1, 240)))
	}
}

func (s *scenario) drawTrial(c chance, operator, release string, begins time.Duration) trial {
	t := trial{operator: operator, release: release, begins: begins, resumes: c.one(70)}
	trouble := pick(c, 0, 1, 4, 12)
	for {
		l := life{trouble: trouble, pause: c.seconds(1, 1200)}
		switch n := c.IntN(100); {
		case n < 45:
			l.diesAt, l.losesTail = 1+c.IntN(1<<(2+c.IntN(8))), c.one(40)
		case n < 57:
			l.interrupt = c.seconds(1, 400)
		case n < 65:
			l.interrupt, l.twice = c.seconds(1, 300), c.seconds(1, 120)
		case n < 68:
			l.diskFullAt = 1 + c.IntN(100)
		}
		t.lives = append(t.lives, l)
		if l.diesAt == 0 || len(t.lives) == 4 {
			break
		}
	}
	if c := draw(s.seed, operator+" undoes"); c.one(12) {
		t.undoes = &life{trouble: trouble}
		if c.one(40) {
			t.undoes.diesAt = 1 + c.IntN(150)
		}
	}
	return t
}

func (s *scenario) drawEvents(c chance) {
	for c.one(45) && len(s.events) < 5 {
		s.events = append(s.events, worldEvent{
			at: c.seconds(2, 400), host: c.IntN(len(s.hosts)), long: c.seconds(3, 900), how: pick(c, "switch", "switch", "boot", "test"),
			kind: pick(c, "power cut", "power cut", "power off", "outage", "outage", "kill guard", "kill switch", "foreign", "break units"),
		})
	}
}

// drawAddresses lets the inventory be wrong: two addresses swapped, or one
// machine behind two names.
func (s *scenario) drawAddresses(c chance) {
	if len(s.hosts) < 2 || !c.one(4) {
		return
	}
	a := c.IntN(len(s.hosts) - 1)
	b := a + 1
	if c.one(50) {
		s.hosts[a].behind = s.hosts[b].inv.Name
	}
	s.hosts[b].behind = s.hosts[a].inv.Name
}
