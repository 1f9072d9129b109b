package nixos

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// The whole script, on a host of files.
func TestFactsOfAWholeHost(t *testing.T) {
	root := t.TempDir()
	write(t, root, "etc/NIXOS", "")
	write(t, root, "etc/machine-id", strings.Repeat("ab", 16)+"\n")
	write(t, root, "etc/nixos/configuration.nix", "{ system.stateVersion = \"24.11\"; }\n")
	write(t, root, "etc/passwd", "root:x:0:0::"+root+"/home/root:/bin/sh\n"+
		"sshd:x:998:998::/var/empty:/bin/sh\nann:x:1000:100:Ann:/home/ann:/run/current-system/sw/bin/bash\nbob:x:1001:100::/home/bob:/bin/sh\n"+
		"nixbld1:x:30001:30000::/var/empty:/run/current-system/sw/bin/nologin\nnobody:x:65534:65534::/var/empty:/sbin/nologin\n")
	write(t, root, "etc/shadow", "root:$y$j9T$hush$hush:1::::::\nann:!:1::::::\n")
	write(t, root, "home/root/.ssh/authorized_keys", annsKey+"\n"+annsKey+"\nssh-rsa AAAAnone\n")
	write(t, root, "proc/self/mountinfo", "1 1 0:1 / / rw - tmpfs tmpfs rw\n")
	write(t, root, "boot/grub/grub.cfg", "set default=0\n")
	write(t, root, "boot/grub/state", "grub\n2.12\nno\n/dev/sda,/dev/sdb\n\n{}\n")
	write(t, root, "nix/var/nix/profiles/system-1-link/nixos-version", "23.11.1234.abcdef\n")
	write(t, root, "var/lib/nixdeploy/marker", "home web-1\n")
	tool(t, root, "systemd-detect-virt", "exit 1")
	tool(t, root, "nixos-generate-config", `[ "$*" = --show-hardware-config ] || exit 9
if read -r x; then echo "$x"; fi
printf '{ ... }:\n\n{\n\tx = "%%s $(id)";\n}\n'; echo "warning: x" >&2`)
	for name, shell := range shells() {
		t.Run(name, func(t *testing.T) {
			out, errs := runBoth(t, shell, root, Script("facts"), "N", "root")
			if !strings.Contains(errs, "warning: x") {
				t.Errorf("what the tool complained of is lost: %q", errs)
			}
			f, err := hostFacts(answer(t, out), "root")
			if err != nil {
				t.Fatal(err)
			}
			if f.Hardware != "{ ... }:\n\n{\n\tx = \"%s $(id)\";\n}\n" {
				t.Errorf("hardware %q", f.Hardware)
			}
			if !f.NixOS || f.Marker == nil || *f.Marker != (deploy.Marker{Fleet: "home", Host: "web-1"}) || f.FirstRelease != "23.11" || f.Certain {
				t.Errorf("%+v", f)
			}
			facts := f.Facts
			if facts.MachineID != strings.Repeat("ab", 16) || facts.StateVersion != "24.11" || facts.Firmware != "bios" || facts.BootLoader != "grub" ||
				!slices.Equal(facts.BootDevices, []string{"/dev/sda", "/dev/sdb"}) || facts.Kind != "machine" || facts.Mounts["/"].Type != "tmpfs" || !slices.Equal(facts.User.Keys, []string{annsKey}) {
				t.Errorf("%+v", facts)
			}
			if _, err := facts.Encode(); err != nil {
				t.Error(err)
			}
			if !slices.Equal(f.Accounts, []string{"ann", "bob", "root"}) || strings.Contains(out, "hush") {
				t.Errorf("accounts %q, of\n%s", f.Accounts, out)
			}
			if len(f.Notes) != 2 { // /etc/nixos, a line that is no key
				t.Errorf("%q", f.Notes)
			}
		})
	}
}

const annsKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHWutInQQE3WkFoDYE3pCIH8ZTO7aOrB5CwuA9hZnjnZ ann@desk"

