package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// patience ends every wait of a test.
const patience = 3 * time.Minute

var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "nixdeploy-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "nixdeploy")
		args := []string{"build", "-o", binary, "github.com/nixdeploy/nixdeploy/cmd/nixdeploy"}
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		defer printLastLine()
		return m.Run()
	}())
}

// operator is somebody at a control machine: a home with a key and known
// hosts, a folder with hosts.toml and a flake, a state folder.
type operator struct {
	t    *testing.T
	dir  string
	path string // where commands are looked for
	key  string // public, of all hosts' users
}

func newOperator(t *testing.T, known *lab.Host) *operator {
	t.Helper()
	o := &operator{t: t, dir: t.TempDir(), path: os.Getenv("PATH")}
	o.copy(known.KeyFile, "home/.ssh/id_ed25519", 0o600)
	key, err := os.ReadFile(known.KeyFile + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	o.key = strings.TrimSpace(string(key))
	o.copy(known.KnownHosts, "home/.ssh/known_hosts", 0o600)
	return o
}

// colleague is another operator of the same fleet, at another machine.
func (o *operator) colleague(known *lab.Host) *operator {
	o.t.Helper()
	c := newOperator(o.t, known)
	if out, err := exec.Command("cp", "-a", filepath.Join(o.dir, "fleet"), filepath.Join(c.dir, "fleet")).CombinedOutput(); err != nil {
		o.t.Fatalf("%v\n%s", err, out)
	}
	return c
}

func (o *operator) copy(from, to string, mode os.FileMode) {
	o.t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		o.t.Fatal(err)
	}
	o.write(to, string(data), mode)
}

func (o *operator) write(path, text string, mode os.FileMode) {
	o.t.Helper()
	path = filepath.Join(o.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		o.t.Fatal(err)
	}
}

// member is one host's place in the inventory.
type member struct {
	host  *lab.Host
	stage string
	more  string // further keys of its table
}

// inventory writes hosts.toml: more holds further tables.
func (o *operator) inventory(more string, members ...member) {
	o.t.Helper()
	var b strings.Builder
	b.WriteString("[fleet]\nname = \"lab\"\n[flake]\nsource = \"flake\"\n[targets.lab]\n")
	order, seen := []string{}, map[string]bool{}
	for _, m := range members {
		if !seen[m.stage] {
			seen[m.stage] = true
			order = append(order, fmt.Sprintf("%q", m.stage))
		}
	}
	fmt.Fprintf(&b, "[stages]\norder = [%s]\n%s\n", strings.Join(order, ", "), more)
	for _, m := range members {
		fmt.Fprintf(&b, "[hosts.%s]\naddress = %q\ntarget = \"lab\"\nstage = %q\n%s\n", m.host.Name, m.host.IP, m.stage, m.more)
	}
	o.write("fleet/hosts.toml", b.String(), 0o644)
}

// flake writes the fixture flake, one system per host.
func (o *operator) flake(systems map[string]lab.System) {
	o.t.Helper()
	dir := filepath.Join(o.dir, "fleet", "flake")
	if err := os.RemoveAll(dir); err != nil {
		o.t.Fatal(err)
	}
	lab.WriteFlake(o.t, dir, lab.FleetJSON(systems))
}

// every is the same system on each of hosts.
func every(s lab.System, hosts ...*lab.Host) map[string]lab.System {
	m := map[string]lab.System{}
	for _, h := range hosts {
		m[h.Name] = s
	}
	return m
}

func release(n int) lab.System {
	return lab.System{
		Version:  fmt.Sprintf("24.11.2024120%d.abcdef%d", n, n),
		Packages: []lab.Package{{Name: "hello", Version: fmt.Sprintf("1.%d", n), Size: 1000 * n}},
	}
}

// result is how one command ended.
type result struct {
	exit           int
	stdout, stderr string
}

func (o *operator) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = filepath.Join(o.dir, "fleet")
	cmd.Env = []string{
		"HOME=" + filepath.Join(o.dir, "home"), "PATH=" + o.path, "LANG=C.UTF-8",
		"NIXDEPLOY_STATE_DIR=" + filepath.Join(o.dir, "state"), "USER=" + filepath.Base(o.dir),
	}
	return cmd
}

// run runs nixdeploy to its end.
func (o *operator) run(args ...string) result {
	o.t.Helper()
	p := o.start(args...)
	return p.wait()
}

// must is run for what has to work.
func (o *operator) must(args ...string) result {
	o.t.Helper()
	r := o.run(args...)
	if r.exit != 0 {
		o.t.Fatalf("nixdeploy %s: exit %d\n%s%s", strings.Join(args, " "), r.exit, r.stderr, r.stdout)
	}
	return r
}

// process is a nixdeploy that runs.
type process struct {
	o           *operator
	cmd         *exec.Cmd
	out, errOut bytes.Buffer
	done        chan struct{}
}

func (o *operator) start(args ...string) *process {
	o.t.Helper()
	return o.begin(args, func(*exec.Cmd) {})
}

