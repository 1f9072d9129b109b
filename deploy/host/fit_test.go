package host

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

const (
	annsKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHWutInQQE3WkFoDYE3pCIH8ZTO7aOrB5CwuA9hZnjnZ"
	bobsKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
)

// standing is a host and a system that fits it, for a table to change.
type standing struct {
	o deploy.Observation
	g deploy.Ground
	d deploy.Demands
}

func fitting() *standing {
	root := deploy.Mount{Type: "ext4", Source: "/dev/sda2", Device: "/dev/sda2", UUID: "r00t", Root: "/"}
	boot := deploy.Mount{Type: "vfat", Source: "/dev/sda1", Device: "/dev/sda1", UUID: "B007", Root: "/"}
	byUUID := func(m deploy.Mount) deploy.Mount {
		m.Source, m.Root, m.Options = "/dev/disk/by-uuid/"+m.UUID, "", "defaults"
		return m
	}
	mounts := func() map[string]deploy.Mount {
		return map[string]deploy.Mount{"/": byUUID(root), "/boot": byUUID(boot)}
	}
	return &standing{
		o: deploy.Observation{Links: deploy.Links{Reader: "grub"}},
		g: deploy.Ground{
			Mounts: map[string]deploy.Mount{"/": root, "/boot": boot}, Fstab: mounts(), StateVersions: []string{"24.11"},
			Login: deploy.Login{User: "deploy", UID: 1000, Keys: []string{annsKey + " ann@desk"}},
		},
		d: deploy.Demands{Fstab: true, Mounts: mounts(), System: &deploy.SystemFile{
			Format: 1, StateVersion: "24.11", BootLoader: "grub", User: deploy.SystemUser{Name: "deploy", Keys: []string{`no-pty ` + annsKey}},
		}},
	}
}

