// Package inventory turns hosts.toml into a validated Inventory: hosts,
// stages, checks and targets with every setting resolved (host > target >
// stage > defaults) and with where it came from.
//
// Nothing here contacts a host, reads a flake or knows how a deployment runs.
// A file with problems yields all of them at once (Problems), each with line,
// column and a hint, and no Inventory at all.
package inventory

import "time"

// Inventory is a whole, valid hosts.toml. It is immutable after Load and safe
// for concurrent reads.
type Inventory struct {
	Path   string // as given to Load
	Hash   string // hex SHA-256 of the file's bytes
	Fleet  string // [fleet] name
	Flake  FlakeSource
	Plans  Plans
	Users  []User  // sorted by name
	Stages []Stage // in rollout order; only those named in [stages] order
	Hosts  []Host  // sorted by stage order, then by name; at least one in each stage
}

// Activation is how a new system is activated on a host (design: the pipeline).
type Activation string

// The activations that hosts.toml accepts.
const (
	ActivationSwitch    Activation = "switch"
	ActivationTestFirst Activation = "test-first"
)

// OnFailure says how far healthy hosts go back with a failed one.
type OnFailure string

// The values of on_failure.
const (
	OnFailureHost  OnFailure = "host"
	OnFailureWave  OnFailure = "wave"
	OnFailureStage OnFailure = "stage"
)

// Stage is one promotion step with its rollout policy.
type Stage struct {
	Name        string        `json:"name"`
	Batches     []Share       `json:"batches"`      // waves; never empty: the default is one wave of everything
	Parallel    int           `json:"parallel"`     // hosts at once, at least 1
	MaxFailures Share         `json:"max_failures"` // failure budget; 0 by default
	OnFailure   OnFailure     `json:"on_failure"`
	Soak        time.Duration `json:"soak"` // nanoseconds in JSON
	// Gate is how many of its hosts have to prove a flake before a later stage
	// may begin with it: all of them by default.
	Gate Share `json:"gate"`
	// Frozen is why the stage is closed, "" when it is not.
	Frozen   string   `json:"frozen,omitempty"`
	Approval bool     `json:"approval,omitempty"` // a person approves each flake before it begins here
	Windows  []Window `json:"windows,omitempty"`  // when it may begin waves; none: always
	Freeze   []Freeze `json:"freeze,omitempty"`   // days on which it begins none
}

// Host is one machine with all of its settings resolved.
type Host struct {
	Name    string
	Stage   string
	Target  string
	Tags    []string // sorted
	System  string   // Nix system double, "" when unknown
	Address string
	Port    int
	// Jump is the chain of ssh jump hosts in dial order, each [user@]host[:port]
	// as written (an IPv6 address with a port in brackets). Host is a plain
	// name for ~/.ssh/config to know, or an address; never a host of this file.
	Jump          []string
	User          string
	BootstrapUser string   // "" for none
	Elevate       string   // "none", "sudo" or "doas"
	HostKey       string   // pinned, "TYPE BASE64"; "" to rely on known_hosts
	IdentityFiles []string // as written: ~ and relative paths are for the reader to expand
	Attribute     string   // nixosConfigurations.<Attribute>
	Activation    Activation
	// ActivationTimeout bounds the switch, ConfirmTimeout the silence after
	// which the guard returns the host. Both are whole seconds, as is
	// BuildTimeout, and never 0.
	ActivationTimeout time.Duration
	ConfirmTimeout    time.Duration
	BuildTimeout      time.Duration
	// AcceptGuardLoss allows activation = "switch" on a host whose guard
	// cannot survive a reboot (accept_guard_loss = true).
	AcceptGuardLoss bool
	ReturnReboot    ReturnReboot
	Checks          []Check  // never empty: ["units"] by default
	PackageProfile  string   // "" for what the target brings
	Users           []string // names of Inventory.Users that it has, sorted
	// Home says which home modules are on or off for every user here, over what
	// the user says; a module without an entry goes by the target.
	Home          map[string]bool
	TimeZone      string   // "" for what the target brings
	Locale        string   // likewise
	ExtraPackages []string // attribute paths below pkgs, as JoinAttrPath writes them
	TCPPorts      []int    // that the firewall lets in, the target's first
	UDPPorts      []int
	Modules       []string // Nix files below hosts.toml's folder, relative to it, cleaned; the target's first
	Override      Override
	// Provenance maps a setting's key as written in hosts.toml ("port",
	// "activation", ...) to where its value came from.
	Provenance map[string]Origin
}

// ReturnReboot says whether the way back may reboot the host into its record,
// once. A container and WSL are never rebooted.
type ReturnReboot string

// The values of return_reboot.
const (
	// RebootAuto: where what it boots is read back, and nothing else brings the
	// recorded system, or its kernel, back.
	RebootAuto ReturnReboot = "auto"
	// RebootAllow: also where the boot loader cannot be read, and where a unit
	// that was up before does not start any more.
	RebootAllow ReturnReboot = "allow"
	RebootNever ReturnReboot = "never"
)

// Origin is where a resolved setting came from.
type Origin struct {
	// From is "host web-1", "target hetzner", "stage prod", "ssh" or "default";
	// of a setting that adds up (tags, modules) all of them: "host web-1, target hetzner".
	From string `json:"from"`
	Line int    `json:"line,omitempty"` // in hosts.toml, 0 for defaults
}

// Override holds NixOS options by attribute path, per priority. A path is as
// JoinAttrPath writes it (SplitAttrPath reads it); no path is a part of another
// one of its priority. A value is a string, bool, int64, float64, []any or
// map[string]any.
type Override struct {
	Default map[string]any // mkDefault
	Plain   map[string]any
	Force   map[string]any // mkForce
}

// CheckType is what a health check does.
type CheckType string

// The health check types.
const (
	CheckUnits   CheckType = "units"   // nothing failed that was not failed before
	CheckActive  CheckType = "active"  // the named units are active
	CheckHTTP    CheckType = "http"    // a request, from the deployer or on the host
	CheckTCP     CheckType = "tcp"     // a connection opens
	CheckCommand CheckType = "command" // a command on the host exits 0
)

// Check is one health check with its clocks.
type Check struct {
	Name         string
	Type         CheckType
	Units        []string // active
	URL          string   // http; {address} and {host} are replaced
	ExpectStatus int      // http; 200 by default
	From         string   // http, tcp: "deployer" (default) or "host"
	Address      string   // tcp: "HOST:PORT" or ":PORT" (the host's own address); {address} is replaced
	Command      []string // command: argv, run as root on the host, never through a shell
	Interval     time.Duration
	Timeout      time.Duration // of one try
	Successes    int           // in a row
	Deadline     time.Duration // of the whole check
}

// StageByName returns the stage called name.
func (inv *Inventory) StageByName(name string) (Stage, bool) {
	for _, s := range inv.Stages {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// HostByName returns the host called name.
func (inv *Inventory) HostByName(name string) (Host, bool) {
	for _, h := range inv.Hosts {
		if h.Name == name {
			return h, true
		}
	}
	return Host{}, false
}
