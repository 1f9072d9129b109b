package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestTheInventoriesAreGood(t *testing.T) {
	w := &workspace{dir: t.TempDir()}
	lab := &labBed{operator: w.operator("lab"), hosts: []labHost{{"bench1-1", "10.77.0.10"}, {"bench1-2", "10.77.0.11"}}}
	ssh := &opensshBed{operator: w.operator("openssh"), count: opensshHosts, sshdDir: w.path("openssh", "sshd")}
	if err := errors.Join(w.write(ssh.in("host_key.pub"), "ssh-ed25519 AAAA\n"), ssh.writeFleet()); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(ssh.fleet("hosts.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for hosts, text := range map[int]string{2: lab.inventory(), opensshHosts: string(written)} {
		inv, err := inventory.Parse("hosts.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if len(inv.Hosts) != hosts {
			t.Errorf("%d hosts, want %d", len(inv.Hosts), hosts)
		}
	}
}

func TestEachReleaseIsAnother(t *testing.T) {
	w := &workspace{dir: t.TempDir()}
	b := &labBed{operator: w.operator("lab"), hosts: []labHost{{"h", "10.77.0.10"}}}
	seen := map[string]bool{}
	for _, b.weight = range weights() {
		for range 2 {
			if err := b.next(t.Context()); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(b.fleet("flake", "fleet.json"))
			if err != nil {
				t.Fatal(err)
			}
			if seen[string(text)] {
				t.Error("the same release twice: the second apply of it would be a no-op")
			}
			seen[string(text)] = true
		}
	}
}

func TestASandboxReachesNothing(t *testing.T) {
	s, err := newSandbox(func() error { return emptyFolder("/run") })
	if cannot := (*cannotRunError)(nil); errors.As(err, &cannot) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1; ls /run; cat /proc/net/fib_trie | grep -c 127.0.0.1")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := s.start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	words := strings.Fields(out.String())
	if len(words) != 2 || words[0] != "lo" || words[1] == "0" {
		t.Errorf("inside there is more than a loopback interface that is on, or something in /run:\n%s", &out)
	}
	if entries, err := os.ReadDir("/run"); err != nil || len(entries) == 0 {
		t.Errorf("outside, /run is empty, too: %v", err)
	}
}

// built makes a workspace with the programs in it.
func built(t *testing.T) *workspace {
	t.Helper()
	w, err := newWorkspace(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.remove(false, func(text string) { t.Error(text) }) })
	return w
}

// The rows themselves, small: every program runs, and is measured.
func TestRows(t *testing.T) {
	w := built(t)
	for name, measure := range map[string]func() ([]result, error){
		"openssh":   func() ([]result, error) { return opensshRows(t.Context(), w, 3, 1) },
		"simulated": func() ([]result, error) { return simulatedRows(t.Context(), w, 5, 1) },
		"size":      func() ([]result, error) { return measureSize(t.Context(), w, 1, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			results, err := measure()
			if cannot := (*cannotRunError)(nil); errors.As(err, &cannot) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(results) == 0 {
				t.Error("nothing was measured")
			}
			for _, r := range results {
				if len(r.Ours) != 1 || r.Ours[0] <= 0 || r.Against != "" && (len(r.Peer) != 1 || r.Peer[0] <= 0) || r.Value <= 0 {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

// A host that is not what nixdeploy left is no no-op: the row fails rather than
// measures something else.
func TestARowThatIsNotWhatItSaysFails(t *testing.T) {
	w := built(t)
	o := w.operator("simulated")
	hosts, err := startSimulated(t.Context(), o, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := hosts.close(); err != nil {
			t.Error(err)
		}
	}()
	c := contender{name: "nixdeploy", check: allUnchanged(2), command: func(ctx context.Context, _ int) *exec.Cmd {
		return o.command(ctx, w.nixdeploy, "apply", "--first", "--yes") // changes both hosts
	}}
	if _, err := c.turn(t.Context(), startHere, 0); err == nil || !strings.Contains(err.Error(), "not all of 2 hosts were unchanged") {
		t.Errorf("%v", err)
	}
	if _, err := c.turn(t.Context(), startHere, 1); err != nil {
		t.Errorf("a repeat: %v", err)
	}
}
