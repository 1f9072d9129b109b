package nixos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// at makes the clock of the scripts stand.
const at = "\nclock() { uptime=1000 boot=b00t; }\nclock\n"

func TestGenerationsAreCountedInOrder(t *testing.T) {
	root := t.TempDir()
	inEachShell(t, root, read("lib.sh")+"\nread_generations\necho \"<$generations>\"", "<>\n")
	for _, name := range []string{"system-9-link", "system-10-link", "system-100-link", "system-2-link", "system", "system-x-link", "system--link", "system-3-link-1", "per-user"} {
		link(t, root, "nix/var/nix/profiles/"+name, "/nix/store/x")
	}
	inEachShell(t, root, read("lib.sh")+"\nread_generations\necho \"<$generations>\"", "<2 9 10 100>\n")
}

func TestLinksAreReadAndFramed(t *testing.T) {
	root := t.TempDir()
	call := read("lib.sh") + "\nis_container() { false; }\nnonce=N\nread_links\nsay_links links"
	inEachShell(t, root, call, "N links - - - - - unknown\n")
	write(t, root, "store/one/init", "")
	write(t, root, "store/two/init", "")
	link(t, root, "nix/var/nix/profiles/system", "system-2-link")
	link(t, root, "nix/var/nix/profiles/system-2-link", root+"/store/two")
	link(t, root, "run/current-system", root+"/store/one")
	link(t, root, "run/booted-system", root+"/store/collected")
	write(t, root, "boot/extlinux/extlinux.conf", "DEFAULT nixos-default\n"+extlinuxMenu)
	inEachShell(t, root, call, "N links system-2-link "+root+"/store/two "+root+"/store/one - "+storeA+" extlinux\n")
}

// A line of a file is one answer, whatever is in it, also the last one.
func TestLinesAreSaidAsTheyAre(t *testing.T) {
	root := t.TempDir()
	write(t, root, "log", "  two  blanks \\n \\\n\n-n\n%s $(id) `id` *\nno newline")
	inEachShell(t, root, read("lib.sh")+"\nnonce=N\nsay_lines log <\"$1/log\"",
		"N log   two  blanks \\n \\\nN log \nN log -n\nN log %s $(id) `id` *\nN log no newline\n", root)
}

func TestTheActiveRunIsReadFromItsFolder(t *testing.T) {
	root := t.TempDir()
	show := read("lib.sh") + "\nif load_active; then echo \"$a_run|$a_operator|$a_mode|$a_wanted|$a_activation|$a_window|$a_link|$a_next|$a_claim|$a_result|$a_attribute\"; else echo none; fi"
	inEachShell(t, root, show, "none\n")
	write(t, root, "var/lib/nixdeploy/active/meta", "run R1\noperator anna@ci\nmode test-first\nwanted /nix/store/t\nlink system-4-link\nnext \nattribute my host\nunheard of\n")
	inEachShell(t, root, show, "R1|anna@ci|test-first|/nix/store/t|900|60|system-4-link||||my host\n")
	write(t, root, "var/lib/nixdeploy/active/meta", "run R1\nactivation 30\nwindow 20\n")
	write(t, root, "var/lib/nixdeploy/active/result", "returned\n")
	link(t, root, "var/lib/nixdeploy/active/claim", "return")
	inEachShell(t, root, show, "R1||||30|20|||return|returned|\n")
}

// A deadline of another boot counts from the start of this one.
func TestHowLongTheGuardStillWaits(t *testing.T) {
	for deadline, want := range map[string]string{
		"b00t 1090\n":    "90",
		"b00t 990\n":     "-10",
		"another 5000\n": "-940", // the window of 60 from the start of this boot
		"":               "-940",
	} {
		root := t.TempDir()
		write(t, root, "var/lib/nixdeploy/active/meta", "run R1\nwindow 60\n")
		write(t, root, "var/lib/nixdeploy/active/deadline", deadline)
		inEachShell(t, root, read("lib.sh")+at+"load_active && guard_left\necho $left", want+"\n")
	}
}

