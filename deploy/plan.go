package deploy

import (
	"time"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Plan is what a run of one stage will do, as data. It is immutable once made.
type Plan struct {
	Fleet  string `json:"fleet"`
	Stage  string `json:"stage"`
	Flake  string `json:"flake"`  // hash
	Source string `json:"source"` // where the flake came from
	// New says why the flake is another one than the hosts were confirmed with last.
	New       []string        `json:"new,omitempty"`
	Evaluates string          `json:"evaluates"` // where evaluation happens, for people
	Gate      Gate            `json:"gate"`
	Policy    inventory.Stage `json:"policy"`
	// Approvals is nil when the stage asks for none.
	Approvals *Approvals `json:"approvals,omitempty"`
	Waves     [][]string `json:"waves"` // names of hosts, in order
	Hosts     []HostPlan `json:"hosts"`
	// Budget is how many hosts of the stage may fail before no further host
	// begins.
	Budget int `json:"budget"`
	// AtMost bounds the stage's run: every wait of it has a deadline.
	AtMost time.Duration `json:"at_most"`
}

// Change says what a plan does with a host.
type Change string

// The changes that a plan can hold.
const (
	ChangeUnchanged Change = "unchanged"
	ChangeSwitch    Change = "change"
	ChangeEvaluate  Change = "evaluate" // its turn will tell: the host evaluates then
	ChangeUnknown   Change = "unknown"  // it could not be read, or not evaluated
	ChangeBlocked   Change = "blocked"  // will be refused: see Problem
)

// HostPlan is what a plan does with one host.
type HostPlan struct {
	Host     string       `json:"host"`
	Target   string       `json:"target"`
	Wave     int          `json:"wave"` // from 1
	Change   Change       `json:"change"`
	Observed *Observation `json:"observed,omitempty"` // nil: not contacted
	Wanted   string       `json:"wanted,omitempty"`   // toplevel, "" when not known yet
	Build    []string     `json:"build,omitempty"`    // derivations that would be built
	Fetch    []string     `json:"fetch,omitempty"`    // paths that would be fetched
	Transfer Transfer     `json:"transfer,omitzero"`  // size of the fetches
	// Difference is what the change brings; nil: the wanted system is not in the
	// host's store, or it was not asked.
	Difference *Difference `json:"difference,omitempty"`
	Notes      []string    `json:"notes,omitempty"` // what a person should know before
	Problem    *Problem    `json:"problem,omitempty"`
}

// Gate is the answer to "may this stage begin?".
type Gate struct {
	Open bool `json:"open"` // by proof and by the calendar, or by Override
	// Before lists, per earlier stage, the hosts with and without the record.
	Before []GateStage `json:"before,omitempty"`
	// Frozen is why the stage is frozen, "" when it is not.
	Frozen string `json:"frozen,omitempty"`
	// Shut says that it is outside of the stage's windows or in a freeze, "" when
	// it is not; Opens is when that ends, zero for never.
	Shut     string    `json:"shut,omitempty"`
	Opens    time.Time `json:"opens,omitzero"`
	Override string    `json:"override,omitempty"` // the reason given to go on all the same; only where it was needed
}

// Proven says that each earlier stage gives its proof.
func (g Gate) Proven() bool {
	for _, s := range g.Before {
		if !s.Open() {
			return false
		}
	}
	return true
}

// GateStage is the proof that one earlier stage gives.
type GateStage struct {
	Stage   string   `json:"stage"`
	Needed  int      `json:"needed,omitempty"` // how many hosts have to prove the flake; 0: all
	Proven  []string `json:"proven"`
	Missing []string `json:"missing"`
	// Failed are those of Missing that failed with this very flake, or since it was confirmed: one is enough
	// to close the gate.
	Failed []string `json:"failed,omitempty"`
	// Why says, for each host of Missing, what its proof lacks.
	Why map[string]string `json:"why,omitempty"`
}

// Open says that the stage gives its proof: one without hosts gives none.
func (g GateStage) Open() bool {
	needed := g.Needed
	if needed == 0 {
		needed = len(g.Proven) + len(g.Missing)
	}
	return len(g.Failed) == 0 && len(g.Proven) > 0 && len(g.Proven) >= needed
}
