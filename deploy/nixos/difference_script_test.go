package nixos

import (
	"os"
	"strings"
	"testing"
)

const (
	oldPath = "/nix/store/00000000000000000000000000000000-nixos-system-a-1"
	newPath = "/nix/store/11111111111111111111111111111111-nixos-system-a-2"
	sharedA = "/nix/store/22222222222222222222222222222222-glibc-2.39"
	goneA   = "/nix/store/33333333333333333333333333333333-hello-1.1"
	comesA  = "/nix/store/44444444444444444444444444444444-hello-1.2"
)

// differenceParts is the script without what it does when it is sent.
func differenceParts(calls string) string {
	text := read("difference.sh")
	start, _, _ := strings.Cut(text, "nonce=$1 ")
	_, functions, _ := strings.Cut(text, "closure() {")
	functions, _, _ = strings.Cut(functions, "\nif ! nix-store --check-validity")
	return start + read("lib.sh") + read("foreign.sh") + "\nclosure() {" + functions + "\nis_container() { false; }\nnonce=N\n" + calls
}

// As `nix path-info -r -s` of 2.8 to 2.34 prints it: padded, a tab, the size.
const twoClosures = `case "$*" in
*"-r -s /old") printf '%s\t%11d\n' ` + oldPath + ` 100 ` + sharedA + ` 5000; printf '%s      \t%11d\n' ` + goneA + ` 101000 ;;
*"-r -s /new") echo "warning: noise" >&2; printf '%s\t%11d\n' ` + newPath + ` 110 ` + sharedA + ` 5000 ` + comesA + ` 201000 ;;
*) echo "error: path '$6' is not valid" >&2; exit 1 ;;
esac`

func TestClosuresAreComparedOnTheHost(t *testing.T) {
	root := t.TempDir()
	tool(t, root, "nix", twoClosures)
	inEachShell(t, root, differenceParts("from=/old to=/new\ncompare_closures | sort"),
		"N path all 5 -\nN path both 5000 glibc-2.39\nN path from 100 nixos-system-a-1\nN path from 101000 hello-1.1\nN path to 110 nixos-system-a-2\nN path to 201000 hello-1.2\n")
	inEachShell(t, root, differenceParts("from=/old to=/old\ncompare_closures | sort"),
		"N path all 3 -\nN path both 100 nixos-system-a-1\nN path both 101000 hello-1.1\nN path both 5000 glibc-2.39\n")
}

func TestAClosureThatCannotBeReadIsAFault(t *testing.T) {
	root := t.TempDir()
	tool(t, root, "nix", twoClosures)
	inEachShell(t, root, differenceParts("from=/old to=/gone\n(compare_closures)\necho $?"),
		"N fault the closure of /gone cannot be read\nN fault error: path '/gone' is not valid\n1\n")
}

func TestWhatOnlyARebootReplaces(t *testing.T) {
	system := func(t *testing.T, root, at, kernel, modules, params string) {
		t.Helper()
		for part, target := range map[string]string{"kernel": "k" + kernel + "/bzImage", "initrd": "i" + kernel + "/initrd", "kernel-modules": "m" + modules + "/lib"} {
			write(t, root, "store/"+target, "same")
			link(t, root, at+"/"+part, root+"/store/"+target)
		}
		write(t, root, at+"/kernel-params", params)
	}
	for _, c := range []struct {
		name, kernel, modules, params, want string
	}{
		{"nothing", "1", "1", "loglevel=4", ""},
		{"a kernel, with the same bytes under another path", "2", "1", "loglevel=4", "N reboot kernel\nN reboot initrd\n"},
		{"modules", "1", "2", "loglevel=4", "N reboot kernel-modules\n"},
		{"the command line", "1", "1", "quiet", "N reboot kernel-params\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			system(t, root, "run/booted-system", "1", "1", "loglevel=4")
			system(t, root, "to", c.kernel, c.modules, c.params)
			inEachShell(t, root, differenceParts("to=$1/to\ncompare_boots"), c.want, root)
		})
	}
	t.Run("a container has none of it", func(t *testing.T) {
		root := t.TempDir()
		write(t, root, "run/booted-system/init", "")
		write(t, root, "to/init", "")
		inEachShell(t, root, differenceParts("to=$1/to\ncompare_boots"), "", root)
	})
	t.Run("the kernel of WSL is none of NixOS's", func(t *testing.T) {
		root := t.TempDir()
		system(t, root, "run/booted-system", "1", "1", "x")
		system(t, root, "to", "2", "2", "y")
		write(t, root, "run/WSL", "")
		inEachShell(t, root, differenceParts("to=$1/to\ncompare_boots"), "", root)
	})
	t.Run("nothing was booted", func(t *testing.T) {
		root := t.TempDir()
		system(t, root, "to", "1", "1", "x")
		inEachShell(t, root, differenceParts("to=$1/to\ncompare_boots"), "", root)
	})
}

