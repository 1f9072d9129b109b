package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Fitting is how a new system fits the host that it is to run on. Whoever renders
// over a running server can make one that works, confirms, and does not boot any
// more, or lets nobody in: none of that can be seen after the switch.
type Fitting struct {
	// Misfits are differences that forbid a switch unless they are accepted, each
	// with what the host has and what the new system would have.
	Misfits []string
	// Doubts are what could not be compared.
	Doubts []string
}

// Fit holds a new system against its host. It is pure. Without both sides nothing
// is to be compared; of a container or WSL, which mounts and boots nothing itself,
// state version and login are. Of a system that says nothing of itself, a flake of
// the user's own, it is mounts and keys: that much is documented, and no doubt.
func Fit(h inventory.Host, o deploy.Observation, g *deploy.Ground, d *deploy.Demands) Fitting {
	var f Fitting
	if g == nil || d == nil {
		return f
	}
	if d.Unread != "" {
		f.doubt("what the new system says of itself is not compared: %s", d.Unread)
	}
	if !o.Container && !o.WSL {
		f.mounts(g, d)
		f.loader(o.Reader, d.System)
	}
	f.stateVersion(g, d.System)
	f.login(h.User, g.Login, d)
	return f
}

func (f *Fitting) misfit(format string, args ...any) {
	f.Misfits = append(f.Misfits, fmt.Sprintf(format, args...))
}

func (f *Fitting) doubt(format string, args ...any) {
	f.Doubts = append(f.Doubts, fmt.Sprintf(format, args...))
}

// bootPoints are the mount points that decide whether a host boots.
var bootPoints = []string{"/", "/boot", "/boot/efi", "/efi", "/nix"}

// initrdPoints are mounted before anything else is, whatever their options are.
var initrdPoints = []string{"/", "/nix"}

// waits says that a mount of an fstab is not mounted by itself.
func waits(m deploy.Mount) bool {
	return hasOption(m, "noauto") && !hasOption(m, "x-systemd.automount")
}

func (f *Fitting) mounts(g *deploy.Ground, d *deploy.Demands) {
	if !d.Fstab {
		f.doubt("the new system has no fstab, so its mounts are not compared")
		return
	}
	for _, at := range bootPoints {
		is, mounted := g.Mounts[at]
		would, wanted := d.Mounts[at]
		switch _, asked := g.Fstab[at]; {
		case !mounted && !wanted:
		case mounted && is.Type == "autofs":
			f.doubt("%s is mounted on demand, and is not now", at)
		case mounted && !wanted && !asked: // the running system's fstab does not have it either
			f.doubt("%s is %s, of which the new system's fstab says nothing", at, mountText(is))
		case mounted && !wanted:
			f.misfit("%s is %s, and would not be mounted", at, mountText(is))
		case !mounted && hasOption(would, "noauto"):
		case !mounted:
			f.misfit("%s is not mounted, and would be %s", at, mountText(would))
		case waits(would) && !waits(g.Fstab[at]) && !slices.Contains(initrdPoints, at):
			f.misfit("%s is %s, and would be mounted by hand only (noauto)", at, mountText(is))
		default:
			f.mount(at, is, would)
		}
	}
}

// mount compares what is mounted at one point with what would be. A name counts
// for nothing: two names of one device are the same.
func (f *Fitting) mount(at string, is, would deploy.Mount) {
	differs := func() { f.misfit("%s is %s, and would be %s", at, mountText(is), mountText(would)) }
	switch {
	case would.Type == "none" || hasOption(would, "bind") || hasOption(would, "rbind"):
		f.doubt("%s would be a part of another mount (%s), which is not compared", at, would.Source)
	case would.Type != "auto" && would.Type != is.Type:
		differs()
	case is.Device == "" && would.Device == "":
		// What has no device has a name of its own, or none that means anything.
		switch {
		case slices.Contains([]string{"tmpfs", "ramfs", "overlay"}, is.Type):
		case is.Source != would.Source:
			differs()
		default:
			f.part(at, is, would)
		}
	case is.Device == "":
		f.doubt("the device of %s, %s, cannot be told, so it is not compared with %s", at, is.Source, would.Source)
	case would.Device == "":
		f.misfit("%s is %s, and would be %s, which is not there", at, mountText(is), mountText(would))
	case is.Device != would.Device && (is.UUID == "" || is.UUID != would.UUID): // of a file system on several devices, one is named
		differs()
	default:
		f.part(at, is, would)
	}
}

// part compares which part of one file system is mounted with which would be:
// what holds the host's systems is not to be found in another.
func (f *Fitting) part(at string, is, would deploy.Mount) {
	name, whole := strings.Trim(partOf(would), "/"), strings.Trim(is.Root, "/") == ""
	switch {
	case is.Root == "":
	case name != "" && strings.Trim(is.Root, "/") != name:
		f.misfit("%s is the part %s of %s, and would be %s", at, is.Root, is.Source, partOf(would))
	case name != "" || whole && is.Type != "btrfs":
	case is.Type != "btrfs":
		f.misfit("%s is the part %s of %s, and would be all of it", at, is.Root, is.Source)
	case strings.Contains(would.Options, "subvolid="):
		f.doubt("%s is the subvolume %s of %s, and would be one that is named by its number", at, is.Root, is.Source)
	case !whole: // it may be the default one
		f.doubt("%s is the subvolume %s of %s, and would be the default one, which is not read", at, is.Root, is.Source)
	}
}

