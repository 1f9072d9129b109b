package simfleet

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/flake"
)

// System is one NixOS system as far as a simulated host knows it: what an
// attribute of a flake comes to, and how it behaves once it is activated. The
// zero value of each field is the harmless one.
type System struct {
	Toplevel string // store path; unique for what it stands for
	Kernel   string // another one than the booted system's waits for a reboot

	KernelBytes int64 // of the kernel and its initrd, in the boot partition

	// Packages are its closure, beside the toplevel: bytes by name, "hello-1.2".
	Packages map[string]int64
	// Inhibitors are values of which a switch between systems may change none.
	Inhibitors map[string]string

	// What building it is like.
	EvalError  string        // what Nix prints when it does not evaluate
	BuildError string        // what Nix prints when it does not build
	Build      []string      // derivations that dry-build lists; the toplevel's own by default
	Fetch      []string      // store paths that dry-build lists
	Download   string        // of Fetch, as Nix words it: "5.3 MiB"
	Unpacked   string        // the same
	EvalTime   time.Duration // of each evaluation
	BuildTime  time.Duration // once: afterwards it is in the host's store

	// What activating it is like.
	SwitchTime    time.Duration // from the profile's link to the last unit
	Unswitchable  bool          // it has no bin/switch-to-configuration
	CheckFails    string        // name of a pre-switch check that refuses it
	InitDiffers   bool          // it needs a reboot: exit code 100
	SnippetFails  string        // name of an activation snippet that fails: exit code 2
	FailsUnits    []string      // fail when it starts them: exit code 4
	LoopsUnits    []string      // between two automatic restarts for ever
	BreaksNetwork bool          // nobody reaches the host from its activation on
	BreaksBoot    bool          // a boot into it never comes up

	// Fstab is what it would mount, "POINT TYPE SOURCE DEVICE UUID OPTIONS" each,
	// with "-" for what is not there; nil: it has no fstab.
	Fstab []string
	// File is its /etc/nixdeploy/system.json, "" for none.
	File string
	// Keys are those of its /etc/ssh/authorized_keys.d for whoever logs in.
	Keys []string
	// LoginBy is what its sshd_config lets in besides keys, in the script's words.
	LoginBy []string

	Units []string // active while it runs, besides what fails
}

// SystemFor says what an attribute of an uploaded flake comes to. An error is
// printed as Nix's own and makes the evaluation fail. It must not keep files.
// It is called with the host's lock held, so it must not call the host.
type SystemFor func(files []flake.File, attribute string) (System, error)

// PlainSystem is the SystemFor of hosts that were given none: each content of a
// flake is another system that simply works.
func PlainSystem(files []flake.File, attribute string) (System, error) {
	return System{Toplevel: ToplevelPath(flake.HashFiles(files), attribute)}, nil
}

// ToplevelPath makes the store path of a NixOS system called name, the same for
// the same seed.
func ToplevelPath(seed, name string) string {
	return StorePath(seed, "nixos-system-"+name+"-26.05")
}

// nixBase32 is the alphabet of store paths.
const nixBase32 = "0123456789abcdfghijklmnpqrsvwxyz"

// StorePath makes a store path that looks like one, the same for the same seed
// and name.
func StorePath(seed, name string) string {
	sum := sha256.Sum256([]byte(seed + "\x00" + name))
	hash := base32.NewEncoding(nixBase32).WithPadding(base32.NoPadding).EncodeToString(sum[:20])
	return "/nix/store/" + hash + "-" + name
}

// derivations lists what a dry-build of s would build.
func (s *System) derivations() []string {
	if len(s.Build) > 0 || len(s.Fetch) > 0 {
		return s.Build
	}
	name := strings.TrimPrefix(s.Toplevel, "/nix/store/")
	if _, rest, ok := strings.Cut(name, "-"); ok {
		name = rest
	}
	return []string{StorePath(s.Toplevel, name+".drv")}
}

// wording prints the lists of a dry-build as Nix does (contract 5.1).
func (s *System) wording() []string {
	var lines []string
	switch drvs := s.derivations(); len(drvs) {
	case 0:
	case 1:
		lines = append(lines, "this derivation will be built:", "  "+drvs[0])
	default:
		lines = append(lines, fmt.Sprintf("these %d derivations will be built:", len(drvs)))
		for _, d := range drvs {
			lines = append(lines, "  "+d)
		}
	}
	if len(s.Fetch) == 0 {
		return lines
	}
	download, unpacked := s.Download, s.Unpacked
	if download == "" {
		download, unpacked = "0.0 KiB", "0.0 KiB"
	}
	head := fmt.Sprintf("these %d paths will be fetched", len(s.Fetch))
	if len(s.Fetch) == 1 {
		head = "this path will be fetched"
	}
	lines = append(lines, fmt.Sprintf("%s (%s download, %s unpacked):", head, download, unpacked))
	for _, p := range s.Fetch {
		lines = append(lines, "  "+p)
	}
	return lines
}
