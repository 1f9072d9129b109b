// Package plan turns an inventory, a flake and what was observed on the hosts
// into a deploy.Plan: which host is in which wave, whether the stage may begin,
// what a person should know before, and how long the run can take at most.
//
// Everything here is a pure function of its arguments: the same input gives the
// same plan, byte for byte, so a saved plan can be compared with a fresh one.
// No connection, file, clock or randomness may enter, and no decision of a
// running rollout: those belong to package rollout.
package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Input is all that a plan of one stage is made of.
type Input struct {
	Inventory *inventory.Inventory
	Stage     string
	Flake     string // its hash, in the form in which hosts record it
	Source    string // where it came from, for people
	Evaluates string // where evaluation happens, for people
	Gate      deploy.Gate
	// Hosts are the selected hosts of the stage as they were inspected, or
	// with only Host set where nothing was contacted.
	Hosts  []deploy.HostPlan
	Limits Limits
	// Since tells why the flake is not that of an older digest, false when that one
	// is not known; nil: nobody can tell.
	Since func(digest string) ([]string, bool)
	// First says that hosts without a marker are taken in (--first).
	First bool
}

// Stage makes the plan of one stage. The selected hosts are ordered by name,
// with those that have a problem last: a canary that cannot begin would let the
// next wave go without one. A host that the inventory does not have is kept, so
// that nobody is lost between two lists, but gets no notes.
func Stage(in Input) deploy.Plan {
	policy, _ := in.Inventory.StageByName(in.Stage)
	p := deploy.Plan{
		Fleet:     in.Inventory.Fleet,
		Stage:     in.Stage,
		Flake:     in.Flake,
		Source:    in.Source,
		Evaluates: in.Evaluates,
		Gate:      in.Gate,
		Policy:    policy,
		Hosts:     slices.Clone(in.Hosts),
		Budget:    Budget(policy.MaxFailures, len(in.Hosts)),
	}
	slices.SortStableFunc(p.Hosts, func(a, b deploy.HostPlan) int {
		return cmp.Or(cmp.Compare(blocked(a), blocked(b)), cmp.Compare(a.Host, b.Host))
	})
	names := make([]string, len(p.Hosts))
	for i, h := range p.Hosts {
		names[i] = h.Host
	}
	p.Waves = Waves(policy, names)
	known := make(map[string]inventory.Host, len(names))
	for _, h := range in.Inventory.Hosts {
		known[h.Name] = h
	}
	i := 0
	for n, wave := range p.Waves {
		for range wave {
			finish(&p.Hosts[i], n+1, known, in)
			i++
		}
	}
	if policy.Approval && in.Flake != "" { // a rollback needs none
		p.Approvals = deploy.ApprovalsOf(in.Stage, in.Flake, p.Hosts)
	}
	if in.Since != nil && in.Flake != "" {
		p.New = Novelty(in.Flake, p.Hosts, in.Since)
	}
	p.AtMost = AtMost(policy, p.Waves, known, in.Limits)
	for _, hp := range p.Hosts {
		if hp.Problem == nil && hp.Observed != nil && hp.Observed.Active != nil { // its own dead run is settled first
			p.AtMost += changeBound(known[hp.Host], in.Limits) + longestCheck(known[hp.Host])
		}
	}
	return p
}

// finish sets what the plan, not the inspection, knows of a host.
func finish(hp *deploy.HostPlan, wave int, known map[string]inventory.Host, in Input) {
	hp.Wave = wave
	h, ok := known[hp.Host]
	if !ok {
		return
	}
	if hp.Target == "" {
		hp.Target = h.Target
	}
	if hp.Change == "" {
		hp.Change = deploy.ChangeUnknown
	}
	// A fresh slice: the inspection's own notes stay as they were.
	hp.Notes = append(slices.Clone(hp.Notes), Notes(h, *hp, in.First)...)
}

func blocked(h deploy.HostPlan) int {
	if h.Problem != nil {
		return 1
	}
	return 0
}

// Planner binds what stays the same over the stages of a run. It is immutable
// and safe for concurrent use.
type Planner struct {
	Inventory *inventory.Inventory
	Flake     string // hash, as hosts record it
	Source    string
	Evaluates string
	Limits    Limits
	First     bool
	Override  string // --override-gate REASON
	// Since is as in Input.
	Since func(digest string) ([]string, bool)
}

// Stage makes the plan of one stage; see the function Stage.
func (p Planner) Stage(stage string, hosts []deploy.HostPlan, gate deploy.Gate) deploy.Plan {
	return Stage(Input{
		Inventory: p.Inventory, Stage: stage, Flake: p.Flake, Source: p.Source, Evaluates: p.Evaluates,
		Gate: gate, Hosts: hosts, Limits: p.Limits, First: p.First, Since: p.Since,
	})
}

// Gate judges whether a stage may begin; see the function Gate. done holds the
// hosts that this run has finished, seen those that were only read.
func (p Planner) Gate(stage string, now time.Time, done map[string]deploy.Outcome, seen map[string]deploy.HostPlan) deploy.Gate {
	order := make([]string, len(p.Inventory.Stages))
	policies := map[string]inventory.Stage{}
	for i, s := range p.Inventory.Stages {
		order[i] = s.Name
		policies[s.Name] = s
	}
	hosts, units := map[string][]string{}, map[string]bool{}
	for _, h := range p.Inventory.Hosts {
		hosts[h.Stage] = append(hosts[h.Stage], h.Name)
		units[h.Name] = slices.ContainsFunc(h.Checks, func(c inventory.Check) bool { return c.Type == inventory.CheckUnits })
	}
	return Gate(GateInput{
		Order: order, Stage: stage, Hosts: hosts, Flake: p.Flake,
		Policies: policies, Now: now, Units: units, Done: done, Seen: seen, Override: p.Override,
	})
}
