package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Links are the facts by which a host is judged, read from its files and not
// through anything that runs on it. Running and Booted are empty while it is off.
type Links struct {
	ProfileLink string // what the profile points at: system-2-link
	Profile     string // store path behind it
	Running     string // store path of /run/current-system
	Booted      string // store path of /run/booted-system
	NextBoot    string // store path that the boot loader's default entry starts
}

// Links reads them.
func (h *Host) Links() Links {
	h.t.Helper()
	profiles := filepath.Join(h.dir, "nix/var/nix/profiles")
	links := Links{ProfileLink: linkTarget(filepath.Join(profiles, "system"))}
	links.Profile = linkTarget(filepath.Join(profiles, links.ProfileLink))
	boot, init := filepath.Join(h.dir, "upper/boot"), filepath.Join(h.dir, "upper/usr/sbin/init")
	if root := h.Root(); root != "" {
		links.Running = linkTarget(filepath.Join(root, "run/current-system"))
		links.Booted = linkTarget(filepath.Join(root, "run/booted-system"))
		boot, init = filepath.Join(root, "boot"), filepath.Join(root, "usr/sbin/init")
	}
	switch kind, _ := os.ReadFile(filepath.Join(h.dir, "kind")); strings.TrimSpace(string(kind)) {
	case Container:
		links.NextBoot = strings.TrimSuffix(linkTarget(init), "/init")
	case WSL:
		links.NextBoot = links.Profile
	default:
		loader, _ := os.ReadFile(filepath.Join(h.dir, "loader"))
		links.NextBoot = nextBoot(boot, strings.TrimSpace(string(loader)))
	}
	return links
}

// BootID is the kernel's, as the host sees it; empty while it is off.
func (h *Host) BootID() string {
	root := h.Root()
	if root == "" {
		return ""
	}
	id, _ := os.ReadFile(filepath.Join(root, "run/.boot_id"))
	return strings.TrimSpace(string(id))
}

// Root is the root folder of the running host, seen through its first process:
// to be read past its network. Empty while it is off.
func (h *Host) Root() string {
	pid, err := exec.Command(scriptPath(), "pid", h.Name).Output()
	if err != nil {
		return ""
	}
	return "/proc/" + strings.TrimSpace(string(pid)) + "/root"
}

func linkTarget(path string) string {
	target, err := os.Readlink(path)
	if err != nil {
		return ""
	}
	return target
}

var (
	defaultEntry = regexp.MustCompile(`(?m)^default +(\S+)`)
	initOption   = regexp.MustCompile(`\binit=(\S+)/init\b`)
	defaultLabel = regexp.MustCompile(`(?ms)^LABEL nixos-default$.*?(?:^LABEL|\z)`)
	firstEntry   = regexp.MustCompile(`(?ms)^menuentry .*?^\}`)
)

// nextBoot reads the files of the loader that the firmware starts.
func nextBoot(boot, loader string) string {
	var entry []byte
	switch loader {
	case Grub:
		grub, _ := os.ReadFile(filepath.Join(boot, "grub/grub.cfg")) // without it nothing boots
		entry = firstEntry.Find(grub)
	case Extlinux:
		conf, _ := os.ReadFile(filepath.Join(boot, "extlinux/extlinux.conf"))
		entry = defaultLabel.Find(conf)
	default:
		conf, _ := os.ReadFile(filepath.Join(boot, "loader/loader.conf"))
		if name := defaultEntry.FindSubmatch(conf); name != nil {
			entry, _ = os.ReadFile(filepath.Join(boot, "loader/entries", string(name[1])))
		}
	}
	if init := initOption.FindSubmatch(entry); init != nil {
		return string(init[1])
	}
	return ""
}
