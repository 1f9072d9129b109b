package rollout

import (
	"fmt"
	"slices"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Doubled finds hosts of a plan that are one machine under two names, as a run would:
// a problem for each, by name.
func Doubled(hosts []deploy.HostPlan) map[string]*deploy.Problem {
	return doubled(map[string]string{}, hosts)
}

// doubled finds machines that answer under two names of the inventory: two
// writers on one host. It returns a problem for each of hosts that shares its
// machine-id with another, or with a name that known holds (machine-id -> name,
// of earlier stages), and adds the rest to known.
func doubled(known map[string]string, hosts []deploy.HostPlan) map[string]*deploy.Problem {
	names := map[string][]string{}
	for _, h := range hosts {
		if h.Observed == nil || h.Observed.MachineID == "" {
			continue
		}
		id := h.Observed.MachineID
		if earlier, ok := known[id]; ok && len(names[id]) == 0 {
			names[id] = append(names[id], earlier)
		}
		if !slices.Contains(names[id], h.Host) {
			names[id] = append(names[id], h.Host)
		}
	}
	problems := map[string]*deploy.Problem{}
	for id, same := range names {
		known[id] = same[0]
		if len(same) < 2 {
			continue
		}
		for _, name := range same {
			others := slices.DeleteFunc(slices.Clone(same), func(s string) bool { return s == name })
			problems[name] = &deploy.Problem{
				Code:    deploy.CodeIdentity,
				Host:    name,
				Step:    deploy.StepInspect,
				What:    fmt.Sprintf("is the same machine as %s", list(others)),
				Details: []string{"machine-id " + id + " was read under each of these names"},
				State:   "not touched",
				Next: "give each machine one name in hosts.toml; a cloned machine needs a machine-id of its own: " +
					"remove /etc/machine-id on the clone and reboot it",
			}
		}
	}
	return problems
}
