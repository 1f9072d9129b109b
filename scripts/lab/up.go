package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// exitCannotRun is the script's exit code where the lab cannot run.
const exitCannotRun = 77

// Bases: a Debian release gives a host its systemd, sshd, nix and nixos-rebuild.
const (
	Bookworm = "bookworm" // systemd 252, nix 2.8.0, the shell's nixos-rebuild, the Perl activator
	Trixie   = "trixie"   // systemd 257, nix 2.26.3, the Python nixos-rebuild, the Rust activator
)

// Boot loaders whose files a host has in /boot.
const (
	SystemdBoot = "systemd-boot"
	Grub        = "grub"
	Extlinux    = "extlinux"
)

// Kinds of host besides a machine with a boot loader.
const (
	Container = "container" // as one of LXC: /sbin/init is a link to the init of a system
	WSL       = "wsl"       // boots its profile
)

// Options say what a host is made of. The zero value is a bookworm host with
// systemd-boot and a name of its own.
type Options struct {
	Name               string // a-z, 0-9 and -; unique on this machine
	Base               string
	Loader             string
	Kind               string // empty: a machine with a boot loader
	ReadonlyEtcControl bool   // /etc/systemd/system.control cannot be written to
	Off                bool   // made, but not started
}

var (
	checkOnce   sync.Once
	whyNot      string
	errCheck    error
	unnamedHost atomic.Int64
)

// Require skips the test where the lab cannot run, and says what is missing.
func Require(t testing.TB) {
	t.Helper()
	checkOnce.Do(func() {
		out, err := exec.Command(scriptPath(), "check").CombinedOutput()
		var exit *exec.ExitError
		switch {
		case err == nil:
		case errors.As(err, &exit) && exit.ExitCode() == exitCannotRun:
			whyNot = strings.Join(strings.Fields(strings.ReplaceAll(string(out), "\n", "; ")), " ")
		case runtime.GOOS != "linux":
			whyNot = "needs Linux, this is " + runtime.GOOS
		default:
			errCheck = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if whyNot != "" {
		t.Skip("lab: " + whyNot)
	}
	if errCheck != nil {
		t.Fatalf("lab: `lab check` failed: %v", errCheck)
	}
}

// Up makes a host, starts it and waits until it answers over ssh. It is gone
// when the test ends.
func Up(t testing.TB, options Options) *Host {
	t.Helper()
	Require(t)
	if options.Name == "" {
		options.Name = fmt.Sprintf("t%d-%d", os.Getpid(), unnamedHost.Add(1))
	}
	arguments := []string{"up", options.Name, "--owner", strconv.Itoa(os.Getpid())}
	if options.Base != "" {
		arguments = append(arguments, "--base", options.Base)
	}
	if options.Loader != "" {
		arguments = append(arguments, "--loader", options.Loader)
	}
	if options.Kind != "" {
		arguments = append(arguments, "--kind", options.Kind)
	}
	if options.ReadonlyEtcControl {
		arguments = append(arguments, "--readonly-etc-control")
	}
	if options.Off {
		arguments = append(arguments, "--off")
	}
	host := &Host{t: t, Name: options.Name}
	t.Cleanup(host.removeQuietly)
	host.lab(arguments...)
	host.readEnvironment()
	if !options.Off {
		host.WaitSSH()
	}
	return host
}

// Fleet makes n hosts of the same kind. Booting is bound by this machine's
// cores, so only so many boot at once. With a Name, it is the prefix of theirs.
func Fleet(t testing.TB, n int, options Options) []*Host {
	t.Helper()
	Require(t)
	prefix := options.Name
	if prefix == "" {
		prefix = fmt.Sprintf("f%d-%d-", os.Getpid(), unnamedHost.Add(1))
	}
	hosts := make([]*Host, n)
	// The script makes them one after the other, and they boot side by side.
	slots := make(chan struct{}, 2*runtime.NumCPU())
	var group sync.WaitGroup
	for i := range hosts {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			own := options
			own.Name = fmt.Sprintf("%s%d", prefix, i+1)
			hosts[i] = Up(t, own)
		})
	}
	group.Wait()
	for i, host := range hosts {
		if host == nil {
			t.Fatalf("lab: host %d of %d did not come up", i+1, n)
		}
	}
	return hosts
}

// sourceDir is the folder of this package, where the script and the fixture are.
func sourceDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

func scriptPath() string { return filepath.Join(sourceDir(), "lab") }
