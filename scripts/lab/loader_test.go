package lab_test

import (
	"regexp"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// A host starts what its boot loader's files say, and nothing else.
func TestNextBootFollowsTheLoader(t *testing.T) {
	for _, loader := range []string{lab.SystemdBoot, lab.Grub, lab.Extlinux} {
		t.Run(loader, func(t *testing.T) {
			t.Parallel()
			host := lab.Up(t, lab.Options{Loader: loader})
			first := host.Links()
			upload(t, host, web1(lab.System{Version: version("2"), KernelVersion: "6.6.70"}))

			host.MustSSH("nixos-rebuild boot --fast --flake path:/root/flake#web1")
			second := host.Links()
			if second.NextBoot != second.Profile || second.Profile == first.Profile || second.Running != first.Running {
				t.Errorf("after boot: %+v\nbefore: %+v", second, first)
			}
			host.Reboot()
			if links := host.Links(); links.Running != second.NextBoot || links.Booted != second.NextBoot {
				t.Errorf("after the reboot: %+v", links)
			}

			// The profile alone decides nothing.
			host.MustSSH("nix-env -p /nix/var/nix/profiles/system --rollback")
			host.PowerCut()
			host.Start()
			host.WaitSSH()
			if links := host.Links(); links.Profile != first.Profile || links.Running != second.NextBoot {
				t.Errorf("after a power cut with the profile back: %+v", links)
			}

			setFleet(t, host, web1(lab.System{Version: version("3")}))
			host.MustSSH("nixos-rebuild test --fast --flake path:/root/flake#web1")
			tested := host.Links()
			if tested.Running == second.NextBoot || tested.NextBoot != second.NextBoot || tested.Profile != first.Profile {
				t.Errorf("after test: %+v", tested)
			}
			host.Reboot()
			if links := host.Links(); links.Running != second.NextBoot {
				t.Errorf("test outlived a reboot: %+v", links)
			}
		})
	}
}

// The files are what NixOS's installers write, as a deployer reads them.
func TestLoaderFiles(t *testing.T) {
	for loader, wants := range map[string]map[string][]string{
		lab.SystemdBoot: {
			"/boot/loader/loader.conf": {`timeout 5`, `default nixos-generation-2\.conf`, `console-mode keep`},
			"/boot/loader/entries/nixos-generation-2.conf": {
				`title NixOS`, `sort-key nixos`,
				`version Generation 2 NixOS Vicuna 24\.11\.20241202\.abcdef2 \(Linux 6\.6\.63\), built on \d{4}-\d\d-\d\d`,
				`linux /EFI/nixos/[a-z0-9]{32}-linux-6\.6\.63-bzImage\.efi`,
				`initrd /EFI/nixos/[a-z0-9]{32}-initrd-linux-6\.6\.63-initrd\.efi`,
				`options init=/nix/store/[a-z0-9]{32}-nixos-system-web1-24\.11\.20241202\.abcdef2/init loglevel=4`,
				`machine-id [0-9a-f]{32}`,
			},
		},
		lab.Extlinux: {
			"/boot/extlinux/extlinux.conf": {
				`DEFAULT nixos-default`, `LABEL nixos-default`, `LABEL nixos-2`,
				`  LINUX \.\./nixos/[a-z0-9]{32}-linux-6\.6\.63-bzImage`,
				`  APPEND init=/nix/store/[a-z0-9]{32}-nixos-system-web1-24\.11\.20241202\.abcdef2/init loglevel=4`,
			},
		},
		lab.Grub: {
			"/boot/grub/grub.cfg": {
				`  set default=0`,
				`menuentry "NixOS - Default" --class nixos --unrestricted \{`,
				`  linux \(\$drive1\)//kernels/[a-z0-9]{32}-linux-6\.6\.63-bzImage init=/nix/store/[a-z0-9]{32}-nixos-system-web1-24\.11\.20241202\.abcdef2/init loglevel=4`,
				`submenu "NixOS - All configurations" --class submenu \{`,
				`menuentry "NixOS - Configuration 2 \(\d{4}-\d\d-\d\d - 24\.11\.20241202\.abcdef2\)" --class nixos \{`,
			},
		},
	} {
		t.Run(loader, func(t *testing.T) {
			t.Parallel()
			host := lab.Up(t, lab.Options{Loader: loader, Base: lab.Trixie})
			upload(t, host, web1(lab.System{Version: version("2")}))
			host.MustSSH("nixos-rebuild boot --fast --flake path:/root/flake#web1")
			for file, patterns := range wants {
				content := host.MustSSH("cat " + file)
				for _, pattern := range patterns {
					if !regexp.MustCompile(`(?m)^` + pattern + `$`).MatchString(content) {
						t.Errorf("%s has no line %s:\n%s", file, pattern, content)
					}
				}
			}
		})
	}
}
