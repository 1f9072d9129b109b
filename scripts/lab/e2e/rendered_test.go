package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// resident is a host of a fleet whose flake nixdeploy renders.
type resident struct {
	host   *lab.Host
	target string
	more   string // further keys of its table, and tables below it
}

// rendered writes the hosts.toml of a fleet as the guide begins it, on the lab's
// inputs: people log in as deploy, by the lab's key.
func (o *operator) rendered(more string, residents ...resident) {
	o.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "[fleet]\nname = \"lab\"\n[flake]\n%s[ssh]\nuser = \"deploy\"\nelevate = \"sudo\"\n", lab.InputsTOML())
	fmt.Fprintf(&b, "[stages]\norder = [\"dev\"]\n[users.deploy]\nkeys = [%q]\n%s\n", o.key, more)
	for _, r := range residents {
		fmt.Fprintf(&b, "[hosts.%s]\naddress = %q\ntarget = %q\nstage = \"dev\"\n%s\n", r.host.Name, r.host.IP, r.target, r.more)
	}
	o.write("fleet/hosts.toml", b.String(), 0o644)
}

// withoutNix leaves the control machine nothing but ssh.
func (o *operator) withoutNix() {
	o.t.Helper()
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		o.t.Fatal(err)
	}
	o.path = filepath.Join(o.dir, "bin")
	if err := os.MkdirAll(o.path, 0o700); err != nil {
		o.t.Fatal(err)
	}
	if err := os.Symlink(ssh, filepath.Join(o.path, "ssh")); err != nil {
		o.t.Fatal(err)
	}
}

// overridden are the plain overrides of a host, and what follows them.
func overridden(h *lab.Host, lines ...string) string {
	return fmt.Sprintf("[hosts.%s.override]\n%s\n", h.Name, strings.Join(lines, "\n"))
}

// systemFile is /etc/nixdeploy/system.json of what a host runs.
type systemFile struct {
	StateVersion string `json:"state_version"`
	BootLoader   string `json:"boot_loader"`
	Mounts       map[string]struct{ Device, Type string }
	User         struct {
		Name string
		Keys []string
	}
}

func systemFileOf(t *testing.T, h *lab.Host) (s systemFile) {
	t.Helper()
	if err := json.Unmarshal([]byte(h.MustSSH("cat /etc/nixdeploy/system.json")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantOn asserts that a host runs, and boots, a system of that label.
func wantOn(t *testing.T, h *lab.Host, label string) {
	t.Helper()
	wantNew(t, h, lab.System{Version: "nixos-system-" + h.Name + "-" + label})
}

// serverModule is what the guide tells of: what only its owner knows of a server.
const serverModule = `{
  fileSystems."/" = { device = "/dev/sda1"; fsType = "overlay"; };
  boot.loader.systemd-boot.enable = true;
}
`

// From hosts.toml to confirmed hosts, as the guide has it: locked on a host, for
// there is no Nix at the control machine, and evaluated and built on each by its
// own Nix, whichever of them wrote the lock. A release that is unwell goes back.
func TestARenderedFleetComesFromItsInventoryToItsHosts(t *testing.T) {
	t.Parallel()
	container := lab.Up(t, lab.Options{Kind: lab.Container})
	server := lab.Up(t, lab.Options{Base: lab.Trixie})
	lab.CopyInputs(t, container, server)
	o := newOperator(t, container)
	o.withoutNix()
	o.write("fleet/server.nix", serverModule, 0o644)
	release := func(label, ofServer string) {
		o.rendered("[targets.server]\nmodules = [\"server.nix\"]\n",
			resident{container, "container", overridden(container, `"system.stateVersion" = "25.11"`, `"system.nixos.label" = "`+label+`"`)},
			resident{server, "server", overridden(server, `"system.stateVersion" = "24.05"`, `"system.nixos.label" = "`+label+`"`,
				`'environment.etc."motd".text' = "release `+label+`"`, ofServer)})
	}
	release("r1", "")
	o.run("plan", "--first").wantExit(t, 2)
	o.must("lock", "--on", container.Name).wantText(t, "locking on "+container.Name, "stand-in")
	o.must("plan", "--first").wantText(t, container.Name, server.Name)
	o.must("apply", "--first", "--yes")
	for _, h := range []*lab.Host{container, server} {
		wantOn(t, h, "r1")
		if s := systemFileOf(t, h); s.User.Name != "deploy" || len(s.User.Keys) != 1 || s.User.Keys[0] != o.key {
			t.Errorf("%s says of its login: %+v", h.Name, s.User)
		}
	}
	if s := systemFileOf(t, container); s.BootLoader != "none" || s.StateVersion != "25.11" || len(s.Mounts) != 0 {
		t.Errorf("the container says %+v", s)
	}
	if s := systemFileOf(t, server); s.BootLoader != "systemd-boot" || s.StateVersion != "24.05" || s.Mounts["/"].Device != "/dev/sda1" {
		t.Errorf("the server says %+v", s)
	}
	if motd := server.MustSSH("cat /etc/motd"); motd != "release r1" {
		t.Errorf("the override is %q on the host", motd)
	}

	before := server.Links()
	o.must("lock", "--update", "--on", server.Name)
	release("r2", `"lab.failingUnits" = true`)
	r := o.run("plan", "--on", server.Name)
	r.wantExit(t, 4)
	r.wantText(t, "The option `lab.failingUnits' does not exist", "hosts.toml, override of "+server.Name, "did you mean lab.failingUnit?")
	release("r2", `"lab.failingUnit" = true`)
	r = o.run("apply", "--yes")
	r.wantExit(t, 5)
	r.wantText(t, "bad.service", "all read back")
	wantBack(t, server, before)
	wantOn(t, container, "r2") // each host for itself: on_failure is "host"
	if motd := server.MustSSH("cat /etc/motd"); motd != "release r1" {
		t.Errorf("after the return the override is %q", motd)
	}
	wantResolved(t, server)
}

// WSL is adopted and deployed to by its own target, and has nothing that boots.
func TestAnAdoptedWSLIsDeployedTo(t *testing.T) {
	t.Parallel()
	h := foundServer(t, lab.Options{Kind: lab.WSL})
	o := newOperator(t, h)
	o.withoutNix()
	o.rendered("[stages.dev]\nactivation = \"test-first\"\n", resident{h, "wsl", overridden(h, `"system.nixos.label" = "r1"`)})
	o.must("lock")
	o.must("adopt", h.Name).wantText(t, "wsl, ", "boot loader none", "state version 24.11")
	o.must("apply", "--first", "--yes")
	wantOn(t, h, "r1")
	wantResolved(t, h)
	if s := systemFileOf(t, h); s.BootLoader != "none" || s.StateVersion != "24.11" {
		t.Errorf("it says %+v", s)
	}
}
