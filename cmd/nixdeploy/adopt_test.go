package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/flake"
)

// adopting is a fleet of hosts that nixdeploy never confirmed, of which it knows
// what each stands on.
type adopting struct {
	*simulated
	fleet  *simfleet.Fleet
	traits map[string]*simfleet.Traits
	system simfleet.System // what the flake comes to, but for its name
}

func newAdopting(t *testing.T) *adopting {
	t.Helper()
	a := &adopting{simulated: newSimulated(t), traits: map[string]*simfleet.Traits{
		"web-1": {Reader: simfleet.ReaderGrub}, "web-2": {}, "box-1": {Container: true},
	}}
	options := simfleet.FleetOptions{Seed: "adopting"}
	for _, name := range []string{"web-1", "web-2", "box-1"} {
		a.traits[name].Ground = simfleet.OrdinaryGround(a.traits[name])
		options.Hosts = append(options.Hosts, simfleet.HostOptions{
			Hostname: name, Traits: a.traits[name],
			SystemFor: func(files []flake.File, attribute string) (simfleet.System, error) {
				s := a.system
				s.Toplevel = simfleet.ToplevelPath(flake.HashFiles(files)+s.File+strings.Join(s.Fstab, ""), attribute)
				return s, nil
			},
		})
	}
	var err error
	if a.fleet, err = simfleet.NewFleet(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.fleet.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := a.fleet.ClientKey()
	if err != nil {
		t.Fatal(err)
	}
	a.edit(t, "client_key", func(string) string { return string(key) })
	a.edit(t, "known_hosts", func(string) string { return a.fleet.KnownHosts() })
	a.edit(t, "hosts.toml", func(string) string {
		return fmt.Sprintf(adoptingInventory, a.path("client_key")) +
			a.fleet.HostsTOML(func(string) simfleet.Entry { return simfleet.Entry{Stage: "dev", Target: "server"} })
	})
	return a
}

const adoptingInventory = `
[fleet]
name = "demo"

[flake]
source = "./flake"

[ssh]
user = "deploy"
elevate = "sudo"
identity_files = [%q]

[stages]
order = ["dev"]

[targets.server]

[checks.units]
type = "units"
interval = "200ms"
timeout = "2s"
deadline = "3s"
`

func (a *adopting) file(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(a.path(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// none wants no file of a host, whole or half.
func (a *adopting) none(t *testing.T, host string) {
	t.Helper()
	if entries, err := os.ReadDir(a.path("hosts/" + host)); err == nil && len(entries) > 0 {
		t.Errorf("hosts/%s has %v", host, entries)
	}
}

// A first apply of a rendered system drops who is not declared: adopting says whom.
func TestAdoptingTellsWhoseAccountsGo(t *testing.T) {
	a := newAdopting(t)
	a.traits["web-1"].Ground.Accounts = []string{"deploy", "ann", "bob", "root"}
	const going, password = "accounts that hosts.toml does not declare go with the first apply: bob", "the password of root goes"
	a.run(t, 0, "adopt", "web-1")
	if text := a.stdout.String(); strings.Contains(text, "go with the first apply") || strings.Contains(text, password) {
		t.Errorf("a flake of one's own has the accounts that it has: %s", text)
	}
	a.edit(t, "hosts.toml", func(text string) string {
		return strings.Replace(text, `"./flake"`, `"rendered"`, 1) + "\n[users.ann]\n"
	})
	a.run(t, 0, "adopt", "web-1")
	a.says(t, going, password)
}

func TestAHostIsAdopted(t *testing.T) {
	a := newAdopting(t)
	a.run(t, 0, "adopt", "web-1")
	a.says(t, `web-1 calls itself "web-1"; nixdeploy never confirmed it`, "written hosts/web-1/hardware.nix", "written hosts/web-1/facts.json",
		"boot loader grub, state version 25.11, login deploy with 1 keys", "that of /etc/nixos on the host", "Read what was written", "commit it beside hosts.toml",
		"Next: nixdeploy plan --on web-1 --first")
	if len(a.sent) != 1 || a.sent[0] != "web-1 facts" {
		t.Errorf("it takes more than one script: %v", a.sent)
	}
	if got, want := a.file(t, "hosts/web-1/hardware.nix"), strings.Join(a.traits["web-1"].Ground.Hardware, "\n")+"\n"; got != want {
		t.Errorf("hardware.nix is %q", got)
	}
	f, err := flake.ReadFacts("facts.json", []byte(a.file(t, "hosts/web-1/facts.json")))
	if err != nil {
		t.Fatal(err)
	}
	if f.Hostname != "web-1" || f.StateVersion != "25.11" || f.Firmware != "efi" || f.BootLoader != "grub" || !slices.Equal(f.BootDevices, []string{"/dev/sda"}) || f.Kind != "machine" ||
		f.Mounts["/boot"] != (flake.FactsMount{Device: "/dev/disk/by-uuid/12CE-A600", Type: "vfat"}) ||
		f.User.Name != "deploy" || f.User.UID != 1000 || !slices.Equal(f.User.Keys, []string{simfleet.GroundKey}) {
		t.Errorf("%+v", f)
	}
	entries, err := os.ReadDir(a.path("hosts/web-1"))
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", e.Name(), info, err)
		}
	}
	a.run(t, 0, "adopt", "web-1")
	a.says(t, "unchanged hosts/web-1/hardware.nix")
	if strings.Contains(a.said(), "commit") {
		t.Error("there is nothing to commit")
	}
}

func TestWhatDiffersIsShownAndNotOverwritten(t *testing.T) {
	a := newAdopting(t)
	a.run(t, 0, "adopt", "web-1")
	a.edit(t, "hosts/web-1/hardware.nix", func(text string) string { return strings.Replace(text, "ext4", "btrfs", 1) + "# mine\n" })
	if err := os.Remove(a.path("hosts/web-1/facts.json")); err != nil {
		t.Fatal(err)
	}
	mine := a.file(t, "hosts/web-1/hardware.nix")
	a.run(t, 4, "adopt", "web-1")
	a.says(t, "error[file]", `- fsType = "btrfs";`, `+ fsType = "ext4";`, "- # mine", "nixdeploy adopt web-1 --force")
	if a.file(t, "hosts/web-1/hardware.nix") != mine {
		t.Error("it was overwritten")
	}
	if entries, err := os.ReadDir(a.path("hosts/web-1")); err != nil || len(entries) != 1 {
		t.Errorf("one of the two was written: %v, %v", entries, err)
	}
	a.run(t, 0, "adopt", "web-1", "--force")
	a.says(t, "replaced hosts/web-1/hardware.nix", "written hosts/web-1/facts.json")
	if strings.Contains(a.file(t, "hosts/web-1/hardware.nix"), "mine") {
		t.Error("it was not overwritten")
	}
}

func TestWhatStandsInTheWayOfAFile(t *testing.T) {
	a := newAdopting(t)
	if err := os.MkdirAll(a.path("hosts/web-1/facts.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.run(t, 4, "adopt", "web-1", "--force")
	a.says(t, "error[file]", "hosts/web-1/facts.json is in the way")
	if _, err := os.Stat(a.path("hosts/web-1/hardware.nix")); err == nil {
		t.Error("one of the two was written")
	}
	if err := os.Remove(a.path("hosts/web-1/facts.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.path("elsewhere"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(a.path("elsewhere"), a.path("hosts/web-1/hardware.nix")); err != nil {
		t.Fatal(err)
	}
	a.run(t, 4, "adopt", "web-1", "--force")
	a.says(t, "hosts/web-1/hardware.nix is in the way", "it is no ordinary file")
}

func TestAStateVersionThatIsNotToldIsAskedFor(t *testing.T) {
	a := newAdopting(t)
	a.traits["web-1"].Ground.StateVersions = []string{"23.11", "24.05"}
	a.run(t, 4, "adopt", "web-1")
	a.says(t, "does not tell its state version", "23.11, 24.05", "its first generation, which is kept, is NixOS 25.11", "nixdeploy adopt web-1 --state-version 25.11")
	a.none(t, "web-1")
	a.run(t, 2, "adopt", "web-1", "--state-version", "24")
	a.run(t, 0, "adopt", "web-1", "--state-version", "24.05")
	if !strings.Contains(a.file(t, "hosts/web-1/facts.json"), `"state_version": "24.05"`) {
		t.Error("what was said was not taken")
	}
}

func TestSeveralHostsAreAdopted(t *testing.T) {
	a := newAdopting(t)
	a.traits["web-2"].NotNixOS = true
	a.run(t, 4, "adopt", "--on", "*", "--json")
	var got struct {
		Type  string
		Hosts []struct {
			Host    string
			New     bool
			Facts   *flake.Facts
			Files   []hostFile
			Notes   []string
			Problem *deploy.Problem
		}
		Next string
	}
	if err := json.Unmarshal(a.stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, &a.stdout)
	}
	if got.Type != "adopt" || len(got.Hosts) != 3 || got.Next != "nixdeploy plan --on box-1,web-1 --first" && got.Next != "nixdeploy plan --on web-1,box-1 --first" {
		t.Fatalf("%+v", got)
	}
	for _, h := range got.Hosts {
		switch h.Host {
		case "web-1":
			if !h.New || h.Facts == nil || h.Problem != nil || len(h.Files) != 2 || h.Files[0].State != fileWritten {
				t.Errorf("%+v", h)
			}
		case "web-2":
			if h.Facts != nil || h.Problem == nil || h.Problem.Code != deploy.CodeUnsupported || len(h.Files) != 0 {
				t.Errorf("%+v", h)
			}
			a.none(t, "web-2")
		case "box-1": // a container has no hardware of its own
			if h.Facts == nil || h.Facts.Kind != "container" || len(h.Files) != 1 || !strings.Contains(strings.Join(h.Notes, " "), "no hardware.nix is written") {
				t.Errorf("%+v", h)
			}
		}
	}
}

func TestHostsThatAreNotAdopted(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(t *testing.T, a *adopting)
		exit   int
		says   string
	}{
		{"a machine without the tool", func(_ *testing.T, a *adopting) { a.traits["web-1"].Ground.Hardware = nil }, 4, "the host has no nixos-generate-config"},
		{"hidden characters", func(_ *testing.T, a *adopting) { a.traits["web-1"].Ground.Hardware = []string{"{ \u202e }"} }, 4, "its hardware configuration is refused"},
		{"a host name that is none", func(_ *testing.T, a *adopting) {
			a.traits["web-1"].Ground.Mounts = []string{"/ ext4;x /dev/sda2 - - /"}
		}, 4, "what the host says of itself cannot be written down"},
		{"another host's marker", func(_ *testing.T, a *adopting) { a.fleet.Host("web-1").Confirmed("d", "web-1", "dev", "work") }, 7, "the machine behind this address is web-1 of fleet work"},
		{"the machine of another name", func(t *testing.T, a *adopting) {
			a.run(t, 0, "adopt", "web-1")
			if err := os.Rename(a.path("hosts/web-1"), a.path("hosts/web-2")); err != nil {
				t.Fatal(err)
			}
		}, 7, "is the same machine as web-2"},
		{"another host key", func(t *testing.T, a *adopting) {
			key := a.fleet.Host("web-2").HostKeyLine()
			a.edit(t, "hosts.toml", func(text string) string { return strings.ReplaceAll(text, a.fleet.Host("web-1").HostKeyLine(), key) })
		}, 7, "error[host-key]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAdopting(t)
			c.before(t, a)
			a.run(t, c.exit, "adopt", "web-1")
			a.says(t, c.says)
			a.none(t, "web-1")
		})
	}
}

func TestHowAdoptIsTyped(t *testing.T) {
	a := newAdopting(t)
	for _, args := range [][]string{{}, {"web-1", "--on", "web-2"}, {"web-3"}, {"web-1", "web-2"}, {"--on", "db-*"}} {
		a.run(t, 2, append([]string{"adopt"}, args...)...)
	}
	if len(a.sent) != 0 {
		t.Errorf("contacted: %v", a.sent)
	}
	a.run(t, 2, "adopt", "web-11")
	a.says(t, "did you mean web-1?")
}

// From adopting to a confirmed host, with a system that does not fit it between.
func TestAMisfitIsRefusedUntilItIsAccepted(t *testing.T) {
	a := newAdopting(t)
	a.system.Fstab = []string{"/ ext4 /dev/disk/by-label/root /dev/sdb1 0ther defaults", "/boot vfat LABEL=B /dev/sda1 12CE-A600 umask=0077"}
	a.system.File = fmt.Sprintf(`{"format": 1, "state_version": "26.05", "boot_loader": "systemd-boot", "user": {"name": "deploy", "keys": [%q]}}`,
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB bob@ci")
	before := map[string]deploy.Links{"web-1": a.fleet.Host("web-1").Links()}
	still := func() {
		t.Helper()
		if now := a.fleet.Host("web-1").Links(); now != before["web-1"] {
			t.Errorf("it was switched: %+v", now)
		}
	}
	differs := []string{
		"/ is /dev/sda2, UUID 6d1f4c1e-3a53-4c7e-9d0f-2f8f5a4f0a11 (ext4), and would be /dev/disk/by-label/root = /dev/sdb1, UUID 0ther (ext4)",
		"the boot loader is grub, and would be systemd-boot", "the state version is 25.11, and would be 26.05",
		"deploy logs in by ssh-ed25519 ...A9hZnjnZ ann@desk, and the new system declares ssh-ed25519 ...BBBBBBBB bob@ci",
	}
	a.run(t, 4, "apply", "--on", "web-1", "--first", "--yes")
	a.says(t, append([]string{"error[misfit]", "step build", "Next: nixdeploy apply --stage dev --on web-1", "not touched by this run"}, differs...)...)
	still()
	if a.count("web-1 guard arm") != 0 {
		t.Error("it was armed")
	}
	a.run(t, 0, "plan", "--on", "web-1", "--first", "--full")
	a.says(t, "does not fit this host, so apply refuses it (--accept takes it)", differs[1])
	a.forget()
	a.run(t, 0, "plan", "--on", "web-1", "--first") // it is in the store by now, and asked of in the same script
	a.says(t, differs[0])
	if a.count("web-1 build") != 1 || len(a.sent) > 5 {
		t.Errorf("comparing took a round trip of its own: %v", a.sent)
	}
	a.run(t, 0, "plan", "--on", "web-1", "--first", "--out", "plain.plan")
	a.run(t, 4, "apply", "plain.plan")
	still()
	a.run(t, 2, "apply", "plain.plan", "--accept")
	a.run(t, 0, "plan", "--on", "web-1", "--first", "--accept", "--out", "accepted.plan")
	a.says(t, "accepted by --accept", "Next: nixdeploy apply accepted.plan")
	a.run(t, 0, "plan", "show", "accepted.plan")
	a.says(t, "(--accept)")
	a.run(t, 0, "apply", "accepted.plan", "--verbose")
	a.says(t, "accepted: "+differs[0]+"; accepted: "+differs[1])
	runs, err := journal.List(a.path("state"))
	if err != nil || len(runs) == 0 {
		t.Fatal(err)
	}
	events, err := journal.Read(a.path("state"), runs[0].Run)
	if err != nil || !deploy.Fold(events).Start.Accept {
		t.Errorf("the journal does not have it: %v", err)
	}
	a.run(t, 0, "show", "last")
	a.says(t, "systems that do not fit their hosts (--accept)")
}

// A system that fits passes, by whatever names its fstab has; containers are not
// asked for mounts.
func TestWhatFitsIsNotHeldUp(t *testing.T) {
	a := newAdopting(t)
	a.system.Fstab = []string{"/ ext4 LABEL=root /dev/sda2 - defaults", "/boot vfat /dev/disk/by-uuid/12CE-A600 /dev/sda1 12CE-A600 -"}
	a.system.File = fmt.Sprintf(`{"format": 1, "state_version": "25.11", "boot_loader": "systemd-boot", "user": {"name": "deploy", "keys": [%q]}}`, simfleet.GroundKey)
	a.run(t, 0, "apply", "--on", "web-2,box-1", "--first", "--yes")
	a.says(t, "confirmed 2")
	a.run(t, 0, "adopt", "web-2")
	a.says(t, "it is confirmed by nixdeploy", "Next: nixdeploy plan --on web-2")
	if strings.Contains(a.said(), "--first") {
		t.Error("a confirmed host needs no --first")
	}
	if strings.Contains(a.said(), "/etc/nixos") {
		t.Error("the running system tells its state version")
	}
	a.run(t, 4, "adopt", "web-2", "--state-version", "24.11")
	a.says(t, "error[misfit]", "the running system has the state version 25.11, and not 24.11")
}

func TestLineDiff(t *testing.T) {
	many := strings.Repeat("x\n", 100)
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"a\nb\nc\n", "a\nb\nc\n", nil},
		{"a\nb\nc\n", "a\nc\nd\n", []string{"- b", "+ d"}},
		{"", "a\n", []string{"+ a"}},
		{"a\nb\n", "b\n", []string{"- a"}},
		{"a\nx\nb\ny\nc", "a\n1\nb\n2\nc", []string{"- x", "+ 1", "- y", "+ 2"}},
	} {
		if got := lineDiff(c.from, c.to); !slices.Equal(got, c.want) {
			t.Errorf("%q to %q: %q", c.from, c.to, got)
		}
	}
	if got := lineDiff(many, "y\n"+many+"z\n"); len(got) != 2 {
		t.Errorf("%q", got)
	}
	if got := lineDiff(many, ""); len(got) != maxDiffLines+1 || got[maxDiffLines] != "and 60 more lines" {
		t.Errorf("%d: %q", len(got), got[len(got)-1])
	}
	if got := lineDiff(strings.Repeat("a\nb\n", 3000), strings.Repeat("c\nd\n", 3000)); len(got) != maxDiffLines+1 {
		t.Errorf("%d lines", len(got))
	}
}

func TestFilesBesideTheInventory(t *testing.T) {
	a := newAdopting(t)
	a.app.Dir = filepath.Dir(a.Dir)
	a.run(t, 0, "adopt", "web-1", "--file", filepath.Join(filepath.Base(a.Dir), "hosts.toml"))
	a.says(t, "Next: nixdeploy plan --file")
	if _, err := os.Stat(a.path("hosts/web-1/facts.json")); err != nil {
		t.Error(err)
	}
}
