package simfleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Traits are what hosts of one kind have in common; many hosts share one value,
// which must not be changed while they live. The zero value is an ordinary
// x86_64 machine with systemd-boot and the Python nixos-rebuild.
type Traits struct {
	Machine    string // uname -m; "x86_64" by default
	NotNixOS   bool
	Container  bool
	WSL        bool
	Reader     string // boot loader; by kind of host when ""
	BashTool   bool   // the older nixos-rebuild, a shell script
	NoTool     bool   // no nixos-rebuild at all
	NixVersion string // "2.31.2" by default
	// GuardLost says why a guard would not survive a reboot here, in the words
	// of the inspect script; "" when it does.
	GuardLost string
	// Free is "KIB MOUNT" for each mount point, as df has it.
	Free []string
	// UpgradeDue is in how long system.autoUpgrade begins, 0: never.
	UpgradeDue time.Duration
	// BootTime is how long a boot takes. During it nobody reaches the host.
	BootTime time.Duration
	// Users are those who exist, and may log in where the server asks; nil: root
	// and deploy, who may become root.
	Users []User
	// Ground is what the host is whatever runs on it; nil: of its kind, an ordinary
	// one.
	Ground *Ground
	// Options is what nix eval prints when it is asked for options; "": the host's Nix
	// cannot evaluate any.
	Options string
	// The functions below are called with the host's lock held: they must not
	// call the host. Command answers a command check; it knows only true and false by default.
	Command func(running string, argv []string) (exit int, output string)
	// Fetch answers curl on the host: curl's exit code and the HTTP status. By
	// default nothing listens (7).
	Fetch func(running, url string) (exit, status int)
	// Connect answers a TCP check on the host, 0 for open. By default nothing
	// listens (1).
	Connect func(running, host, port string) (exit int)
}

// User is one account of a host.
type User struct {
	Name string
	Root bool // is root, or becomes it by sudo and doas without a password
}

// HostOptions say what a host is when it is made.
type HostOptions struct {
	Hostname string
	// MachineID has 32 hex digits; made from Hostname by default.
	MachineID string
	Traits    *Traits // nil: the ordinary ones
	// System is what it runs, booted and boots next; generation Generation of
	// its profile (1 by default).
	System     System
	Generation int
	// Marker makes it one that nixdeploy knows already.
	Marker    *deploy.Marker
	SystemFor SystemFor // PlainSystem by default
	// Uptime is how long it has been up (an hour by default).
	Uptime time.Duration
	// Now is the clock, Sleep waits by it; the real ones by default. Whoever
	// gives one gives both, and calls Settle where time passes and nobody asks.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// OnNetwork hears when nobody can reach the host any more, and when it can
	// be reached again. It is called with the host's lock held: it must not call
	// the host, and not block.
	OnNetwork func(up bool)
	// OnActivate hears of each system that is activated, a boot apart. The same
	// holds as for OnNetwork.
	OnActivate func(toplevel string)
	// Uploads lets hosts share the files of equal flakes; nil: each its own.
	Uploads *Uploads
}

// boot is one boot of a host.
type boot struct {
	id       string
	at       time.Time
	toplevel string
}

// Host is a NixOS host in memory. It answers what the remote scripts of
// nixdeploy answer, verb by verb, and has a guard that decides as theirs does.
// What happens on it in time (a switch, its guard, a boot) happens when its
// clock says so, at the latest when the next request comes. Safe for concurrent
// use. Close it.
type Host struct {
	hostname  string
	machineID string
	traits    *Traits
	systemFor SystemFor
	clock     func() time.Time
	sleep     func(ctx context.Context, d time.Duration) error
	ownClock  bool
	onNetwork func(up bool)
	onActive  func(toplevel string)
	uploads   *Uploads

	mu      sync.Mutex
	now     time.Time
	queue   []event
	events  uint64
	waiters map[uint64]context.CancelFunc
	alarm   *time.Timer
	alarms  sync.WaitGroup
	closed  bool

	// What survives a power cut.
	profile profile
	loader  string // what the boot loader starts, where the profile is not it
	store   []*System
	invalid []string // toplevels that the store's database does not know
	flakes  []upload // newest first
	records []record // newest first
	decided int      // runs that were put away
	// approvals are by flake, as lines STAGE WHO TIME.
	approvals map[string][]string
	// rolledBack is the rollback that was confirmed since the newest record, with when.
	rolledBack   string
	rolledBackAt int64
	marker       *deploy.Marker
	active       *run
	done         []*run // newest first
	broken       []string
	faults       HostFaults

	// What does not.
	boots     int
	booted    boot
	running   string
	halted    bool // units are down: a switch was cut between stop and start
	failed    []string
	loops     []string
	lease     *lease
	keeper    *lease // renewed as long as a build runs
	stc       *process
	activator *process  // nixos-rebuild-switch-to-configuration.service
	onKilled  func()    // tells whoever waits for the activator that it was killed
	switcher  *stranger // who switches without nixdeploy
	strangers int
	guard     guard
	off       bool
	cut       bool // the running system broke the network
	told      bool // what OnNetwork was told last is "down"
	outages   int  // how often everybody was cut off
}