func TestWhatDoesNotFitAHost(t *testing.T) {
	mount := func(all map[string]deploy.Mount, at string, change func(*deploy.Mount)) {
		m := all[at]
		change(&m)
		all[at] = m
	}
	for _, c := range []struct {
		name    string
		change  func(s *standing)
		misfits []string // beginnings
		doubts  []string
	}{
		{"all of it fits", func(*standing) {}, nil, nil},
		{"another disk for /", func(s *standing) {
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Source, m.Device, m.UUID = "/dev/disk/by-label/nixos", "/dev/sdb1", "0ther" })
		}, []string{"/ is /dev/sda2, UUID r00t (ext4), and would be /dev/disk/by-label/nixos = /dev/sdb1, UUID 0ther (ext4)"}, nil},
		{"the same device by a label", func(s *standing) {
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Source, m.UUID = "LABEL=nixos", "" })
		}, nil, nil},
		{"a device that is not there", func(s *standing) {
			mount(s.d.Mounts, "/boot", func(m *deploy.Mount) { m.Source, m.Device, m.UUID = "/dev/disk/by-label/BOOT", "", "" })
		}, []string{"/boot is /dev/sda1, UUID B007 (vfat), and would be /dev/disk/by-label/BOOT (vfat), which is not there"}, nil},
		{"another type", func(s *standing) {
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Type = "btrfs" })
		}, []string{"/ is /dev/sda2, UUID r00t (ext4), and would be /dev/disk/by-uuid/r00t = /dev/sda2 (btrfs)"}, nil},
		{"a type that is found", func(s *standing) { mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Type = "auto" }) }, nil, nil},
		{"a boot partition that is not mounted any more", func(s *standing) { delete(s.d.Mounts, "/boot") },
			[]string{"/boot is /dev/sda1, UUID B007 (vfat), and would not be mounted"}, nil},
		{"nothing for /", func(s *standing) { delete(s.d.Mounts, "/") }, []string{"/ is /dev/sda2, UUID r00t (ext4), and would not be mounted"}, nil},
		{"one that no fstab ever had", func(s *standing) { delete(s.d.Mounts, "/boot"); delete(s.g.Fstab, "/boot") },
			nil, []string{"/boot is /dev/sda1, UUID B007 (vfat), of which"}},
		{"a boot partition that is not mounted now", func(s *standing) { s.d.Mounts["/boot/efi"] = deploy.Mount{Type: "vfat", Source: "/dev/sda3"} },
			[]string{"/boot/efi is not mounted, and would be /dev/sda3 (vfat)"}, nil},
		{"one that is mounted by hand", func(s *standing) {
			s.d.Mounts["/efi"] = deploy.Mount{Type: "vfat", Source: "/dev/sda3", Options: "ro,noauto"}
		}, nil, nil},
		{"an automount that waits", func(s *standing) { s.g.Mounts["/boot"] = deploy.Mount{Type: "autofs", Source: "systemd-1"} },
			nil, []string{"/boot is mounted on demand"}},
		{"two devices of one file system", func(s *standing) {
			mount(s.g.Mounts, "/", func(m *deploy.Mount) { m.Type, m.Device = "btrfs", "/dev/sdb2" })
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Type = "btrfs" })
		}, nil, nil},
		{"another subvolume", func(s *standing) {
			mount(s.g.Mounts, "/", func(m *deploy.Mount) { m.Type, m.Root = "btrfs", "/@" })
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Type, m.Options = "btrfs", "x-initrd.mount,subvol=@root" })
		}, []string{"/ is the part /@ of /dev/sda2, and would be @root"}, nil},
		{"the same subvolume", func(s *standing) {
			mount(s.g.Mounts, "/", func(m *deploy.Mount) { m.Type, m.Root = "btrfs", "/@" })
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Type, m.Options = "btrfs", "subvol=@" })
		}, nil, nil},
		{"a subvolume that is not named any more", func(s *standing) {
			mount(s.g.Mounts, "/", func(m *deploy.Mount) { m.Type, m.Root = "btrfs", "/@root" })
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Type = "btrfs" })
		}, nil, []string{"/ is the subvolume /@root of /dev/sda2, and would be the default one"}},
		{"a subvolume by its number", func(s *standing) {
			mount(s.g.Mounts, "/", func(m *deploy.Mount) { m.Type, m.Root = "btrfs", "/@root" })
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Type, m.Options = "btrfs", "noatime,subvolid=257" })
		}, nil, []string{"/ is the subvolume /@root of /dev/sda2, and would be one that is named by its number"}},
		{"a btrfs without subvolumes", func(s *standing) {
			mount(s.g.Mounts, "/", func(m *deploy.Mount) { m.Type = "btrfs" })
			mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Type = "btrfs" })
		}, nil, nil},
		{"a folder of another mount", func(s *standing) {
			s.g.Mounts["/nix"] = deploy.Mount{Type: "ext4", Source: "/dev/sda3", Device: "/dev/sda3", Root: "/persist/nix"}
			s.d.Mounts["/nix"] = deploy.Mount{Type: "ext4", Source: "/dev/sda3", Device: "/dev/sda3"}
		}, []string{"/nix is the part /persist/nix of /dev/sda3, and would be all of it"}, nil},
		{"a folder of a pool", func(s *standing) {
			s.g.Mounts["/nix"] = deploy.Mount{Type: "zfs", Source: "rpool/persist", Root: "/nix"}
			s.d.Mounts["/nix"] = deploy.Mount{Type: "zfs", Source: "rpool/persist"}
		}, []string{"/nix is the part /nix of rpool/persist, and would be all of it"}, nil},
		{"a boot partition that is left to be mounted by hand", func(s *standing) {
			mount(s.d.Mounts, "/boot", func(m *deploy.Mount) { m.Options = "umask=0077,noauto" })
		}, []string{"/boot is /dev/sda1, UUID B007 (vfat), and would be mounted by hand only (noauto)"}, nil},
		{"one that was, too", func(s *standing) {
			mount(s.g.Fstab, "/boot", func(m *deploy.Mount) { m.Options = "noauto" })
			mount(s.d.Mounts, "/boot", func(m *deploy.Mount) { m.Options = "noauto" })
		}, nil, nil},
		{"one that is mounted on demand", func(s *standing) {
			mount(s.d.Mounts, "/boot", func(m *deploy.Mount) { m.Options = "noauto,x-systemd.automount" })
		}, nil, nil},
		{"a root that says so", func(s *standing) { mount(s.d.Mounts, "/", func(m *deploy.Mount) { m.Options = "noauto" }) }, nil, nil},
		{"a pool by its name", func(s *standing) {
			s.g.Mounts["/"] = deploy.Mount{Type: "zfs", Source: "rpool/root"}
			s.d.Mounts["/"] = deploy.Mount{Type: "zfs", Source: "tank/root"}
		}, []string{"/ is rpool/root (zfs), and would be tank/root (zfs)"}, nil},
		{"a root in memory", func(s *standing) {
			s.g.Mounts["/"] = deploy.Mount{Type: "tmpfs", Source: "tmpfs"}
			s.d.Mounts["/"] = deploy.Mount{Type: "tmpfs", Source: "none"}
		}, nil, nil},
		{"a device that nobody can tell", func(s *standing) { s.g.Mounts["/"] = deploy.Mount{Type: "ext4", Source: "/dev/root"} },
			nil, []string{"the device of /, /dev/root, cannot be told"}},
		{"a bind mount", func(s *standing) {
			s.d.Mounts["/boot"] = deploy.Mount{Type: "none", Source: "/persist/boot", Options: "bind"}
		}, nil, []string{"/boot would be a part of another mount"}},
		{"without an fstab", func(s *standing) { s.d.Fstab, s.d.Mounts = false, nil }, nil, []string{"the new system has no fstab"}},
		{"a flake of one's own with another key", func(s *standing) { s.d.System, s.d.Keys = nil, []string{bobsKey + " bob@desk"} },
			[]string{"deploy logs in by ssh-ed25519 ..."}, nil},
		{"a flake of one's own with the same key", func(s *standing) { s.d.System, s.d.Keys = nil, []string{annsKey} }, nil, nil},
		{"a flake of one's own whose keys are not known", func(s *standing) { s.d.System = nil }, nil, nil},
		{"a flake of one's own that leaves the keys to the user", func(s *standing) {
			s.d.System, s.d.Keys, s.d.Others, s.g.Login.HomeKeys = nil, []string{bobsKey}, []string{"home"}, true
		}, nil, []string{"the new system declares none of the keys of deploy"}},
		{"a container mounts nothing", func(s *standing) {
			s.o = deploy.Observation{Container: true, Links: deploy.Links{Reader: "profile"}}
			s.d.Mounts, s.d.System.BootLoader = nil, "none"
		}, nil, nil},
		{"neither does WSL", func(s *standing) { s.o = deploy.Observation{WSL: true}; s.d.Mounts = nil }, nil, nil},

		{"another boot loader", func(s *standing) { s.d.System.BootLoader = "systemd-boot" }, []string{"the boot loader is grub, and would be systemd-boot"}, nil},
		{"none any more", func(s *standing) { s.d.System.BootLoader = "none" }, []string{"the boot loader is grub, and would be none"}, nil},
		{"one that is not known here", func(s *standing) { s.o.Reader = "unknown" }, nil, []string{"by which boot loader the host boots"}},
		{"one that is not known there", func(s *standing) { s.d.System.BootLoader = "unknown" }, nil, []string{"which boot loader the new system has"}},

		{"another state version", func(s *standing) { s.d.System.StateVersion = "26.05" }, []string{"the state version is 24.11, and would be 26.05"}, nil},
		{"the running system is believed over files", func(s *standing) { s.g.System = &deploy.SystemFile{StateVersion: "23.11"} },
			[]string{"the state version is 23.11, and would be 24.11"}, nil},
		{"several in files are no answer", func(s *standing) { s.g.StateVersions = []string{"22.05", "24.11"} }, nil, []string{"the host does not tell its state version"}},
		{"none in files", func(s *standing) { s.g.StateVersions = nil }, nil, []string{"the host does not tell its state version"}},

		{"another key", func(s *standing) { s.d.System.User.Keys = []string{bobsKey + " bob@ci"} },
			[]string{"deploy logs in by ssh-ed25519 ...A9hZnjnZ ann@desk, and the new system declares ssh-ed25519 ...BBBBBBBB bob@ci"}, nil},
		{"no key", func(s *standing) { s.d.System.User.Keys = nil }, []string{"deploy logs in by ssh-ed25519 ...A9hZnjnZ ann@desk, and the new system declares no key"}, nil},
		{"a key of a file that the system has", func(s *standing) { s.d.System.User.Keys, s.d.Keys = nil, []string{annsKey} }, nil, nil},
		{"another user's", func(s *standing) {
			s.g.Login.User, s.d.System.User.Keys, s.d.Keys = "root", nil, []string{annsKey}
		}, []string{"root logs in by"}, nil},
		{"one of several is enough", func(s *standing) { s.g.Login.Keys = append([]string{bobsKey}, s.g.Login.Keys...) }, nil, nil},
		{"another user", func(s *standing) { s.d.System.User.Name = "admin" }, []string{"the login is deploy, and the new system declares admin"}, nil},
		{"a bootstrap user's key opens the new login", func(s *standing) { s.g.Login.User = "root" }, nil, nil},
		{"a key of the user's own file stays", func(s *standing) {
			s.d.System.User.Keys, s.g.Login.HomeKeys, s.d.Others = nil, true, []string{"home"}
		}, nil, []string{"the new system declares none of the keys of deploy; those of the user's own"}},
		{"the user's own file does not help a key of another one", func(s *standing) { s.d.System.User.Keys, s.d.Others = nil, []string{"home"} },
			[]string{"deploy logs in by"}, nil},
		{"a certificate may do", func(s *standing) { s.d.System.User.Keys, s.d.Others = nil, []string{"TrustedUserCAKeys"} }, nil,
			[]string{"the new system declares none of the keys of deploy; a login may succeed by TrustedUserCAKeys"}},
		{"nothing is known of the login", func(s *standing) { s.g.Login.Keys = nil }, nil, []string{"no key of deploy is found on the host"}},

		{"a system of one's own", func(s *standing) { s.d.System = nil }, nil, nil},
		{"what it says cannot be read", func(s *standing) { s.d.System, s.d.Unread = nil, "format 7" }, nil, []string{"what the new system says of itself is not compared: format 7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fitting()
			c.change(s)
			got := Fit(inventory.Host{User: "deploy"}, s.o, &s.g, &s.d)
			begins := func(what string, got, want []string) {
				same := len(got) == len(want)
				for i := range min(len(got), len(want)) {
					same = same && strings.HasPrefix(got[i], want[i])
				}
				if !same {
					t.Errorf("%s: %s", what, cmp.Diff(want, got))
				}
			}
			begins("misfits", got.Misfits, c.misfits)
			begins("doubts", got.Doubts, c.doubts)
		})
	}
	if got := Fit(inventory.Host{}, deploy.Observation{}, nil, nil); got.Misfits != nil || got.Doubts != nil {
		t.Errorf("nothing was read: %+v", got)
	}
}

