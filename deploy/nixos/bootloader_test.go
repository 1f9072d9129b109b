package nixos

import (
	"strings"
	"testing"
)

const (
	storeA = "/nix/store/aaa-nixos-system-web-1"
	storeB = "/nix/store/bbb-nixos-system-web-2"
)

// As systemd-boot-builder.py writes it.
func bootEntry(store string) string {
	return "title NixOS\nsort-key nixos\nversion Generation 42 NixOS 25.11, Linux Kernel 6.12.40, built on 2025-11-03\n" +
		"linux /EFI/nixos/x-linux-6.12.40-bzImage.efi\ninitrd /EFI/nixos/x-initrd-linux-6.12.40-initrd.efi\n" +
		"options init=" + store + "/init loglevel=4 lsm=landlock,yama,bpf\nmachine-id 0123456789abcdef0123456789abcdef\n"
}

const efiVariable = "sys/firmware/efi/efivars/%-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

// utf16 is a firmware variable's contents: four bytes of attributes, then the
// name in UTF-16 with its end.
func utf16(name string) string {
	text := "\x07\x00\x00\x00"
	for _, c := range name + "\x00" {
		text += string(c) + "\x00"
	}
	return text
}

func TestNextBySystemdBoot(t *testing.T) {
	a42, b43 := bootEntry(storeA), bootEntry(storeB)
	entries := map[string]string{"nixos-generation-42.conf": a42, "nixos-generation-43.conf": b43}
	oneShot, chosen := strings.ReplaceAll(efiVariable, "%", "LoaderEntryOneShot"), strings.ReplaceAll(efiVariable, "%", "LoaderEntryDefault")
	for _, c := range []struct {
		name    string
		loader  string
		entries map[string]string
		vars    map[string]string
		want    string
	}{
		{"as NixOS writes it", "timeout 5\ndefault nixos-generation-43.conf\nconsole-mode keep\n", entries, nil, storeB},
		{"the older one", "default nixos-generation-42.conf\n", entries, nil, storeA},
		{"the last default counts", "default nixos-generation-43.conf\ndefault nixos-generation-42.conf\n", entries, nil, storeA},
		{"no newline at the end", "timeout 5\ndefault nixos-generation-42.conf", entries, nil, ""},
		{"without the suffix", "default nixos-generation-42\n", entries, nil, storeA},
		{"a glob for one", "default nixos-generation-43*\n", entries, nil, storeB},
		{"a glob for two is the loader's to decide", "default nixos-*\n", entries, nil, ""},
		{"boot counting", "default nixos-generation-43.conf\n", map[string]string{"nixos-generation-43+3-1.conf": b43}, nil, storeB},
		{"boot counting has begun", "default nixos-generation-43.conf\n", map[string]string{"nixos-generation-43+2.conf": b43, "nixos-generation-42+3.conf": a42}, nil, storeB},
		{"once counted and once not", "default nixos-generation-43.conf\n", map[string]string{"nixos-generation-43+3.conf": a42, "nixos-generation-43.conf": b43}, nil, ""},
		{"another number that begins alike", "default nixos-generation-4.conf\n", entries, nil, ""},
		{"a specialisation", "default nixos-generation-43-specialisation-safe.conf\n",
			map[string]string{"nixos-generation-43.conf": a42, "nixos-generation-43-specialisation-safe.conf": b43}, nil, storeB},
		{"a unified image names no toplevel", "default nixos-43.efi\n", map[string]string{"nixos-43.efi": b43, "nixos-43.efi.conf": b43}, nil, ""},
		{"the saved one", "default @saved\n", map[string]string{"@saved.conf": b43}, nil, ""},
		{"no path is followed", "default ../secret.conf\n", entries, nil, ""},
		{"no default", "timeout 5\n", entries, nil, ""},
		{"a default that is gone", "default nixos-generation-7.conf\n", entries, nil, ""},
		{"an entry of another system", "default windows.conf\n", map[string]string{"windows.conf": "title Windows\nefi /EFI/Microsoft/Boot/bootmgfw.efi\n"}, nil, ""},
		{"a comment is no default", "#default nixos-generation-42.conf\ndefault nixos-generation-43.conf\n", entries, nil, storeB},
		{"one-shot wins", "default nixos-generation-43.conf\n", entries, map[string]string{oneShot: utf16("nixos-generation-42.conf")}, storeA},
		{"the firmware's default wins", "default nixos-generation-43.conf\n", entries, map[string]string{chosen: utf16("nixos-generation-42.conf")}, storeA},
		{"one-shot wins over the firmware's default", "timeout 0\n", entries,
			map[string]string{chosen: utf16("nixos-generation-42.conf"), oneShot: utf16("nixos-generation-43.conf")}, storeB},
		{"an empty variable says nothing", "default nixos-generation-43.conf\n", entries, map[string]string{oneShot: ""}, storeB},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "boot/loader/loader.conf", c.loader)
			write(t, root, "boot/loader/secret.conf", a42)
			for name, text := range c.entries {
				write(t, root, "boot/loader/entries/"+name, text)
			}
			for path, text := range c.vars {
				write(t, root, path, text)
			}
			inEachShell(t, root, read("lib.sh")+"\nnext=\nnext_by_systemd_boot \"$1\"\necho \"$reader $next\"", "systemd-boot "+c.want+"\n", root+"/boot")
		})
	}
}

