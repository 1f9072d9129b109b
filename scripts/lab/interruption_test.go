package lab_test

import (
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// Shell conditions on a host.
const (
	unitIsWaiting  = "test activating = \"$(systemctl show --value -p ActiveState slow.service)\""
	buildIsWaiting = "pgrep -f '[o]pen-build' >/dev/null"
	switchIsOver   = "test activating != \"$(systemctl show --value -p ActiveState slow.service)\"" +
		" && ! systemctl -q is-active nixos-rebuild-switch-to-configuration.service && ! pgrep -f '[n]ixos-rebuild switch' >/dev/null"
)

// killed repeats a switch whose ssh dies by SIGKILL when the condition holds on the host.
func (r *replay) killed(recorded step, tty bool, when string) {
	r.t.Helper()
	r.host.MustSSH("rm -f " + unitGate + " " + buildGate)
	running := r.begin("nixos-rebuild switch --flake /root/flake#web1", tty)
	want := sortedLines(normalise(recorded.stdout, r.drop...))
	r.until("the moment to kill ssh", func() bool {
		_, _, rc := r.host.Enter(when)
		return running.ended() || rc == 0
	})
	// What the host has said may still be on its way, and the unit may wait since
	// an earlier switch: what was recorded has to be said before ssh dies.
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) { // polls
		if running.ended() || said(want, sortedLines(normalise(running.output.String(), r.drop...)), tty) {
			break
		}
	}
	running.kill()
	if have := sortedLines(normalise(running.output.String(), r.drop...)); !said(want, have, tty) {
		r.t.Errorf("line %d, section %q, until ssh was killed\nrecorded:\n%s\n\nhere:\n%s", recorded.line, recorded.section,
			strings.Join(want, "\n"), strings.Join(have, "\n"))
	}
}

// said tells whether the lines are the wanted ones. On a terminal nix draws its
// progress in front of them, which is as it comes.
func said(want, have []string, tty bool) bool {
	if !tty {
		return slices.Equal(want, have)
	}
	for _, line := range want {
		if !slices.ContainsFunc(have, func(drawn string) bool { return strings.HasSuffix(drawn, line) }) {
			return false
		}
	}
	return true
}

// letGo opens what a killed switch is waiting at, before a step that looks at
// the end of it.
func (r *replay) letGo(next step) {
	r.t.Helper()
	looksAtTheEnd := strings.Contains(next.command, "is-active slow.service") && slices.Contains(strings.Split(next.stdout, "\n"), "active") ||
		strings.Contains(next.command, "[s]leep 8") && !strings.Contains(next.stdout, "nixos-rebuild switch") && !strings.Contains(next.stdout, "nixos_rebuild switch") ||
		strings.Contains(next.command, ">/dev/null 2>&1")
	if !looksAtTheEnd {
		return
	}
	r.host.MustSSH("touch " + unitGate + " " + buildGate)
	r.until("the end of the switch", func() bool {
		_, _, rc := r.host.Enter(switchIsOver)
		return rc == 0
	})
}

// concurrently repeats two switches, the second begun while the first one waits
// for a unit. The recordings have them in the order in which they ended.
func (r *replay) concurrently(one, other step) {
	r.t.Helper()
	r.host.MustSSH("rm -f " + unitGate)
	first := r.begin(commandHere(one.command), false)
	r.until("the first switch to wait", func() bool {
		_, _, rc := r.host.Enter(unitIsWaiting)
		return rc == 0 || first.ended()
	})
	second := r.begin(commandHere(other.command), false)
	r.until("the second switch to meet the first", func() bool {
		return second.ended() || strings.Contains(second.output.String(), "already loaded")
	})
	r.host.MustSSH("touch " + unitGate)
	first.wait()
	second.wait()
	want := [2]string{r.merged(one.stdout+one.stderr, one.rc), r.merged(other.stdout+other.stderr, other.rc)}
	have := [2]string{r.merged(first.output.String(), first.rc()), r.merged(second.output.String(), second.rc())}
	if want != have && want != [2]string{have[1], have[0]} {
		r.t.Errorf("line %d, section %q\nrecorded:\n%s\n\n%s\n\nhere:\n%s\n\n%s", one.line, one.section, want[0], want[1], have[0], have[1])
	}
}

func (r *replay) merged(output string, rc int) string {
	return strings.Join(append(sortedLines(normalise(output, r.drop...)), "rc="+string(rune('0'+rc))), "\n")
}

func sortedLines(text string) []string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return lines
}

func (r *replay) until(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited a minute for %s", what)
		}
		time.Sleep(50 * time.Millisecond) // polls
	}
}

// session is an ssh under way, both streams in one.
type session struct {
	command *exec.Cmd
	output  *lockedBuffer
	done    chan struct{}
}

func (r *replay) begin(command string, tty bool) *session {
	r.t.Helper()
	s := &session{command: r.host.SSHCommand(context.Background(), "root", command), output: &lockedBuffer{}, done: make(chan struct{})}
	if tty {
		s.command.Args = slices.Insert(s.command.Args, 1, "-tt")
	}
	s.command.Stdout, s.command.Stderr = s.output, s.output
	if err := s.command.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		_ = s.command.Wait() // its exit code is asked for
		close(s.done)
	}()
	r.t.Cleanup(s.kill)
	return s
}

func (s *session) kill() {
	_ = s.command.Process.Kill() // it may have ended
	s.wait()
}

func (s *session) wait() { <-s.done }

func (s *session) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *session) rc() int { return s.command.ProcessState.ExitCode() }

// lockedBuffer can be read while something is written to it.
type lockedBuffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.String()
}
