package lab_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// The stand-ins for nixos-rebuild and switch-to-configuration are worth what
// they share with the real ones: these tests repeat recorded sessions of the
// real tools, command by command, and compare every answer and every link.
func TestStandInsAnswerAsRecorded(t *testing.T) {
	// Two of the recordings were made with an activator that said less.
	quietActivator := regexp.MustCompile(`^(reloading user units for \w+\.\.\.|restarting sysinit-reactivation\.target)$`)
	for _, recording := range []struct {
		transcript, base string
		drop             []*regexp.Regexp
		// Steps, by their line, whose answer a race decided: whether a unit that
		// is restarted for ever was waiting for its restart at that moment.
		races []int
	}{
		{transcript: "old-nix28-sh.txt", base: lab.Bookworm, drop: []*regexp.Regexp{quietActivator}, races: []int{338, 364, 441, 519, 672}},
		// Its generation 1 had the quieter activator.
		{transcript: "old-nix28-perl.txt", base: lab.Bookworm, races: []int{205, 363, 466}},
		{transcript: "ng-nix226-perl.txt", base: lab.Trixie, races: []int{371}},
		{transcript: "2-old-nix28-perl.txt", base: lab.Bookworm},
		{transcript: "2-ng-nix226-perl.txt", base: lab.Trixie},
	} {
		t.Run(strings.TrimSuffix(recording.transcript, ".txt"), func(t *testing.T) {
			t.Parallel()
			steps := readTranscript(t, recording.transcript)
			host := lab.Up(t, lab.Options{Base: recording.base})
			upload(t, host, "{}")
			replay := replay{
				t: t, host: host, steps: steps, drop: recording.drop, races: recording.races,
				controlPath: filepath.Join(t.TempDir(), "ssh"),
			}
			t.Cleanup(replay.closeConnection)
			replay.run()
		})
	}
}

type replay struct {
	t     *testing.T
	host  *lab.Host
	steps []step
	drop  []*regexp.Regexp
	races []int
	// One connection for all steps, as when it was recorded: root stays logged in.
	controlPath string
}

func (r *replay) run() {
	for i := 0; i < len(r.steps); i++ {
		current := r.steps[i]
		if current.fleet != "" {
			setFleet(r.t, r.host, transcriptFleet(r.t, current.fleet, "perl"))
		}
		tty := strings.Contains(current.section+current.command, "-tt ") || current.section == "with a tty, killed"
		switch {
		case current.section == "versions", strings.HasPrefix(current.section, "sudo"):
			// Versions of Debian's packages, and accounts: the lab has its own.
		case current.command == "systemctl reboot":
			r.closeConnection()
			r.host.Reboot()
		case strings.HasPrefix(current.command, "(killed during the build)"):
			r.killed(current, tty, buildIsWaiting)
		case strings.HasPrefix(current.command, "(killed)"), strings.HasPrefix(current.command, "(ssh "):
			r.killed(current, tty, unitIsWaiting)
		case current.section == "two concurrent switches" && strings.Contains(current.command, " switch --flake"):
			r.concurrently(current, r.steps[i+1])
			i++
		default:
			r.letGo(current)
			r.repeat(current)
		}
		if r.t.Failed() {
			r.t.Fatalf("stopped there: what follows depends on it")
		}
	}
}

// repeat runs one command and compares.
func (r *replay) repeat(recorded step) {
	r.t.Helper()
	command := r.host.SSHCommand(r.t.Context(), "root", commandHere(recorded.command))
	command.Args = slices.Insert(command.Args, 1, "-oControlMaster=auto", "-oControlPersist=60", "-oControlPath="+r.controlPath)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	_ = command.Run() // its exit code is compared
	if strings.Contains(recorded.command, ">/dev/null 2>&1") {
		return // a preparation, whose own words are of no interest
	}
	r.compare(recorded, answer{stdout.String(), stderr.String(), command.ProcessState.ExitCode()})
}

func (r *replay) closeConnection() {
	_ = exec.Command("ssh", "-oControlPath="+r.controlPath, "-O", "exit", r.host.IP).Run() // there may be none
}

// commandHere is a recorded command in the words of this lab.
func commandHere(command string) string {
	// There, another nixos-rebuild than the tested one refused this.
	command = strings.TrimPrefix(command, "nixos-rebuild switch --rollback --no-reexec; systemctl stop slow.service; ")
	command = strings.ReplaceAll(command, "nixos-rebuild-ng", "nixos-rebuild")
	return strings.ReplaceAll(command, "cat /boot/default",
		`sed -n 's,^options init=\([^ ]*\)/init .*,\1,p' "/boot/loader/entries/$(sed -n 's/^default //p' /boot/loader/loader.conf)"`)
}

type answer struct {
	stdout, stderr string
	rc             int
}

func (r *replay) normalised(a answer) answer {
	return answer{normalise(a.stdout, r.drop...), normalise(a.stderr, r.drop...), max(a.rc, -1)}
}

func (r *replay) compare(recorded step, got answer) {
	r.t.Helper()
	want, have := r.normalised(answer{recorded.stdout, recorded.stderr, recorded.rc}), r.normalised(got)
	if want == have {
		return
	}
	if slices.Contains(r.races, recorded.line) {
		r.t.Logf("line %d, section %q: decided by a race, and otherwise here", recorded.line, recorded.section)
		return
	}
	r.t.Errorf("line %d, section %q: $ %s\nrecorded: %d\n%s\n--\n%s\n\nhere: %d\n%s\n--\n%s\n\nall of it:\n%s\n--\n%s", recorded.line, recorded.section, recorded.command,
		want.rc, want.stdout, want.stderr, have.rc, have.stdout, have.stderr, got.stdout, got.stderr)
}