// The kernel takes the last init=; others that look like it are none.
func TestInitOf(t *testing.T) {
	for options, want := range map[string]string{
		"init=" + storeA + "/init loglevel=4":                             storeA,
		"init=" + storeA + "/init quiet init=" + storeB + "/init":         storeB,
		"rdinit=" + storeA + "/init":                                      "",
		"init=/bin/sh":                                                    "",
		"systemConfig=" + storeA + " init=" + storeB + "/init root=fstab": storeB,
		"init=" + storeA + "/initrd":                                      "",
		"init=" + storeA + "/init * ? [a]":                                storeA,
		"":                                                                "",
	} {
		inEachShell(t, t.TempDir(), read("lib.sh")+"\nnext=\ninit_of $1\necho \"$next\"", want+"\n", options)
	}
}

// As install-grub.pl writes it, shortened.
func grubConfig(defaultTo string) string {
	return `# Automatically generated.  DO NOT EDIT THIS FILE!
search --set=drive1 --fs-uuid 1234
if [ -s $prefix/grubenv ]; then
  load_env
fi
# ‘grub-reboot’ sets a one-time saved entry, which we process here and
# then delete.
if [ "${next_entry}" ]; then
  set default="${next_entry}"
  set next_entry=
  save_env next_entry
  set timeout=1
  set boot_once=true
else
  set default=` + defaultTo + `
  set timeout=5
fi
function savedefault {
    if [ -z "${boot_once}"]; then
        saved_entry="${chosen}"
        save_env saved_entry
    fi
}
menuentry "NixOS - Default" --class nixos --unrestricted {
search --set=drive1 --fs-uuid 1234
  linux ($drive1)//kernels/x-bzImage init=` + storeA + `/init loglevel=4
  initrd ($drive1)//kernels/x-initrd
}
submenu "NixOS - All configurations" --class submenu {
menuentry "NixOS - Configuration 43" --class nixos --unrestricted {
  linux ($drive1)//kernels/x-bzImage init=/nix/store/sub-1/init loglevel=4
}
menuentry "NixOS - Configuration 42" --class nixos --unrestricted {
  linux ($drive1)//kernels/x-bzImage init=/nix/store/sub-2/init loglevel=4
}
}
menuentry "Memtest86+" {
  linux16 @bootRoot@/memtest.bin
}
menuentry "NixOS - xen" {
  multiboot ($drive1)//kernels/x-xen
  kernel ($drive1)//kernels/x-bzImage init=` + storeB + `/init
}
`
}

func TestNextByGrub(t *testing.T) {
	for _, c := range []struct {
		name, config, env, want string
	}{
		{"as NixOS writes it", grubConfig(`"0"`), "", storeA},
		{"without quotes", grubConfig("0"), "", storeA},
		{"a submenu counts as one entry", grubConfig("3"), "", storeB},
		{"what the submenu starts is not read", grubConfig("1"), "", "/nix/store/sub-1"},
		{"an entry without a system", grubConfig("2"), "", ""},
		{"an entry that is not there", grubConfig("9"), "", ""},
		{"by its title", grubConfig(`"NixOS - Default"`), "", ""},
		{"by its place in a submenu", grubConfig(`"1>0"`), "", ""},
		{"the saved one", grubConfig(`"${saved_entry}"`), "# GRUB Environment Block\nsaved_entry=3\n####", ""},
		{"one-shot", grubConfig(`"0"`), "# GRUB Environment Block\nnext_entry=3\n####", ""},
		{"an empty environment", grubConfig(`"0"`), "# GRUB Environment Block\nnext_entry=\nsaved_entry=\n####", storeA},
		{"another variable", grubConfig(`"0"`), "# GRUB Environment Block\nmy_next_entry=3\n####", storeA},
		{"nothing set", strings.Replace(grubConfig("0"), "  set default=0\n", "", 1), "", storeA},
		{"the first kernel of an entry counts", "menuentry \"a\" {\n  linux /k init=" + storeB + "/init\n  linux /k init=" + storeA + "/init\n}\n", "", storeB},
		{"an empty menu", "set default=0\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "boot/grub/grub.cfg", c.config)
			if c.env != "" {
				write(t, root, "boot/grub/grubenv", c.env)
			}
			inEachShell(t, root, read("lib.sh")+"\nnext=\nnext_by_grub \"$1\"\necho \"$reader $next\"", "grub "+c.want+"\n", root+"/boot/grub/grub.cfg")
		})
	}
}

