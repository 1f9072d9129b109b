// Package host drives one host through its pipeline: connect, inspect, lock,
// upload, build, arm, switch, reconnect, health, confirm, or the way back.
//
// Every step is observe, decide, act. What comes next is decided by Next, a pure
// function of a Progress; effects happen through small interfaces, so that a
// real host, a simulated one and a test double serve alike. Nothing here knows
// SSH, shell or what other hosts do.
package host

import (
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Progress is all that is known of one host in one run. It is plain data.
type Progress struct {
	Goal   deploy.Goal          `json:"goal"`
	Mode   inventory.Activation `json:"mode"`
	Wanted string               `json:"wanted"` // toplevel, "" until known
	// Recorded says that the host's own record of this flake is already right.
	Recorded bool `json:"recorded"`

	Inspected bool                 `json:"inspected"`
	Observed  deploy.Observation   `json:"observed"`
	Before    deploy.Links         `json:"before"`  // what a return goes back to
	Adopted   bool                 `json:"adopted"` // an earlier run of ours is unresolved on the host
	Uploaded  bool                 `json:"uploaded"`
	Built     *deploy.BuildAnswer  `json:"built,omitempty"`
	Armed     bool                 `json:"armed"`
	Started   bool                 `json:"started"`
	Switch    *deploy.SwitchAnswer `json:"switch,omitempty"`
	Fresh     bool                 `json:"fresh"` // a new connection proved that the host can be reached
	Healthy   bool                 `json:"healthy"`
	// Returning says that this is the way back of a host that was confirmed:
	// the checks were made for what it leaves, so that it can be reached on its
	// record is what counts.
	Returning bool               `json:"returning"`
	Settled   *deploy.Settlement `json:"settled,omitempty"`
	// Unsettled says that the way back was asked for and gave no answer in time.
	Unsettled bool `json:"unsettled"`

	// Recheck is what was read of a returned host over a new connection, nil when
	// there was none.
	Recheck *deploy.Observation `json:"recheck,omitempty"`

	// Failure is the first thing that went wrong; later ones do not hide it.
	Failure *deploy.Problem `json:"failure,omitempty"`
}

// Unchanged reports whether the host already is what is wanted: nothing is
// switched then, so nothing can be undone.
func (p *Progress) Unchanged() bool {
	o := p.Observed.Links
	return p.Inspected && !p.Adopted && p.Wanted != "" && o.Running == p.Wanted && o.Profile == p.Wanted &&
		(o.NextBoot == "" || o.NextBoot == p.Wanted)
}