// unfit makes the fake host's new system one with another state version, and of a
// boot loader that is not known.
func unfit(f *fakeHost) {
	s := fitting()
	s.d.System.StateVersion, s.d.System.BootLoader = "26.05", "unknown"
	f.build.Ground, f.build.Demands = &s.g, &s.d
}

func TestAMisfitIsRefusedBeforeAnythingIsArmed(t *testing.T) {
	f := newFakeHost()
	unfit(f)
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) {
		wantState(t, out, deploy.StateUntouched, deploy.CodeMisfit)
		if p := out.Problem; p.Step != deploy.StepBuild || !slices.Contains(p.Details, "the state version is 24.11, and would be 26.05") ||
			!slices.ContainsFunc(p.Details, func(l string) bool { return strings.HasPrefix(l, "unsure  which boot loader") }) {
			t.Errorf("%+v", p)
		}
		if f.count("send arm") != 0 || f.count("intent arm") != 0 || f.count("send unlock") != 1 {
			t.Errorf("it went on: %v", f.trace)
		}
	})
}

// apply takes no --accept with a saved plan.
func TestAMisfitOfASavedPlanIsPlannedAnew(t *testing.T) {
	f := newFakeHost()
	unfit(f)
	d := f.driver()
	d.Planned = true
	synctest.Test(t, func(t *testing.T) {
		defer d.Close()
		out := d.Apply(t.Context(), webHost(), "prod", 1)
		wantState(t, out, deploy.StateUntouched, deploy.CodeMisfit)
		if !strings.HasSuffix(out.Problem.Next, "plan anew with --accept") {
			t.Errorf("next: %s", out.Problem.Next)
		}
	})
}

