// Package rollout takes a fleet from one flake to the next: stage by stage,
// wave by wave, within a budget of failures, and back where the policy says so.
//
// What may begin next, what must stop and what must go back is decided by pure
// functions (decide.go, exit.go, soak.go); the loop in this package asks them
// and does what they say through a Runner. How one host is driven, how SSH is
// spoken and how a plan is made must not enter: those are a Runner's and a
// Planner's matter, declared here and wired by the command line.
//
// # Who emits which event
//
// Run emits stage-started (with the Plan), wave-started, soak-started,
// soak-finished and stage-finished, and host-state for each host whose end it
// decides itself: untouched after an Inspect with a Problem, skipped, and the
// failure of a host that a soak found and that cannot be returned. The Runner
// emits everything else: the steps, and host-state for whatever Apply and
// Return end in. The caller emits run-started and run-finished.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Runner drives single hosts. Run calls it from many goroutines at once, but
// never twice at the same time for one host. Each method bounds its own waits
// and returns soon after its context ends; none may panic, and one that does
// costs only its own host.
type Runner interface {
	// Inspect connects and reads; it changes nothing. What keeps the host from
	// beginning is in Problem. Of a host of this run it emits the steps under
	// stage; with stage "" the host is only read, for a gate, and has no place
	// in this run: then it emits nothing.
	Inspect(ctx context.Context, h inventory.Host, stage string) deploy.HostPlan
	// Apply brings the host to a final state and emits its host-state. ctx
	// outlives the first interruption: when it ends, Apply lets go of the host
	// (its guard decides) and returns where it stands.
	Apply(ctx context.Context, h inventory.Host, stage string, wave int) deploy.Outcome
	// Check is one round of a confirmed host's health checks; nil is passed.
	Check(ctx context.Context, h inventory.Host) *deploy.Problem
	// Return brings a host that this run changed back to its record, because
	// of cause, and emits its host-state with it.
	Return(ctx context.Context, h inventory.Host, stage string, wave int, cause *deploy.Problem) deploy.Outcome
	// Release closes what Inspect kept. It is the last call for a host.
	Release(host string)
}

// Planner makes plans and judges gates; package plan's Planner is one. Both are
// pure.
type Planner interface {
	Stage(stage string, hosts []deploy.HostPlan, gate deploy.Gate) deploy.Plan
	// Gate gets the time, for the stage's windows, the hosts that this run has finished, and those of earlier
	// stages that are not in this run, as they were just read; a Problem at
	// step soak says that the host's soak was broken off.
	Gate(stage string, now time.Time, done map[string]deploy.Outcome, seen map[string]deploy.HostPlan) deploy.Gate
}

// DefaultReaders is how many hosts are read at once unless Input says so.
const DefaultReaders = 64

// Input is what a run works on.
type Input struct {
	Run       string // its id, for events
	Inventory *inventory.Inventory
	// Hosts are the selected ones, of one stage or several, in any order: they
	// go by the inventory's order of stages. A host named twice goes once.
	Hosts   []inventory.Host
	Planner Planner
	// Approve, when not nil, is asked before the first host of a stage begins,
	// with what was just read; an error means no. It returns when ctx ends.
	Approve func(ctx context.Context, p deploy.Plan) error
	// Drain, when not nil, ends at the second interruption: let go of the hosts
	// in flight, their guards decide. The first is the end of Run's ctx. It must
	// not be made from that ctx.
	Drain context.Context //nolint:containedctx // a second signal beside ctx, only ever passed on by Run
	// Ungated begins a stage without proof from earlier ones, and reads none of
	// their hosts: for a rollback. A stage that fails in this run still stops it.
	Ungated bool
	// Readers is how many hosts are inspected or checked at once, whatever the
	// stage's parallel says; 0 means DefaultReaders.
	Readers int
	// Owed is, by host, the rest of a soak that a killed run did not finish
	// (see Owed); hosts themselves tell of runs of others. A wave with such a host soaks even if nothing is changed, and
	// a host of an earlier stage that is not in this run is no proof with it.
	Owed map[string]time.Duration
}

// Result is how a run ended.
type Result struct {
	Hosts  []deploy.HostReport // each selected host, by stage and wave
	Stages []deploy.StageReport
	// Interrupted says that something was left undone because ctx ended.
	Interrupted bool
	// Journal is the first error of writing the run down, nil if none.
	Journal error
}

