package simfleet

import "strconv"

// Ground is what a host is, whatever system runs on it. The zero value has
// nothing mounted, and no login.
type Ground struct {
	// Mounts are "POINT TYPE SOURCE DEVICE UUID ROOT", with "-" for what is not
	// known.
	Mounts []string
	// StateVersions are those that the configuration on it names.
	StateVersions []string
	UID           int      // of whoever logs in
	Keys          []string // "etc" or "home" and a line of authorized_keys
	LoginBy       []string // in the script's words
	Accounts      []string // of people, and root where it has a password
	BIOS          bool
	GrubOn        []string // disks
	FirstRelease  string   // of its first generation, "" when that is gone
	// Hardware is what nixos-generate-config prints; nil: it is not there.
	Hardware []string
}

// GroundKey is the key by which one logs in to an ordinary host. It is no secret:
// nobody has the other half.
const GroundKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHWutInQQE3WkFoDYE3pCIH8ZTO7aOrB5CwuA9hZnjnZ ann@desk"

// OrdinaryGround is that of a host whose traits say nothing of it.
func OrdinaryGround(t *Traits) *Ground {
	g := &Ground{
		Mounts: []string{
			"/ ext4 /dev/sda2 /dev/sda2 6d1f4c1e-3a53-4c7e-9d0f-2f8f5a4f0a11 /",
			"/boot vfat /dev/sda1 /dev/sda1 12CE-A600 /",
		},
		StateVersions: []string{"25.11"}, UID: 1000, Keys: []string{"etc " + GroundKey}, FirstRelease: "25.11.20251201.abcdef0",
		Hardware: []string{
			"# Do not modify this file!", "{ config, lib, pkgs, modulesPath, ... }:", "", "{",
			"  fileSystems.\"/\" =", "    { device = \"/dev/disk/by-uuid/6d1f4c1e-3a53-4c7e-9d0f-2f8f5a4f0a11\";", "      fsType = \"ext4\";", "    };", "}",
		},
	}
	if t.Container || t.WSL {
		g.Mounts, g.Hardware, g.BIOS = []string{"/ overlay overlay - - /"}, nil, true
	}
	if t.Reader == ReaderGrub {
		g.GrubOn = []string{"/dev/sda"}
	}
	return g
}

func (h *Host) ground() *Ground {
	if g := h.traits.Ground; g != nil {
		return g
	}
	return OrdinaryGround(h.traits)
}

// sayGround is what ground.sh tells of the host.
func (q *request) sayGround(user string) {
	h := q.host
	g := h.ground()
	q.sayLines("mount", g.Mounts)
	if s := h.system(h.running); s != nil {
		q.sayLines("fstab", s.Fstab)
		if s.File != "" {
			q.say("running-system", s.File)
		}
	}
	q.sayLines("state_version", g.StateVersions)
	uid := g.UID
	if user == "root" {
		uid = 0
	}
	q.say("login", strconv.Itoa(uid), user)
	q.sayLines("key", g.Keys)
	q.sayLines("login_by", g.LoginBy)
}

// sayDemands is what ground.sh tells of a system in the store.
func (q *request) sayDemands(s *System) {
	if s.Fstab != nil {
		q.say("wanted-fstab", "yes")
		q.sayLines("wanted-mount", s.Fstab)
	}
	if s.File != "" {
		q.say("wanted-system", s.File)
	}
	q.sayLines("wanted_key", s.Keys)
	q.sayLines("wanted_login_by", s.LoginBy)
}

// factsVerb answers facts.sh: NONCE USER.
func (q *request) factsVerb() int {
	h, t, g := q.host, q.host.traits, q.host.ground()
	if !t.NotNixOS {
		q.say("nixos", "yes")
	}
	q.say("machine", orElse(t.Machine, "x86_64"))
	q.say("hostname", h.hostname)
	q.say("machine_id", h.machineID)
	if t.WSL {
		q.say("wsl", "yes")
	}
	if t.Container {
		q.say("container", "yes")
	}
	if g.BIOS {
		q.say("firmware", "bios")
	} else {
		q.say("firmware", "efi")
	}
	if h.marker != nil {
		q.say("marker", h.marker.Fleet, h.marker.Host)
	}
	q.sayGround(q.arg(0))
	q.sayLines("account", g.Accounts)
	q.sayLinks(h.links())
	q.sayLines("boot_device", g.GrubOn)
	if g.FirstRelease != "" {
		q.say("first_release", g.FirstRelease)
	}
	if g.Hardware == nil {
		q.complain("timeout: failed to run command 'nixos-generate-config': No such file or directory")
		q.say("hardware_code", "127")
	} else {
		q.sayLines("hardware", g.Hardware)
		q.say("hardware_code", "0")
	}
	q.say("end", "facts")
	return 0
}