var ordinary = &Traits{}

// NewHost makes a host that is up and at rest.
func NewHost(o HostOptions) *Host {
	h := &Host{
		hostname: o.Hostname, machineID: o.MachineID, traits: o.Traits, systemFor: o.SystemFor,
		clock: o.Now, sleep: o.Sleep, ownClock: o.Now != nil, onNetwork: o.OnNetwork, onActive: o.OnActivate,
		uploads: o.Uploads,
	}
	if h.machineID == "" {
		sum := sha256.Sum256([]byte("machine-id of " + o.Hostname))
		h.machineID = hex.EncodeToString(sum[:16])
	}
	if h.traits == nil {
		h.traits = ordinary
	}
	if h.systemFor == nil {
		h.systemFor = PlainSystem
	}
	if h.clock == nil {
		h.clock = time.Now
	}
	if h.sleep == nil {
		h.sleep = sleepReal
	}
	if o.Uptime == 0 {
		o.Uptime = time.Hour
	}
	if o.Marker != nil {
		m := *o.Marker
		h.marker = &m
	}
	h.now = h.clock()
	system := o.System
	if system.Toplevel == "" {
		system.Toplevel = ToplevelPath("first system", o.Hostname)
	}
	h.keep(&system)
	number := max(o.Generation, 1)
	h.profile = profile{generations: []generation{{number: number, toplevel: system.Toplevel}}, current: number}
	h.loader, h.running = system.Toplevel, system.Toplevel
	h.booted = boot{id: h.bootID(), at: h.now.Add(-o.Uptime), toplevel: system.Toplevel}
	h.settleUnits(&system)
	return h
}

// Close ends what the host would still do by itself. Requests after it are
// answered from the state as it is.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	h.stopAlarm()
	h.wake()
	h.mu.Unlock()
	h.alarms.Wait()
}

// Settle brings the host forward to its clock's present. Every request does.
func (h *Host) Settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance()
	h.wake()
}

// Links reads the three facts (and the profile's link) as they are now.
func (h *Host) Links() deploy.Links {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance()
	return h.links()
}

// Reachable reports whether the host answers on the network now.
func (h *Host) Reachable() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance()
	return h.reachable()
}

func (h *Host) reachable() bool { return !h.off && !h.cut }

// tellNetwork lets OnNetwork hear of a change.
func (h *Host) tellNetwork() {
	down := !h.reachable()
	if down == h.told {
		return
	}
	h.told = down
	if down {
		h.outages++
	}
	if h.onNetwork != nil {
		h.onNetwork(!down)
	}
}

// bootID is another one for each boot, and the same in each run of a test.
func (h *Host) bootID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "boot %d of %s", h.boots, h.machineID))
	x := hex.EncodeToString(sum[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// system finds a toplevel in the store, nil when it is not there.
func (h *Host) system(toplevel string) *System {
	for _, s := range h.store {
		if s.Toplevel == toplevel {
			return s
		}
	}
	return nil
}

// keep puts a system into the store.
func (h *Host) keep(s *System) {
	if h.system(s.Toplevel) == nil {
		h.store = append(h.store, s)
	}
}

// switchable reports whether TOPLEVEL/bin/switch-to-configuration can be run.
func (h *Host) switchable(toplevel string) bool {
	s := h.system(toplevel)
	return s != nil && !s.Unswitchable
}

// settleUnits is what systemd shows once a system's units were started.
func (h *Host) settleUnits(s *System) {
	h.halted = false
	h.failed = slices.Compact(slices.Sorted(slices.Values(slices.Concat(h.broken, s.FailsUnits))))
	h.loops = s.LoopsUnits
	if len(h.failed) == 0 {
		h.failed = nil
	}
}
