package flake

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f op@example.org"

func someFacts() Facts {
	return Facts{
		Format: FactsFormat, Hostname: "web-1", MachineID: "0123456789abcdef0123456789abcdef", System: "x86_64-linux",
		StateVersion: "25.11", Firmware: "efi", BootLoader: "systemd-boot", BootDevices: []string{"/dev/sda", "/dev/sdb"}, Kind: "machine",
		Mounts: map[string]FactsMount{"/": {Device: "/dev/disk/by-uuid/a", Type: "ext4"}, "/boot": {Device: "/dev/disk/by-uuid/B", Type: "vfat"}},
		User:   FactsUser{Name: "deploy", UID: 1000, Keys: []string{publicKey}},
	}
}

func TestFactsComeBackAsTheyWere(t *testing.T) {
	for _, want := range []Facts{someFacts(), {
		Format: FactsFormat, Hostname: "box", System: "aarch64-linux", StateVersion: "24.05", Firmware: "bios", BootLoader: "none",
		Kind: "container", User: FactsUser{Name: "root", Keys: []string{}},
	}} {
		data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadFacts("facts.json", data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if again, err := got.Encode(); err != nil || string(again) != string(data) {
			t.Errorf("a second time it is %s (%v), it was %s", again, err, data)
		}
	}
}

func TestFactsAreReadStrictly(t *testing.T) {
	good, err := someFacts().Encode()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, from, to, want string }{
		{"an unknown key", `"kind": "machine"`, `"kind": "machine", "colour": 1`, `unknown field "colour"`},
		{"a newer format", `"format": 2`, `"format": 3`, "newer than this nixdeploy"},
		{"an older format", `"format": 2`, `"format": 0`, "format 0 is none"},
		{"no format", `"format": 2,`, ``, "no format"},
		{"broken text", `{`, `<<<<<<< HEAD`, "it is not the JSON"},
		{"a second document", "}\n}\n", "}\n}\n{}", "it is not the JSON"},
		{"no host name", `"web-1"`, `""`, "is not a host name"},
		{"a system that NixOS has not", "x86_64-linux", "x86_64-darwin", "is not a system"},
		{"a state version", `"25.11"`, `"unstable"`, "is not a release"},
		{"a firmware", `"efi"`, `"coreboot"`, "not one of efi, bios"},
		{"a boot loader", `"systemd-boot"`, `"lilo"`, "not one of systemd-boot"},
		{"a kind", `"machine"`, `"toaster"`, "not one of machine"},
		{"a relative device", `"/dev/sda"`, `"sda"`, "not an absolute path"},
		{"no root", `"/":`, `"/srv":`, `no "/"`},
		{"a mount elsewhere", `"/boot":`, `"/boot/../etc":`, "not an absolute path"},
		{"no type", `"vfat"`, `""`, "not the type of a file system"},
		{"root by another name", `1000`, `0`, "cannot have the uid 0"},
		{"a hostile user", `"deploy"`, `"-o x"`, "not the name of a user"},
		{"a key that is none", "ssh-ed25519 AAAA", "ssh-ed25519 BBBB", "not one line of authorized_keys"},
		{"a machine id", `"0123456789a`, `"0123456789A`, "32 hexadecimal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(string(good), tt.from, tt.to, 1)
			if text == string(good) {
				t.Fatalf("%q is not in the facts", tt.from)
			}
			_, err := ReadFacts("hosts/web-1/facts.json", []byte(text))
			wantRefusal(t, err, tt.want)
			wantRefusal(t, err, "hosts/web-1/facts.json: ")
			wantRefusal(t, err, "nixdeploy adopt")
		})
	}
}

// What an older nixdeploy wrote, with one disk.
func TestFactsOfFormat1AreRead(t *testing.T) {
	want := someFacts()
	want.BootDevices = []string{"/dev/sda"}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	old := regexp.MustCompile(`(?s)"boot_devices": \[.*?\]`).ReplaceAllString(strings.Replace(string(data), `"format": 2`, `"format": 1`, 1), `"boot_device": "/dev/sda"`)
	if old == string(data) || strings.Contains(old, "boot_devices") {
		t.Fatalf("these are no old facts: %s", old)
	}
	got, err := ReadFacts("facts.json", []byte(old))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is refused may be a private key, pasted where the public one belongs.
func TestFactsNeverRepeatAKey(t *testing.T) {
	f := someFacts()
	f.User.Keys = []string{"-----BEGIN OPENSSH PRIVATE KEY-----hush"}
	if _, err := f.Encode(); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}
