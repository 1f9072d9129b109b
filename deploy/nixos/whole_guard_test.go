package nixos

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// wholeHost is a host in a folder on which the whole of guard.sh runs under
// /bin/sh. Its tools are stand-ins that sync nothing, as the worst ones would.
type wholeHost struct {
	t      *testing.T
	root   string
	script string
}

// Files of a wholeHost that say what its stand-ins do.
const (
	guardRuns     = "guard-runs"      // a start of the guard is the guard, up to its end
	guardStartsNo = "guard-starts-no" // a start of the guard fails
)

// The stand-ins. ROOT is the host's root.
var wholeTools = map[string]string{
	"systemctl": `case "$*" in
start*nixdeploy-guard.service)
	if ! [ -e ROOT/etc/systemd/system.control/nixdeploy-guard.service ]; then exit 5; fi
	if [ -e ROOT/guard-starts-no ]; then exit 1; fi
	if [ -e ROOT/guard-runs ]; then exec sh ROOT/var/lib/nixdeploy/active/guard.sh - guard; fi ;;
daemon-reload) if [ -e ROOT/guard-starts-no ]; then exit 1; fi ;;
*is-active*) exit 1 ;;
show*) echo inactive ;;
esac`,
	// Runs what it is given, and puts what that prints where it is told to.
	"systemd-run": `while :; do case $1 in
-p)
	case $2 in StandardError=append:*) exec >>"${2#*:}" 2>&1 ;; esac
	shift 2 ;;
-E) shift 2 ;;
-*) shift ;;
*) break ;;
esac; done
exec "$@"`,
	"systemd-detect-virt": "exit 1",
	"nix-store":           "exit 0",
	"nix-env": `case $3 in
--switch-generation) ln -sfn "system-$4-link" ROOT/nix/var/nix/profiles/system ;;
--set) ln -sfn "$4" ROOT/nix/var/nix/profiles/system-2-link && ln -sfn system-2-link ROOT/nix/var/nix/profiles/system ;;
esac`,
	"nixos-rebuild": `ln -sfn system-1-link ROOT/nix/var/nix/profiles/system
exec ROOT/nix/store/old/bin/switch-to-configuration switch`,
}

// newWholeHost is a host on generation 1, the system "old"; "new" is in its
// store. reader is the boot loader: extlinux, systemd-boot with its file system at
// /boot/efi, or an unknown one.
func newWholeHost(t *testing.T, reader string) *wholeHost {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &wholeHost{t: t, root: root}
	h.script = strings.ReplaceAll(rooted(Script("guard"), root), "/nix/store/", root+"/nix/store/")
	write(t, root, "script", h.script)
	for name, body := range wholeTools {
		tool(t, root, name, strings.ReplaceAll(body, "ROOT", root))
	}
	tool(t, root, "grep", "case $1 in -lszE) exit 1 ;; esac; exec "+whole(t, "grep")+" \"$@\"") // nobody's processes
	loader, file := "printf 'DEFAULT x\\nLABEL x\\nAPPEND init=%s/init\\n' \"$me\"", "boot/extlinux/extlinux.conf"
	if reader == "systemd-boot" {
		write(t, root, "boot/efi/loader/loader.conf", "default x.conf\n")
		loader, file = "printf 'options init=%s/init\\n' \"$me\"", "boot/efi/loader/entries/x.conf"
	}
	if reader == "unknown" {
		file = "boot/limine.conf"
	}
	for _, system := range []string{"old", "new"} {
		bin := filepath.Join("nix/store", system, "bin/switch-to-configuration")
		write(t, root, bin, "#!/bin/sh\nme=${0%/bin/*}\n"+
			"case $1 in boot | switch) "+loader+" >"+root+"/"+file+".new && mv "+root+"/"+file+".new "+root+"/"+file+" ;; esac || exit\n"+
			"case $1 in test | switch) ln -sfn \"$me\" "+root+"/run/current-system ;; esac\n")
		if err := os.Chmod(filepath.Join(root, bin), 0o700); err != nil { //nolint:gosec // it is to be run
			t.Fatal(err)
		}
		write(t, root, filepath.Join("nix/store", system, "init"), "")
	}
	old := h.system("old")
	link(t, root, "nix/var/nix/profiles/system-1-link", old)
	link(t, root, "nix/var/nix/profiles/system", "system-1-link")
	link(t, root, "run/booted-system", old)
	for _, there := range []string{"run/systemd/system/x", "var/lib/x", "etc/systemd/x", "nix/var/nix/gcroots/x"} {
		link(t, root, there, "y")
	}
	write(t, root, file, "")
	if out, err := exec.CommandContext(t.Context(), filepath.Join(old, "bin/switch-to-configuration"), "switch").CombinedOutput(); err != nil { //nolint:gosec // ours
		t.Fatalf("%v: %s", err, out)
	}
	return h
}

