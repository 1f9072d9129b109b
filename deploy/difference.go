package deploy

// Difference is what a change brings to one host, against what it runs now. It
// needs both systems in the host's store, so a plan of a system that is not
// built there yet has none.
type Difference struct {
	From string `json:"from"` // toplevel that runs
	To   string `json:"to"`   // toplevel that is wanted
	// Packages are those whose versions differ, or whose size does by 8 KiB or
	// more, by name: what `nix store diff-closures` prints.
	Packages []PackageChange `json:"packages"`
	OldSize  int64           `json:"old_size"` // bytes of the closure that runs
	NewSize  int64           `json:"new_size"` // bytes of the closure that is wanted
	// Units is what dry-activate says: an estimate, incomplete by its own manual.
	// nil: it was not asked.
	Units *UnitChanges `json:"units,omitempty"`
	// Reboot names the parts of the booted system that only a reboot replaces:
	// kernel, initrd, kernel-modules, kernel-params (contract 4.4).
	Reboot []string `json:"reboot,omitempty"`
	// Inhibitors are changes for which switch-to-configuration refuses a switch,
	// "dbus-implementation: dbus -> broker" (NixOS 26.05, contract 4.3).
	Inhibitors []string `json:"inhibitors,omitempty"`
	// BootNeeds is how many bytes the boot partition needs for the wanted kernel
	// and initrd, 0 where they are there or none is needed.
	BootNeeds int64 `json:"boot_needs,omitempty"`
}

// PackageChange is one package of a Difference.
type PackageChange struct {
	Name string `json:"name"`
	// Old are the versions that go and New those that come, sorted; "ε" is a
	// package without one. No Old: it is new. No New: it goes. Neither: only its
	// size differs.
	Old   []string `json:"old"`
	New   []string `json:"new"`
	Bytes int64    `json:"bytes"` // by how much the closure grows
}

// UnitChanges are systemd units, by what a switch would do to them; each list is
// in the order in which it was printed.
type UnitChanges struct {
	Stop    []string `json:"stop,omitempty"`
	Start   []string `json:"start,omitempty"`
	Restart []string `json:"restart,omitempty"`
	Reload  []string `json:"reload,omitempty"`
	Kept    []string `json:"kept,omitempty"`    // changed, and not restarted
	Manager bool     `json:"manager,omitempty"` // systemd itself would be restarted
}

// Transfer is the size of what a host would fetch, in bytes as near as Nix
// printed it.
type Transfer struct {
	Download int64 `json:"download"`
	Unpacked int64 `json:"unpacked"`
}

// PlanLevel says how much a plan may ask of the hosts.
type PlanLevel string

// The levels of a plan, from cheap to thorough.
const (
	PlanQuick    PlanLevel = "quick"     // evaluate and compare; on hosts, read only
	PlanDryBuild PlanLevel = "dry-build" // the default: what would be built and fetched
	PlanFull     PlanLevel = "full"      // built on the hosts, and dry-activated
)
