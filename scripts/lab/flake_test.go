package lab_test

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// The fixture's lock counts as complete for both nix, in any folder, offline,
// with the flags that a deployer gives.
func TestFixtureFlakeIsLocked(t *testing.T) {
	for _, base := range []string{lab.Bookworm, lab.Trixie} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			host := lab.Up(t, lab.Options{Base: base})
			dir := t.TempDir()
			lab.WriteFlake(t, dir, web1(lab.System{Version: version("1")}))
			const elsewhere = "/var/lib/uploads/some/flake"
			host.CopyFlake(dir, elsewhere)
			const attribute = "#nixosConfigurations.web1.config.system.build.toplevel"
			stdout, stderr, rc := host.SSH(`
				hash=$(nix hash path '` + elsewhere + `')
				nix build --dry-run --json --no-update-lock-file --no-write-lock-file "path:` + elsewhere + `?narHash=$hash` + attribute + `"`)
			if rc != 0 || !strings.Contains(stdout, "-nixos-system-web1-"+version("1")) || strings.Contains(stderr, "lock file") {
				t.Errorf("rc = %d\n%s%s", rc, stdout, stderr)
			}
			unlocked := t.TempDir()
			lab.WriteUnlockedFlake(t, unlocked, web1(lab.System{Version: version("1")}))
			host.CopyFlake(unlocked, elsewhere)
			build := "nix build --dry-run 'path:" + elsewhere + attribute + "' --no-update-lock-file"
			expect(t, host, build, 1, "requires lock file changes but they're not allowed due to '--no-update-lock-file'")
			// Both flags together refuse nothing, in either nix: a deployer has to look itself.
			expect(t, host, build+" --no-write-lock-file", 0, "warning: not writing modified lock file")
		})
	}
}

// A real nixos-rebuild or activator can be put in the place of the stand-ins.
func TestStandInsCanBeReplaced(t *testing.T) {
	lab.Require(t)
	replacement := t.TempDir() + "/nixos-rebuild"
	writeScript(t, replacement, "#!/bin/sh\necho replaced\n")
	t.Setenv("NIXDEPLOY_LAB_NIXOS_REBUILD", replacement)
	host := lab.Up(t, lab.Options{})
	if got := host.MustSSH("nixos-rebuild switch"); got != "replaced" {
		t.Errorf("nixos-rebuild says %q", got)
	}
	if got := host.MustSSH("readlink -f /run/current-system/sw/bin/nixos-rebuild"); !strings.HasSuffix(got, "-nixos-rebuild/bin/nixos-rebuild") {
		t.Errorf("nixos-rebuild is %s", got)
	}
}
