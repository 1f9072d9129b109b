package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func planCommand() command {
	return command{
		name: "plan", usage: "show what an apply would change, host by host",
		about: "Reads the selected hosts, and those of earlier stages for their gates. Nothing is switched; " +
			"on a host only nixdeploy's upload folder and the store are written.\n" +
			"--quick evaluates on this machine if it has Nix, and writes nothing on a host. " +
			"Without a flag each host runs dry-build, too; what a change brings is told where its system is built already. " +
			"--full builds on the hosts, keeps the result there for a while, and asks dry-activate, which is an estimate, for the units. " +
			"--out saves the plan, of any level, for apply FILE.",
		examples: []string{"plan", "plan --stage prod", "plan --on @web --json", "plan --full --on web-1",
			"plan --stage prod --out release.plan"},
		own: func() []cli.Flag {
			return slices.Concat(selectFlags(), levelFlags(), []cli.Flag{firstFlag(), acceptFlag(), overrideFlag(), parallelFlag(), exitCodeFlag(), outFlag(), overrideInputFlag()})
		},
		run: runPlan,
	}
}

func runPlan(ctx context.Context, in *invocation) error {
	if err := in.onlyQuick(); err != nil {
		return err
	}
	if err := in.canSave(); err != nil {
		return err
	}
	inv, hosts, err := in.selection()
	if err != nil {
		return err
	}
	in.signed = inv.Plans.RequireSignature
	f, err := in.openFlake(ctx, inv)
	if err != nil {
		return err
	}
	if len(in.inputs) == 0 {
		in.rememberFlake(f)
	}
	fleet, sink, err := in.looking(journal.NewRunID(), inv, f)
	if err != nil {
		return err
	}
	defer fleet.Driver.Close()
	if with := in.overriddenInputs(); with != "" {
		fleet.Evaluates += ", with " + with + ": not what is deployed"
	}
	plans, err := in.plansNow(ctx, fleet, sink, inv, f, hosts)
	if err != nil {
		return err
	}
	if in.outFile != "" {
		return in.savePlans(inv, f, hosts, plans)
	}
	return in.showPlans(plans)
}

// plansNow plans the stages of the chosen hosts as these are now.
func (in *invocation) plansNow(
	ctx context.Context, fleet Fleet, sink *passing, inv *inventory.Inventory, f *flake.Flake, hosts []inventory.Host,
) ([]deploy.Plan, error) {
	in.tell("contacting " + hostList(hosts) + "\n")
	stop := sink.beats(ctx)
	seen := eachHost(hosts, fleet.Limits.Readers, func(h inventory.Host) deploy.HostPlan {
		hp := fleet.Driver.Evaluate(ctx, h, h.Stage, in.level)
		hp.Problem = in.named(hp.Problem)
		return hp
	})
	before := eachHost(gateHosts(inv, hosts), fleet.Limits.Readers, func(h inventory.Host) deploy.HostPlan {
		defer fleet.Driver.Release(h.Name)
		return fleet.Driver.Inspect(ctx, h, "")
	})
	stop()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	refuseDoubled(seen, before)
	return stagePlans(in.planner(inv, f, fleet), hosts, seen, before, in.owed(inv, f)), nil
}

// refuseDoubled blocks the hosts that are one machine under two names, which an
// apply refuses.
func refuseDoubled(read ...[]deploy.HostPlan) {
	same := rollout.Doubled(slices.Concat(read...))
	for _, plans := range read {
		for i := range plans {
			if p := same[plans[i].Host]; p != nil {
				plans[i].Problem, plans[i].Change = p, deploy.ChangeBlocked
			}
		}
	}
}

// gateHosts are the hosts that are read only to judge gates: those of earlier
// stages that are not selected.
func gateHosts(inv *inventory.Inventory, hosts []inventory.Host) []inventory.Host {
	if len(hosts) == 0 {
		return nil
	}
	selected := map[string]bool{}
	for _, h := range hosts {
		selected[h.Name] = true
	}
	last := hosts[len(hosts)-1].Stage
	var out []inventory.Host
	for _, s := range inv.Stages {
		if s.Name == last {
			break
		}
		for _, h := range inv.Hosts {
			if h.Stage == s.Name && !selected[h.Name] {
				out = append(out, h)
			}
		}
	}
	return out
}

// stagePlans makes one plan per stage of the selection. plans are those of hosts, in
// their order.
func stagePlans(p plan.Planner, hosts []inventory.Host, plans, before []deploy.HostPlan, owed map[string]time.Duration) []deploy.Plan {
	proofs := rollout.Proofs(slices.Concat(before, plans), owed)
	var out []deploy.Plan
	for _, stage := range stagesOf(hosts) {
		var mine []deploy.HostPlan
		for i, h := range hosts {
			if h.Stage == stage {
				mine = append(mine, plans[i])
			}
		}
		out = append(out, p.Stage(stage, mine, p.Gate(stage, time.Now(), nil, proofs)))
	}
	return out
}

