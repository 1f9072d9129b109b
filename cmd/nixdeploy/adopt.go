package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func adoptCommand() command {
	return command{
		name: "adopt", usage: "write down what a host is, for its new system to fit it",
		args: "[HOST]", maxArgs: 1, anyOrder: true,
		about: "Reads the host in one round trip, changing nothing there, and writes hosts/HOST/hardware.nix and hosts/HOST/facts.json beside " +
			"hosts.toml, for you to read and to commit: its hardware configuration, boot loader, mounts, state version, and the " +
			"login's uid and public keys. It needs no --first, and says whether the host is new to nixdeploy. A file that is there and " +
			"differs is shown, and only overwritten with --force.",
		examples: []string{"adopt web-1", "adopt --on web-1,@eu", "adopt web-1 --state-version 24.11", "adopt web-1 --force"},
		own: func() []cli.Flag {
			return []cli.Flag{
				onFlag(),
				&cli.StringFlag{Name: "state-version", Usage: "the `RELEASE` of the host's first installation, such as 24.11, where it does not tell it"},
				&cli.BoolFlag{Name: "force", Usage: "overwrite files that differ"},
			}
		},
		run: runAdopt,
	}
}

// adoption is what came of one host.
type adoption struct {
	host    inventory.Host
	facts   deploy.HostFacts
	files   []hostFile
	problem *deploy.Problem
}

func runAdopt(ctx context.Context, in *invocation) error {
	release := in.cli.String("state-version")
	if in.cli.IsSet("state-version") && !releaseName.MatchString(release) {
		return &usageError{what: "--state-version " + quoted(release) + " is no release", hint: "for instance 24.11", command: "adopt"}
	}
	inv, hosts, err := in.toAdopt()
	if err != nil {
		return err
	}
	adoptions, err := in.askFacts(ctx, inv, hosts)
	if err != nil {
		return err
	}
	in.checkDoubled(inv, adoptions)
	for i := range adoptions {
		a := &adoptions[i]
		if a.problem == nil {
			a.problem = in.settleRelease(a, release)
		}
		if a.problem == nil {
			noteAccounts(inv, a)
			a.problem = in.writeAdoption(inv, a, in.cli.Bool("force"))
		}
	}
	return in.showAdoptions(adoptions)
}

// releaseName is how NixOS names its releases.
var releaseName = regexp.MustCompile(`^[0-9]{2}\.[0-9]{2}$`)

// toAdopt picks the hosts, which have to be named: one by its name, or by --on.
func (in *invocation) toAdopt() (*inventory.Inventory, []inventory.Host, error) {
	switch {
	case len(in.args) > 0 && len(in.on) > 0:
		return nil, nil, &usageError{what: "a host and --on", hint: "one of them says which hosts", command: "adopt"}
	case len(in.args) == 0 && len(in.on) == 0:
		return nil, nil, &usageError{what: "which host is to be adopted?", hint: "nixdeploy adopt HOST; several: --on NAMES", command: "adopt"}
	case len(in.args) == 0:
		return in.selection()
	}
	inv, err := in.load()
	if err != nil {
		return nil, nil, err
	}
	h, err := in.hostCalled(inv, in.args[0], "adopt")
	if err != nil {
		return nil, nil, err
	}
	return inv, []inventory.Host{h}, nil
}

// askFacts reads the hosts.
func (in *invocation) askFacts(ctx context.Context, inv *inventory.Inventory, hosts []inventory.Host) ([]adoption, error) {
	sink := in.readOnly()
	fleet, err := in.connect(Request{
		Inventory: inv, First: true, Journal: sink, Ours: func(string) bool { return false }, Detach: in.signals.admit,
	})
	if err != nil {
		return nil, err
	}
	defer fleet.Driver.Close()
	in.tell("contacting " + hostList(hosts) + "\n")
	stop := sink.beats(ctx)
	adoptions := eachHost(hosts, fleet.Limits.Readers, func(h inventory.Host) adoption {
		a := adoption{host: h}
		facts, err := fleet.Driver.Facts(ctx, h)
		a.facts = facts
		if err != nil && !errors.As(err, &a.problem) {
			a.problem = &deploy.Problem{Code: deploy.CodeInternal, Host: h.Name, What: err.Error(), Err: err}
		}
		a.problem = in.named(a.problem)
		return a
	})
	stop()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return adoptions, nil
}

