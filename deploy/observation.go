package deploy

import "time"

// Links are the facts that decide what a host is: they are read back, never
// assumed from an exit code (contract 6.2).
type Links struct {
	ProfileLink string `json:"profile_link"` // "system-42-link", the generation's name
	Profile     string `json:"profile"`      // store path that the system profile resolves to
	Running     string `json:"running"`      // /run/current-system
	Booted      string `json:"booted"`       // /run/booted-system, "" when absent
	NextBoot    string `json:"next_boot"`    // what the boot loader starts next, "" when it cannot be read
	Reader      string `json:"reader"`       // which reader gave NextBoot: systemd-boot, grub, extlinux, profile, unknown
}

// Observation is what one inspection of a host found.
type Observation struct {
	Links
	NixOS       bool   `json:"nixos"`
	System      string `json:"system"` // Nix system double by uname
	Hostname    string `json:"hostname"`
	MachineID   string `json:"machine_id"`
	BootID      string `json:"boot_id"`
	Uptime      int64  `json:"uptime"` // seconds
	Container   bool   `json:"container"`
	WSL         bool   `json:"wsl"`
	NixVersion  string `json:"nix_version"`
	Rebuild     string `json:"rebuild"`      // resolved path of nixos-rebuild, "" when absent
	RebuildKind string `json:"rebuild_kind"` // "bash" or "python"
	Generations []int  `json:"generations"`  // existing numbers, ascending

	FailedUnits []string         `json:"failed_units"` // the baseline
	FreeBytes   map[string]int64 `json:"free_bytes"`   // by mount point: /nix, /boot, /efi, /boot/efi, /

	Marker *Marker    `json:"marker,omitempty"` // nil: this host was never confirmed by nixdeploy
	Lease  *Lease     `json:"lease,omitempty"`  // a live lease of some run
	Active *ActiveRun `json:"active,omitempty"` // an unresolved run folder
	// Foreign is who else is at work on the host, or soon will be.
	Foreign []ForeignActivity `json:"foreign,omitempty"`
	// RebootPending says that the running system's kernel, initrd or modules are
	// not the booted ones (contract 4.4).
	RebootPending bool `json:"reboot_pending"`
	// GuardReboot is "yes" when a guard would survive a reboot here, else why not.
	GuardReboot string `json:"guard_reboot"`
	// FlakePresent says that the uploaded flake of the asked hash is there and verified.
	FlakePresent bool `json:"flake_present"`
	// Recorded is the host's own record of the asked flake hash and attribute, if any.
	Recorded *Record `json:"recorded,omitempty"`
	// ConfirmedAgo is how many seconds ago, by the host's clock, the run of Recorded
	// switched the host and was confirmed; nil: it found the host unchanged, or other
	// runs have come since, of which a host keeps the newest.
	ConfirmedAgo *int64 `json:"-"`
	// Last is the record of the last confirmed run, whatever flake it was of, nil for
	// none: a rollback's has the flake that once brought its system, if that is known.
	Last *Record `json:"last,omitempty"`
	// WantedValid says that the recorded toplevel is still in the store.
	WantedValid bool `json:"wanted_valid"`
	// Failed is the newest run here with the asked flake, when it did not leave the
	// host on its system; nil when it did, or when the host is recorded well since.
	Failed *FailedRun `json:"failed,omitempty"`
	// Approvals are those of the asked flake that the host holds.
	Approvals []Approval `json:"approvals,omitempty"`
	// Previous is what a rollback without a named generation goes to.
	Previous *Previous `json:"previous,omitempty"`
}

// clockSlack is how far two clocks that measure one soak may come to differ.
const clockSlack = 2 * time.Second

// Unsoaked is how long a host that runs what another run confirmed there still has to
// soak, by its own clock; 0 where that is over, or not known. A clock that has gone
// back since makes it no shorter. o may be nil.
func (o *Observation) Unsoaked(soak time.Duration) time.Duration {
	if o == nil || o.ConfirmedAgo == nil || o.Recorded == nil || o.Running != o.Recorded.Toplevel {
		return 0
	}
	if left := soak - time.Duration(max(*o.ConfirmedAgo, 0))*time.Second; left > clockSlack {
		return left
	}
	return 0
}

// Marker names the inventory entry that a host belongs to. Root-owned on the
// host, written at the first confirm.
type Marker struct {
	Fleet string `json:"fleet"`
	Host  string `json:"host"`
}

// Lease is a live short lock on a host.
type Lease struct {
	Run      string `json:"run"`
	Operator string `json:"operator"`
	Since    int64  `json:"since"`   // unix seconds by the host's clock, for people only
	Seconds  int64  `json:"seconds"` // until it expires
}

// Claim is who won the one decision of an armed run.
type Claim string

// The values of a claim.
const (
	ClaimNone    Claim = ""
	ClaimConfirm Claim = "confirm"
	ClaimReturn  Claim = "return"
)

// Result is how an armed run was resolved on the host.
type Result string

// The values of a result.
const (
	ResultNone      Result = ""
	ResultConfirmed Result = "confirmed"
	ResultReturned  Result = "returned"
	ResultStranded  Result = "stranded"
)

// ActiveRun is an unresolved run folder found on a host: a guard is armed or a
// switch is under way.
type ActiveRun struct {
	Run       string `json:"run"`
	Operator  string `json:"operator"`
	Since     int64  `json:"since"` // unix seconds by the host's clock, for people only
	FlakeHash string `json:"flake_hash"`
	Attribute string `json:"attribute"`
	Mode      string `json:"mode"`   // switch or test-first
	Goal      Goal   `json:"goal"`   // system: it is on its way to one that its store had
	Wanted    string `json:"wanted"` // T
	Record    Links  `json:"record"` // what a return goes back to
	Claim     Claim  `json:"claim"`
	Result    Result `json:"result"`
	// SwitchDone says that the switch command has ended; SwitchCode is its exit
	// code, a hint only. SwitchActive says that its unit still runs.
	SwitchDone   bool  `json:"switch_done"`
	SwitchCode   int   `json:"switch_code"`
	SwitchActive bool  `json:"switch_active"`
	DecidesIn    int64 `json:"decides_in"` // seconds until the guard decides, by the host's uptime
	Rebooted     bool  `json:"rebooted"`   // the host booted since the run was armed
	// Failed are the units that were failed when it was armed: its baseline.
	Failed []string `json:"failed"`
}

// FailedRun is a run that did not leave a host on what it brought.
type FailedRun struct {
	Run    string `json:"run"`
	Result Result `json:"result"` // confirmed: it went back after its confirmation
}

// Record is one confirmed deployment as the host remembers it. FlakeHash is the
// hex digest of the flake's NAR hash, here and in every other noun.
type Record struct {
	FlakeHash string `json:"flake_hash"`
	Attribute string `json:"attribute"`
	Toplevel  string `json:"toplevel"`
	// ProfileLink is the generation that it was confirmed as, "" where that is not
	// recorded.
	ProfileLink string    `json:"profile_link,omitempty"`
	Run         string    `json:"run"`
	Operator    string    `json:"operator"`
	Stage       string    `json:"stage"`
	Time        time.Time `json:"time"`
	Failed      []string  `json:"failed"` // units already failed when it was confirmed
}
