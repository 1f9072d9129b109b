package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// commandDeadline ends whatever a test asks of a host: no test waits for ever.
const commandDeadline = 3 * time.Minute

// lookDeadline ends one look at a host, of many.
const lookDeadline = 20 * time.Second

// pipeDelay is how long a command that has ended, or was ended, may leave its
// output open: a process of a host that stands still would keep it for ever.
const pipeDelay = 10 * time.Second

// Host is one machine of the lab. Its methods fail the test when the lab
// itself fails; what a command on the host answers is the caller's to judge.
type Host struct {
	Name       string
	IP         string
	KeyFile    string // private key of root and deploy
	KnownHosts string // the keys of all hosts of this machine's lab
	SSHConfig  string // for OpenSSH's -F: all of the above

	dir    string
	cgroup string
	t      testing.TB
}

// Down switches the host off and removes it with its disk.
func (h *Host) Down() { h.t.Helper(); h.lab("down", h.Name) }

// PowerCut ends all of it at once and in silence; its disk stays.
func (h *Host) PowerCut() { h.t.Helper(); h.lab("powercut", h.Name) }

// Freeze stops all of it at one instant, so that a test can look at where it
// stands before it cuts the power: nothing but PowerCut may follow.
func (h *Host) Freeze() {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.cgroup, "cgroup.freeze"), []byte("1"), 0o600); err != nil {
		h.t.Fatalf("lab: freezing %s: %v", h.Name, err)
	}
	h.waitFor("the freezing of all its processes", func() bool {
		events, err := os.ReadFile(filepath.Join(h.cgroup, "cgroup.events"))
		return err == nil && strings.Contains(string(events), "frozen 1")
	})
}

// Start boots it after a power cut or a halt. Use WaitSSH next.
func (h *Host) Start() { h.t.Helper(); h.lab("start", h.Name) }

// StartGeneration boots a generation that somebody picked in the boot menu, once.
func (h *Host) StartGeneration(n int) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, "picked"), []byte(strconv.Itoa(n)), 0o600); err != nil {
		h.t.Fatalf("lab: %v", err)
	}
	h.Start()
}

// LinkDown pulls its network cable.
func (h *Host) LinkDown() { h.t.Helper(); h.lab("cut", h.Name) }

// LinkUp puts its network cable back.
func (h *Host) LinkUp() { h.t.Helper(); h.lab("uncut", h.Name) }

// Reboot asks systemd for a reboot, and waits until the next boot answers over ssh.
func (h *Host) Reboot() {
	h.t.Helper()
	before := h.BootID()
	h.lab("reboot", h.Name)
	h.waitFor("the boot after a reboot", func() bool {
		now := h.BootID()
		return now != "" && now != before
	})
	h.WaitSSH()
}

// WaitSSH waits until a command runs over ssh.
func (h *Host) WaitSSH() { h.t.Helper(); h.lab("wait", h.Name) }

// SSH runs a shell command as root, over a connection of its own. rc is ssh's
// exit code: the command's, or 255 when the connection failed.
func (h *Host) SSH(command string) (stdout, stderr string, rc int) {
	h.t.Helper()
	return h.SSHAs("root", command, nil)
}

// SSHAs is SSH as another user, with something to read.
func (h *Host) SSHAs(user, command string, stdin io.Reader) (stdout, stderr string, rc int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandDeadline)
	defer cancel()
	return h.output(h.SSHCommand(ctx, user, command), stdin)
}

// SSHCommand prepares ssh to the host, for tests that kill it or read along.
func (h *Host) SSHCommand(ctx context.Context, user, command string) *exec.Cmd {
	return exec.CommandContext(ctx, "ssh", "-F", h.SSHConfig, "-l", user, h.IP, "--", command)
}

// MustSSH is SSH for what has to work: it returns the trimmed stdout.
func (h *Host) MustSSH(command string) string {
	h.t.Helper()
	stdout, stderr, rc := h.SSH(command)
	if rc != 0 {
		h.t.Fatalf("lab: on %s, `%s` ended with %d\n%s%s", h.Name, command, rc, stdout, stderr)
	}
	return strings.TrimSpace(stdout)
}

