package flake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"
)

// FactsFormat is the version of facts.json that this program writes. It reads the
// ones before it as well: format 1 had one boot_device instead of a list.
const FactsFormat = 2

// Facts is hosts/HOST/facts.json: what a host was found to be when it was
// adopted, as far as a new system has to agree with it to boot and to let the
// deployer in again.
type Facts struct {
	Format       int    `json:"format"` // FactsFormat
	Hostname     string `json:"hostname"`
	MachineID    string `json:"machine_id,omitempty"` // 32 hexadecimal digits
	System       string `json:"system"`               // Nix system double
	StateVersion string `json:"state_version"`        // release of the first installation, such as "25.11"
	Firmware     string `json:"firmware"`             // efi, bios
	BootLoader   string `json:"boot_loader"`          // systemd-boot, grub, extlinux, none, unknown
	// BootDevices are the disks that GRUB is on: several where they are mirrored.
	BootDevices []string `json:"boot_devices,omitempty"`
	Kind        string   `json:"kind"` // machine, container, wsl
	// Mounts has "/", and "/boot" or where else the boot loader's files are.
	Mounts map[string]FactsMount `json:"mounts"`
	User   FactsUser             `json:"user"`
}

// FactsMount is a mounted file system.
type FactsMount struct {
	Device string `json:"device"` // a stable path, such as /dev/disk/by-uuid/...
	Type   string `json:"type"`   // ext4, vfat, ...
}

// FactsUser is the user that nixdeploy logs in as.
type FactsUser struct {
	Name string   `json:"name"`
	UID  int      `json:"uid"`
	Keys []string `json:"keys"` // public keys, as lines of authorized_keys
}

// FactsPath is where the facts of host lie beside hosts.toml, and in the
// rendered flake.
func FactsPath(host string) string { return path.Join(hostsFolder, host, "facts.json") }

// HardwarePath is where the hardware-configuration of host lies beside
// hosts.toml, and in the rendered flake.
func HardwarePath(host string) string { return path.Join(hostsFolder, host, "hardware.nix") }

// hostsFolder holds a folder for each adopted host.
const hostsFolder = "hosts"

// maxFacts bounds a facts.json in bytes; people have about one KiB.
const maxFacts = 1 << 20

// ReadFacts reads a facts.json. name is the file, for messages. What is not
// understood completely is a *Refusal: a retry does not help.
func ReadFacts(name string, data []byte) (Facts, error) {
	refuse := func(format string, args ...any) (Facts, error) {
		return Facts{}, &Refusal{What: name + ": " + fmt.Sprintf(format, args...), Hint: "write it anew with nixdeploy adopt HOST"}
	}
	if len(data) > maxFacts {
		return refuse("it is larger than %d KiB", maxFacts>>10)
	}
	// The format first: of another one nothing else can be judged.
	var version struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return refuse("it is not the JSON that adopt writes: %v", err)
	}
	switch {
	case version.Format == nil:
		return refuse("it has no format")
	case *version.Format > FactsFormat:
		return Facts{}, &Refusal{
			What: fmt.Sprintf("%s: format %d is newer than this nixdeploy, which reads %d", name, *version.Format, FactsFormat),
			Hint: "use the version that wrote it, or write it anew with nixdeploy adopt HOST",
		}
	case *version.Format < 1:
		return refuse("format %d is none", *version.Format)
	}
	var read struct {
		Facts
		BootDevice string `json:"boot_device"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&read); err != nil {
		return refuse("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	f := read.Facts
	f.Format = FactsFormat
	if read.BootDevice != "" {
		f.BootDevices = append(f.BootDevices, read.BootDevice)
	}
	if err := f.check(); err != nil {
		return refuse("%v", err)
	}
	return f, nil
}

// Encode writes f as ReadFacts reads it: always the same bytes for the same
// facts, a line for each value, so that a change is easy to read. Facts that
// ReadFacts would refuse are an error.
func (f Facts) Encode() ([]byte, error) {
	f.Format = FactsFormat
	if f.User.Keys == nil {
		f.User.Keys = []string{}
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("write facts of %s: %w", f.Hostname, err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return nil, fmt.Errorf("write facts of %s: %w", f.Hostname, err)
	}
	return b.Bytes(), nil
}

var (
	releaseForm   = regexp.MustCompile(`^[0-9]{2}\.[0-9]{2}$`)
	machineIDForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	systemForm    = regexp.MustCompile(`^[a-z0-9_]+-linux$`)
	userForm      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,30}$`)
	fsTypeForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	hostNameForm  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$`)
)

func (f Facts) check() error {
	forms := []struct {
		key, value string
		form       *regexp.Regexp
		want       string
	}{
		{"hostname", f.Hostname, hostNameForm, "a host name"},
		{"system", f.System, systemForm, "a system such as x86_64-linux"},
		{"state_version", f.StateVersion, releaseForm, "a release such as 25.11"},
		{"user.name", f.User.Name, userForm, "the name of a user"},
	}
	if f.MachineID != "" && !machineIDForm.MatchString(f.MachineID) {
		return fmt.Errorf("machine_id %q is not 32 hexadecimal digits", f.MachineID)
	}
	for _, t := range forms {
		if !t.form.MatchString(t.value) {
			return fmt.Errorf("%s %q is not %s", t.key, t.value, t.want)
		}
	}
	for _, t := range []struct {
		key, value string
		words      []string
	}{
		{"firmware", f.Firmware, []string{"efi", "bios"}},
		{"boot_loader", f.BootLoader, []string{"systemd-boot", "grub", "extlinux", "none", "unknown"}},
		{"kind", f.Kind, []string{"machine", "container", "wsl"}},
	} {
		if !slices.Contains(t.words, t.value) {
			return fmt.Errorf("%s %q is not one of %s", t.key, t.value, strings.Join(t.words, ", "))
		}
	}
	for _, device := range f.BootDevices {
		if !absolutePath(device) {
			return fmt.Errorf("boot_devices: %q is not an absolute path", device)
		}
	}
	if err := f.checkMounts(); err != nil {
		return err
	}
	return f.User.check()
}

func (f Facts) checkMounts() error {
	if _, ok := f.Mounts["/"]; !ok && f.Kind == "machine" {
		return errors.New(`mounts has no "/"`)
	}
	for _, at := range slices.Sorted(maps.Keys(f.Mounts)) {
		m := f.Mounts[at]
		switch {
		case !absolutePath(at):
			return fmt.Errorf("mounts: %q is not an absolute path", at)
		case m.Device == "" || strings.ContainsFunc(m.Device, unicode.IsControl):
			return fmt.Errorf("mounts: device %q of %s is none", m.Device, at)
		case !fsTypeForm.MatchString(m.Type):
			return fmt.Errorf("mounts: %q is not the type of a file system (%s)", m.Type, at)
		}
	}
	return nil
}

func (u FactsUser) check() error {
	if u.UID < 0 || (u.UID == 0) != (u.Name == "root") {
		return fmt.Errorf("user: %s cannot have the uid %d", u.Name, u.UID)
	}
	for _, key := range u.Keys {
		_, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(key))
		if err != nil || len(bytes.TrimSpace(rest)) > 0 || strings.ContainsFunc(key, unicode.IsControl) {
			// Never the text itself: it may be a private key.
			return errors.New("user: a key is not one line of authorized_keys")
		}
	}
	return nil
}

func absolutePath(s string) bool {
	return path.IsAbs(s) && path.Clean(s) == s && !strings.ContainsFunc(s, unicode.IsControl)
}
