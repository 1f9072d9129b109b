package nixos

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The scripts' fixed places on a host, where a word begins with one.
var fixedPlaces = regexp.MustCompile(`(^|[\s="(<>])/(boot|efi|sys/firmware|run|sbin|dev/disk|dev/block|proc/sys/fs|proc/self|var/lib|nix/var|etc)\b`)

// rooted puts a script's fixed places under root, so that it can be tried on
// files of a test. Nothing else of it is changed.
func rooted(script, root string) string {
	return fixedPlaces.ReplaceAllString(script, "${1}"+root+"/${2}")
}

// shells are those of hosts: dash and bash, where they are here, else sh. NixOS
// itself has bash as its sh.
func shells() map[string][]string {
	found := map[string][]string{}
	if path, err := exec.LookPath("dash"); err == nil {
		found["dash"] = []string{path}
	}
	if path, err := exec.LookPath("bash"); err == nil {
		found["bash as sh"] = []string{path, "--posix"}
	}
	if len(found) == 0 {
		found["sh"] = []string{"/bin/sh"}
	}
	return found
}

// inEachShell runs text, a part of the scripts with calls behind it, with root
// as the root of the host, and compares what it prints.
func inEachShell(t *testing.T, root, text, want string, args ...string) {
	t.Helper()
	all := shells()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if got := runShell(t, all[name], root, text, args...); got != want {
			t.Errorf("%s\n got %q\nwant %q", name, got, want)
		}
	}
}

func runShell(t *testing.T, shell []string, root, text string, args ...string) string {
	t.Helper()
	out, errs := runBoth(t, shell, root, text, args...)
	if errs != "" { // nothing of it may surprise the shell either
		t.Errorf("%v: %s", shell, errs)
	}
	return out
}

func runBoth(t *testing.T, shell []string, root, text string, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell[0], slices.Concat(shell[1:], []string{"-c", rooted(text, root), "sh"}, args)...)
	cmd.Env = []string{"PATH=" + filepath.Join(root, "bin") + ":" + os.Getenv("PATH")}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %v\n%s", shell, err, errs.String())
	}
	return string(out), errs.String()
}

// write makes a file of the host under root.
func write(t *testing.T, root, path, text string) {
	t.Helper()
	file := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tool makes a command of the host under root.
func tool(t *testing.T, root, name, body string) {
	t.Helper()
	write(t, root, "bin/"+name, "#!/bin/sh\n"+body+"\n")
	if err := os.Chmod(filepath.Join(root, "bin", name), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
}

func link(t *testing.T, root, path, target string) {
	t.Helper()
	file := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, file); err != nil {
		t.Fatal(err)
	}
}

// Without this the tests below would read the machine that they run on.
func TestRootedLeavesNoFixedPlaceOutside(t *testing.T) {
	text := rooted(read("lib.sh"), "/ROOT")
	for _, want := range []string{"STATE=/ROOT/var/lib/nixdeploy", "in /ROOT/boot /ROOT/efi /ROOT/boot/efi;", "file=/ROOT/sys/firmware/efi",
		"-f /ROOT/boot/grub/grubenv", "next_by_grub /ROOT/boot/grub/grub.cfg", "resolve /ROOT/run/current-system", "resolve /ROOT/sbin/init"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the rooted library", want)
		}
	}
	if strings.Contains(text, "random/ROOT") || !strings.Contains(text, "/proc/uptime") || !strings.Contains(text, "init=/nix/store/*/init") {
		t.Error("more was changed than the places")
	}
}
