package simfleet_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet/contract"
	"github.com/nixdeploy/nixdeploy/flake"
)

// flakeOf is a flake that holds one word, which labSystem reads.
func flakeOf(word string) *flake.Flake {
	files := []flake.File{{Path: "flake.nix", Data: []byte("# " + word + "\n{ outputs = _: { }; }\n")}, {Path: "word", Data: []byte(word)}}
	return &flake.Flake{Source: "test", Hash: flake.HashFiles(files), Files: files}
}

// wordSystem gives each word its system.
func wordSystem(files []flake.File, attribute string) (simfleet.System, error) {
	if attribute != "web-1" {
		return simfleet.System{}, simfleet.NoAttribute(attribute)
	}
	word := ""
	for _, f := range files {
		if f.Path == "word" {
			word = string(f.Data)
		}
	}
	s := simfleet.System{
		Toplevel: simfleet.ToplevelPath(word, attribute), Units: []string{"app.service"},
		Packages: map[string]int64{"app-1-" + word: 40_000, "glibc-2.40-66": 30_000_000},
		EvalTime: time.Second, BuildTime: 20 * time.Second, SwitchTime: 4 * time.Second,
	}
	switch word {
	case "fails-unit":
		s.FailsUnits = []string{"bad.service"}
	case "breaks-network":
		s.BreaksNetwork = true
	case "no-evaluation":
		return s, errors.New("error: attribute 'services' missing")
	case "no-build":
		s.BuildError = "error: Cannot build '/nix/store/x.drv'.\n       Reason: builder failed with exit code 1."
	}
	return s, nil
}

func subject(t *testing.T, traits *simfleet.Traits) (contract.Subject, *simfleet.Host) {
	h := simfleet.NewHost(simfleet.HostOptions{
		Hostname: "web-1", Traits: traits, SystemFor: wordSystem, Generation: 41,
		System: simfleet.System{Toplevel: simfleet.ToplevelPath("first", "web-1"), Units: []string{"app.service"}, SwitchTime: 4 * time.Second,
			Packages: map[string]int64{"app-0.9": 40_000, "glibc-2.40-66": 30_000_000}},
	})
	t.Cleanup(h.Close)
	return contract.Subject{
		Dial: h.Dial, Attribute: "web-1",
		Good: flakeOf("good"), Better: flakeOf("better"), Best: flakeOf("best"),
		FailsUnit: flakeOf("fails-unit"), BreaksNetwork: flakeOf("breaks-network"),
		NoEvaluation: flakeOf("no-evaluation"), NoBuild: flakeOf("no-build"),
		PowerCut:  h.PowerCut,
		StopGuard: h.StopGuard,
		LoseUnit:  h.LoseUnit,
		CutSwitch: func() { h.SetFaults(simfleet.HostFaults{SwitchDiesAt: simfleet.PhaseActivated}) },
		ForeignSwitch: func() {
			h.ForeignSwitch("switch", simfleet.System{Toplevel: simfleet.ToplevelPath("theirs", "web-1")})
		},
		ForeignBegins: func() func() {
			h.ForeignSwitch("switch", simfleet.System{Toplevel: simfleet.ToplevelPath("theirs", "web-1"), SwitchTime: 20 * time.Second})
			return func() {}
		},
	}, h
}

// kinds are the hosts that the contract is run against.
func kinds() map[string]*simfleet.Traits {
	return map[string]*simfleet.Traits{
		"systemd-boot": {BootTime: 10 * time.Second},
		"grub, bash":   {Reader: simfleet.ReaderGrub, BashTool: true, BootTime: 10 * time.Second},
		"container":    {Container: true},
		"unknown":      {Reader: simfleet.ReaderUnknown},
	}
}

func TestModelKeepsTheContract(t *testing.T) {
	for name, traits := range kinds() {
		for _, s := range contract.Scenarios() {
			t.Run(name+"/"+s.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sub, _ := subject(t, traits)
					s.Run(t, sub)
				})
			})
		}
	}
}
