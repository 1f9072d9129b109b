package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// recipe is what docs/recovery.md has people type for one state of a host: its
// code blocks, in order.
type recipe []string

// recipes reads them by heading.
func recipes(t *testing.T) map[string]recipe {
	t.Helper()
	text, err := os.ReadFile("../../../docs/recovery.md")
	if err != nil {
		t.Fatal(err)
	}
	found, heading, inside := map[string]recipe{}, "", false
	var block strings.Builder
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "#") && !inside:
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		case strings.HasPrefix(line, "```") && inside:
			found[heading] = append(found[heading], block.String())
			block.Reset()
			inside = false
		case strings.HasPrefix(line, "```sh"):
			inside = true
		case inside:
			block.WriteString(line)
		}
	}
	return found
}

var exitBehind = regexp.MustCompile(`# exit (\d+)\s*$`)

// follow types a page's commands, with its placeholders filled.
func (o *operator) follow(blocks recipe, h *lab.Host, fill map[string]string) {
	o.t.Helper()
	if len(blocks) == 0 {
		o.t.Fatal("the page has no commands for this")
	}
	for _, block := range blocks {
		for placeholder, value := range fill {
			block = regexp.MustCompile(`\b`+placeholder+`\b`).ReplaceAllLiteralString(block, value)
		}
		if strings.HasPrefix(block, "# on web-1") {
			// As root's own shell there has it.
			h.MustSSH("set -e\n" + block)
			continue
		}
		for line := range strings.Lines(block) {
			o.typed(strings.TrimSpace(strings.ReplaceAll(line, "web-1", h.Name)))
		}
	}
}

