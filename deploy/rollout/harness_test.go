package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const flakeHash = "f1a4e"

// act is what a fake host does. The zero value is a host that changes and is
// confirmed after a second, and passes every check.
type act struct {
	problem   *deploy.Problem // of Inspect
	machine   string
	recorded  bool // has the record of this flake, and runs it
	ago       *int64
	unchanged bool
	state     deploy.State // of Apply; "" is confirmed
	cause     *deploy.Problem
	takes     time.Duration
	sickAfter time.Duration // after its confirm; 0 is never
	check     func(since time.Duration) *deploy.Problem
	slowCheck bool         // a check waits until it is interrupted
	stuck     bool         // cannot be returned
	panics    string       // the method that panics
	odd       deploy.State // what Apply answers, whatever it is
}

// fleet is a Runner of fake hosts and the Journal that they write to.
type fleet struct {
	mu       sync.Mutex
	acts     map[string]act
	calls    []string // "apply web-1"
	events   []deploy.Event
	inFlight int
	most     int // in flight at once
	reading  int
	mostRead int
	live     map[string]bool            // being applied or returned
	twice    []string                   // called while already called
	since    map[string]time.Time       // the end of its Apply
	checked  map[string][]time.Duration // when, after its confirm
	moments  map[string]time.Time       // of each call
	writes   int                        // journal writes until it fails; 0 is never
}

func newFleet(acts map[string]act) *fleet {
	return &fleet{acts: acts, live: map[string]bool{}, since: map[string]time.Time{},
		checked: map[string][]time.Duration{}, moments: map[string]time.Time{}}
}

func (f *fleet) call(what, host string) act {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, what+" "+host)
	f.moments[what+" "+host] = time.Now()
	a := f.acts[host]
	if a.panics == what {
		panic("boom in " + what)
	}
	return a
}

func (f *fleet) fly(host string) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.live[host] {
		f.twice = append(f.twice, host)
	}
	f.live[host] = true
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inFlight--
		f.live[host] = false
	}
}

func (f *fleet) Inspect(ctx context.Context, h inventory.Host, stage string) deploy.HostPlan {
	f.mu.Lock()
	f.reading++
	f.mostRead = max(f.mostRead, f.reading)
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.reading--; f.mu.Unlock() }()
	what := "inspect"
	if stage == "" {
		what = "read"
	}
	a := f.call(what, h.Name)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return deploy.HostPlan{Host: h.Name, Problem: &deploy.Problem{Code: deploy.CodeUnreachable, Host: h.Name, What: "dial", Err: ctx.Err()}}
	}
	hp := deploy.HostPlan{Host: h.Name, Change: deploy.ChangeSwitch, Wanted: "/nix/store/t-" + h.Name, Problem: a.problem}
	if a.problem != nil {
		return hp
	}
	hp.Observed = &deploy.Observation{MachineID: a.machine, GuardReboot: "yes"}
	if a.machine == "" {
		hp.Observed.MachineID = "id-of-" + h.Name
	}
	if a.recorded {
		hp.Observed.Running = hp.Wanted
		hp.Observed.Recorded = &deploy.Record{FlakeHash: flakeHash, Toplevel: hp.Wanted}
		hp.Observed.ConfirmedAgo = a.ago
	}
	if a.unchanged {
		hp.Change = deploy.ChangeUnchanged
	}
	return hp
}

func (f *fleet) Apply(ctx context.Context, h inventory.Host, stage string, wave int) deploy.Outcome {
	defer f.fly(h.Name)()
	a := f.call("apply", h.Name)
	takes := a.takes
	if takes == 0 {
		takes = time.Second
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return deploy.Outcome{Host: h.Name, State: deploy.StateInFlight, Changed: true,
			Problem: &deploy.Problem{Code: deploy.CodeInterrupted, Host: h.Name, What: "let go of"}}
	}
	o := deploy.Outcome{Host: h.Name, State: deploy.StateConfirmed, Changed: true, Before: deploy.Links{Running: "old"}}
	switch {
	case a.odd != "":
		return deploy.Outcome{State: a.odd}
	case a.unchanged:
		o.State, o.Changed = deploy.StateUnchanged, false
	case a.state != "":
		o.State, o.Changed = a.state, a.state != deploy.StateUntouched
	}
	if o.State != deploy.StateConfirmed && o.State != deploy.StateUnchanged {
		o.Problem = &deploy.Problem{Code: deploy.CodeHealth, Host: h.Name, What: "a check failed"}
	}
	if a.cause != nil {
		o.Problem = a.cause
	}
	f.state(stage, wave, o)
	return o
}

func (f *fleet) state(stage string, wave int, o deploy.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ended := f.since[o.Host]; !ended {
		f.since[o.Host] = time.Now()
	}
	f.events = append(f.events, deploy.Event{Kind: deploy.EventHostState, Time: time.Now(), Stage: stage, Wave: wave, Host: o.Host, State: o.State, Problem: o.Problem})
}