// checkDoubled refuses one machine under two names, adopted now or before.
func (in *invocation) checkDoubled(inv *inventory.Inventory, adoptions []adoption) {
	names := map[string][]string{}
	add := func(id, name string) {
		if id != "" && !slices.Contains(names[id], name) {
			names[id] = append(names[id], name)
		}
	}
	now := map[string]bool{}
	for _, a := range adoptions {
		if now[a.host.Name] = true; a.problem == nil {
			add(a.facts.Facts.MachineID, a.host.Name)
		}
	}
	for _, h := range inv.Hosts {
		if !now[h.Name] {
			add(in.adoptedBefore(inv, h.Name), h.Name)
		}
	}
	for i := range adoptions {
		a := &adoptions[i]
		same := slices.DeleteFunc(slices.Clone(names[a.facts.Facts.MachineID]), func(n string) bool { return n == a.host.Name })
		if a.problem != nil || len(same) == 0 {
			continue
		}
		a.problem = &deploy.Problem{
			Code: deploy.CodeIdentity, Host: a.host.Name, Step: deploy.StepInspect, What: "is the same machine as " + strings.Join(same, ", "),
			Details: []string{"machine-id " + a.facts.Facts.MachineID + " was read under each of these names"}, State: "not touched",
			Next: "give each machine one name in hosts.toml; a cloned machine needs a machine-id of its own: remove /etc/machine-id on the clone and reboot it",
		}
	}
}

// settleRelease decides on the state version: what the running system says of
// itself holds, what is typed holds over what was only found in files.
func (in *invocation) settleRelease(a *adoption, typed string) *deploy.Problem {
	found := &a.facts.Facts.StateVersion
	switch {
	case typed == "" && *found == "":
		p := &deploy.Problem{
			Code: deploy.CodeUnsupported, Host: a.host.Name, Step: deploy.StepInspect,
			What:    "the host does not tell its state version, and a wrong one can cost data",
			Details: append([]string{"it is system.stateVersion of the configuration that the host was built from: the release of its first installation"}, a.facts.Notes...),
			State:   "not touched", Next: in.recommend("adopt", a.host.Name, "--state-version", "RELEASE"),
		}
		if a.facts.FirstRelease != "" {
			p.Details = append(p.Details, "its first generation, which is kept, is NixOS "+a.facts.FirstRelease)
			p.Next = "if the configuration says so, too: " + in.recommend("adopt", a.host.Name, "--state-version", a.facts.FirstRelease)
		}
		return p
	case typed == "" || typed == *found:
	case a.facts.Certain:
		return &deploy.Problem{
			Code: deploy.CodeMisfit, Host: a.host.Name, Step: deploy.StepInspect,
			What:  fmt.Sprintf("the running system has the state version %s, and not %s", *found, typed),
			State: "not touched", Next: in.recommend("adopt", a.host.Name),
		}
	default:
		a.facts.Notes = append(a.facts.Notes, fmt.Sprintf("the state version is %s, as you say", typed))
		*found = typed
	}
	return nil
}

// noteAccounts says whose accounts a rendered system, which has the users of its
// configuration and no others, takes away.
func noteAccounts(inv *inventory.Inventory, a *adoption) {
	if !inv.Flake.Rendered() || a.facts.Marker != nil {
		return
	}
	var going []string
	for _, name := range a.facts.Accounts {
		switch {
		case name == "root":
			a.facts.Notes = append(a.facts.Notes, "the password of root goes with the first apply, unless a module of yours sets users.users.root.hashedPasswordFile")
		case name != a.host.User && !slices.Contains(a.host.Users, name):
			going = append(going, name)
		}
	}
	if len(going) > 0 {
		a.facts.Notes = append(a.facts.Notes, "accounts that hosts.toml does not declare go with the first apply: "+strings.Join(going, ", "))
	}
}