func TestWhatTheBootPartitionLacks(t *testing.T) {
	const name = "kernels-linux-6.6-bzImage" // of the path below, as the installers name it
	for _, c := range []struct {
		name string
		has  []string
		want string
	}{
		{"systemd-boot, all", []string{"boot/loader/loader.conf"}, "N boot-lacks 7\nN boot-lacks 3\n"},
		{"systemd-boot, the initrd", []string{"boot/loader/loader.conf", "boot/EFI/nixos/" + name + ".efi"}, "N boot-lacks 3\n"},
		{"another partition for EFI", []string{"efi/loader/loader.conf", "efi/EFI/nixos/" + name + ".efi"}, "N boot-lacks 3\n"},
		{"grub that copies", []string{"boot/grub/grub.cfg", "boot/kernels/" + name}, "N boot-lacks 3\n"},
		{"grub that reads the store", []string{"boot/grub/grub.cfg"}, ""},
		{"extlinux", []string{"boot/extlinux/extlinux.conf", "boot/nixos/" + name}, "N boot-lacks 3\n"},
		{"a boot loader that nobody knows", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "kernels/linux-6.6/bzImage", "kernel!")
			write(t, root, "kernels/initrd-6.6/initrd", "ini")
			link(t, root, "to/kernel", root+"/kernels/linux-6.6/bzImage")
			link(t, root, "to/initrd", root+"/kernels/initrd-6.6/initrd")
			for _, file := range c.has {
				write(t, root, file, "")
			}
			// The store of this test is under its root.
			calls := "to=$1/to\nresolve() { resolved=; if [ -e \"$1\" ]; then resolved=/nix/store/$(readlink -f \"$1\"); resolved=/nix/store/${resolved#/nix/store/$ROOTED/}; fi; }\n" +
				"stat() { command stat -c \"$2\" \"$ROOTED/${3#/nix/store/}\"; }\nROOTED=$1\nboot_files"
			inEachShell(t, root, differenceParts(calls), c.want, root)
		})
	}
}

func TestDryActivateIsBoundedAndHandedOn(t *testing.T) {
	activator := func(t *testing.T, root, body string) {
		t.Helper()
		write(t, root, "to/bin/switch-to-configuration", "#!/bin/sh\n"+body+"\n")
		if err := os.Chmod(root+"/to/bin/switch-to-configuration", 0o700); err != nil { //nolint:gosec // it is to be run
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, body, foreign, want string }{
		{"it says", `[ "$*" = dry-activate ] || exit 9; echo "would restart systemd" >&2; echo hello; if read -r x <&3; then echo "$x"; fi 2>/dev/null`, "",
			"N dry-activate 0\nN would would restart systemd\nN would hello\n"},
		{"it refuses", "echo no >&2; exit 11", "", "N dry-activate 11\nN would no\n"},
		{"it hangs", "echo begins; exec sleep 60", "", "N dry-activate 124\nN would begins\n"},
		{"another switch is under way", "echo begins", "upgrade 7 0 0 - nixos-upgrade.service", "N foreign upgrade 7 0 0 - nixos-upgrade.service\n"},
		{"there is none", "", "", "N unswitchable yes\n"},
		{"what is no switch does not matter", "echo begins", "garbage 7 0 0 - nix-gc.service", "N dry-activate 0\nN would begins\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			if c.body != "" {
				activator(t, root, c.body)
			}
			inEachShell(t, root, differenceParts("to=$1/to timeout=1 theirs=$2\nforeign_activity() { echo \"$theirs\"; }\ndry_activate"), c.want, root, c.foreign)
		})
	}
}

// What a plan built outlives its run, the newest three; what a run pins is not
// among them.
func TestTheNewestPlansArePinned(t *testing.T) {
	_, function, _ := strings.Cut(read("build.sh"), "\nkeep_planned() {")
	function, _, _ = strings.Cut(function, "\n}\n")
	root := t.TempDir()
	link(t, root, "nix/var/nix/gcroots/nixdeploy/wanted-RUN1", "/nix/store/x")
	link(t, root, "nix/var/nix/gcroots/nixdeploy/RUN0-running", "/nix/store/x")
	calls := `
for n in 1 2 3 4 2 5; do
	keep_planned "/nix/store/$n-system"
	second=$((${second:-10} + 1))
	touch -h -d "2026-01-01 00:00:$second" "$ROOTS/planned-$n-system"
done
ls -1 "$ROOTS"
readlink "$ROOTS/planned-2-system"`
	inEachShell(t, root, read("lib.sh")+"\nkeep_planned() {"+function+"\n}\n"+calls,
		"RUN0-running\nplanned-2-system\nplanned-4-system\nplanned-5-system\nwanted-RUN1\n/nix/store/2-system\n")
}
