package nixos

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// groundParts are library and part, with devices that are files of the test.
func groundParts(calls string) string {
	return read("lib.sh") + read("ground.sh") + `
is_container() { false; }
is_device() { case $1 in */dev/sd* | */dev/dm-*) [ -f "$1" ] ;; *) return 1 ;; esac; }
nonce=N
` + calls
}

// aDisk is a host with two partitions; lsblk knows the UUID of the second.
func aDisk(t *testing.T, root string) {
	t.Helper()
	for _, d := range []string{"sda1", "sda2", "dm-0"} {
		write(t, root, "dev/"+d, "")
	}
	link(t, root, "dev/disk/by-uuid/R-1", "../../sda2")
	link(t, root, "dev/disk/by-label/nixos", "../../sda2")
	link(t, root, "dev/mapper/crypt", "../dm-0")
	link(t, root, "dev/block/8:2", "../sda2")
	tool(t, root, "lsblk", `case "$*" in *sda2) echo R-1 ;; *dm-0) echo "C-1 x" ;; *) exit 1 ;; esac`)
}

// inDevices replaces the root of the test in what a script printed.
func inDevices(t *testing.T, root, text, want string, args ...string) {
	t.Helper()
	for name, shell := range shells() {
		got := strings.ReplaceAll(runShell(t, shell, root, text, args...), root, "")
		if got != want {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
}

func TestWhatIsMountedIsReadFromTheKernel(t *testing.T) {
	root := t.TempDir()
	aDisk(t, root)
	write(t, root, "proc/self/mountinfo", strings.ReplaceAll(`22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/root rw
23 22 0:5 / /dev rw - devtmpfs devtmpfs rw
30 22 0:40 / /boot rw,relatime shared:30 master:2 - autofs systemd-1 rw
31 30 8:1 / /boot rw,relatime shared:31 - vfat ROOT/dev/sda1 rw,errors=remount-ro
32 22 0:41 /@nix /nix rw - btrfs ROOT/dev/mapper/crypt rw,subvol=/@nix
33 32 0:42 / /nix/store ro - ext4 /dev/x ro
34 22 0:43 / /efi\040of\040hell rw - vfat /dev/x rw
`, "ROOT", root))
	inDevices(t, root, groundParts("say_mounts"), `N mount / ext4 /dev/root /dev/sda2 R-1 /
N mount /boot autofs systemd-1 - - /
N mount /boot vfat /dev/sda1 /dev/sda1 - /
N mount /nix btrfs /dev/mapper/crypt /dev/dm-0 C-1 /@nix
`)
}

func TestAnFstabIsReadWithWhatItsNamesLeadTo(t *testing.T) {
	root := t.TempDir()
	aDisk(t, root)
	write(t, root, "to/etc/fstab", `# This is a generated file.

`+root+`/dev/disk/by-uuid/R-1 / ext4 x-initrd.mount,defaults 0 1
LABEL=nixos /nix ext4 ro
`+root+`/dev/disk/by-label/GONE /boot vfat fmask=0022 0 2
/dev/disk/by-uuid/S-1 none swap defaults
tmpfs /tmp tmpfs size=1G
tank/efi /efi zfs zfsutil`)
	inDevices(t, root, groundParts(`say_demands "$1/to"`), `N wanted-fstab yes
N wanted-mount / ext4 /dev/disk/by-uuid/R-1 /dev/sda2 R-1 x-initrd.mount,defaults
N wanted-mount /nix ext4 LABEL=nixos /dev/sda2 R-1 ro
N wanted-mount /boot vfat /dev/disk/by-label/GONE - - fmask=0022
N wanted-mount /efi zfs tank/efi - - zfsutil
`, root)
	inDevices(t, root, groundParts(`say_demands "$1/nowhere"`), "", root)
}

func TestASystemTellsOfItself(t *testing.T) {
	root := t.TempDir()
	write(t, root, "to/etc/nixdeploy/system.json", `{"format": 1}`)
	write(t, root, "to/etc/ssh/sshd_config", "Port 22\nAuthorizedKeysFile %h/.ssh/authorized_keys /etc/ssh/authorized_keys.d/%u\nTrustedUserCAKeys /etc/ssh/ca\nAuthorizedKeysCommand none\n")
	inDevices(t, root, groundParts(`say_demands "$1/to"`), "N wanted-system {\"format\": 1}\nN wanted_login_by home\nN wanted_login_by TrustedUserCAKeys\n", root)
}

func TestTheStateVersionIsFoundWithoutEvaluating(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", `  system.stateVersion = "24.11"; # Did you read the comment?`, "N state_version 24.11\n"},
		{"by default", "system.stateVersion=lib.mkDefault \"23.05\";", "N state_version 23.05\n"},
		{"home-manager's is another", `home.stateVersion = "22.11"; home.system-stateVersion = "22.05";`, ""},
		{"a comment", `# system.stateVersion = "21.11";`, ""},
		{"computed", `system.stateVersion = config.system.nixos.release;`, ""},
		{"several", "system.stateVersion = \"24.11\";\n}\nsystem.stateVersion = \"22.05\";\nsystem.stateVersion = \"24.11\";", "N state_version 22.05\nN state_version 24.11\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "etc/nixos/hosts/configuration.nix", c.text+"\n")
			write(t, root, "etc/nixos/README.md", `system.stateVersion = "19.09";`+"\n")
			inDevices(t, root, groundParts("say_state_versions"), c.want)
		})
	}
	inDevices(t, t.TempDir(), groundParts("say_state_versions"), "")
}