func TestAMisfitThatIsAcceptedIsTold(t *testing.T) {
	f := newFakeHost()
	unfit(f)
	d := f.driver()
	d.Terms.Accept = true
	out := d.Apply(t.Context(), webHost(), "prod", 1)
	if out.State != deploy.StateConfirmed {
		t.Fatalf("%+v", out)
	}
	told := ""
	for _, e := range f.events {
		if e.Kind == deploy.EventStepFinished && e.Step == deploy.StepBuild {
			told = e.Message
		} else if e.Message != "" && e.Kind == deploy.EventStepFinished {
			t.Errorf("step %s says %q", e.Step, e.Message)
		}
	}
	if !strings.HasPrefix(told, "accepted: the state version is 24.11, and would be 26.05; not compared: which boot loader") {
		t.Errorf("the journal has %q", told)
	}
}

// A host that runs the system already is in no danger of it.
func TestAHostOnItsSystemIsNotRefused(t *testing.T) {
	f := newFakeHost()
	unfit(f)
	f.links = onNew
	run(t, f, func(t *testing.T, _ *Driver, out deploy.Outcome) { wantState(t, out, deploy.StateUnchanged, "") })
}

func TestAPlanNotesAMisfit(t *testing.T) {
	for accept, want := range map[bool]string{
		false: "does not fit this host, so apply refuses it (--accept takes it): the state version is 24.11, and would be 26.05",
		true:  "does not fit this host, accepted by --accept: the state version is 24.11, and would be 26.05",
	} {
		f := newFakeHost()
		unfit(f)
		d := f.driver()
		d.Terms.Accept = accept
		for _, level := range []deploy.PlanLevel{deploy.PlanDryBuild, deploy.PlanFull} {
			p := d.Evaluate(t.Context(), webHost(), "prod", level)
			if p.Problem != nil || len(p.Notes) != 2 || p.Notes[0] != want || !strings.HasPrefix(p.Notes[1], "not compared with this host: which boot loader") {
				t.Errorf("%s: %v %q", level, p.Problem, p.Notes)
			}
		}
	}
}

