package deploy

import "time"

// Goal says what a host is brought to.
type Goal string

// The goals of a run on one host.
const (
	GoalFlake  Goal = "flake"  // the toplevel that its flake attribute builds to
	GoalSystem Goal = "system" // a system that is already in its store: a rollback
)

// BuildRequest asks a host to evaluate, and to build unless PlanOnly.
type BuildRequest struct {
	PlanOnly bool
	// Exact builds at once, without a dry-build before: what it comes to is known
	// from a saved plan.
	Exact bool
	// Keep pins what is built beyond the run: until the host has built three
	// newer ones that are kept, too.
	Keep      bool
	Digest    string // hex, of the uploaded flake
	Hash      string // SRI, of the same
	Attribute string
	User      string        // whose login the connection is
	Timeout   time.Duration // for each of dry-build and build
}

// BuildAnswer is what came of a BuildRequest. Codes are hints: Toplevel is the
// proof that an evaluation or a build succeeded.
type BuildAnswer struct {
	DryBuildCode int      `json:"dry_build_code"`
	BuildCode    int      `json:"build_code"`
	Toplevel     string   `json:"toplevel"` // "" when it failed
	Build        []string `json:"build"`    // derivations that dry-build listed, sorted
	Fetch        []string `json:"fetch"`    // paths that dry-build listed, sorted
	Transfer     Transfer `json:"transfer"` // of Fetch
	Unswitchable bool     `json:"unswitchable"`
	Output       []string `json:"-"` // the newest lines that the tools printed
	// Ground and Demands are what the host stands on and what Toplevel expects of
	// it; nil where Toplevel is not in the host's store.
	Ground  *Ground  `json:"-"`
	Demands *Demands `json:"-"`
}

// DifferenceRequest asks a host what another system would bring to it.
type DifferenceRequest struct {
	From    string        // toplevel that runs
	To      string        // toplevel that is wanted
	Units   bool          // dry-activate it, too
	Timeout time.Duration // for dry-activate
}

// DifferenceAnswer is what came of a DifferenceRequest.
type DifferenceAnswer struct {
	Difference *Difference // nil: the wanted system is not in the host's store
	Refused    string      // why Units is nil although it was asked for
}

// ArmRequest is what a guard needs to know before a switch.
type ArmRequest struct {
	Stage             string
	Fleet             string
	Host              string
	Digest            string
	Hash              string
	Attribute         string
	Mode              string // switch or test-first
	Goal              Goal
	Wanted            string // toplevel
	WantedLink        string // generation link of Wanted, for GoalSystem
	Expect            Links  // the host is not armed when its links are no longer these
	ActivationTimeout time.Duration
	ConfirmTimeout    time.Duration
	ReturnReboot      string // whether the way back may reboot: auto (""), allow, never
}

// SwitchAnswer is where a switch stands.
type SwitchAnswer struct {
	Done   bool     `json:"done"` // its command has ended
	Code   int      `json:"code"` // a hint, when Done
	Lost   bool     `json:"lost"` // its unit is gone and left no exit code
	Claim  Claim    `json:"claim"`
	Gone   bool     `json:"gone"` // the run is resolved already: see Result
	Result Result   `json:"result"`
	Links  Links    `json:"links"`
	Offset int64    `json:"offset"` // bytes of its output handed on so far
	Output []string `json:"-"`      // what it printed since the offset asked for
}

// Settlement is how an armed run was decided on the host.
type Settlement struct {
	Claim      Claim  `json:"claim"`  // who won
	Result     Result `json:"result"` // ResultNone: not decided in the time given
	Gone       bool   `json:"gone"`   // the run is no longer the host's unresolved one
	Unverified bool   `json:"unverified"`
	Links      Links  `json:"links"`
	// Down are units that were up when the run was armed and do not start any
	// more after the return.
	Down []string `json:"down,omitempty"`
	Log  []string `json:"-"` // the guard's own account
}

// RecordRequest asks an unchanged, healthy host to remember a flake.
type RecordRequest struct {
	Stage     string
	Fleet     string
	Host      string
	Digest    string
	Attribute string
	Toplevel  string
}

// Previous is what the newest confirmed run on a host went away from.
type Previous struct {
	Run         string `json:"run"`
	ProfileLink string `json:"profile_link"`
	Profile     string `json:"profile"`
	Wanted      string `json:"wanted"` // what that run brought the host to
}