// partOf is the part of a file system that an fstab names, "" for none.
func partOf(m deploy.Mount) string {
	for option := range strings.SplitSeq(m.Options, ",") {
		for _, key := range []string{"subvol=", "X-mount.subdir="} {
			if name, ok := strings.CutPrefix(option, key); ok {
				return name
			}
		}
	}
	return ""
}

func hasOption(m deploy.Mount, name string) bool {
	return slices.Contains(strings.Split(m.Options, ","), name)
}

func mountText(m deploy.Mount) string {
	name := m.Source
	if m.Device != "" && m.Device != m.Source {
		name += " = " + m.Device
	}
	if m.UUID != "" && !strings.Contains(m.Source, m.UUID) {
		name += ", UUID " + m.UUID
	}
	return fmt.Sprintf("%s (%s)", name, m.Type)
}

// loader compares the boot loader: one of another kind is installed beside the
// one that the firmware starts, which boots the old system for ever.
func (f *Fitting) loader(reader string, s *deploy.SystemFile) {
	if s == nil {
		return
	}
	switch known := []string{"systemd-boot", "grub", "extlinux"}; {
	case s.BootLoader == "" || s.BootLoader == "unknown":
		f.doubt("which boot loader the new system has is not known; the host boots by %s", orUnknown(reader))
	case !slices.Contains(known, reader):
		f.doubt("by which boot loader the host boots is not known; the new system has %s", s.BootLoader)
	case s.BootLoader != reader:
		f.misfit("the boot loader is %s, and would be %s", reader, s.BootLoader)
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// stateVersion compares the release that services take the host's data to be of.
func (f *Fitting) stateVersion(g *deploy.Ground, s *deploy.SystemFile) {
	if s == nil || s.StateVersion == "" {
		return
	}
	is := ""
	switch {
	case g.System != nil:
		is = g.System.StateVersion
	case len(g.StateVersions) == 1:
		is = g.StateVersions[0]
	}
	switch is {
	case "":
		f.doubt("the host does not tell its state version; the new system has %s", s.StateVersion)
	case s.StateVersion:
	default:
		f.misfit("the state version is %s, and would be %s", is, s.StateVersion)
	}
}

// login says whether nixdeploy gets in again: as the user of the inventory, and
// by a key that opens the host now.
func (f *Fitting) login(user string, l deploy.Login, d *deploy.Demands) {
	var declared deploy.SystemUser
	switch {
	case d.System != nil:
		declared = d.System.User
	case len(d.Keys) > 0 && (user == "" || user == l.User): // they are those of l.User, who may be the bootstrap user
		declared.Name = l.User
	}
	if declared.Name == "" {
		return
	}
	if user != "" && declared.Name != user {
		f.misfit("the login is %s, and the new system declares %s", user, declared.Name)
		return
	}
	if l.User == declared.Name { // a file of keys is no key in system.json
		declared.Keys = slices.Concat(declared.Keys, d.Keys)
	}
	if slices.ContainsFunc(l.Keys, func(key string) bool { return declares(declared.Keys, key) }) {
		return
	}
	others := slices.DeleteFunc(slices.Concat(l.Others, d.Others), func(o string) bool { return o == "home" && !l.HomeKeys })
	switch {
	case len(l.Keys) == 0 && len(l.Others) == 0:
		f.doubt("no key of %s is found on the host, so whether one of the new system's %d lets you in is not known", l.User, len(declared.Keys))
	case slices.Contains(others, "home"):
		f.doubt("the new system declares none of the keys of %s; those of the user's own ~/.ssh/authorized_keys stay", l.User)
	case len(others) > 0:
		f.doubt("the new system declares none of the keys of %s; a login may succeed by %s", l.User, strings.Join(slices.Compact(others), ", "))
	default:
		f.misfit("%s logs in by %s, and the new system declares %s", l.User, keysText(l.Keys), keysText(declared.Keys))
	}
}

func declares(declared []string, key string) bool {
	want := publicKey(key)
	return want != "" && slices.ContainsFunc(declared, func(line string) bool { return publicKey(line) == want })
}

// publicKey is what identifies a key in a line of authorized_keys: its type and
// its base64, without options and comment; "" for a line that has none.
func publicKey(line string) string {
	fields := strings.Fields(line)
	for i, field := range fields {
		if i > 0 && strings.HasPrefix(field, "AAAA") {
			return fields[i-1] + " " + field
		}
	}
	return ""
}

// keysText names keys as people know them: by type and comment, never whole.
func keysText(keys []string) string {
	const most = 3
	if len(keys) == 0 {
		return "no key"
	}
	var names []string
	for _, key := range keys[:min(len(keys), most)] {
		fields := strings.Fields(key)
		at := slices.IndexFunc(fields, func(s string) bool { return strings.HasPrefix(s, "AAAA") })
		if at < 1 {
			names = append(names, "a key that cannot be read")
			continue
		}
		name := fields[at-1] + " ..." + fields[at][max(0, len(fields[at])-8):]
		if comment := strings.Join(fields[at+1:], " "); comment != "" {
			name += " " + comment
		}
		names = append(names, name)
	}
	if len(keys) > most {
		names = append(names, fmt.Sprintf("%d more", len(keys)-most))
	}
	return strings.Join(names, ", ")
}