func (f *fleet) Check(ctx context.Context, h inventory.Host) *deploy.Problem {
	a := f.call("check", h.Name)
	f.mu.Lock()
	since := time.Since(f.since[h.Name])
	f.checked[h.Name] = append(f.checked[h.Name], since)
	f.mu.Unlock()
	if a.slowCheck {
		<-ctx.Done()
		return &deploy.Problem{Code: deploy.CodeUnreachable, Host: h.Name, What: "dial", Err: ctx.Err()}
	}
	if a.check != nil {
		return a.check(since)
	}
	if a.sickAfter > 0 && since >= a.sickAfter {
		return &deploy.Problem{Code: deploy.CodeHealth, Host: h.Name, Step: deploy.StepSoak, What: "503"}
	}
	return nil
}

func (f *fleet) Return(_ context.Context, h inventory.Host, stage string, wave int, cause *deploy.Problem) deploy.Outcome {
	defer f.fly(h.Name)()
	a := f.call("return", h.Name)
	time.Sleep(time.Second)
	o := deploy.Outcome{Host: h.Name, State: deploy.StateReturned, Changed: true, Problem: cause}
	if a.stuck {
		o.State = deploy.StateStranded
	}
	f.state(stage, wave, o)
	return o
}

func (f *fleet) Release(host string) { f.call("release", host) }

var errDiskFull = errors.New("no space left on device")

func (f *fleet) Append(_ context.Context, e deploy.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writes > 0 {
		if f.writes--; f.writes == 0 {
			f.writes = 1
			return errDiskFull
		}
	}
	if e.Run != "01RUN" || e.Time.IsZero() {
		return fmt.Errorf("event without run or time: %+v", e)
	}
	f.events = append(f.events, e)
	return nil
}

// setup is a run to be.
type setup struct {
	*fleet
	inv *inventory.Inventory
	in  rollout.Input
}

// prepare makes an inventory of stages ("dev" -> "d1 d2") in the given order.
// tune changes every stage.
func prepare(f *fleet, tune func(*inventory.Stage), stages ...string) *setup {
	inv := &inventory.Inventory{Fleet: "test"}
	for _, line := range stages {
		name, hosts, _ := strings.Cut(line, ": ")
		s := inventory.Stage{Name: name, Parallel: 2, OnFailure: inventory.OnFailureHost}
		if tune != nil {
			tune(&s)
		}
		inv.Stages = append(inv.Stages, s)
		for h := range strings.FieldsSeq(hosts) {
			inv.Hosts = append(inv.Hosts, inventory.Host{Name: h, Stage: name, Target: "hetzner"})
		}
	}
	return &setup{fleet: f, inv: inv, in: rollout.Input{
		Run: "01RUN", Inventory: inv, Hosts: inv.Hosts,
		Planner: plan.Planner{Inventory: inv, Flake: flakeHash},
	}}
}

// only selects hosts.
func (s *setup) only(names ...string) *setup {
	s.in.Hosts = nil
	for _, n := range names {
		h, _ := s.inv.HostByName(n)
		s.in.Hosts = append(s.in.Hosts, h)
	}
	return s
}

// run runs it in a bubble and checks what holds for every run.
func (s *setup) run(t *testing.T, arrange func(ctx context.Context, interrupt, drop context.CancelFunc)) (rollout.Result, error) {
	t.Helper()
	var res rollout.Result
	var err error
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		drain, drop := context.WithCancel(t.Context())
		defer drop()
		s.in.Drain = drain
		if arrange != nil {
			var wg sync.WaitGroup
			wg.Go(func() { arrange(ctx, interrupt, drop) })
			defer wg.Wait()
		}
		res, err = rollout.Run(ctx, s.in, s.fleet, s.fleet)
	})
	if (err == nil) != (res.Exit() == rollout.ExitOK) {
		t.Errorf("exit %d with error %v", res.Exit(), err)
	}
	if len(s.twice) > 0 {
		t.Errorf("called twice at once: %v", s.twice)
	}
	return res, err
}

// states is "a=confirmed b=returned", in the result's order.
func states(r rollout.Result) string {
	var parts []string
	for _, h := range r.Hosts {
		parts = append(parts, h.Host+"="+string(h.State))
	}
	return strings.Join(parts, " ")
}

// did lists the hosts that a method was called for, in order.
func (f *fleet) did(what string) string {
	var hosts []string
	for _, c := range f.calls {
		if m, host, _ := strings.Cut(c, " "); m == what {
			hosts = append(hosts, host)
		}
	}
	return strings.Join(hosts, " ")
}

// kinds is the run's events as short words, host-states of its own included.
func (f *fleet) told() string {
	var parts []string
	for _, e := range f.events {
		switch e.Kind {
		case deploy.EventHostState:
			parts = append(parts, e.Host+"="+string(e.State))
		case deploy.EventWaveStarted, deploy.EventSoakStarted, deploy.EventSoakFinished:
			parts = append(parts, fmt.Sprintf("%s %d", e.Kind, e.Wave))
		default:
			parts = append(parts, fmt.Sprintf("%s %s", e.Kind, e.Stage))
		}
	}
	return strings.Join(parts, ", ")
}

func (f *fleet) problem(r rollout.Result, host string) *deploy.Problem {
	for _, h := range r.Hosts {
		if h.Host == host && h.Problem != nil {
			return h.Problem
		}
	}
	return &deploy.Problem{Code: "none"}
}

func down() *deploy.Problem {
	return &deploy.Problem{Code: deploy.CodeUnreachable, What: "timed out"}
}

func canary(s *inventory.Stage) {
	s.Batches = []inventory.Share{{Count: 1}, {Count: 100, Percent: true}}
}