// Exit is the exit code of the run.
func (r Result) Exit() int {
	code := ExitCode(deploy.Report{Hosts: r.Hosts}, r.Interrupted)
	if code == ExitOK && r.Journal != nil {
		return ExitInternal
	}
	return code
}

// Run brings the selected hosts of one stage after the other to the flake. It
// returns when every host is in a final state, or was let go of after Drain.
//
// The end of ctx (the first interruption) means: begin no further host. Hosts
// in flight still reach a final state, and hosts that must go back still do.
// The error lists the problem of each host that did not end well; it is nil
// exactly when Result.Exit is 0. A retry of Run is safe: it begins by reading.
func Run(ctx context.Context, in Input, r Runner, j deploy.Journal) (Result, error) {
	stages, err := group(in)
	if err != nil {
		return Result{Hosts: []deploy.HostReport{misplaced(err)}}, err
	}
	if in.Drain == nil {
		in.Drain = context.WithoutCancel(ctx)
	}
	if in.Readers <= 0 {
		in.Readers = DefaultReaders
	}
	// Letting go of hosts in flight is an interruption, too.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(in.Drain, cancel)()
	run := &run{
		Input:    in,
		runner:   safe{r, in.Run},
		log:      &log{journal: j, run: in.Run},
		done:     map[string]deploy.Outcome{},
		machines: map[string]string{},
	}
	for _, s := range stages {
		run.stage(ctx, s)
	}
	run.result.Journal = run.log.failure()
	return run.result, run.problems()
}

// stageHosts is one stage with its selected hosts.
type stageHosts struct {
	inventory.Stage
	hosts []inventory.Host
}

// group orders the selected hosts by stage, each host once.
func group(in Input) ([]stageHosts, error) {
	seen := map[string]bool{}
	by := map[string][]inventory.Host{}
	for _, h := range in.Hosts {
		if seen[h.Name] {
			continue
		}
		seen[h.Name] = true
		by[h.Stage] = append(by[h.Stage], h)
	}
	var stages []stageHosts
	for _, s := range in.Inventory.Stages {
		if hosts := by[s.Name]; len(hosts) > 0 {
			stages = append(stages, stageHosts{s, hosts})
			delete(by, s.Name)
		}
	}
	for name, hosts := range by {
		return nil, &deploy.Problem{
			Code:  deploy.CodeInternal,
			Host:  hosts[0].Name,
			What:  fmt.Sprintf("is in stage %q, which the inventory does not have", name),
			State: "not touched",
		}
	}
	return stages, nil
}

// misplaced is the report of a run that could not even be ordered.
func misplaced(err error) deploy.HostReport {
	p, _ := errors.AsType[*deploy.Problem](err)
	return deploy.HostReport{Host: p.Host, State: deploy.StateUntouched, Problem: p}
}

// run is what one call of Run knows. Only its own goroutine touches it; the
// goroutines that it starts hand their results back.
type run struct {
	Input
	runner   safe
	log      *log
	done     map[string]deploy.Outcome // by host, of finished stages
	machines map[string]string         // machine-id -> the first name that it was seen under
	result   Result
}

// finish adds a stage's hosts to the result.
func (r *run) finish(reports []deploy.HostReport) {
	for _, h := range reports {
		o := deploy.Outcome{Host: h.Host, State: h.State, Changed: h.Changed, Problem: h.Problem}
		r.done[h.Host] = o
	}
	r.result.Hosts = append(r.result.Hosts, reports...)
}

// problems is one error for all hosts, in the order of the result.
func (r *run) problems() error {
	var all *multierror.Error
	for _, h := range r.result.Hosts {
		switch {
		case h.State.Good() && (h.Problem == nil || h.State != deploy.StateUnchanged):
		case h.Problem != nil:
			all = multierror.Append(all, h.Problem)
		default:
			all = multierror.Append(all, fmt.Errorf("%s: ended %s", h.Host, h.State))
		}
	}
	if r.result.Journal != nil {
		all = multierror.Append(all, fmt.Errorf("write the run down: %w", r.result.Journal))
	}
	if all == nil && r.result.Interrupted {
		all = multierror.Append(all, errors.New("interrupted before its soak was over"))
	}
	return all.ErrorOrNil()
}

// byWave is the order in which hosts of a plan are driven: by wave, then as the
// plan lists them.
func byWave(p deploy.Plan) []deploy.HostPlan {
	hosts := slices.Clone(p.Hosts)
	slices.SortStableFunc(hosts, func(a, b deploy.HostPlan) int { return a.Wave - b.Wave })
	return hosts
}
