package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The rows against OpenSSH: a no-op apply over 100 addresses of one real sshd,
// against as many `ssh HOST true`.
const (
	opensshHosts    = 100
	opensshParallel = 16
	opensshWall     = 1.0
	opensshCPU      = 0.25

	// Pinned at the server, so for both. The default key exchange of OpenSSH
	// before 9.9 costs seven times the CPU of this one.
	pinnedKex    = "curve25519-sha256"
	pinnedCipher = "aes128-gcm@openssh.com"
)

func measureOpenSSH(ctx context.Context, w *workspace, rounds int, say func(string)) ([]result, error) {
	say(fmt.Sprintf("openssh: %d hosts behind one sshd, %d at once, %s, %s", opensshHosts, opensshParallel, pinnedKex, pinnedCipher))
	return opensshRows(ctx, w, opensshHosts, rounds)
}

func opensshRows(ctx context.Context, w *workspace, hosts, rounds int) (_ []result, err error) {
	bed, err := newOpenSSHBed(ctx, w, hosts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bed.close()) }()
	if err := must(bed.sandbox.start, bed.operator.command(ctx, w.nixdeploy, "apply", "--first", "--yes")); err != nil {
		return nil, fmt.Errorf("the apply before: %w", err)
	}
	samples, err := interleave(ctx, bed.sandbox.start, rounds, []contender{
		bed.nixdeploy(), bed.xargs(opensshParallel), bed.xargs(64),
	})
	if err != nil {
		return nil, err
	}
	if err := w.profile(ctx, bed.sandbox.start, "openssh", bed.nixdeploy()); err != nil {
		return nil, err
	}
	ours, peer, wide := samples[0], samples[1], samples[2]
	what := fmt.Sprintf("no-op apply, %d hosts, real sshd", hosts)
	return []result{
		against("B1", what, "wall", column(ours, wall), "xargs -P16 ssh true", column(peer, wall), opensshWall),
		against("B2", what, "cpu", column(ours, cpu), "xargs -P16 ssh true", column(peer, cpu), opensshCPU),
		against("", what, "wall", column(ours, wall), "xargs -P64 ssh true", column(wide, wall), 0),
	}, nil
}

// opensshBed is an sshd with simulated hosts behind it, and who operates them.
type opensshBed struct {
	operator
	count   int // of hosts
	sandbox *sandbox
	sshd    *exec.Cmd
	hosts   *helper
	sshdDir string
}

func newOpenSSHBed(ctx context.Context, w *workspace, hosts int) (*opensshBed, error) {
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		if sshd = "/usr/sbin/sshd"; !isFile(sshd) {
			return nil, &cannotRunError{"OpenSSH's sshd"}
		}
	}
	b := &opensshBed{operator: w.operator("openssh"), count: hosts, sshdDir: w.path("openssh", "sshd")}
	if err := b.writeFiles(ctx); err != nil {
		return nil, err
	}
	if b.sandbox, err = newSandbox(b.mounts); err != nil {
		return nil, err
	}
	if err := b.serve(ctx, sshd); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (b *opensshBed) in(name string) string { return filepath.Join(b.sshdDir, name) }

