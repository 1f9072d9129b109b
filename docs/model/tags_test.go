// Package model holds the guard's model and the remote scripts together.
package model

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const scripts = "../../deploy/nixos/scripts/"

var (
	inModel  = regexp.MustCompile(`\b([a-z]+\.sh): ([a-z-]+)`)
	inScript = regexp.MustCompile(`# model: (\S+)$`)
	// A line of the guard that changes the state of a host.
	changes = regexp.MustCompile(`\bln -s "|"\$VOLATILE/claim"|mv -T |result" && |write_result [a-z]|set_profile "|systemctl (start|stop|reboot)|activate "|activate_running [n"]|\bremove_unit$|^\s+"\$@"|/bin/switch-to-configuration" `)
)

// tagsOf gives the lines of a file, by "FILE: TAG".
func tagsOf(t *testing.T, file string, pattern *regexp.Regexp, name func([]string) string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]int{}
	for i, line := range strings.Split(string(text), "\n") {
		for _, match := range pattern.FindAllStringSubmatch(line, -1) {
			tag := name(match)
			if tags[tag] != 0 {
				t.Errorf("%s:%d: %s is there already, in line %d", file, i+1, tag, tags[tag])
			}
			tags[tag] = i + 1
		}
	}
	return tags
}

// Each transition of the model is a line of a script, and the other way round.
func TestTransitionsAreLinesOfTheScripts(t *testing.T) {
	transitions := tagsOf(t, "guard.pml", inModel, func(m []string) string { return m[1] + ": " + m[2] })
	lines := map[string]int{}
	files, err := filepath.Glob(scripts + "*.sh")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		for tag, line := range tagsOf(t, file, inScript, func(m []string) string { return filepath.Base(file) + ": " + m[1] }) {
			lines[tag] = line
			if transitions[tag] == 0 {
				t.Errorf("%s:%d: the model has no transition %q", file, line, tag)
			}
		}
	}
	for tag, line := range transitions {
		if lines[tag] == 0 {
			t.Errorf("guard.pml:%d: no script has a line %q", line, tag)
		}
	}
	if len(lines) < 40 {
		t.Errorf("only %d lines are tagged", len(lines))
	}
}

// What changes a host has a transition.
func TestLinesThatChangeAHostAreTagged(t *testing.T) {
	exempt := []string{
		`basic.target.wants`, `emergency.target.wants`, // one unit, one tag
		`"$ROOTS/$1"`,                  // a gc root
		`remove_unit$`,                 // of an arming that left no folder
		`systemctl start \$down`,       // the record's own units
		`\[ -x `, `^\tactivate "\$@"$`, // looks; is told of where it is called
	}
	found := 0
	for _, file := range []string{"guard.sh", "return.sh", "unit.sh"} {
		text, err := os.ReadFile(scripts + file) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			code, _, _ := strings.Cut(line, "# model:")
			if !changes.MatchString(strings.TrimRight(code, " \t")) || strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			found++
			excused := slices.ContainsFunc(exempt, func(e string) bool { return regexp.MustCompile(e).MatchString(line) })
			if !inScript.MatchString(line) && !excused {
				t.Errorf("%s:%d changes a host and is no transition of the model: %s", file, i+1, strings.TrimSpace(line))
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d lines were found", found)
	}
}

// A small part of docs/model/check; scripts/check model is the whole of it.
func TestTheModelHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a few seconds")
	}
	out, err := exec.CommandContext(t.Context(), "./check", "quick").CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 77 {
		t.Skip(strings.TrimSpace(string(out)))
	}
	if err != nil || strings.Count(string(out), "ok    ") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
}

// What was not checked is not taken for checked: a code of its own, and a reason.
func TestWithoutItsToolsTheModelIsNotChecked(t *testing.T) {
	for _, missing := range []string{"spin", "cc"} {
		tools := t.TempDir()
		for _, tool := range []string{"bash", "dirname", "mktemp", "rm", "spin", "cc", "timeout"} {
			if path, err := exec.LookPath(tool); err == nil && tool != missing {
				if err := os.Symlink(path, filepath.Join(tools, tool)); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd := exec.CommandContext(t.Context(), "./check", "quick")
		cmd.Env = []string{"PATH=" + tools}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 77 || !strings.Contains(string(out), "is not installed: the model was not checked") {
			t.Errorf("without %s: %v\n%s", missing, err, out)
		}
	}
}