func TestFactsAreThoseOfTheRightHost(t *testing.T) {
	for _, c := range []struct {
		name  string
		facts deploy.HostFacts
		code  deploy.Code
	}{
		{"a new host", deploy.HostFacts{NixOS: true}, ""},
		{"one that was confirmed", deploy.HostFacts{NixOS: true, Marker: &deploy.Marker{Fleet: "home", Host: "web-1"}}, ""},
		{"another host", deploy.HostFacts{NixOS: true, Marker: &deploy.Marker{Fleet: "home", Host: "web-2"}}, deploy.CodeIdentity},
		{"another fleet", deploy.HostFacts{NixOS: true, Marker: &deploy.Marker{Fleet: "work", Host: "web-1"}}, deploy.CodeIdentity},
		{"another system", deploy.HostFacts{}, deploy.CodeUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeHost()
			f.facts = c.facts
			d := f.driver()
			h := webHost()
			h.User = "deploy"
			got, err := d.Facts(t.Context(), h)
			p, _ := err.(*deploy.Problem) //nolint:errorlint // it is one, or nothing
			if codeOf(p) != c.code || got.Facts.User.Name != "deploy" {
				t.Errorf("%+v, %v", got, err)
			}
			f.wantTrace(t, "send facts")
			if len(d.sessions) != 0 {
				t.Error("the connection stayed open")
			}
		})
	}
}