func (in *invocation) showPlans(plans []deploy.Plan) error {
	next := in.nextAfterPlan(plans)
	if in.json {
		if _, err := in.Stdout.Write(view.JSONPlans(versionNumber(), plans, next)); err != nil {
			return err
		}
		return planExit(plans, in.exitCode)
	}
	for i, p := range plans {
		text, line := "", ""
		if i > 0 {
			text = "\n"
		}
		if i == len(plans)-1 {
			line = next
		}
		if err := in.print(text + in.out.Plan(p, line)); err != nil {
			return err
		}
	}
	return planExit(plans, in.exitCode)
}

// nextAfterPlan applies what was planned; with nothing to change it looks.
func (in *invocation) nextAfterPlan(plans []deploy.Plan) string {
	changing := slices.ContainsFunc(plans, func(p deploy.Plan) bool {
		return slices.ContainsFunc(p.Hosts, func(h deploy.HostPlan) bool {
			return h.Change == deploy.ChangeSwitch || h.Change == deploy.ChangeEvaluate
		})
	})
	if file := in.planSaved(); file != "" && in.signed {
		return in.recommend("plan sign", file, "--key", "KEY")
	} else if file != "" {
		return in.recommend("apply", file)
	}
	if !changing && !in.first && slices.ContainsFunc(plans, hasNewHost) { // as status does
		same := in.options
		same.first = true
		return in.recommend(append([]string{"plan"}, same.chosen(in.on)...)...)
	}
	if !changing {
		return in.recommend("status")
	}
	if len(in.inputs) > 0 {
		return in.recommend("plan")
	}
	if in.signed {
		return in.recommend(append(append([]string{"plan"}, in.chosen(in.on)...), "--out", "release.plan")...)
	}
	return in.recommend(append([]string{"apply"}, in.chosen(in.on)...)...)
}

func hasNewHost(p deploy.Plan) bool {
	return slices.ContainsFunc(p.Hosts, func(h deploy.HostPlan) bool {
		return h.Problem != nil && h.Problem.Code == deploy.CodeUnadopted
	})
}

// chosen are the flags of plan and apply that say which hosts, and on which terms.
func (o options) chosen(on []string) []string {
	var words []string
	if o.stage != "" {
		words = append(words, "--stage", o.stage)
	}
	if len(on) > 0 {
		words = append(words, "--on", strings.Join(on, ","))
	}
	if o.first {
		words = append(words, "--first")
	}
	if o.accept {
		words = append(words, "--accept")
	}
	if o.override != "" {
		words = append(words, "--override-gate", o.override)
	}
	if o.parallel > 0 {
		words = append(words, "--parallel", strconv.Itoa(o.parallel))
	}
	return words
}

func planExit(plans []deploy.Plan, exitOnChange bool) error {
	var problems []*deploy.Problem
	changes := false
	for _, p := range plans {
		for _, h := range p.Hosts {
			// A host that has yet to evaluate may change: that is no "nothing to do".
			changes = changes || h.Change == deploy.ChangeSwitch || h.Change == deploy.ChangeEvaluate
			if h.Problem != nil {
				problems = append(problems, h.Problem)
			}
		}
	}
	switch code := problemExit(problems); {
	case code != rollout.ExitOK:
		return exitError(code)
	case changes && exitOnChange:
		return exitError(rollout.ExitDrift)
	}
	return nil
}

// readOnly is the journal of a command that changes nothing.
func (in *invocation) readOnly() *passing {
	p := in.newProgress()
	p.asJSON = false // its events are no part of the one document
	return &passing{progress: p}
}

// eachHost asks all hosts, at most limit at once, in the order of hosts. It
// returns when every answer is there.
func eachHost[T any](hosts []inventory.Host, limit int, ask func(inventory.Host) T) []T {
	if limit <= 0 {
		limit = rollout.DefaultReaders
	}
	out := make([]T, len(hosts))
	places := make(chan struct{}, limit)
	var wg sync.WaitGroup
	for i, h := range hosts {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			out[i] = ask(h)
		})
	}
	wg.Wait()
	return out
}

func hostList(hosts []inventory.Host) string {
	names := make([]string, 0, 12)
	for _, h := range hosts[:min(len(hosts), 12)] {
		names = append(names, h.Name)
	}
	text := strings.Join(names, " ")
	if len(hosts) > 12 {
		text += " and more"
	}
	return text
}
