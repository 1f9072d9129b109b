package host

import (
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// profilePath is the system profile of every host.
const profilePath = "/nix/var/nix/profiles/system"

// mend is what a person types for a stranded host. The commands are those of
// the exact return (contract 3.4), as root on the host, and only those that its
// last reading calls for; each can be typed twice.
func mend(out deploy.Outcome, run string) string {
	if out.Before.ProfileLink == "" {
		return "nixdeploy resume; if it still cannot be reached, look at its console"
	}
	commands := strings.Join(byHand(out.Before, out.After), " && ")
	resume := "nixdeploy resume"
	if out.Problem.Code == deploy.CodeUnreachable { // its last reading may be from before what broke it
		resume += "; if it does not come up, choose " + bootEntry(out.Before) + " in its boot menu, at its console"
	}
	switch {
	case out.Problem.Code == deploy.CodeForeignChange && out.Problem.Step != deploy.StepArm: // it is armed
		return "to go back, as root on it: " + commands + "; then: nixdeploy resume. To keep what it runs now, as root on it: " +
			"sh /var/lib/nixdeploy/active/guard.sh - release " + run + "; then: nixdeploy resume"
	case commands == "":
		return resume
	}
	return resume + "; if that does not help, as root on it: " + commands + "; then: nixdeploy resume"
}

// bootEntry is what a boot menu calls the recorded system.
func bootEntry(before deploy.Links) string {
	if before.Running != before.Profile {
		return "the entry of " + before.Running
	}
	return "generation " + strings.TrimSuffix(strings.TrimPrefix(before.ProfileLink, "system-"), "-link")
}

// byHand lists the commands that lead from after to before; a reading that is
// empty is taken for one that is off.
func byHand(before, after deploy.Links) []string {
	var commands []string
	if after.ProfileLink != before.ProfileLink || after.Profile != before.Profile {
		commands = append(commands, setProfile(before))
	}
	boots := before.NextBoot
	if boots == "" {
		boots = before.Profile // a boot loader that cannot be read follows the profile
	}
	toBoot := after.NextBoot == "" || after.NextBoot != boots
	toRun := after.Running != before.Running
	switch {
	case toBoot && toRun && boots == before.Running:
		commands = append(commands, switchTo(before.Running, "switch"))
	default:
		if toBoot {
			commands = append(commands, switchTo(boots, "boot"))
		}
		if toRun {
			commands = append(commands, switchTo(before.Running, "test"))
		}
	}
	return commands
}

// setProfile goes by the generation, which makes no new one; where that is gone,
// by the store path.
func setProfile(before deploy.Links) string {
	number := strings.TrimSuffix(strings.TrimPrefix(before.ProfileLink, "system-"), "-link")
	return "{ nix-env -p " + profilePath + " --switch-generation " + number + " || nix-env -p " + profilePath + " --set " + before.Profile + "; }"
}

func switchTo(system, how string) string { return system + "/bin/switch-to-configuration " + how }
