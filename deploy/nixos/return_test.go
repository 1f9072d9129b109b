package nixos

import (
	"path/filepath"
	"strings"
	"testing"
)

// backIn is what a guard knows when it goes back, before it looks.
const backIn = at + "nonce=N attempts=0 activations=0 busy=no patience='' half=no r_until=0 untold=no\nsync() { :; }\nload_active\n"

// guardLibrary is what the verbs of the guard share.
func guardLibrary(t *testing.T) string {
	t.Helper()
	library, _, found := strings.Cut(read("guard.sh"), "# ---- what is asked for")
	if !found {
		t.Fatal("guard.sh has no part that begins with what is asked for")
	}
	return read("lib.sh") + "\nset -- - none\n" + read("foreign.sh") + read("return.sh") + read("unit.sh") + library
}

// armedRun is an armed run of this boot.
func armedRun(t *testing.T, root string, files map[string]string) {
	t.Helper()
	write(t, root, "var/lib/nixdeploy/active/meta", "run R1\nboot b00t\nactivation 30\nmode switch\n")
	for name, text := range files {
		write(t, root, "var/lib/nixdeploy/active/"+name, text)
	}
}

// The unit that nixos-rebuild activates in is stopped only where something of
// ours was cut: else it is somebody else's.
func TestOnlyOurOwnActivationIsStopped(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		stops bool
	}{
		{"nothing was begun", nil, false},
		{"our switch runs", map[string]string{"started": ""}, true},
		{"our switch has ended", map[string]string{"started": "", "switch.rc": "4\n"}, false},
		{"a way back was cut", map[string]string{"started": "", "switch.rc": "0\n", "half": "b00t\n"}, true},
		{"a way back was cut by a reboot", map[string]string{"half": "before\n"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			armedRun(t, root, c.files)
			tool(t, root, "systemctl", "for word; do case $word in nixos-rebuild-switch-to-configuration.service) echo stops it ;; esac; done")
			want := ""
			if c.stops {
				want = "stops it\n"
			}
			inEachShell(t, root, guardLibrary(t)+backIn+"stop_switch", want)
		})
	}
}

// What an activation on the way back came to, by its exit code, is known to the
// guard that comes after this one.
func TestWhatAnActivationLeaves(t *testing.T) {
	for code, want := range map[string]string{
		"0": "half no, busy no, marked no", "4": "half no, busy no, marked no", "2": "half no, busy no, marked no",
		"1": "half yes, busy no, marked yes", "143": "half yes, busy no, marked yes",
		"11": "half no, busy yes, marked no",
	} {
		t.Run("exit code "+code, func(t *testing.T) {
			root := t.TempDir()
			armedRun(t, root, nil)
			tool(t, root, "systemd-run", "test -f "+filepath.Join(root, "var/lib/nixdeploy/active/half")+" || exit 99\nexit "+code)
			inEachShell(t, root, guardLibrary(t)+backIn+
				"activate_running x\nmarked=no\nif cut_short; then marked=yes; fi\necho \"half $half, busy $busy, marked $marked\"\nrm -f \"$ACTIVE/half\"", want+"\n")
		})
	}
}

// A switch of somebody else is waited for, no longer than one activation.
func TestSomebodyElsesSwitchIsWaitedFor(t *testing.T) {
	for _, c := range []struct{ name, ends, want string }{
		{"it ends", "1", "after 2 s\n"},
		{"it does not", "99", "after 30 s\n"},
		{"there is none", "0", "after 0 s\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			armedRun(t, root, nil)
			inEachShell(t, root, guardLibrary(t)+backIn+
				"looks=0\nothers_activate() { looks=$((looks + 1)); [ $looks -le "+c.ends+" ]; }\n"+
				"sleep() { uptime=$((uptime + $1)); }\nclock() { :; }\nnote() { :; }\nawait_others\necho \"after $((uptime - 1000)) s\"", c.want)
		})
	}
}

func TestAReturnWithoutUnitsOrLoaderIsNone(t *testing.T) {
	for _, c := range []struct{ half, file, want string }{{"no", "", "there\n"}, {"yes", "", "not there\n"}, {"no", "loader", "not there\n"}} {
		root := t.TempDir()
		armedRun(t, root, nil)
		if c.file != "" {
			armedRun(t, root, map[string]string{c.file: ""})
		}
		inEachShell(t, root, guardLibrary(t)+backIn+"on_record() { :; }\nhalf="+c.half+"\nif back_there; then echo there; else echo not there; fi", c.want)
	}
}

func TestWhoActivatesIsSeen(t *testing.T) {
	for state, want := range map[string]string{"inactive": "nobody\n", "failed": "nobody\n", "activating": "somebody\n", "deactivating": "somebody\n"} {
		root := t.TempDir()
		tool(t, root, "systemctl", "echo "+state)
		inEachShell(t, root, guardLibrary(t)+"if others_activate; then echo somebody; else echo nobody; fi", want)
	}
	root := t.TempDir()
	tool(t, root, "systemctl", "echo inactive")
	holdsLock(t, root)
	inEachShell(t, root, guardLibrary(t)+"if others_activate; then echo somebody; else echo nobody; fi", "somebody\n")
}