// begin is start with a change of the command.
func (o *operator) begin(args []string, change func(*exec.Cmd)) *process {
	o.t.Helper()
	p := &process{o: o, cmd: o.command(args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errOut
	p.cmd.WaitDelay = patience // a child that it left behind may hold them open
	change(p.cmd)
	if err := p.cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	go func() { // ends with the process
		defer close(p.done)
		_ = p.cmd.Wait() // the exit code is read from its state
	}()
	o.t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGKILL) // it is gone already when the test passed
		<-p.done
	})
	return p
}

func (p *process) wait() result {
	p.o.t.Helper()
	p.first(nil)
	return result{exit: p.cmd.ProcessState.ExitCode(), stdout: p.out.String(), stderr: p.errOut.String()}
}

// first waits until the process ends or seen is closed, whichever comes first.
func (p *process) first(seen <-chan struct{}) {
	p.o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	select {
	case <-p.done:
	case <-seen:
	case <-ctx.Done():
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // for its stacks
		<-p.done
		p.o.t.Fatalf("nixdeploy did not get there in %s\n%s%s", 2*patience, p.errOut.String(), p.out.String())
	}
}

// kill ends it as an operator's `kill -9` would.
func (p *process) kill() {
	p.o.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		p.o.t.Fatalf("nixdeploy had ended already: %v\n%s%s", err, p.errOut.String(), p.out.String())
	}
	<-p.done
}

// interrupt is Ctrl-C.
func (p *process) interrupt() {
	p.o.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		p.o.t.Fatal(err)
	}
}

// reaches waits until the journal of the newest run holds an event of that
// kind for that step.
func (p *process) reaches(kind, step string) {
	p.o.t.Helper()
	p.o.until(fmt.Sprintf("%s of %s in the journal", kind, step), func() bool {
		for line := range strings.SplitSeq(p.o.journal(), "\n") {
			if strings.Contains(line, `"kind":"`+kind+`"`) && strings.Contains(line, `"step":"`+step+`"`) {
				return true
			}
		}
		return false
	})
}

// journal is the newest run's.
func (o *operator) journal() string {
	runs, _ := filepath.Glob(filepath.Join(o.dir, "state", "runs", "*", "events.jsonl"))
	if len(runs) == 0 {
		return ""
	}
	data, _ := os.ReadFile(runs[len(runs)-1]) // it may be there in a moment
	return string(data)
}

func (o *operator) until(what string, holds func() bool) {
	o.t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			o.t.Fatalf("waited %s for %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond) // polls
	}
}

// ---- what is asserted ----------------------------------------------------

func (r result) wantExit(t *testing.T, want int) {
	t.Helper()
	if r.exit != want {
		t.Errorf("exit %d, want %d\n%s%s", r.exit, want, r.stderr, r.stdout)
	}
}

func (r result) wantText(t *testing.T, texts ...string) {
	t.Helper()
	// Lines are folded for the terminal's width: compare words.
	all := strings.Join(strings.Fields(strings.ReplaceAll(r.stderr+r.stdout, "│", " ")), " ")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("nowhere is said %q\n%s%s", text, r.stderr, r.stdout)
		}
	}
}

// wantBack asserts that the host is exactly where it was.
func wantBack(t *testing.T, h *lab.Host, before lab.Links) {
	t.Helper()
	now := h.Links()
	before.Booted = now.Booted // a power cut may have changed it, and may only have changed it
	if now.Running == "" {
		before.Running = "" // it is switched off
	}
	if now != before {
		t.Errorf("%s is not back\n now    %+v\n before %+v", h.Name, now, before)
	}
}

// wantNew asserts that the host runs, and boots, a system of that release.
func wantNew(t *testing.T, h *lab.Host, s lab.System) {
	t.Helper()
	l := h.Links()
	if !strings.HasSuffix(l.Profile, s.Version) || l.Running != l.Profile || l.NextBoot != l.Profile {
		t.Errorf("%s is not wholly on %s: %+v", h.Name, s.Version, l)
	}
}

// settled holds once a guard has decided and is gone: its folder goes first, its
// unit last.
const settled = "test ! -e /var/lib/nixdeploy/active && test ! -e /etc/systemd/system.control/nixdeploy-guard.service"

// wantResolved asserts that nothing of a run is left armed.
func wantResolved(t *testing.T, h *lab.Host) {
	t.Helper()
	left, _, _ := h.Enter(`PATH=$PATH:/run/current-system/sw/bin
		ls -d /var/lib/nixdeploy/active /etc/systemd/system.control/nixdeploy-guard.service \
		/etc/systemd/system.control/*.wants/* /run/nixdeploy/lease 2>/dev/null`)
	if left != "" {
		t.Errorf("left on %s:\n%s", h.Name, left)
	}
}

// rollbacks counts how often the host's log holds the plain rollback.
func rollbacks(h *lab.Host) int {
	out, _, _ := h.Enter("PATH=$PATH:/run/current-system/sw/bin; journalctl --no-pager -o cat -u nixdeploy-guard.service")
	return strings.Count(out, "nixos-rebuild switch --rollback --fast")
}

func generations(h *lab.Host) string {
	out, _, _ := h.Enter("PATH=$PATH:/run/current-system/sw/bin; cd /nix/var/nix/profiles && echo system-*-link")
	return strings.TrimSpace(out)
}
