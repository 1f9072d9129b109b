package deploy

import (
	"slices"
	"strings"
	"time"
)

// Radius is the blast radius of a plan: how far a run of it reaches, and what it
// interrupts. It is summed up from the plan, which holds nothing else of it.
type Radius struct {
	Stage string `json:"stage"`
	// Hosts is how many hosts a run may change: those that would switch, that
	// have yet to evaluate, and that could not be read.
	Hosts  int           `json:"hosts"`
	Waves  int           `json:"waves"`   // that have such a host
	AtMost time.Duration `json:"at_most"` // nanoseconds; the bound of the plan
	// Asked is how many of Hosts were asked by dry-activate. What follows of
	// units is its estimate, and of these hosts only.
	Asked    int           `json:"asked"`
	Restarts int           `json:"restarts"` // units that restart, each counted on each host
	Restart  []string      `json:"restart"`  // hosts on which a unit restarts
	AtRisk   []UnitOnHosts `json:"at_risk"`  // units that a connection may hang on, by name
	// Differences is how many of Hosts have a difference. What follows is of these
	// hosts only.
	Differences int      `json:"differences"`
	Reboot      []string `json:"reboot"`  // hosts that need a reboot to have all of it
	Refused     []string `json:"refused"` // hosts on which a switch inhibitor refuses it
}

// UnitOnHosts is a unit that several hosts have.
type UnitOnHosts struct {
	Unit  string   `json:"unit"`
	Hosts []string `json:"hosts"`
}

// Radius sums up what a run of the plan reaches.
func (p Plan) Radius() Radius {
	r := Radius{Stage: p.Stage, AtMost: p.AtMost, Restart: []string{}, AtRisk: []UnitOnHosts{}, Reboot: []string{}, Refused: []string{}}
	waves := map[int]bool{}
	risky := map[string][]string{}
	for _, h := range p.Hosts {
		if h.Change != ChangeSwitch && h.Change != ChangeEvaluate && h.Change != ChangeUnknown {
			continue
		}
		r.Hosts++
		waves[h.Wave] = true
		if h.Difference != nil {
			r.add(h.Host, h.Difference)
			for _, unit := range h.Difference.Units.AtRisk() {
				risky[unit] = append(risky[unit], h.Host)
			}
		}
	}
	r.Waves = len(waves)
	for unit, hosts := range risky {
		r.AtRisk = append(r.AtRisk, UnitOnHosts{Unit: unit, Hosts: hosts})
	}
	slices.SortFunc(r.AtRisk, func(a, b UnitOnHosts) int { return strings.Compare(a.Unit, b.Unit) })
	return r
}

func (r *Radius) add(host string, d *Difference) {
	r.Differences++
	if len(d.Reboot) > 0 {
		r.Reboot = append(r.Reboot, host)
	}
	if len(d.Inhibitors) > 0 {
		r.Refused = append(r.Refused, host)
	}
	if d.Units == nil {
		return
	}
	r.Asked++
	if n := len(d.Units.Restarts()); n > 0 {
		r.Restarts += n
		r.Restart = append(r.Restart, host)
	}
}

// Restarts lists the units that a switch restarts, or stops and starts again.
func (u *UnitChanges) Restarts() []string {
	restarts := slices.Clone(u.Restart)
	for _, unit := range u.Stop {
		if slices.Contains(u.Start, unit) {
			restarts = append(restarts, unit)
		}
	}
	slices.Sort(restarts)
	return slices.Compact(restarts)
}