// typed is one line at the operator's machine.
func (o *operator) typed(line string) {
	o.t.Helper()
	want := 0
	if m := exitBehind.FindStringSubmatch(line); m != nil {
		want, _ = strconv.Atoi(m[1]) // digits
	}
	line, _, _ = strings.Cut(line, " #")
	words := strings.Fields(line)
	switch {
	case line == "" || strings.HasPrefix(line, "#"):
	case words[0] == "nixdeploy":
		args := words[1:]
		if args[0] == "apply" {
			args = append(args, "--yes") // nobody is there to be asked
		}
		if r := o.run(args...); r.exit != want {
			o.t.Errorf("%s: exit %d, want %d\n%s%s", line, r.exit, want, r.stderr, r.stdout)
		}
	default:
		cmd := o.command()
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", line}
		if out, err := cmd.CombinedOutput(); err != nil {
			o.t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
}

var runID = regexp.MustCompile(`"run":"([^"]+)"`)

// run id of the newest journal.
func (o *operator) newestRun() string {
	if m := runID.FindStringSubmatch(o.journal()); m != nil {
		return m[1]
	}
	return ""
}

func (o *operator) at(stage string, h *lab.Host, more string) {
	o.inventory(stage, member{host: h, stage: "dev", more: more})
}

// inHealth starts a run that waits in its health check.
func (o *operator) inHealth(h *lab.Host, window string) *process {
	o.t.Helper()
	o.at(devWith("switch", window, waitingCheck), h, "")
	o.flake(every(release(2), h))
	p := o.start("apply", "--yes", "--first")
	p.reaches("step-started", "health")
	return p
}

func switchedByHand(t *testing.T, h *lab.Host, n int) {
	t.Helper()
	dir := t.TempDir()
	lab.WriteFlake(t, dir, lab.FleetJSON(every(release(n), h)))
	h.CopyFlake(dir, "/root/by-hand")
	h.MustSSH("nixos-rebuild switch --fast --flake /root/by-hand#" + h.Name)
}

// Every state below is made on a real host, what docs/recovery.md says is typed,
// and the host is what it says it is after that.
func TestWhatTheRecoveryPageSaysToType(t *testing.T) {
	t.Parallel()
	page := recipes(t)
	known := map[string]bool{"Recovery": true, "A host that was returned": true, "Somebody else changed it": true}
	for heading, c := range map[string]func(t *testing.T, o *operator, h *lab.Host, said recipe){
		"A run that was killed": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			o.inHealth(h, "60s").kill()
			h.Enter("touch /run/well")
			o.follow(said, h, nil)
			wantNew(t, h, release(2))
		},
		"A host that another run holds": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			first := o.inHealth(h, "150s")
			second := o.colleague(h)
			second.run("apply", "--yes", "--first").wantExit(t, 3)
			first.kill() // nobody is behind it any more
			run := o.newestRun()
			h.Enter("touch /run/well")
			second.flake(every(release(3), h))
			second.must("status")
			said[2] = strings.ReplaceAll(said[2], "apply", "apply --first")
			second.follow(said, h, map[string]string{"RUN": run})
			wantNew(t, h, release(3))
		},
		"A switch by hand is under way": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			o.at("", h, "")
			o.flake(every(release(2), h))
			o.must("apply", "--yes", "--first")
			theirs, dir := release(9), t.TempDir()
			theirs.ActivationWaitsFor = "/run/theirs"
			lab.WriteFlake(t, dir, lab.FleetJSON(every(theirs, h)))
			h.CopyFlake(dir, "/root/by-hand")
			h.MustSSH("setsid nixos-rebuild switch --fast --flake /root/by-hand#" + h.Name + " >/root/log 2>&1 </dev/null &")
			h.WaitUntil("the activation", "/bin/systemctl --quiet is-active nixos-rebuild-switch-to-configuration.service")
			o.flake(every(release(3), h))
			r := o.run("apply", "--yes")
			r.wantExit(t, 3)
			r.wantText(t, "error[locked]", "a switch that is not nixdeploy's is under way: nixos-rebuild switch, pid", "since")
			h.Enter("touch /run/theirs")
			h.WaitUntil("its end", "! /bin/systemctl --quiet is-active nixos-rebuild-switch-to-configuration.service && ! pgrep -x nixos-rebuild")
			o.until("its process to be gone", func() bool { return !strings.Contains(o.run("status").stdout, "under way") })
			o.follow(said, h, nil)
			wantNew(t, h, release(3))
		},
		"Somebody else changed it": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			p := o.inHealth(h, "20s")
			run := o.newestRun()
			switchedByHand(t, h, 9)
			r := p.wait()
			r.wantExit(t, 6)
			r.wantText(t, "error[foreign]", "guard.sh - release "+run)
			wantNew(t, h, release(9))
			h.Enter("touch /run/well")
			said[1] = strings.ReplaceAll(said[1], "apply", "apply --first")
			o.follow(said, h, map[string]string{"RUN": run})
			wantNew(t, h, release(2))
		},
		"Somebody else changed it, and it shall go back": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			before := h.Links()
			p := o.inHealth(h, "20s")
			switchedByHand(t, h, 9)
			p.wait().wantExit(t, 6)
			o.follow(said, h, map[string]string{"NUMBER": "1", "SYSTEM": before.Profile})
			wantBack(t, h, before)
		},
		"The way back fails": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			before := h.Links()
			p := o.inHealth(h, "20s")
			tool := before.Profile + "/bin/switch-to-configuration"
			h.Enter("printf '#!/bin/sh\\necho it is broken; exit 1\\n' >/run/broken; chmod 0755 /run/broken; mount --bind /run/broken " + tool)
			p.kill()
			h.WaitUntil("the guard's failure", "test -e /var/lib/nixdeploy/active/result")
			o.run("resume").wantExit(t, 6)
			h.Enter("umount " + tool)
			o.follow(said, h, nil)
			wantBack(t, h, before)
		},
		"Nobody can reach it": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			before := h.Links()
			p := o.inHealth(h, "15s")
			h.LinkDown()
			p.kill()
			h.WaitUntil("the guard's return", settled)
			h.LinkUp()
			h.WaitSSH()
			o.follow(said, h, nil)
			wantBack(t, h, before)
		},
		"A host that cannot be reached": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			o.at("", h, "")
			o.flake(every(release(2), h))
			o.must("apply", "--yes", "--first")
			o.flake(every(release(3), h))
			h.LinkDown()
			r := o.run("apply", "--yes")
			r.wantExit(t, 4)
			r.wantText(t, "error[unreachable]")
			h.LinkUp()
			h.WaitSSH()
			o.follow(said, h, nil)
			wantNew(t, h, release(3))
		},
		"A host key that changed": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			o.at("", h, "")
			o.flake(every(release(2), h))
			o.must("apply", "--yes", "--first")
			o.flake(every(release(3), h))
			other := filepath.Join(t.TempDir(), "other")
			o.typed("ssh-keygen -q -t ed25519 -N '' -f " + other)
			key, err := os.ReadFile(other + ".pub")
			if err != nil {
				t.Fatal(err)
			}
			o.write("home/.ssh/known_hosts", h.IP+" "+string(key), 0o600)
			r := o.run("apply", "--yes")
			r.wantExit(t, 7)
			r.wantText(t, "error[host-key]")
			// The tools of OpenSSH find the file by the account's home, which is not the test's.
			said[1] = strings.ReplaceAll(strings.ReplaceAll(said[1], "ssh-keygen -R", "ssh-keygen -f ~/.ssh/known_hosts -R"), "ssh-keyscan", "ssh-keyscan -t ed25519")
			o.follow(said, h, map[string]string{"ADDRESS": h.IP})
			wantNew(t, h, release(3))
		},
		"A marker of another host": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			o.at("", h, "")
			o.flake(every(release(2), h))
			o.must("apply", "--yes", "--first")
			h.MustSSH("echo 'lab another' >/var/lib/nixdeploy/marker")
			o.flake(every(release(3), h))
			r := o.run("apply", "--yes")
			r.wantExit(t, 7)
			r.wantText(t, "error[identity]", "another of fleet lab")
			o.follow(said, h, nil)
			wantNew(t, h, release(3))
		},
		"A host without a marker": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			o.at("", h, "")
			o.flake(every(release(2), h))
			r := o.run("apply", "--yes")
			r.wantExit(t, 7)
			r.wantText(t, "error[no-marker]")
			o.follow(said, h, nil)
			wantNew(t, h, release(2))
		},
		"A host with no way back": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			o.at("", h, "")
			o.flake(every(release(2), h))
			before := h.Links()
			h.Enter("printf '' >/run/nothing; mount --bind /run/nothing " + before.Profile + "/bin/switch-to-configuration")
			r := o.run("apply", "--yes", "--first")
			r.wantExit(t, 4)
			r.wantText(t, "error[guard]", "no way back")
			wantBack(t, h, before)
			h.Enter("umount " + before.Profile + "/bin/switch-to-configuration")
			o.follow(said, h, nil)
			o.must("apply", "--yes", "--first")
			wantNew(t, h, release(2))
		},
		"A host that was returned": func(t *testing.T, o *operator, h *lab.Host, said recipe) {
			o.at("", h, "")
			bad := release(2)
			bad.FailingUnit = true
			o.flake(every(bad, h))
			o.run("apply", "--yes", "--first").wantExit(t, 5)
			o.flake(every(release(3), h))
			said[0] = strings.ReplaceAll(said[0], "apply", "apply --first")
			o.follow(said, h, nil)
			wantNew(t, h, release(3))
		},
	} {
		known[heading] = true
		t.Run(heading, func(t *testing.T) {
			t.Parallel()
			h := lab.Up(t, lab.Options{})
			c(t, newOperator(t, h), h, append(recipe(nil), page[heading]...))
			wantResolved(t, h)
		})
	}
	for heading := range page {
		if !known[heading] {
			t.Errorf("what the page says under %q is not tried", heading)
		}
	}
}
