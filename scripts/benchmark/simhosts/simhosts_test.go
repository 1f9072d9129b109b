package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is a script of nixdeploy as it is sent: only its name counts here.
func program(script string, args ...string) string {
	text := "printf '%s\\n' 'nd-begin N'\nset --"
	for _, a := range args {
		text += " '" + a + "'"
	}
	text += "\n#!/bin/sh\n# nixdeploy remote script: " + script + "\n"
	return fmt.Sprintf("%d\n%s", len(text), text)
}

// front builds forcecommand and returns what sshd would run for a command.
func front(t *testing.T, socket string) func(address, command string, stdin io.Reader) *exec.Cmd {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "forcecommand")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../forcecommand")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(address, command string, stdin io.Reader) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), binary, socket)
		cmd.Env = []string{"SSH_ORIGINAL_COMMAND=" + command, "SSH_CONNECTION=127.0.0.1 50000 " + address + " 22", "USER=root"}
		cmd.Stdin = stdin
		return cmd
	}
}

const wire = `/bin/sh -c 'IFS= read -r n && s=$(head -c "$n") && eval "$s"'`

func TestTheHostBehindEachAddressAnswers(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	server, err := listen(socket, atLoopback(hosts(3)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	start := front(t, socket)
	run := func(address, command, stdin string) (string, int) {
		t.Helper()
		cmd := start(address, command, strings.NewReader(stdin))
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for i, address := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
		out, code := run(address, wire, program("inspect", "M", "-"))
		if code != 0 || !strings.HasPrefix(out, "nd-begin N\n") || !strings.Contains(out, fmt.Sprintf("M hostname h%d\n", i+1)) ||
			!strings.HasSuffix(out, "M end inspect\n") {
			t.Errorf("%s: exit %d\n%s", address, code, out)
		}
	}
	if out, code := run("127.0.0.9", wire, program("inspect", "M", "-")); code == 0 {
		t.Errorf("an address without a host answered:\n%s", out)
	}
	if out, code := run("127.0.0.1", wire, program("nosuch", "M")); code != 127 {
		t.Errorf("a failing script: exit %d, want 127\n%s", code, out)
	}
	if out, code := run("127.0.0.1", "echo $((1 + 1)); exit 5", ""); out != "2\n" || code != 5 {
		t.Errorf("a plain command: exit %d, %q", code, out)
	}
}

// reader is a host that reads its standard input to the end.
type reader struct{ begun chan struct{} }

func (r reader) Exec(_ context.Context, q simfleet.Request) int {
	close(r.begun)
	_, _ = io.Copy(io.Discard, q.Stdin)
	return 0
}

func TestClosingEndsWhatIsUnderWay(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	host := reader{make(chan struct{})}
	server, err := listen(socket, map[string]executor{"127.0.0.1": host})
	if err != nil {
		t.Fatal(err)
	}
	never, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(w.Close(), never.Close()) }()
	cmd := front(t, socket)("127.0.0.1", wire, never)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-host.begun
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a command that was cut ended well")
	}
}

func TestAFleetOverSSH(t *testing.T) {
	dir := t.TempDir()
	in, release := io.Pipe()
	out, ready := io.Pipe()
	var errOut bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run([]string{"-n", "2", "-dir", dir}, in, ready, &errOut) }()
	if line := make([]byte, 6); true {
		if _, err := io.ReadFull(out, line); err != nil || string(line) != "ready\n" {
			t.Fatalf("%q %v %s", line, err, &errOut)
		}
	}
	tables, err := os.ReadFile(filepath.Join(dir, "hosts"))
	if err != nil {
		t.Fatal(err)
	}
	text := "[fleet]\nname = \"f\"\n[flake]\nsource = \"flake\"\n[targets.server]\n[stages]\norder = [\"all\"]\n" + string(tables)
	if inv, err := inventory.Parse("hosts.toml", []byte(text)); err != nil || len(inv.Hosts) != 2 {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"client_key", "known_hosts"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = release.Close()
	if code := <-ended; code != 0 {
		t.Errorf("exit %d\n%s", code, &errOut)
	}
}