// Nothing on a host is written by reading its facts.
func TestReadingFactsWritesNothing(t *testing.T) {
	root := t.TempDir()
	write(t, root, "proc/self/mountinfo", "")
	write(t, root, "etc/passwd", "")
	write(t, root, "etc/machine-id", "")
	tool(t, root, "systemd-detect-virt", "exit 1")
	tool(t, root, "nixos-generate-config", "exit 3")
	before := filesBelow(t, root)
	for _, shell := range shells() {
		out := runShell(t, shell, root, Script("facts"), "N", "root")
		if !strings.Contains(out, "N hardware_code 3\n") {
			t.Errorf("%q", out)
		}
	}
	if diff := cmp.Diff(before, filesBelow(t, root)); diff != "" {
		t.Error(diff)
	}
}

func filesBelow(t *testing.T, root string) []string {
	t.Helper()
	all := map[string]bool{}
	if err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error { all[path] = true; return err }); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(all))
}

func TestAHostileHardwareConfigurationIsRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"fine", "N hardware { }\nN hardware_code 0", ""},
		{"no tool", "N hardware_code 127", ""},
		{"it failed", "N hardware { }\nN hardware_code 2", "nixos-generate-config ended with exit code 2"},
		{"killed", "N hardware_code 124", "nixos-generate-config ended with exit code 124"},
		{"no code", "N hardware { }", "nixos-generate-config ended with exit code "},
		{"nothing", "N hardware \nN hardware_code 0", "it is empty"},
		{"a NUL", "N hardware a\x00b\nN hardware_code 0", "it has characters that cannot be seen"},
		{"an escape", "N hardware # \x1b[2Jx\nN hardware_code 0", "it has characters that cannot be seen"},
		{"turned around", "N hardware # \u202e\nN hardware_code 0", "it has characters that cannot be seen"},
		{"no UTF-8", "N hardware \xff\nN hardware_code 0", "it is no UTF-8"},
		{"a long line", "N hardware " + strings.Repeat("x", 17<<10) + "\nN hardware_code 0", "a line of it is longer than 16 KiB"},
		{"large", strings.Repeat("N hardware "+strings.Repeat("x", 15<<10)+"\n", 18) + "N hardware_code 0", "it is larger than 256 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := hostFacts(answer(t, "N mount / ext4 a - - /\n"+c.text+"\nN end facts"), "root")
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err != nil && f.Hardware != "" {
				t.Error("it is handed on all the same")
			}
		})
	}
}

// A key that is written down without its options would open more than it does.
func TestOnlyWholeKeysAreTaken(t *testing.T) {
	f, err := hostFacts(answer(t, "N mount / ext4 a - - /\nN login 1000 deploy\nN key etc "+annsKey+"\nN key home ssh-ed25519 AAAAC3 \x1b[2J\nN key home command=\"x\" "+annsKey+
		"\nN login_by a key with options\nN hardware_code 127\nN end facts"), "deploy")
	if err != nil || !slices.Equal(f.Facts.User.Keys, []string{annsKey}) || f.Facts.User.UID != 1000 {
		t.Errorf("%+v, %v", f.Facts.User, err)
	}
	if text := strings.Join(f.Notes, "\n"); !strings.Contains(text, "2 lines of authorized_keys are no public key") || !strings.Contains(text, "a key with options") {
		t.Errorf("%s", text)
	}
}

func TestTheRunningSystemIsBelievedForTheStateVersion(t *testing.T) {
	for _, c := range []struct {
		text, want string
		certain    bool
	}{
		{"N running-system {\"format\": 1, \"state_version\": \"23.11\"}\nN state_version 24.11", "23.11", true},
		{"N running-system {\"format\": 9, \"state_version\": \"23.11\"}\nN state_version 24.11", "24.11", false},
		{"N state_version 24.11\nN state_version 25.05", "", false},
		{"", "", false},
	} {
		f, err := hostFacts(answer(t, "N mount / ext4 a - - /\nN hardware_code 127\n"+c.text+"\nN end facts"), "root")
		if err != nil || f.Facts.StateVersion != c.want || f.Certain != c.certain {
			t.Errorf("%q: %q %v %v", c.text, f.Facts.StateVersion, f.Certain, err)
		}
	}
}
