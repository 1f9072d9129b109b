package host

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Terms are what a host has to meet before it is worked on.
type Terms struct {
	Fleet string
	First bool // --first: a host without a marker is taken on
	// Accept is --accept: a new system that does not fit its host is armed all the
	// same.
	Accept bool
	Ours   func(run string) bool // run ids whose process is dead and was this operator's
	// Moved, when not nil, says how a host is no longer what a saved plan saw, nil
	// when it is. It is asked each time that a host is looked at.
	Moved func(h inventory.Host, o deploy.Observation) *deploy.Problem
}

// Admit says why an inspected host is not worked on, nil when it may be.
func Admit(o deploy.Observation, h inventory.Host, t Terms) *deploy.Problem {
	switch {
	case !o.NixOS:
		return &deploy.Problem{Code: deploy.CodeUnsupported, What: "this is not NixOS"}
	case o.Rebuild == "":
		return &deploy.Problem{Code: deploy.CodeUnsupported, What: "nixos-rebuild is not on the host"}
	case o.Profile == "" || o.Running == "":
		return &deploy.Problem{Code: deploy.CodeUnsupported, What: "the host has no system profile or no running system, so there would be no way back",
			Next: "install NixOS on it first (nixos-install), then run the same command again"}
	case h.System != "" && o.System != "" && h.System != o.System:
		return &deploy.Problem{Code: deploy.CodeUnsupported, What: fmt.Sprintf("the host is %s, and its system in hosts.toml is %s", o.System, h.System)}
	}
	if p := identity(o, h, t); p != nil {
		return p
	}
	if p := locked(o, t); p != nil {
		return p
	}
	if h.Activation == inventory.ActivationSwitch && o.GuardReboot != "yes" && !h.AcceptGuardLoss {
		return &deploy.Problem{
			Code:    deploy.CodeGuard,
			What:    "a guard would not survive a reboot here: " + o.GuardReboot,
			Details: []string{"with activation = \"switch\" a power cut before the confirmation would leave the new system unguarded"},
			Next:    "set activation = \"test-first\" for it, or accept_guard_loss = true",
		}
	}
	if t.Moved != nil {
		return t.Moved(h, o)
	}
	return nil
}

func identity(o deploy.Observation, h inventory.Host, t Terms) *deploy.Problem {
	switch {
	case o.Marker == nil && !t.First:
		return &deploy.Problem{
			Code:    deploy.CodeUnadopted,
			What:    "this host was never confirmed by nixdeploy",
			Details: []string{fmt.Sprintf("it calls itself %q", o.Hostname)},
			Next:    "if that is the machine you mean, add --first",
		}
	case o.Marker != nil && (o.Marker.Fleet != t.Fleet || o.Marker.Host != h.Name):
		return &deploy.Problem{
			Code:    deploy.CodeIdentity,
			What:    fmt.Sprintf("the machine behind this address is %s of fleet %s", o.Marker.Host, o.Marker.Fleet),
			Details: []string{"wanted " + h.Name + " of fleet " + t.Fleet, fmt.Sprintf("it calls itself %q", o.Hostname)},
			Next:    "correct the address in hosts.toml; was the host renamed on purpose, remove /var/lib/nixdeploy/marker on it and add --first",
		}
	}
	return nil
}

// bootstrapOnly refuses the bootstrap user on a host that was confirmed before:
// there `user` has to work, and another way in is not to be leaned on.
func bootstrapOnly(o deploy.Observation, h inventory.Host, user string) *deploy.Problem {
	if h.BootstrapUser == "" || user != h.BootstrapUser || user == h.User || o.Marker == nil {
		return nil
	}
	return &deploy.Problem{
		Code: deploy.CodeAuth, Host: h.Name, Step: deploy.StepConnect,
		What:    fmt.Sprintf("the login as %s was refused, and %s is for hosts that were never confirmed", h.User, user),
		Details: []string{"this one is " + o.Marker.Host + " of fleet " + o.Marker.Fleet},
		Next:    fmt.Sprintf("let %s log in with your key again", h.User),
	}
}

