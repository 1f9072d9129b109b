package lab_test

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// Rollback is where the two tools differ, and where a deployer must know how.
func TestRollbackVariants(t *testing.T) {
	for _, tool := range []struct {
		base                     string
		fastSays                 []string
		testRollbackFromSecond   string // which generation `test --rollback` takes when 2 of 3 is current
		broken, noReexec, bottom int    // exit codes
		flakelessNeedsReexec     int
	}{
		{base: lab.Bookworm, testRollbackFromSecond: "1", broken: 1, noReexec: 1, bottom: 1},
		{
			base:                   lab.Trixie,
			fastSays:               []string{"nixos-rebuild: warning: --fast is deprecated, use --no-reexec instead", "building the system configuration...", "Done. The new configuration is "},
			testRollbackFromSecond: "3", broken: 1, bottom: 1, flakelessNeedsReexec: 1,
		},
	} {
		t.Run(tool.base, func(t *testing.T) {
			t.Parallel()
			host := lab.Up(t, lab.Options{Base: tool.base})
			upload(t, host, web1(lab.System{Version: version("2")}))
			expect(t, host, switchCommand, 0)
			setFleet(t, host, web1(lab.System{Version: version("3")}))
			expect(t, host, switchCommand, 0)
			third := host.Links()
			if third.ProfileLink != "system-3-link" {
				t.Fatalf("links: %+v", third)
			}

			host.MustSSH("echo '}' >> /root/flake/flake.nix")
			// It builds nixos-rebuild out of the flake first.
			expect(t, host, "nixos-rebuild switch --rollback --flake /root/flake#web1", tool.broken, "syntax error, unexpected '}'")
			if links := host.Links(); links != third {
				t.Errorf("a failed rollback changed something: %+v\nbefore: %+v", links, third)
			}
			expect(t, host, "nixos-rebuild switch --rollback --fast --flake /root/flake#web1", 0,
				append(tool.fastSays, "switching profile from version 3 to 2")...)
			second := host.Links()
			if second.ProfileLink != "system-2-link" || second.Running != second.Profile || second.NextBoot != second.Profile {
				t.Errorf("links: %+v", second)
			}

			expect(t, host, "nixos-rebuild test --rollback --fast", 0)
			links := host.Links()
			want := host.MustSSH("readlink /nix/var/nix/profiles/system-" + tool.testRollbackFromSecond + "-link")
			if links.Running != want || links.ProfileLink != "system-2-link" || links.NextBoot != second.NextBoot {
				t.Errorf("test --rollback: %+v, want %s to run", links, want)
			}

			expect(t, host, "nixos-rebuild switch --rollback --no-reexec", tool.noReexec)
			if tool.noReexec != 0 {
				expect(t, host, "nixos-rebuild switch --rollback --fast", 0)
			}
			bottom := host.Links()
			if bottom.ProfileLink != "system-1-link" {
				t.Errorf("links: %+v", bottom)
			}
			expect(t, host, "nixos-rebuild switch --rollback --fast", tool.bottom, "error: no profile version older than the current (1) exists")
			if links := host.Links(); links != bottom {
				t.Errorf("a failed rollback changed something: %+v\nbefore: %+v", links, bottom)
			}
			// Without a flake: one ends over its own update, the other goes on without.
			host.MustSSH("nix-env -p /nix/var/nix/profiles/system --switch-generation 3")
			expect(t, host, "nixos-rebuild switch --rollback", tool.flakelessNeedsReexec, "nixpkgs/nixos")
		})
	}
}

// Flags and words that one tool takes and the other does not.
func TestCommandLines(t *testing.T) {
	for base, answers := range map[string]map[string]int{
		lab.Bookworm: {
			"nixos-rebuild switch --no-reexec":            1,
			"nixos-rebuild switch --sudo":                 1,
			"nixos-rebuild dry-build --flake=/root/flake": 1,
			"nixos-rebuild":                               16,
			"nixos-rebuild --help":                        16,
			"nixos-rebuild dry-activate --rollback":       16,
			"nixos-rebuild build --store-path /x":         1,
		},
		lab.Trixie: {
			"nixos-rebuild frobnicate":                         2,
			"nixos-rebuild switch --frobnicate":                2,
			"nixos-rebuild dry-build --flake=/root/flake#web1": 0,
			"nixos-rebuild --help":                             16,
			"nixos-rebuild dry-activate --rollback":            1,
		},
	} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			host := lab.Up(t, lab.Options{Base: base})
			upload(t, host, web1(lab.System{}))
			before := host.Links()
			for command, rc := range answers {
				expect(t, host, command, rc)
			}
			if after := host.Links(); after != before {
				t.Errorf("links: %+v\nbefore: %+v", after, before)
			}
		})
	}
}
