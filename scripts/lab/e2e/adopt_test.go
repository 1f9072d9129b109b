package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// foundServer is a machine that somebody has installed NixOS on, from a
// configuration of its own.
func foundServer(t *testing.T, options lab.Options) *lab.Host {
	t.Helper()
	h := lab.Up(t, options)
	h.MustSSH(`mkdir -p /etc/nixos && echo '{ system.stateVersion = "24.11"; }' >/etc/nixos/configuration.nix`)
	lab.CopyInputs(t, h)
	return h
}

func (o *operator) facts(host string) flake.Facts {
	o.t.Helper()
	path := filepath.Join(o.dir, "fleet", "hosts", host, "facts.json")
	data, err := os.ReadFile(path)
	if err != nil {
		o.t.Fatal(err)
	}
	facts, err := flake.ReadFacts(path, data)
	if err != nil {
		o.t.Fatal(err)
	}
	return facts
}

// wantBooted asserts that a host came up with what it runs, and is well.
func wantBooted(t *testing.T, h *lab.Host, label string) {
	t.Helper()
	wantOn(t, h, label)
	if l := h.Links(); l.Booted != l.Running {
		t.Errorf("%s booted something else: %+v", h.Name, l)
	}
	h.WaitUntil("the end of the boot", `PATH=$PATH:/run/current-system/sw/bin
		case $(systemctl is-system-running) in initializing|starting) exit 1 ;; esac`)
	if state, _, _ := h.SSH("systemctl is-system-running; systemctl --failed --plain --no-legend"); strings.TrimSpace(state) != "running" {
		t.Errorf("after the boot %s is %s", h.Name, state)
	}
}

// The first apply of most people: a server that runs is adopted, deployed to, and
// still boots. What would keep it from that is refused before anything is armed.
func TestAnAdoptedServerStillBoots(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options lab.Options
		loader  string
		device  string // GRUB's
		other   string // another boot loader, as overrides
		refusal string
	}{
		{
			lab.Options{Loader: lab.Grub}, "grub", "/dev/sda", "\"boot.loader.grub.enable\" = false\n\"boot.loader.systemd-boot.enable\" = true",
			"the boot loader is grub, and would be systemd-boot",
		},
		{
			lab.Options{Base: lab.Trixie}, "systemd-boot", "", "\"boot.loader.grub.enable\" = true\n\"boot.loader.systemd-boot.enable\" = false",
			"the boot loader is systemd-boot, and would be grub",
		},
	} {
		t.Run(c.loader, func(t *testing.T) {
			t.Parallel()
			h := foundServer(t, c.options)
			o := newOperator(t, h)
			o.withoutNix()
			release := func(label string, overrides ...string) {
				o.rendered("", resident{h, "hetzner", overridden(h, append([]string{`"system.nixos.label" = "` + label + `"`}, overrides...)...)})
			}
			release("r1")
			o.must("lock")
			found := h.Links()
			r := o.run("apply", "--first", "--yes")
			r.wantExit(t, 2)
			r.wantText(t, "nixdeploy adopt "+h.Name)
			wantBack(t, h, found)

			o.must("adopt", h.Name).wantText(t, `calls itself "`+h.Name+`"`, "boot loader "+c.loader, "state version 24.11", "login deploy with 1 keys", "--first")
			facts := o.facts(h.Name)
			if root := facts.Mounts["/"]; !strings.HasPrefix(root.Device, "/dev/disk/by-uuid/") || strings.Join(facts.BootDevices, " ") != c.device || facts.User.UID != 1000 || facts.Kind != "machine" {
				t.Errorf("adopted as %+v", facts)
			}
			o.must("apply", "--first", "--yes")
			wantOn(t, h, "r1")
			wantResolved(t, h)
			s := systemFileOf(t, h)
			if s.StateVersion != "24.11" || s.BootLoader != facts.BootLoader || s.Mounts["/"].Device != facts.Mounts["/"].Device || s.User.Keys[0] != o.key {
				t.Errorf("the new system says %+v, adopted were %+v", s, facts)
			}
			h.PowerCut()
			h.Start()
			h.WaitSSH()
			wantBooted(t, h, "r1")

			before := h.Links()
			force := func(device string) string {
				return "[hosts." + h.Name + ".override.force]\n'fileSystems.\"/\".device' = \"" + device + `"`
			}
			const gone = "/dev/disk/by-uuid/0b4c61ae-0000-4000-8000-000000000000"
			for refusal, override := range map[string]string{
				c.refusal: c.other,
				"and would be " + gone + " (overlay), which is not there": force(gone),
			} {
				release("r2", override)
				r := o.run("apply", "--yes")
				r.wantExit(t, 4)
				r.wantText(t, "error[misfit]", refusal, "not touched by this run", "--accept")
				wantBack(t, h, before)
				wantResolved(t, h)
			}
			if c.loader == "systemd-boot" { // accepting it does not make GRUB what the firmware starts
				release("r3", c.other)
				r := o.run("apply", "--yes", "--accept")
				r.wantExit(t, 5)
				r.wantText(t, "accepted: "+c.refusal, "the boot loader does not start the new system next")
				wantBack(t, h, before)
				wantResolved(t, h)
			}
			// Meant so, a name that is not the old one goes through.
			release("r4", force("/dev/sda"))
			o.run("apply", "--yes").wantExit(t, 4)
			o.must("apply", "--yes", "--accept").wantText(t, "accepted: / is /dev/sda1")
			wantOn(t, h, "r4")
		})
	}
}