func locked(o deploy.Observation, t Terms) *deploy.Problem {
	switch {
	case o.Active != nil && o.Active.Result == deploy.ResultStranded:
		return &deploy.Problem{Code: deploy.CodeReturnFailed, What: "run " + o.Active.Run + " stranded this host",
			Next: "nixdeploy resume"}
	case o.Active != nil && !t.Ours(o.Active.Run):
		return deploy.Locked(o.Active.Run, o.Active.Operator, o.Active.Since, o.Active.DecidesIn, true)
	case o.Active == nil && o.Lease != nil && !t.Ours(o.Lease.Run):
		return deploy.Locked(o.Lease.Run, o.Lease.Operator, o.Lease.Since, o.Lease.Seconds, false)
	case o.Active != nil: // ours: it is settled first, whoever else is there
		return nil
	}
	return deploy.ForeignLocked(o.Foreign)
}

// Texts by which an activation script tells that a part of it failed, whatever
// nixos-rebuild makes of the exit code (contract 4.2: code 2).
var snippetFailed = regexp.MustCompile(`Activation script snippet .* failed|Failed to run activate script`)

// loaderFailed is how switch-to-configuration tells that it set no boot loader.
const loaderFailed = "Failed to install bootloader"

// JudgeSwitch decides by the links whether a switch led to the wanted system;
// the exit code is only a hint (contract 6.2). nil: it did, health decides.
func JudgeSwitch(mode inventory.Activation, wanted string, before deploy.Links, a deploy.SwitchAnswer) *deploy.Problem {
	l := a.Links
	next := l.NextBoot == "" || l.NextBoot == wanted
	activated := l.Running == wanted && (mode == inventory.ActivationTestFirst || l.Profile == wanted && next)
	problem := func(what string, details ...string) *deploy.Problem {
		return &deploy.Problem{Code: deploy.CodeSwitch, What: what, Details: append(details, tail(a.Output, 20)...)}
	}
	switch {
	case a.Lost:
		return problem("the switch ended without an exit code: it was stopped, or the host was restarted")
	case activated:
		for _, line := range a.Output {
			if l.NextBoot == "" && strings.Contains(line, loaderFailed) { // and nobody can read what it boots
				return problem("the boot loader was not installed", "says    "+line)
			}
			if snippetFailed.MatchString(line) {
				return problem("a part of the activation script failed", "says    "+line)
			}
		}
		return nil
	case l.Running == before.Running && l.Profile == before.Profile:
		return problem(fmt.Sprintf("nixos-rebuild changed nothing and ended with exit code %d", a.Code))
	case l.Running == before.Running && a.Code == 100:
		return problem("the new system needs a reboot: its init is not compatible with the running one")
	case l.Running == before.Running:
		return problem(fmt.Sprintf("the new system was set but not activated, exit code %d", a.Code))
	case l.Running == wanted && !next:
		return problem("the boot loader does not start the new system next", "boots   "+l.NextBoot)
	}
	return problem(fmt.Sprintf("the switch ended with exit code %d and another system than the wanted one", a.Code),
		"running "+l.Running, "profile "+l.Profile)
}

// foreign reports whether a host stands on what neither it had before nor this
// run put there: somebody else did, and a run never undoes that.
func foreign(now, before deploy.Links, wanted string) bool {
	if now.Running == "" || wanted == "" {
		return false // not read
	}
	boots := before.NextBoot
	if boots == "" {
		boots = before.Profile
	}
	ours := func(system string, all ...string) bool { return system == wanted || slices.Contains(all, system) }
	return !ours(now.Running, before.Running, boots) || !ours(now.Profile, before.Profile)
}

func foreignChange(now deploy.Links) *deploy.Problem {
	return &deploy.Problem{
		Code: deploy.CodeForeignChange, What: "somebody else changed the host during the run; nothing of it was undone",
		Details: linkLines("is", now),
	}
}

func tail(lines []string, n int) []string {
	if len(lines) > n {
		return lines[len(lines)-n:]
	}
	return lines
}
