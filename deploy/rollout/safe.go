package rollout

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// safe is a Runner whose bugs cost one host, not the run: other hosts are in
// the middle of a switch, and must reach a final state.
type safe struct {
	Runner
	run string // for what to do next
}

// Inspect answers a panic with a problem.
func (s safe) Inspect(ctx context.Context, h inventory.Host, stage string) (hp deploy.HostPlan) {
	defer func() {
		if v := recover(); v != nil {
			hp = deploy.HostPlan{Host: h.Name, Target: h.Target, Change: deploy.ChangeUnknown, Problem: s.bug(h.Name, v)}
		}
		hp.Host = h.Name
	}()
	return s.Runner.Inspect(ctx, h, stage)
}

// outcome runs Apply or Return. told says that the Runner emitted the
// host-state of this very outcome.
func (s safe) outcome(ctx context.Context, h inventory.Host, call func() deploy.Outcome) (o deploy.Outcome, told bool) {
	defer func() {
		if v := recover(); v != nil {
			o, told = unknown(h.Name, s.bug(h.Name, v)), false
		}
	}()
	o = call()
	o.Host = h.Name
	if !o.State.Final() && ctx.Err() == nil {
		return unknown(h.Name, s.bug(h.Name, fmt.Sprintf("ended in no final state, but %q", o.State))), false
	}
	if o.State == deploy.StateWaiting || o.State == "" {
		o.State = deploy.StateInFlight // let go of: it did begin
		return o, false
	}
	return o, true
}

// Check answers a panic with a problem.
func (s safe) Check(ctx context.Context, h inventory.Host) (p *deploy.Problem) {
	defer func() {
		if v := recover(); v != nil {
			p = s.bug(h.Name, v)
			p.Step = deploy.StepSoak
		}
	}()
	return s.Runner.Check(ctx, h)
}

// unknown is the outcome of a host that nobody can speak for.
func unknown(host string, p *deploy.Problem) deploy.Outcome {
	p.State = "not known; an armed guard brings it back by itself"
	return deploy.Outcome{Host: host, State: deploy.StateStranded, Changed: true, Problem: p}
}

// bug is the problem of a host that met a bug of nixdeploy.
func (s safe) bug(host string, v any) *deploy.Problem {
	return &deploy.Problem{
		Code:    deploy.CodeInternal,
		Host:    host,
		What:    fmt.Sprintf("a bug in nixdeploy: %v", v),
		Details: strings.Split(strings.TrimSpace(string(debug.Stack())), "\n"),
		Next:    "nixdeploy resume " + s.run,
	}
}
