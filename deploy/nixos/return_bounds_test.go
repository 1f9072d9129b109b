package nixos

import (
	"os"
	"path/filepath"
	"testing"
)

// The way back has one deadline for a boot, whoever carries it out.
func TestTheWayBackHasOneDeadline(t *testing.T) {
	for name, c := range map[string]struct{ found, until, bound string }{
		"it begins":               {"", "1120", "30"},
		"a guard was killed":      {"b00t 1010\n", "1010", "10"},
		"it is another boot":      {"before 9999\n", "1120", "30"},
		"its deadline has passed": {"b00t 1000\n", "1000", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			armedRun(t, root, nil)
			write(t, root, "var/lib/nixdeploy/active/log", "")
			tool(t, root, "systemd-run", "for word; do case $word in RuntimeMaxSec=*) echo \"bound ${word#*=}\" ;; esac; done")
			want := c.until + "\n"
			if c.bound != "" {
				want += "bound " + c.bound + "\n0\n"
			} else {
				want += "none\n"
			}
			for _, shell := range shells() {
				if c.found != "" {
					write(t, root, "var/lib/nixdeploy/active/returning", c.found)
				} else {
					_ = os.Remove(filepath.Join(root, "var/lib/nixdeploy/active/returning")) // of the shell before
				}
				if got := runShell(t, shell, root, guardLibrary(t)+backIn+"return_begins\necho $r_until\nactivate tool\necho $code"); got != want {
					t.Errorf("%v: got %q, want %q", shell, got, want)
				}
			}
		})
	}
}

// What was up, is down and is wanted by something is started; the rest comes and
// goes.
func TestUnitsThatWereUpAreStarted(t *testing.T) {
	root := t.TempDir()
	armedRun(t, root, map[string]string{"up": "app.service\nhostnamed.service\nssh.service\ngone.service\n", "log": ""})
	state := filepath.Join(root, "started")
	tool(t, root, "systemctl", `case $1 in
list-units) echo "ssh.service loaded active running"; if [ -e `+state+` ]; then echo "app.service loaded active running"; fi ;;
show) for unit; do :; done; case $unit in
	app.service) echo; echo multi-user.target; echo loaded ;; # in the order of systemd
	gone.service) echo; echo multi-user.target; echo not-found ;;
	*) echo; echo; echo loaded ;;
	esac ;;
start) shift; echo "starts $*"; if [ -e `+root+`/heals ]; then : >`+state+`; fi ;;
esac`)
	call := guardLibrary(t) + backIn + "a_boot=b00t\ndown=\nunits_up\necho \"<$down>\"\ntail -n 3 \"$ACTIVE/log\""
	inEachShell(t, root, call, "<app.service>\napp.service was up before: starting it\nstarts app.service\napp.service is still down\n")
	write(t, root, "heals", "")
	for name, shell := range shells() {
		_ = os.Remove(state) // the shell before it started the unit
		if got := runShell(t, shell, root, call); got[:3] != "<>\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
	// After a boot systemd has seen to that itself.
	_ = os.Remove(state)
	inEachShell(t, root, guardLibrary(t)+backIn+"a_boot=before\ndown=\nunits_up\necho \"<$down>\"", "<>\n")
}

// Whether the way back reboots is return_reboot's to say; where nobody can read
// what would be booted, it has to be said.
func TestWhoMayReboot(t *testing.T) {
	for _, c := range []struct {
		policy, reader string
		boots          bool
	}{
		{"auto", "grub", true}, {"allow", "grub", true}, {"never", "grub", false},
		{"auto", "unknown", false}, {"allow", "unknown", true}, {"never", "unknown", false},
	} {
		t.Run(c.policy+" "+c.reader, func(t *testing.T) {
			for name, shell := range shells() {
				root := t.TempDir()
				armedRun(t, root, nil)
				tool(t, root, "systemctl", `if [ "$1" = reboot ]; then echo reboots; fi`)
				call := guardLibrary(t) + "\nis_wsl() { false; }\nis_container() { false; }\nsleep() { :; }\n" + backIn +
					"a_reboot=" + c.policy + " reader=" + c.reader + " next='' a_next=''\nreboot_once\nreboot_once"
				want := ""
				if c.boots {
					want = "reboots\n" // once
				}
				if got := runShell(t, shell, root, call); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
}