// A sign of life moves the deadline, but not any more once it is claimed.
func TestASignOfLifeMovesTheDeadline(t *testing.T) {
	for claim, want := range map[string]string{"": "b00t 1045\n", "confirm": "b00t 1001\n", "return": "b00t 1001\n"} {
		root := t.TempDir()
		write(t, root, "var/lib/nixdeploy/active/meta", "run R1\nwindow 45\n")
		write(t, root, "var/lib/nixdeploy/active/deadline", "b00t 1001\n")
		if claim != "" {
			link(t, root, "var/lib/nixdeploy/active/claim", claim)
		}
		inEachShell(t, root, read("lib.sh")+at+"load_active && extend\ncat \"$ACTIVE/deadline\"; ls \"$ACTIVE\" | grep -c deadline", want+"1\n")
	}
}

func TestLeases(t *testing.T) {
	for _, c := range []struct {
		name, lease, active, want string
	}{
		{"free", "", "", "N done\nR1 anna@ci 1700000000 b00t 1090\n"},
		{"our own is renewed, since it was taken", "R1 anna@ci 1600000000 b00t 1010\n", "", "N done\nR1 anna@ci 1600000000 b00t 1090\n"},
		{"somebody else's", "R2 bert@x 1600000000 b00t 1030\n", "", "N locked R2 bert@x 1600000000 30 lease\nN end locked\n"},
		{"it has run out", "R2 bert@x 1600000000 b00t 1000\n", "", "N done\nR1 anna@ci 1700000000 b00t 1090\n"},
		{"of another boot", "R2 bert@x 1600000000 before 9999\n", "", "N done\nR1 anna@ci 1700000000 b00t 1090\n"},
		{"cut in the middle", "R2 be", "", "N done\nR1 anna@ci 1700000000 b00t 1090\n"},
		{"another's guard is armed", "", "run R3\noperator carl@y\nsince 1650000000\n", "N locked R3 carl@y 1650000000 44 guard\nN end locked\n"},
		{"our own guard is armed", "", "run R1\n", "N done\nR1 anna@ci 1700000000 b00t 1090\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, shell := range shells() {
				root := t.TempDir() // each writes
				tool(t, root, "date", "echo 1700000000")
				if c.lease != "" {
					write(t, root, "run/nixdeploy/lease", c.lease)
				}
				if c.active != "" {
					write(t, root, "var/lib/nixdeploy/active/meta", c.active)
					write(t, root, "var/lib/nixdeploy/active/deadline", "b00t 1044\n")
				}
				got := runShell(t, shell, root, read("lib.sh")+at+"nonce=N\nenter\ntake_lease R1 anna@ci 90\nsay done\ncat \"$LEASE\"")
				if got != c.want {
					t.Errorf("%s\n got %q\nwant %q", name, got, c.want)
				}
			}
		})
	}
}

// Without a lease nothing is begun: /run may be full.
func TestALeaseThatCannotBeWrittenIsNotHeld(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.stands("mv", `case "$*" in */run/nixdeploy/lease) exit 1 ;; esac; exec `+whole(t, "mv")+` "$@"`)
	out, err := h.arms("R1", "switch").CombinedOutput()
	if said := string(out); err == nil || !strings.Contains(said, "N fault the lock ") || strings.Contains(said, "armed") {
		t.Errorf("%v: %s", err, said)
	}
}

