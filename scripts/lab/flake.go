package lab

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// System is one configuration of the fixture flake, as an entry of its
// fleet.json. The zero value builds, switches and is healthy.
type System struct {
	Version        string            `json:"version,omitempty"`
	KernelVersion  string            `json:"kernelVersion,omitempty"`
	KernelPanics   bool              `json:"kernelPanics,omitempty"`   // it does not come up
	SystemdVersion string            `json:"systemdVersion,omitempty"` // another one makes a switch re-execute systemd
	Units          map[string]Unit   `json:"units,omitempty"`
	Etc            map[string]string `json:"etc,omitempty"`
	Packages       []Package         `json:"packages,omitempty"`
	Activation     string            `json:"activation,omitempty"` // more shell for the activation script

	// Which tools the system brings: rebuild is bash or ng, activator perl or
	// rust. Empty: what goes with the nix that evaluates it.
	Rebuild   string `json:"rebuild,omitempty"`
	Activator string `json:"activator,omitempty"`

	// Faults.
	FailingUnit        bool              `json:"failingUnit,omitempty"`
	CrashLoop          bool              `json:"crashLoop,omitempty"`
	SlowUnitSeconds    int               `json:"slowUnitSeconds,omitempty"`
	UnitWaitsFor       string            `json:"unitWaitsFor,omitempty"`       // gated.service starts when this file is there
	ActivationWaitsFor string            `json:"activationWaitsFor,omitempty"` // so does the activation script go on
	BuildWaitsFor      string            `json:"buildWaitsFor,omitempty"`      // and the build
	HangingUnit        bool              `json:"hangingUnit,omitempty"`
	UnitFailsAfter     *int              `json:"unitFailsAfter,omitempty"`     // seconds
	BreaksNetworkAfter *int              `json:"breaksNetworkAfter,omitempty"` // seconds
	ActivationFailure  bool              `json:"activationFailure,omitempty"`
	BuildFailure       bool              `json:"buildFailure,omitempty"`
	BuildSeconds       int               `json:"buildSeconds,omitempty"`
	EvalFailure        bool              `json:"evalFailure,omitempty"`
	InitInterface      string            `json:"initInterface,omitempty"` // other than 2: a switch exits 100
	CheckFailure       bool              `json:"checkFailure,omitempty"`  // a pre-switch check refuses (rust)
	Inhibitors         map[string]string `json:"inhibitors,omitempty"`    // switch inhibitors (rust)
	BootMessage        string            `json:"bootMessage,omitempty"`   // the boot loader's installer says this last
	SwitchEnabled      *bool             `json:"switchEnabled,omitempty"`
	Health             *Health           `json:"health,omitempty"`
}

// Unit is a systemd unit.
type Unit struct {
	Text     string   `json:"text"`
	WantedBy []string `json:"wantedBy,omitempty"`
}

// Package is something in the system's path that takes space.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Size    int    `json:"size,omitempty"`
}

// Health is an HTTP endpoint at /healthz that answers 200, and 503 once
// FailsAfter seconds have passed since its start (never when nil).
type Health struct {
	Port       int  `json:"port,omitempty"` // 8080
	FailsAfter *int `json:"failsAfter,omitempty"`
}

// FleetJSON writes the fixture's fleet.json.
func FleetJSON(systems map[string]System) string {
	text, err := json.MarshalIndent(systems, "", "  ")
	if err != nil {
		panic(err) // no field of System can fail
	}
	return string(text) + "\n"
}

// WriteFlake puts the fixture flake into dir, with the given fleet.json.
func WriteFlake(t testing.TB, dir, fleetJSON string) {
	t.Helper()
	fixture := filepath.Join(sourceDir(), "flake")
	err := filepath.WalkDir(fixture, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(fixture, path)
		if err != nil {
			return err
		}
		target := filepath.Join(dir, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, info.Mode().Perm())
	})
	if err != nil {
		t.Fatalf("lab: copying the fixture flake: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fleet.json"), []byte(fleetJSON), 0o644); err != nil {
		t.Fatalf("lab: writing fleet.json: %v", err)
	}
}

// WriteUnlockedFlake is WriteFlake without the lock file: its input is not locked.
func WriteUnlockedFlake(t testing.TB, dir, fleetJSON string) {
	t.Helper()
	WriteFlake(t, dir, fleetJSON)
	if err := os.Remove(filepath.Join(dir, "flake.lock")); err != nil {
		t.Fatalf("lab: unlocking the fixture flake: %v", err)
	}
}