func (h *wholeHost) system(name string) string { return filepath.Join(h.root, "nix/store", name) }

// asks is a verb of the guard, as the deployer sends it.
func (h *wholeHost) asks(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(h.t.Context(), "/bin/sh", append([]string{filepath.Join(h.root, "script"), "N"}, args...)...) //nolint:gosec // ours
	cmd.Env = []string{"PATH=" + filepath.Join(h.root, "bin") + ":" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(h.script) // what arm leaves on the host
	return cmd
}

// arms is the verb arm, of a run that is to go to "new".
func (h *wholeHost) arms(run, mode string) *exec.Cmd {
	old := h.system("old")
	return h.asks("arm", run, "ann@desk", "90", "script", strconv.Itoa(len(h.script)), "stage", "dev", "fleet", "f", "host", "h", "flake", "d1",
		"mode", mode, "goal", "system", "wanted", h.system("new"), "activation", "30", "reboot", "never", "window", "20",
		"expect", "system-1-link "+old+" "+old)
}

// says runs cmd and gives its answers, without what the tools print.
func (h *wholeHost) says(cmd *exec.Cmd) string {
	h.t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// will turns on what a stand-in does.
func (h *wholeHost) will(what string) { write(h.t, h.root, what, "") }

// panics makes a system's activation end as the real one does where it cannot
// print (contract 4.2).
func (h *wholeHost) panics(system string) {
	h.t.Helper()
	path := filepath.Join("nix/store", system, "bin/switch-to-configuration")
	before := strings.TrimPrefix(h.text(path), "#!/bin/sh\n")
	write(h.t, h.root, path, "#!/bin/sh\n"+"echo 'activating the configuration...' >&2 || exit 101\n"+before)
}

// is fails unless profile, running system and next boot are that system.
func (h *wholeHost) is(name string) {
	h.t.Helper()
	script := strings.ReplaceAll(rooted(read("lib.sh"), h.root), "/nix/store/", h.root+"/nix/store/") + "\nread_links\nsay \"$profile $running $next\""
	cmd := h.asks()
	cmd.Args = []string{"sh", "-c", script}
	want := strings.TrimSpace(strings.Repeat(h.system(name)+" ", 3))
	if got := strings.TrimSpace(h.says(cmd)); got != want {
		h.t.Errorf("the host is on %q, want %q", got, want)
	}
}

// there reports whether a path is on the host, whatever it is.
func (h *wholeHost) there(path string) bool {
	_, err := os.Lstat(filepath.Join(h.root, path))
	return err == nil
}

// The whole way on a host of stand-ins, so that what is looked at on it is one.
func TestTheWholeGuardOnAHostOfStandIns(t *testing.T) {
	for _, mode := range []string{"switch", "test-first"} {
		for verb, want := range map[string]string{"confirm": "confirmed", "back": "returned"} {
			t.Run(mode+"/"+verb, func(t *testing.T) {
				h := newWholeHost(t, "extlinux")
				if got := h.says(h.arms("R1", mode)); !strings.Contains(got, "N armed yes\n") {
					t.Fatal(got)
				}
				if got := h.says(h.asks("start", "R1")); !strings.Contains(got, "N started yes\n") {
					t.Fatal(got)
				}
				h.will(guardRuns)
				if got := h.says(h.asks(verb, "R1", "60")); !strings.Contains(got, "N result "+want+"\n") {
					t.Fatal(got)
				}
				h.is(map[string]string{"confirmed": "new", "returned": "old"}[want])
				if h.there("var/lib/nixdeploy/active") || h.there("etc/systemd/system.control/"+guardUnit) || !h.there("var/lib/nixdeploy/done/R1/result") {
					t.Error("the run is not closed")
				}
			})
		}
	}
}

// Where /etc is in memory and /var/lib on a disk, the run folder outlives the unit
// of its guard. Whoever asks then writes it anew: also for what was decided, and not
// closed, when the power went.
func TestARunThatOutlivesItsUnitIsResolved(t *testing.T) {
	for _, left := range []string{"", "claim", "result"} {
		t.Run("with "+left, func(t *testing.T) {
			h := newWholeHost(t, "extlinux")
			h.says(h.arms("R1", "test-first"))
			h.says(h.asks("start", "R1"))
			if left != "" {
				link(t, h.root, active+"claim", "return")
			}
			if left == "result" {
				write(t, h.root, active+"result", "returned\n")
			}
			if err := os.RemoveAll(filepath.Join(h.root, control)); err != nil {
				t.Fatal(err)
			}
			h.will(guardRuns)
			if got := h.says(h.asks("back", "R1", "3")); !strings.Contains(got, "N result returned\n") {
				t.Error(got)
			}
			if h.there(active) || h.there(control+guardUnit) || !h.there(state+"done/R1/result") {
				t.Error("the run is not closed")
			}
		})
	}
}

// The claim of a return that no disk took is gone with a boot. Its result stands:
// nothing is started or confirmed after it, and a stranded host may be asked again.
func TestAResultWithoutItsClaimIsAReturn(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	write(t, h.root, active+"result", "stranded\n")
	for _, verb := range [][]string{{"start", "R1"}, {"confirm", "R1", "0"}} {
		if got := h.says(h.asks(verb...)); !strings.Contains(got, "N claim return\n") || strings.Contains(got, "N started") {
			t.Errorf("%s: %s", verb[0], got)
		}
	}
	h.is("old")
	h.will(guardRuns)
	if got := h.says(h.asks("back", "R1", "60")); !strings.Contains(got, "N result returned\n") || !h.there(state+"done/R1/claim") {
		t.Error(got)
	}
}

// Somebody sets a system of theirs while the host goes back, which no lock forbids:
// that is not undone either.
func TestWhatIsSetDuringAReturnIsNotUndone(t *testing.T) {
	const profiles = "ROOT/nix/var/nix/profiles/"
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	h.says(h.asks("start", "R1"))
	h.stands("nixos-rebuild", `ln -sfn system-1-link `+profiles+`system
ROOT/nix/store/old/bin/switch-to-configuration switch
mkdir ROOT/nix/store/theirs
ln -s ROOT/nix/store/theirs `+profiles+`system-9-link
ln -sfn system-9-link `+profiles+`system`)
	h.stands("sleep", "exit 0")
	h.will(guardRuns)
	said := h.says(h.asks("back", "R1", "60"))
	if !strings.Contains(said, "N result stranded\n") || !strings.Contains(said, "nothing is undone") || !strings.Contains(said, "N links system-9-link ") {
		t.Error(said)
	}
}

// A guard that starts with a boot comes after each place that is looked into for the
// boot loader: a mount with nofail is ordered before nothing (systemd.mount(5)).
func TestTheGuardComesAfterTheBootLoadersMounts(t *testing.T) {
	h := newWholeHost(t, "extlinux")
	h.says(h.arms("R1", "switch"))
	_, places, _ := strings.Cut(read("lib.sh"), "for esp in ")
	places, _, _ = strings.Cut(places, ";")
	_, after, _ := strings.Cut(h.text(control+guardUnit), "\nAfter=")
	after, _, _ = strings.Cut(after, "\n")
	for place := range strings.FieldsSeq(places) {
		mount := strings.ReplaceAll(strings.TrimPrefix(place, "/"), "/", "-") + ".mount"
		if !slices.Contains(strings.Fields(after), mount) {
			t.Errorf("the guard comes after %q, and not after %s", after, mount)
		}
	}
}

const guardUnit = "nixdeploy-guard.service"

// A boot loader that could be read when the run was armed, and cannot be since the
// power went while it was being told of the new system: it has to be told of the
// old one, and a host on which that fails is not back.
func TestALoaderThatCannotBeReadAnyMoreHasToBeTold(t *testing.T) {
	for fails, want := range map[bool]string{false: "returned", true: "stranded"} {
		h := newWholeHost(t, "extlinux")
		h.says(h.arms("R1", "test-first"))
		h.says(h.asks("start", "R1"))
		link(t, h.root, active+"claim", "confirm")
		// It has booted what it had.
		write(t, h.root, active+"meta", strings.Replace(h.text(active+"meta"), "\nboot ", "\nboot another-", 1))
		for path, target := range map[string]string{
			"nix/var/nix/profiles/system-2-link": h.system("new"), "nix/var/nix/profiles/system": "system-2-link", "run/current-system": h.system("old"),
		} {
			if err := os.RemoveAll(filepath.Join(h.root, path)); err != nil {
				t.Fatal(err)
			}
			link(t, h.root, path, target)
		}
		write(t, h.root, "boot/extlinux/extlinux.conf", "")
		if fails {
			write(t, h.root, "boot/extlinux/extlinux.conf.new/x", "")
		}
		h.stands("sleep", "exit 0")
		h.says(h.asks("guard"))
		folder := active
		if !h.there(active) {
			folder = state + "done/R1/"
		}
		if got := h.text(folder + "result"); got != want+"\n" {
			t.Errorf("with a boot loader that cannot be told: %v, the host is told as %s\n%s", fails, got, h.text(folder+"log"))
		}
	}
}