// CopyFlake puts a folder of this machine at path on the host, owned by root,
// in the place of what is there.
func (h *Host) CopyFlake(dir, path string) {
	h.t.Helper()
	archive, err := exec.Command("tar", "-C", dir, "-c", ".").Output()
	if err != nil {
		h.t.Fatalf("lab: packing %s: %v", dir, err)
	}
	command := "rm -rf '" + path + "' && mkdir -p '" + path + "' && tar -x --no-same-owner -C '" + path + "'"
	if _, stderr, rc := h.SSHAs("root", command, bytes.NewReader(archive)); rc != 0 {
		h.t.Fatalf("lab: copying %s to %s of %s: %s", dir, path, h.Name, stderr)
	}
}

// Enter runs a shell command in the host as root, past its network: it works
// when the host cannot be reached.
func (h *Host) Enter(command string) (stdout, stderr string, rc int) {
	h.t.Helper()
	return h.enter(command, commandDeadline)
}

func (h *Host) enter(command string, deadline time.Duration) (stdout, stderr string, rc int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return h.output(exec.CommandContext(ctx, scriptPath(), "enter", h.Name, "sh", "-c", command), nil)
}

func (h *Host) output(command *exec.Cmd, stdin io.Reader) (stdout, stderr string, rc int) {
	h.t.Helper()
	var out, errOut bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = stdin, &out, &errOut
	command.WaitDelay = pipeDelay
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatalf("lab: %s: %v\n%s%s", command, err, out.String(), errOut.String())
	}
	return out.String(), errOut.String(), command.ProcessState.ExitCode()
}

// WaitUntil polls until a shell condition holds on the host, past its network.
func (h *Host) WaitUntil(what, condition string) {
	h.t.Helper()
	h.waitFor(what, func() bool {
		// A look at a host that goes down just then must not take all of the time.
		_, _, rc := h.enter(condition, lookDeadline)
		return rc == 0
	})
}

// whatIsThere is for the error of a wait that was in vain.
func (h *Host) whatIsThere() string {
	h.t.Helper()
	out, errOut, rc := h.enter(`cd /var/lib/nixdeploy && ls -l . active && cat active/log; ls /etc/systemd/system.control
systemctl --no-pager --lines=30 status nixdeploy-guard; systemctl --no-pager list-jobs; ps -ef | tail -n 30`, lookDeadline)
	return fmt.Sprintf("%s%s(exit code %d)", out, errOut, rc)
}

// waitFor polls until the condition holds, or fails the test.
func (h *Host) waitFor(what string, holds func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(commandDeadline)
	for !holds() {
		if time.Now().After(deadline) {
			h.t.Fatalf("lab: %s: waited %s for %s\n%s", h.Name, commandDeadline, what, h.whatIsThere())
		}
		time.Sleep(20 * time.Millisecond) // polls
	}
}

func (h *Host) lab(arguments ...string) string {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandDeadline)
	defer cancel()
	var errOut bytes.Buffer
	command := exec.CommandContext(ctx, scriptPath(), arguments...)
	command.Stderr, command.WaitDelay = &errOut, pipeDelay
	out, err := command.Output()
	if err != nil {
		h.t.Fatalf("lab %s: %v\n%s", strings.Join(arguments, " "), err, errOut.String())
	}
	return string(out)
}

func (h *Host) removeQuietly() {
	ctx, cancel := context.WithTimeout(context.Background(), commandDeadline)
	defer cancel()
	// The test may have taken it down itself.
	_ = exec.CommandContext(ctx, scriptPath(), "down", h.Name).Run()
}

func (h *Host) readEnvironment() {
	h.t.Helper()
	values := map[string]string{}
	for line := range strings.Lines(h.lab("env", h.Name)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = value
	}
	h.IP, h.KeyFile, h.KnownHosts = values["LAB_IP"], values["LAB_KEY"], values["LAB_KNOWN_HOSTS"]
	h.SSHConfig, h.dir, h.cgroup = values["LAB_SSH_CONFIG"], values["LAB_HOST_DIR"], values["LAB_CGROUP"]
}