func TestKeysThatOpenALoginAreTold(t *testing.T) {
	root := t.TempDir()
	write(t, root, "etc/passwd", "root:x:0:0::/root:/bin/sh\ndeploy2:x:1:1::/x:/bin/sh\ndeploy:x:1000:100:Dep Loy:"+root+"/home/deploy:/bin/fish\n")
	write(t, root, "etc/ssh/authorized_keys.d/deploy", "ssh-ed25519 AAAAone ann@desk\n")
	write(t, root, "home/deploy/.ssh/authorized_keys", "# mine\n\n \tsk-ssh-ed25519@openssh.com AAAAtwo\nfrom=\"10.0.0.1\",command=\"secret $(id)\" ssh-rsa AAAAthree\ncert-authority ssh-rsa AAAAca\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl AAAAx\necdsa-sha2-nistp256 AAAAfour x")
	write(t, root, "etc/ssh/sshd_config", "TrustedUserCAKeys none\nAuthorizedKeysCommand /bin/keys %u\n")
	inDevices(t, root, groundParts("say_login deploy"), `N login 1000 deploy
N key etc ssh-ed25519 AAAAone ann@desk
N key home sk-ssh-ed25519@openssh.com AAAAtwo
N login_by a key with options
N login_by a certificate authority in authorized_keys
N login_by a key with options
N key home ecdsa-sha2-nistp256 AAAAfour x
N login_by AuthorizedKeysCommand
`)
	inDevices(t, root, groundParts("say_login nobody"), "N login_by AuthorizedKeysCommand\n")
}

