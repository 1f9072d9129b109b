package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// savable is a fleet whose plan can be saved, but for the hosts named.
func savable(t *testing.T, but ...string) *call {
	t.Helper()
	d := &fakeDriver{plans: map[string]deploy.HostPlan{}}
	for _, h := range []string{"dev-1", "web-1", "web-2"} {
		d.plans[h] = deploy.HostPlan{
			Change: deploy.ChangeSwitch, Observed: observation(h), Wanted: "/nix/store/0c4kx1mmx7zjy0y2kq0zv7bm6i2y4l5n-new",
		}
	}
	for _, h := range but {
		d.plans[h] = deploy.HostPlan{
			Change: deploy.ChangeUnknown, Problem: &deploy.Problem{Code: deploy.CodeUnreachable, Host: h, What: "timed out"},
		}
	}
	return newCall(t, d)
}

// As root, saving to /dev/null would put a file in the place of the device.
func TestAPlanIsSavedOnlyWhereAFileCanBe(t *testing.T) {
	c := savable(t)
	path := func(name string) string { return filepath.Join(c.Dir, name) }
	if err := errors.Join(os.Symlink("/dev/null", path("link")), syscall.Mkfifo(path("pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for out, want := range map[string]string{
		"pipe": "is not a file", "link": "is not a file", ".": "is a folder", "nodir/x": "no file can be made there", "hosts.toml/x": "no file can be made there",
	} {
		c.expect(t, 2, "plan", "-o", out)
		contains(t, "stderr", c.stderr.String(), want)
	}
	if len(c.driver.read) > 0 {
		t.Errorf("contacted %v", c.driver.read)
	}
	for _, name := range []string{path("pipe"), path("link")} {
		if info, err := os.Lstat(name); err != nil || info.Mode().IsRegular() {
			t.Fatalf("%s was replaced: %v", name, err)
		}
	}
	for range 2 { // anew, and over the one that is there
		c.expect(t, 0, "plan", "-o", "release.plan")
		c.expect(t, 0, "plan", "show", "release.plan")
	}
	if left, _ := filepath.Glob(path(".*.plan.*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestAPlanThatCannotBeSavedIsShown(t *testing.T) {
	c := savable(t)
	if err := os.Mkdir(filepath.Join(c.Dir, "out"), 0o700); err != nil {
		t.Fatal(err)
	}
	really := c.Connect
	c.Connect = func(a App, q Request) (Fleet, error) {
		if err := os.Remove(filepath.Join(c.Dir, "out")); err != nil {
			t.Error(err)
		}
		return really(a, q)
	}
	c.expect(t, 4, "plan", "--stage", "dev", "-o", "out/release.plan")
	contains(t, "stdout", c.stdout.String(), "dev-1", "Next: nixdeploy apply --stage dev")
	contains(t, "stderr", c.stderr.String(), "error[file]", "could not be saved")
}

// What an apply refuses is not planned: a clone has the machine-id of its original,
// also where that is of an earlier stage.
func TestAMachineUnderTwoNamesIsNotPlanned(t *testing.T) {
	c := savable(t)
	hp := c.driver.plans["web-2"]
	hp.Observed = observation("dev-1")
	c.driver.plans["web-2"] = hp
	c.expect(t, 7, "plan", "--stage", "prod", "-o", "release.plan")
	contains(t, "stdout", c.stdout.String(), "!  web-2", "error[identity] web-2: is the same machine as dev-1", "Plan: 1 to change, 0 unchanged, 1 blocked")
	contains(t, "stderr", c.stderr.String(), "not saved", "without web-2: ")
}

func TestAPlanThatFitsNoFileIsShown(t *testing.T) {
	c := savable(t)
	hp := c.driver.plans["dev-1"]
	hp.Wanted = "no store path"
	c.driver.plans["dev-1"] = hp
	c.expect(t, 4, "plan", "--stage", "dev", "-o", "release.plan")
	contains(t, "stdout", c.stdout.String(), "dev-1", "Next: nixdeploy apply --stage dev")
	contains(t, "stderr", c.stderr.String(), "error[file]", "could not be saved", "not a store path")
}

// What is recommended asks for the same plan, of the hosts that are left.
func TestAPlanThatIsNotSavedRecommendsTheSameWithoutSomeHosts(t *testing.T) {
	c := savable(t, "web-1")
	c.expect(t, 4, "plan", "--full", "--first", "--accept", "--override-gate", "hotfix 4711", "-p", "2", "--stage", "prod", "-o", "a plan")
	line := "plan --stage prod --on '!web-1' --first --accept --override-gate 'hotfix 4711' --parallel 2 --full --out 'a plan'"
	contains(t, "stderr", c.stderr.String(), "without web-1: nixdeploy "+line+"\n")
	words, _ := splitShell(line)
	c.expect(t, 0, words...)

	for _, args := range [][]string{{"--on", "web-1"}, {"--on", "web-1,web-2"}} {
		c := savable(t, "web-1", "web-2")
		c.expect(t, 4, append([]string{"plan", "-o", "x"}, args...)...)
		if strings.Contains(c.stderr.String(), "nixdeploy plan") {
			t.Errorf("%v: recommended, although no host is left:\n%s", args, &c.stderr)
		}
		contains(t, "stdout", c.stdout.String(), "Next: nixdeploy status") // there is nothing to apply
	}
}