// writeFiles writes all but what only the running hosts know.
func (b *opensshBed) writeFiles(ctx context.Context) error {
	front, err := b.build(ctx, "scripts/benchmark/forcecommand")
	if err != nil {
		return err
	}
	files := map[string]string{
		// A login shell that reads nobody's startup files, and sshd's own user.
		b.in("passwd"): "root:x:0:0::" + b.sshdDir + ":/bin/sh\nsshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n" +
			"nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
		b.in("shadow"): "root:*:19000:0:99999:7:::\nsshd:!:19000::::::\nnobody:*:19000:0:99999:7:::\n",
		b.in("sshd_config"): strings.Join([]string{
			"Port 22", "ListenAddress 0.0.0.0", "HostKey " + b.in("host_key"), "AuthorizedKeysFile " + b.home(".ssh/id_ed25519.pub"),
			"KexAlgorithms " + pinnedKex, "Ciphers " + pinnedCipher, "PermitRootLogin yes", "PasswordAuthentication no",
			"KbdInteractiveAuthentication no", "StrictModes no", "UsePAM no", "UseDNS no", "PrintMotd no", "PrintLastLog no",
			"MaxStartups 1000", "PidFile none", "LogLevel ERROR", "ForceCommand exec " + front + " " + b.in("hosts.socket"), "",
		}, "\n"),
		b.in("client_config"): strings.Join([]string{
			"User root", "IdentityFile " + b.home(".ssh/id_ed25519"), "IdentitiesOnly yes", "UserKnownHostsFile " + b.home(".ssh/known_hosts"),
			"GlobalKnownHostsFile /dev/null", "StrictHostKeyChecking yes", "BatchMode yes", "KexAlgorithms " + pinnedKex,
			"Ciphers " + pinnedCipher, "LogLevel ERROR", "",
		}, "\n"),
	}
	for path, text := range files {
		if err := b.write(path, text); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(b.home(".ssh"), 0o700); err != nil {
		return fmt.Errorf("make a home: %w", err)
	}
	for _, path := range []string{b.in("host_key"), b.home(".ssh/id_ed25519")} {
		keygen := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", path)
		if err := must(startHere, keygen); err != nil {
			return err
		}
	}
	return b.writeFleet()
}

// writeFleet writes known_hosts, the flake and hosts.toml.
func (b *opensshBed) writeFleet() error {
	public, err := os.ReadFile(b.in("host_key.pub"))
	if err != nil {
		return fmt.Errorf("read the host key: %w", err)
	}
	toml := &strings.Builder{}
	toml.WriteString("[fleet]\nname = \"bench\"\n\n[flake]\nsource = \"flake\"\n\n[ssh]\nuser = \"root\"\nelevate = \"none\"\n\n" +
		"[targets.server]\n\n[stages]\norder = [\"all\"]\n")
	known := &strings.Builder{}
	for i, address := range b.addresses() {
		fmt.Fprintf(toml, "\n[hosts.h%d]\naddress = %q\ntarget = \"server\"\nstage = \"all\"\n", i+1, address)
		fmt.Fprintf(known, "%s %s", address, public)
	}
	return errors.Join(b.writePlainFlake(),
		b.write(b.fleet("hosts.toml"), toml.String()), b.write(b.home(".ssh/known_hosts"), known.String()))
}

func (b *opensshBed) addresses() []string {
	var list []string
	for i := range b.count {
		list = append(list, "127.0.0."+strconv.Itoa(i+1))
	}
	return list
}

// mounts are what sshd needs and must not find or change on this machine.
func (b *opensshBed) mounts() error {
	if err := emptyFolder("/run"); err != nil {
		return err
	}
	if err := os.Mkdir("/run/sshd", 0o755); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	return errors.Join(bind(b.in("passwd"), "/etc/passwd"), bind(b.in("shadow"), "/etc/shadow"))
}

// serve starts the hosts and sshd.
func (b *opensshBed) serve(ctx context.Context, sshd string) error {
	program, err := b.build(ctx, "scripts/benchmark/simhosts")
	if err != nil {
		return err
	}
	b.hosts, err = startHelper(startHere, exec.CommandContext(ctx, program,
		"-n", strconv.Itoa(b.count), "-socket", b.in("hosts.socket")))
	if err != nil {
		return err
	}
	b.sshd = exec.CommandContext(ctx, sshd, "-D", "-e", "-f", b.in("sshd_config"))
	b.sshd.Stderr = os.Stderr
	if err := b.sandbox.start(b.sshd); err != nil {
		b.sshd = nil
		return fmt.Errorf("start sshd: %w", err)
	}
	return b.answers(ctx)
}

// answers waits for sshd's first answer.
func (b *opensshBed) answers(ctx context.Context) error {
	var err error
	for range 100 {
		try := b.command(ctx, "ssh", "-F", b.in("client_config"), "127.0.0.1", "true")
		if err = must(b.sandbox.start, try); err == nil {
			return nil
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("sshd does not answer: %w", err)
}

// quiet waits until sshd has no session left: what it still does for one
// contender must not be the next one's time.
func (b *opensshBed) quiet(ctx context.Context) error {
	pid := strconv.Itoa(b.sshd.Process.Pid)
	for range 500 {
		children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
		if err != nil {
			return fmt.Errorf("look at sshd: %w", err)
		}
		if len(strings.TrimSpace(string(children))) == 0 {
			return nil
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("sessions of sshd do not end")
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *opensshBed) close() error {
	var errs []error
	if b.sshd != nil {
		_ = b.sshd.Process.Kill()
		_ = b.sshd.Wait() // killed
	}
	if b.hosts != nil {
		errs = append(errs, b.hosts.close())
	}
	b.sandbox.close()
	return errors.Join(errs...)
}

func (b *opensshBed) nixdeploy() contender {
	return contender{
		name: "nixdeploy", prepare: b.quiet, check: allUnchanged(b.count),
		command: func(ctx context.Context, _ int) *exec.Cmd {
			return b.command(ctx, b.workspace.nixdeploy, "apply", "--yes", "--parallel", strconv.Itoa(opensshParallel))
		},
	}
}

func (b *opensshBed) xargs(parallel int) contender {
	return contender{
		name: fmt.Sprintf("xargs -P%d ssh true", parallel), prepare: b.quiet,
		command: func(ctx context.Context, _ int) *exec.Cmd {
			cmd := b.command(ctx, "xargs", "-P", strconv.Itoa(parallel), "-I", "{}", "ssh", "-F", b.in("client_config"), "{}", "true")
			cmd.Stdin = strings.NewReader(strings.Join(b.addresses(), "\n") + "\n")
			return cmd
		},
	}
}

var unchanged = regexp.MustCompile(`(?m)\bunchanged +(\d+)`)

// allUnchanged makes sure that a no-op apply was one, on all hosts.
func allUnchanged(hosts int) func(string) error {
	return func(stdout string) error {
		m := unchanged.FindStringSubmatch(stdout)
		if m == nil || m[1] != strconv.Itoa(hosts) {
			return fmt.Errorf("not all of %d hosts were unchanged", hosts)
		}
		return nil
	}
}

// helper is a program that says when it is ready and ends with its input.
type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func startHelper(start starter, cmd *exec.Cmd) (*helper, error) {
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("a pipe: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("a pipe: %w", err)
	}
	if err := start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		return nil, fmt.Errorf("%s is not ready: %w", cmd.Path, errors.Join(err, stdin.Close(), cmd.Wait()))
	}
	return &helper{cmd, stdin}, nil
}

func (h *helper) close() error {
	if err := errors.Join(h.stdin.Close(), h.cmd.Wait()); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("%s: %w", h.cmd.Path, err)
	}
	return nil
}
