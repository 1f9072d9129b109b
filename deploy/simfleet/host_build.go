package simfleet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/flake"
)

// build answers build.sh: NONCE RUN OPERATOR LEASE plan|build|keep|exact DIGEST REF
// ATTRIBUTE TIMEOUT USER.
func (q *request) build() int {
	h := q.host
	run, what, digest, attribute, timeout := q.arg(0), q.arg(3), q.arg(4), q.arg(6), seconds(q.arg(7))
	if what != "plan" {
		if !q.takeLease(run, q.arg(1), q.arg(2)) {
			return 0
		}
		// As long as this script runs, so does the lease.
		keeper := &lease{run: run, expires: number(q.arg(2))}
		h.keeper = keeper
		defer func() {
			if h.keeper == keeper {
				_ = h.liveLease() // renewed for the last time
				h.keeper = nil
			}
		}()
	}
	h.touch(digest)
	exact := what == "exact" // one nixos-rebuild build, which evaluates by itself
	if exact {
		q.say("phase", "build")
	} else {
		q.say("phase", "dry-build")
	}
	s, code, alive := q.dryBuild(digest, q.arg(5), attribute, timeout)
	if !alive {
		return killed
	}
	if !exact {
		q.say("dry-build", strconv.Itoa(code))
	}
	switch {
	case code != 0 && exact:
		q.say("build", strconv.Itoa(code))
	case code != 0:
	case what == "plan":
		q.say("phase", "evaluate")
		if !q.spend(s.EvalTime) {
			return killed
		}
		drv := StorePath(s.Toplevel, "nixos-system.drv")
		q.say("evaluated", fmt.Sprintf(`0 [{"drvPath":%q,"outputs":{"out":%q}}]`, drv, s.Toplevel))
		if h.system(s.Toplevel) != nil {
			q.sayGround(q.arg(8))
			q.sayDemands(s)
		}
	default:
		if !exact {
			q.say("phase", "build")
		}
		if !q.realBuild(s, attribute, timeout) {
			return killed
		}
	}
	q.say("end", "build")
	return 0
}

// dryBuild is `nixos-rebuild dry-build`: an evaluation, and what would be built.
func (q *request) dryBuild(digest, ref, attribute string, timeout time.Duration) (s *System, code int, alive bool) {
	h := q.host
	q.print("building the system configuration...")
	u := h.findUpload(digest)
	if u == nil {
		q.nixFailed("error: getting status of '/var/lib/nixdeploy/uploads/"+digest+"': No such file or directory", ref, attribute, "--dry-run")
		return nil, 1, true
	}
	system, err := h.systemFor(u.files, attribute)
	if err != nil {
		system.EvalError = err.Error()
	}
	if !q.spend(min(system.EvalTime, timeout)) {
		return nil, 0, false
	}
	switch {
	case system.EvalTime > timeout:
		return nil, 124, true
	case system.EvalError != "":
		q.nixFailed(system.EvalError, ref, attribute, "--dry-run")
		return nil, 1, true
	}
	if h.system(system.Toplevel) == nil {
		for _, line := range system.wording() {
			q.print(line)
		}
	}
	return &system, 0, true
}

// realBuild is `nixos-rebuild build`.
func (q *request) realBuild(s *System, attribute string, timeout time.Duration) (alive bool) {
	h := q.host
	h.greet(q.print)
	there := h.system(s.Toplevel) != nil
	took := s.BuildTime
	if there {
		took = 0
	} else {
		for _, drv := range s.derivations() {
			q.print("building '" + drv + "'...")
		}
		for _, p := range s.Fetch {
			q.print("copying path '" + p + "' from 'https://cache.nixos.org'...")
		}
	}
	if !q.spend(min(took, timeout)) {
		return false
	}
	switch {
	case took > timeout:
		q.say("build", "124")
		return true
	case s.BuildError != "" && !there:
		q.nixFailed(s.BuildError, q.arg(5), attribute, "")
		q.say("build", "1")
		return true
	}
	h.keep(s)
	if !h.traits.BashTool {
		q.print("Done. The new configuration is " + s.Toplevel)
	}
	q.say("build", "0")
	q.say("wanted", s.Toplevel)
	if s.Unswitchable {
		q.say("unswitchable", "yes")
	}
	q.sayGround(q.arg(8))
	q.sayDemands(s)
	return true
}

// spend lets d pass on the host. A build is followed while it runs.
func (q *request) spend(d time.Duration) (alive bool) {
	if d <= 0 {
		return true
	}
	until := q.host.now.Add(q.host.slowed(d))
	return q.wait(until, func() bool { return false })
}

// nixFailed prints an error of Nix, and what nixos-rebuild adds to it.
func (q *request) nixFailed(text, ref, attribute, flag string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		q.print(line)
	}
	if q.host.traits.BashTool {
		return
	}
	command := "nix --extra-experimental-features 'nix-command flakes' build --print-out-paths '" + ref +
		"#nixosConfigurations.\"" + attribute + "\".config.system.build.toplevel'"
	if flag != "" {
		command += " " + flag
	}
	q.print("Command '" + command + "' returned non-zero exit status 1.")
}

// NoAttribute is Nix's own error for a configuration that a flake does not have:
// what a SystemFor returns for a host that it does not know.
func NoAttribute(attribute string) error {
	where := "nixosConfigurations.\"" + attribute + "\".config.system.build.toplevel"
	return fmt.Errorf("error: flake 'path:/var/lib/nixdeploy/uploads' does not provide attribute 'packages.x86_64-linux.%s', "+
		"'legacyPackages.x86_64-linux.%s' or '%s'", where, where, where)
}

// lock answers lock.sh: NONCE TIMEOUT and a tar. A flake that has a lock keeps it;
// one without is taken to have no inputs, for which Nix writes none.
func (q *request) lock() int {
	var files []flake.File
	var err error
	if !q.unlocked(func() { files, err = unpack(q.payload, false) }) {
		return killed
	}
	if err != nil {
		q.complain("tar: " + err.Error())
		return 1
	}
	q.say("code", "0")
	for _, f := range files {
		if f.Path == "flake.lock" {
			q.sayLines("lock", strings.Split(strings.TrimRight(string(f.Data), "\n"), "\n"))
		}
	}
	q.say("end", "lock")
	return 0
}

// option answers option.sh: NONCE TIMEOUT NARHASH EXPRESSION QUERY and a tar. A
// simulated host evaluates nothing: it says what it was told to say.
func (q *request) option() int {
	var err error
	if !q.unlocked(func() { _, err = unpack(q.payload, false) }) {
		return killed
	}
	if err != nil {
		q.complain("tar: " + err.Error())
		return 1
	}
	if q.host.traits.Options == "" {
		q.print("error: a simulated host has no options to evaluate")
		q.say("code", "1")
	} else {
		q.say("code", "0")
		q.sayLines("answer", []string{q.host.traits.Options})
	}
	q.say("end", "option")
	return 0
}