// What an inspection says of a host is read as what the host is: the whole
// script, on a root of the test.
func TestInspectOfAWholeHost(t *testing.T) {
	root := t.TempDir()
	tool(t, root, "systemctl", `case "$*" in
"show -p UnitPath --value") echo "/etc/systemd/system `+root+`/etc/systemd/system.control /run/systemd" ;;
"list-units "*) printf 'old.service loaded failed failed Old\nother.mount loaded failed failed Other\n' ;;
*is-active*) exit 1 ;;
*) echo inactive ;;
esac`)
	tool(t, root, "systemd-detect-virt", "exit 1")
	tool(t, root, "date", "echo 1700000090")
	tool(t, root, "stat", "case $1 in -f) echo ext4 ;; *) exec "+whole(t, "stat")+" \"$@\" ;; esac")
	tool(t, root, "df", "printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/vda 100 60 40 60%% /\\nodd x y z q /boot\\n'")
	write(t, root, "etc/NIXOS", "")
	write(t, root, "etc/machine-id", "0123abcd\n")
	write(t, root, "etc/systemd/x", "")
	tool(t, root, "nixos-rebuild", "exit 9") // it must not be run
	write(t, root, "store/two/kernel", "new")
	write(t, root, "store/one/kernel", "old")
	link(t, root, "run/booted-system", root+"/store/one")
	link(t, root, "run/current-system", root+"/store/two")
	link(t, root, "nix/var/nix/profiles/system", "system-2-link")
	link(t, root, "nix/var/nix/profiles/system-2-link", root+"/store/two")
	const state = "var/lib/nixdeploy/"
	write(t, root, state+"marker", "home web-1\n")
	write(t, root, state+"uploads/d1/flake.nix", "{}")
	write(t, root, state+"records/d1", "flake d1\nattribute web-1\ntoplevel "+root+"/store/two\nrun R0\noperator anna@ci\nstage prod\ntime 1700000000\nfailed old.service\n")
	write(t, root, "store/two/bin/switch-to-configuration", "")
	if err := os.Chmod(filepath.Join(root, "store/two/bin/switch-to-configuration"), 0o700); err != nil { //nolint:gosec // as on a host
		t.Fatal(err)
	}
	write(t, root, state+"done/R0/result", "confirmed\n")
	write(t, root, state+"done/R0/meta", "run R0\nlink system-1-link\nprofile /nix/store/one\n")
	if err := os.MkdirAll(filepath.Join(root, "run/nixdeploy"), 0o700); err != nil {
		t.Fatal(err)
	}
	ago := int64(90)
	for name, shell := range shells() {
		t.Run(name, func(t *testing.T) {
			p := newParser("N", func(line string) { t.Errorf("noise: %s", line) })
			for line := range strings.Lines(runShell(t, shell, root, Script("inspect"), "N", "d1")) {
				p.line(strings.TrimSuffix(line, "\n"))
			}
			got := observation(&p.reply)
			if !p.reply.ended || got.BootID == "" || got.Uptime == 0 || got.Hostname == "" || got.System == "" {
				t.Errorf("%+v", got)
			}
			got.BootID, got.Uptime, got.Hostname, got.System, got.NixVersion = "", 0, "", "", ""
			want := deploy.Observation{
				Links: deploy.Links{ProfileLink: "system-2-link", Profile: root + "/store/two", Running: root + "/store/two", Booted: root + "/store/one", Reader: "unknown"},
				NixOS: true, MachineID: "0123abcd", Rebuild: root + "/bin/nixos-rebuild", RebuildKind: "bash", Generations: []int{2},
				FailedUnits: []string{"old.service", "other.mount"}, FreeBytes: map[string]int64{"/": 40 * 1024},
				Marker: &deploy.Marker{Fleet: "home", Host: "web-1"}, RebootPending: true, GuardReboot: "yes", FlakePresent: true, WantedValid: true,
				Recorded: &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: root + "/store/two", Run: "R0", Operator: "anna@ci", Stage: "prod",
					Time: time.Unix(1700000000, 0).UTC(), Failed: []string{"old.service"}},
				ConfirmedAgo: &ago,
				Last: &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: root + "/store/two", Run: "R0", Operator: "anna@ci", Stage: "prod",
					Time: time.Unix(1700000000, 0).UTC(), Failed: []string{"old.service"}},
				Previous: &deploy.Previous{Run: "R0", ProfileLink: "system-1-link", Profile: "/nix/store/one"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What an unchanged host is told to remember is what its next inspection says.
func TestARecordIsWrittenAndOnlyFiftyStay(t *testing.T) {
	for name, shell := range shells() {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			tool(t, root, "systemctl", "case $1 in list-units) echo 'old.service loaded failed failed Old' ;; esac")
			tool(t, root, "date", "echo 1700000000")
			link(t, root, "nix/var/nix/profiles/system", "system-2-link")
			link(t, root, "nix/var/nix/profiles/system-2-link", root+"/store/two")
			link(t, root, "run/current-system", root+"/store/two")
			write(t, root, "store/two/here", "")
			old := time.Unix(1600000000, 0)
			for i := range 55 {
				path := fmt.Sprintf("var/lib/nixdeploy/records/d%02d", i)
				write(t, root, path, "")
				stamp := old.Add(time.Duration(i) * time.Second)
				if err := os.Chtimes(filepath.Join(root, path), stamp, stamp); err != nil {
					t.Fatal(err)
				}
			}
			out := runShell(t, shell, root, Script("guard"), "N", "record", "R1", "anna@ci", "90", "dnew", "web-1", root+"/store/two", "prod", "home", "web-1")
			if out != "N recorded yes\nN end guard\n" {
				t.Errorf("it says %q", out)
			}
			records, err := os.ReadDir(filepath.Join(root, "var/lib/nixdeploy/records"))
			if err != nil || len(records) != 50 || records[0].Name() != "d06" || records[49].Name() != "dnew" {
				t.Errorf("%d records, %v, %v", len(records), records, err)
			}
			for path, want := range map[string]string{
				"var/lib/nixdeploy/records/dnew": "flake dnew\nattribute web-1\ntoplevel " + root + "/store/two\nrun R1\noperator anna@ci\nstage prod\ntime 1700000000\nlink system-2-link\nfailed old.service\n",
				"var/lib/nixdeploy/marker":       "home web-1\n",
			} {
				if got, err := os.ReadFile(filepath.Join(root, path)); err != nil || string(got) != want { //nolint:gosec // the test's own
					t.Errorf("%s: %q, %v", path, got, err)
				}
			}
			if _, err := os.Stat(filepath.Join(root, "run/nixdeploy/lease")); !os.IsNotExist(err) {
				t.Errorf("the lease stayed: %v", err)
			}
		})
	}
}

// Who asks for a run that is over learns how it ended, from the host itself.
func TestARunThatIsOverTellsItsResult(t *testing.T) {
	for _, c := range []struct{ name, done, verb, want string }{
		{"returned", "returned", "await", "N gone -\nN result returned\nN log went back\n"},
		{"confirmed", "confirmed", "confirm", "N gone -\nN result confirmed\nN log went back\n"},
		{"never armed", "", "back", "N gone -\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			tool(t, root, "systemd-detect-virt", "exit 1")
			if c.done != "" {
				write(t, root, "var/lib/nixdeploy/done/R1/result", c.done+"\n")
				write(t, root, "var/lib/nixdeploy/done/R1/log", "went back\n")
			}
			inEachShell(t, root, Script("guard"), c.want+"N links - - - - - unknown\nN end guard\n", "N", c.verb, "R1", "0", "0")
		})
	}
}

func TestUnlockGivesBackOnlyItsOwn(t *testing.T) {
	for lease, stays := range map[string]bool{"R1": false, "R2": true} {
		for _, shell := range shells() {
			root := t.TempDir()
			boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
			if err != nil {
				t.Skip("no Linux")
			}
			path := "run/nixdeploy/lease"
			write(t, root, path, lease+" anna@ci 1 "+strings.TrimSpace(string(boot))+" 99999999999\n")
			if out := runShell(t, shell, root, Script("guard"), "N", "unlock", "R1"); out != "N end guard\n" {
				t.Errorf("it says %q", out)
			}
			if _, err := os.Stat(filepath.Join(root, path)); (err == nil) != stays {
				t.Errorf("lease of %s: %v", lease, err)
			}
		}
	}
}