func TestReadingGround(t *testing.T) {
	r := answer(t, `N mount / ext4 /dev/root /dev/sda2 R-1 /
N mount /boot autofs systemd-1 - - /
N mount /boot vfat /dev/disk/by-label/my\040boot /dev/sda1 - /
N mount broken
N fstab /boot vfat LABEL=B /dev/sda1 - umask=0077
N state_version 24.11
N running-system {"format": 1, "state_version": "24.11",
N running-system  "user": {"name": "deploy", "keys": ["k"]}}
N login 1000 deploy
N key home ssh-ed25519 AAAA a b
N login_by home
N login_by x
N login_by x
N wanted-fstab yes
N wanted-mount / ext4 LABEL=r - - defaults
N wanted-system {"format": 2}
N wanted_login_by home
N end build`)
	want := &deploy.Ground{
		Mounts: map[string]deploy.Mount{
			"/":     {Type: "ext4", Source: "/dev/root", Device: "/dev/sda2", UUID: "R-1", Root: "/"},
			"/boot": {Type: "vfat", Source: "/dev/disk/by-label/my boot", Device: "/dev/sda1", Root: "/"},
		},
		Fstab:         map[string]deploy.Mount{"/boot": {Type: "vfat", Source: "LABEL=B", Device: "/dev/sda1", Options: "umask=0077"}},
		System:        &deploy.SystemFile{Format: 1, StateVersion: "24.11", User: deploy.SystemUser{Name: "deploy", Keys: []string{"k"}}},
		StateVersions: []string{"24.11"},
		Login:         deploy.Login{User: "deploy", UID: 1000, Keys: []string{"ssh-ed25519 AAAA a b"}, HomeKeys: true, Others: []string{"x"}},
	}
	if diff := cmp.Diff(want, ground(r, "deploy")); diff != "" {
		t.Error(diff)
	}
	d := demands(r)
	if !d.Fstab || d.Mounts["/"].Source != "LABEL=r" || d.System != nil || !strings.Contains(d.Unread, "format 2") || !slices.Equal(d.Others, []string{"home"}) {
		t.Errorf("%+v", d)
	}
	if g := ground(answer(t, "N end build"), "x"); g != nil {
		t.Errorf("of nothing: %+v", g)
	}
	if l := ground(answer(t, "N mount / a b - - /\nN login 0 root\nN end build"), "deploy").Login; l.UID != -1 {
		t.Errorf("another user's id was taken: %+v", l)
	}
}

func answer(t *testing.T, text string) *reply {
	t.Helper()
	p := newParser("N", func(string) {})
	for line := range strings.Lines(text) {
		p.line(strings.TrimSuffix(line, "\n"))
	}
	if !p.reply.ended {
		t.Fatal("no end")
	}
	return &p.reply
}

// What a build tells, it tells in its own round trip.
func TestABuildTellsGroundAndDemands(t *testing.T) {
	for _, what := range []string{"build", "keep", "exact"} {
		for name, shell := range shells() {
			root := t.TempDir()
			write(t, root, "proc/self/mountinfo", "1 1 0:1 / / rw - tmpfs tmpfs rw\n")
			write(t, root, "etc/passwd", "deploy:x:1000:1::/nowhere:/bin/sh\n")
			write(t, root, "etc/ssh/authorized_keys.d/deploy", annsKey+"\n")
			write(t, root, "store/new/etc/fstab", "tmpfs / tmpfs x\n")
			write(t, root, "store/new/etc/nixdeploy/system.json", `{"format": 1, "state_version": "25.11"}`)
			if err := os.MkdirAll(filepath.Join(root, "var/lib"), 0o755); err != nil {
				t.Fatal(err)
			}
			tool(t, root, "systemd-detect-virt", "exit 1")
			tool(t, root, "nixos-rebuild", `if [ "$1" = build ]; then ln -s `+root+`/store/new result; fi`)
			out, _ := runBoth(t, shell, root, Script("build"), "N", "RUN1", "ann@desk", "90", what, "d1", "path:x", "web-1", "60", "deploy")
			r := answer(t, out)
			g, d := ground(r, "deploy"), demands(r)
			if g == nil || g.Mounts["/"].Type != "tmpfs" || !slices.Equal(g.Login.Keys, []string{annsKey}) || g.Login.UID != 1000 ||
				!d.Fstab || d.Mounts["/"].Options != "x" || d.System == nil || d.System.StateVersion != "25.11" {
				t.Errorf("%s, %s: %+v %+v\n%s", what, name, g, d, out)
			}
		}
	}
}
