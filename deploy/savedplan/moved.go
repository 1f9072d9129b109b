package savedplan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// MovedHost says how a host is no longer what the plan saw, nil when it is.
// Three ways lead on: it is what it was; it stands on the planned system, from
// an earlier apply of the same file; or a dead run between the two is unresolved
// on it, which is settled first. NextBoot counts only where both could be read.
func MovedHost(planned deploy.HostPlan, now deploy.Observation) *deploy.Problem {
	was := planned.Observed
	if was == nil {
		return nil
	}
	var details []string
	differs := func(what, before, after string) {
		if before != after {
			details = append(details, fmt.Sprintf("%-8s was %s, is %s", what, orNone(before), orNone(after)))
		}
	}
	if was.MachineID != "" && now.MachineID != was.MachineID {
		differs("machine", was.MachineID, now.MachineID)
	}
	links := now.Links
	if a := now.Active; a != nil {
		links = a.Record // what it is, until that run is settled
		switch {
		case a.Wanted == planned.Wanted:
		case a.Wanted == was.Profile && onWanted(a.Record, planned.Wanted):
			links = was.Links // it was on its way back to what the plan saw
		default:
			details = append(details, fmt.Sprintf("run %s of %s is unresolved on it, on its way to %s", a.Run, a.Operator, a.Wanted))
		}
	}
	if !onWanted(links, planned.Wanted) {
		differs("profile", was.ProfileLink+" "+was.Profile, links.ProfileLink+" "+links.Profile)
		differs("running", was.Running, links.Running)
		if was.NextBoot != "" && links.NextBoot != "" {
			differs("boots", was.NextBoot, links.NextBoot)
		}
	}
	if len(details) == 0 {
		return nil
	}
	return &deploy.Problem{
		Code: deploy.CodeMoved, Host: planned.Host, Step: deploy.StepInspect,
		What: "the host has changed since the plan was saved", Details: details, State: "not touched",
	}
}

// onWanted says that a host stands on the planned system: nothing is left to do.
func onWanted(l deploy.Links, wanted string) bool {
	return wanted != "" && l.Profile == wanted && l.Running == wanted && (l.NextBoot == "" || l.NextBoot == wanted)
}

// MovedInventory says what of the inventory is no longer what the plan was made
// by, nil when it is the same file. The hash decides; what is named is help.
func MovedInventory(saved Inventory, now *inventory.Inventory) *deploy.Problem {
	if saved.Hash == now.Hash {
		return nil
	}
	var details []string
	for _, name := range slices.Sorted(maps.Keys(saved.Hosts)) {
		h, ok := now.HostByName(name)
		if !ok {
			details = append(details, name+": is not in it any more")
			continue
		}
		was, is := saved.Hosts[name], settings(h)
		for _, key := range keysOf(was, is) {
			if was[key] != is[key] {
				details = append(details, fmt.Sprintf("%s: %s was %s, is %s", name, key, orNone(was[key]), orNone(is[key])))
			}
		}
	}
	if len(details) == 0 {
		details = []string{"no setting of the plan's hosts: other hosts, a stage, a check, an override or a comment"}
	}
	return &deploy.Problem{
		Code: deploy.CodeMoved, What: now.Path + " has changed since the plan was saved", Details: few(details), State: "not touched",
	}
}

// MovedFlake says which files are no longer those that the plan was made of, nil
// when the flake is the same. The hash decides.
func MovedFlake(saved Flake, now *flake.Flake) *deploy.Problem {
	if saved.Digest == now.Digest() {
		return nil
	}
	is := FlakeOf(now).Files
	var details []string
	for _, path := range keysOf(saved.Files, is) {
		before, there := saved.Files[path]
		after, here := is[path]
		switch {
		case !there:
			details = append(details, "new      "+path)
		case !here:
			details = append(details, "removed  "+path)
		case before != after:
			details = append(details, "changed  "+path)
		}
	}
	return &deploy.Problem{
		Code: deploy.CodeMoved, What: "the flake (" + now.Source + ") has changed since the plan was saved",
		Details: append([]string{"was " + saved.Hash + ", is " + now.Hash}, few(details)...), State: "not touched",
	}
}

// few keeps an error readable: the first of many lines and how many there are.
func few(lines []string) []string {
	const most = 12
	if len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("and %d more", len(lines)-most))
}

func keysOf(a, b map[string]string) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