// As extlinux-conf-builder.sh writes it.
const extlinuxMenu = `
# Change this to e.g. 'TIMEOUT 30' if you want to see the menu.
MENU TITLE ------------------------------------------------------------
TIMEOUT 30

LABEL nixos-default
  MENU LABEL NixOS - Default
  LINUX ../nixos/x-Image
  INITRD ../nixos/x-initrd
  APPEND init=` + storeA + `/init console=ttyS0,115200n8 loglevel=4
  FDTDIR ../nixos/x-dtbs

LABEL nixos-42-default
  MENU LABEL NixOS - Configuration 42-default (2025-11-03 10:00 - 25.11)
  LINUX ../nixos/x-Image
  APPEND init=` + storeB + `/init console=ttyS0,115200n8 loglevel=4
`

func TestNextByExtlinux(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"as NixOS writes it":              {"DEFAULT nixos-default\n" + extlinuxMenu, storeA},
		"another label":                   {"DEFAULT nixos-42-default\n" + extlinuxMenu, storeB},
		"no default":                      {extlinuxMenu, ""},
		"a default that is gone":          {"DEFAULT nixos-7-default\n" + extlinuxMenu, ""},
		"a label that begins alike":       {"DEFAULT nixos\n" + extlinuxMenu, ""},
		"the menu's own label is another": {"DEFAULT NixOS - Default\n" + extlinuxMenu, ""},
		"no arguments":                    {"DEFAULT a\nLABEL a\n  LINUX ../x\nLABEL b\n  APPEND init=" + storeA + "/init\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "extlinux.conf", c.config)
			inEachShell(t, root, read("lib.sh")+"\nnext=\nnext_by_extlinux \"$1\"\necho \"$reader $next\"", "extlinux "+c.want+"\n", root+"/extlinux.conf")
		})
	}
}

// Which boot loader is asked: its own file decides, wherever it is mounted.
func TestNextBootFindsTheBootLoader(t *testing.T) {
	loader, entry := "default a.conf\n", bootEntry(storeB)
	grub, extlinux := grubConfig("0"), "DEFAULT nixos-default\n"+extlinuxMenu
	for _, c := range []struct {
		name  string
		files map[string]string
		init  string // where /sbin/init leads
		as    string // what kind of machine
		want  string
	}{
		{"systemd-boot", map[string]string{"boot/loader/loader.conf": loader, "boot/loader/entries/a.conf": entry}, "", "", "systemd-boot " + storeB},
		{"its own partition", map[string]string{"efi/loader/loader.conf": loader, "efi/loader/entries/a.conf": entry}, "", "", "systemd-boot " + storeB},
		{"mounted below", map[string]string{"boot/efi/loader/loader.conf": loader, "boot/efi/loader/entries/a.conf": entry}, "", "", "systemd-boot " + storeB},
		{"over an old grub", map[string]string{"boot/loader/loader.conf": loader, "boot/loader/entries/a.conf": entry, "boot/grub/grub.cfg": grub}, "", "", "systemd-boot " + storeB},
		{"grub", map[string]string{"boot/grub/grub.cfg": grub}, "", "", "grub " + storeA},
		{"extlinux", map[string]string{"boot/extlinux/extlinux.conf": extlinux}, "", "", "extlinux " + storeA},
		{"none is known", nil, "", "", "unknown "},
		{"none, though /sbin/init is there", nil, storeA + "/init", "", "unknown "},
		{"a container follows its profile", nil, "", "container", "profile /profile"},
		{"WSL, too", nil, "", "wsl", "profile /profile"},
		{"a container with a boot loader is believed the loader", map[string]string{"boot/grub/grub.cfg": grub}, "", "container", "grub " + storeA},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range c.files {
				write(t, root, path, text)
			}
			if c.init != "" {
				link(t, root, "sbin/init", c.init)
			}
			container := "false"
			switch c.as {
			case "container":
				container = "true"
			case "wsl":
				write(t, root, "run/WSL", "")
			}
			inEachShell(t, root, read("lib.sh")+"\nis_container() { "+container+"; }\nprofile=/profile\nnext_boot\necho \"$reader $next\"", c.want+"\n")
		})
	}
}

// Reading a boot loader's file must never run anything of it nor expand it.
func TestBootLoadersFilesAreDataOnly(t *testing.T) {
	root := t.TempDir()
	evil := "$(touch " + root + "/pwned) `touch " + root + "/pwned` * ; touch " + root + "/pwned"
	write(t, root, "boot/loader/loader.conf", "default a.conf\n")
	write(t, root, "boot/loader/entries/a.conf", "title "+evil+"\noptions "+evil+" init="+storeA+"/init\n")
	write(t, root, "boot/grub/grub.cfg", "set default=0\nmenuentry \""+evil+"\" {\nlinux "+evil+" init="+storeB+"/init\n}\n")
	write(t, root, "boot/extlinux/extlinux.conf", "DEFAULT "+evil+"\nLABEL "+evil+"\nAPPEND "+evil+" init="+storeA+"/init\n")
	inEachShell(t, root, read("lib.sh")+`
next=; next_by_systemd_boot "$1/boot"; echo "$next"
next=; next_by_grub "$1/boot/grub/grub.cfg"; echo "$next"
next=; next_by_extlinux "$1/boot/extlinux/extlinux.conf"; echo "$next"
if [ -e "$1/pwned" ]; then echo pwned; fi`, storeA+"\n"+storeB+"\n"+storeA+"\n", root)
}
