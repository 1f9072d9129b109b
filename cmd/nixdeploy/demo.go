package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/remote"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

func demoCommand() command {
	return command{
		name: "demo", usage: "deploy to a simulated fleet in this process, to see how it looks",
		about: "Five simulated hosts behind real ssh on loopback get a good release, then one whose unit fails in dev. " +
			"Needs no root, no Nix and no network; nothing outside this process is contacted and nothing is kept.",
		examples: []string{"demo"},
		run:      runDemo,
	}
}

func runDemo(ctx context.Context, in *invocation) (err error) {
	if in.json {
		return &usageError{what: "demo is for people: it has no --json", command: "demo", hint: "the commands that it shows have: " + in.recommend("plan", "--json")}
	}
	dir, err := os.MkdirTemp("", "nixdeploy-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fleet, err := simfleet.Demo(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fleet.Close()) }()
	return (&demo{invocation: in, fleet: fleet}).play(ctx)
}

// demo is the story that the command tells.
type demo struct {
	*invocation
	fleet *simfleet.DemoFleet
}

func (d *demo) play(ctx context.Context) error {
	d.say("Five simulated hosts, three stages: %s.", strings.Join(d.fleet.Names(), ", "))
	if err := d.release(ctx, simfleet.DemoGood, "A new release is there. What would it change, and then: go."); err != nil {
		return err
	}
	if err := d.nixdeploy(ctx, 0, "plan"); err != nil {
		return err
	}
	if err := d.nixdeploy(ctx, 0, "apply", "--yes"); err != nil {
		return err
	}
	before, connected := d.fleet.Links(), maps.Clone(d.fleet.Connections())
	if err := d.release(ctx, simfleet.DemoBad, "The next release has a unit that fails in dev."); err != nil {
		return err
	}
	if err := d.nixdeploy(ctx, 5, "apply", "--yes"); err != nil {
		return err
	}
	return d.end(before, connected)
}

func (d *demo) release(ctx context.Context, number int, what string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.say("\n%s", what)
	return d.fleet.Release(number)
}

// nixdeploy runs one command line of it, in this process, on the demo's fleet.
func (d *demo) nixdeploy(ctx context.Context, want int, args ...string) error {
	d.say("\n$ nixdeploy %s", strings.Join(args, " "))
	app := d.App
	app.Dir = d.fleet.Dir
	app.Environ = append(append([]string{}, app.Environ...), "NIXDEPLOY_STATE_DIR="+filepath.Join(d.fleet.Dir, "state"))
	app.Notify = nil // ctx ends with an interruption of the demo
	app.Connect = func(_ App, q Request) (Fleet, error) {
		return connectBy(remote.Options{
			KnownHostsFiles: []string{filepath.Join(d.fleet.Dir, "known_hosts")}, AgentSocket: "none",
		}, nil, q)
	}
	with := slices.Clone(args)
	for name, set := range map[string]bool{"--no-color": d.noColor, "--verbose": d.verbose} {
		if set {
			with = append(with, name)
		}
	}
	if code := app.Run(ctx, with); code != want {
		return fmt.Errorf("the demo went wrong: nixdeploy %s ended with exit code %d, expected %d", strings.Join(args, " "), code, want)
	}
	return nil
}

// end tells what the hosts themselves say of it, and fails if that is not what
// was promised.
func (d *demo) end(before map[string]deploy.Links, connected map[string]int) error {
	after, connections := d.fleet.Links(), d.fleet.Connections()
	d.say("\nRead from the hosts, not from the run:")
	var wrong []string
	for _, name := range d.fleet.Names() {
		b, a := before[name], after[name]
		line := fmt.Sprintf("  %-6s runs %s of %s", name, generation(a), filepath.Base(a.Running))
		switch {
		case strings.HasPrefix(name, "dev"):
			line += "; rolled back to exactly what it was"
			if a != b {
				wrong = append(wrong, name+" is not what it was")
			}
		case strings.HasPrefix(name, "web"):
			line += "; no connection in the bad run"
			if connections[name] != connected[name] || a != b {
				wrong = append(wrong, name+" was touched")
			}
		default:
			line += "; the bad release is healthy there"
		}
		d.say("%s", line)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the demo went wrong: %s", strings.Join(wrong, ", "))
	}
	d.say("\nThe bad release reached no further than dev: dev was rolled back to its exact former generation,\nand prod had no connection at all.")
	return nil
}

func generation(l deploy.Links) string {
	return "generation " + strings.TrimSuffix(strings.TrimPrefix(l.ProfileLink, "system-"), "-link")
}

func (d *demo) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.Stdout, format+"\n", args...)
}
