package lab_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// step is one command of a transcript, with what the real tools answered.
type step struct {
	line    int
	section string
	fleet   string // set before the command; empty: as it was
	command string
	stdout  string
	stderr  string
	rc      int
}

// readTranscript reads a file of testdata/transcripts: sections (#####), fleets
// (# ---- fleet.json := NAME), and commands ($ ...) with their output and the
// line `=> rc=N M ms`. Output without a --- stdout line is both streams in one.
func readTranscript(t *testing.T, name string) []step {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata/transcripts", name))
	if err != nil {
		t.Fatal(err)
	}
	result := regexp.MustCompile(`^=> rc=(-?\d+)`)
	var steps []step
	var current *step
	var section, fleet string
	var stream *string
	for i, line := range strings.Split(string(content), "\n") {
		switch {
		case strings.HasPrefix(line, "##### "):
			section = strings.TrimPrefix(line, "##### ")
		case strings.HasPrefix(line, "# ---- fleet.json := "):
			fleet = strings.TrimPrefix(line, "# ---- fleet.json := ")
		case current == nil && strings.HasPrefix(line, "$ "):
			current = &step{line: i + 1, section: section, fleet: fleet, command: strings.TrimPrefix(line, "$ ")}
			stream, fleet = &current.stdout, ""
		case current == nil:
		case line == "--- stdout":
			stream = &current.stdout
		case line == "--- stderr":
			stream = &current.stderr
		case result.MatchString(line):
			current.rc, _ = strconv.Atoi(result.FindStringSubmatch(line)[1])
			steps = append(steps, *current)
			current = nil
		default:
			*stream += line + "\n"
		}
	}
	if len(steps) == 0 {
		t.Fatalf("no command in transcript %s", name)
	}
	return steps
}

type rewrite struct {
	pattern *regexp.Regexp
	with    string
}

// What differs from run to run, and says nothing about the tools.
var rewrites = []rewrite{
	{regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`), ""},
	// nix's progress on a terminal.
	{regexp.MustCompile(`^copying '[^']*' to the store`), ""},
	{regexp.MustCompile(`/nix/store/[a-z0-9]{32}-`), "/nix/store/"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?`), "DATE"},
	{regexp.MustCompile(`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d`), "DATE"},
	{regexp.MustCompile(`/tmp/nixos-rebuild\.\w+`), "TMP"},
	{regexp.MustCompile(`^root +\d+ .* bash -c .*`), ""},
	{regexp.MustCompile(`^/(usr/local|run/current-system/sw)/bin/nixos-rebuild:`), "nixos-rebuild:"},
	{regexp.MustCompile(`nixos-rebuild-ng\b`), "nixos-rebuild"},
	// What both systemd-run versions call the unit: their own description differs.
	{regexp.MustCompile(`running (\[systemd-run\] )?/nix/store/`), "running /nix/store/"},
	// One stream or two: this line has no end of its own on stderr.
	{regexp.MustCompile(`^(Done\. The new configuration is) (/nix/\S+)$`), "$1\n$2"},
	{regexp.MustCompile(` +$`), ""},
}

// Lines that are left out on both sides, each with the reason why it may differ.
var ignored = []*regexp.Regexp{
	// The fixture is not the transcripts' fixture: other derivations below the toplevel.
	regexp.MustCompile(`^  /nix/store/.*\.drv$`),
	regexp.MustCompile(`^(this derivation|these \d+ derivations) will be built:$`),
	regexp.MustCompile(`^building '/nix/store/`),
	// The transcripts' boot loader was one of the lab's own.
	regexp.MustCompile(`^updating lab boot loader\.\.\.$`),
	// Their systemd was /usr, which the activator took for another one each time.
	regexp.MustCompile(`^(would restart systemd|restarting systemd\.\.\.)$`),
	// Details of a failed unit: pids, times, durations.
	regexp.MustCompile(`^ +(Loaded|Active|Process|Main PID|CPU|Duration|Invocation|Mem peak|Memory|Tasks|CGroup): `),
	regexp.MustCompile(`^DATE:\d\d `),
	// Where in its files a flake is broken.
	regexp.MustCompile(`^ +(at /nix/store/|… |\d+\||\|)`),
	// Processes.
	regexp.MustCompile(`^ *\d+ +\d+ [A-Z]`),
	regexp.MustCompile(`^$`),
}

// Units that come and go with sessions and boots, not with a switch.
var incidentalUnit = regexp.MustCompile(`^(systemd-update-utmp-runlevel|sysinit-reactivation|user@\d+|user-runtime-dir@\d+|session-.*|nix-daemon|systemd-tmpfiles-clean|systemd-logind|systemd-hostnamed)\.`)

var newUnits = regexp.MustCompile(`^the following new units were started: (.*)$`)

// normalise is what remains of an output when all that may differ is gone.
func normalise(output string, drop ...*regexp.Regexp) string {
	var kept []string
lines:
	for line := range strings.SplitSeq(strings.ReplaceAll(output, "\r", ""), "\n") {
		for _, r := range rewrites {
			line = r.pattern.ReplaceAllString(line, r.with)
		}
		for _, pattern := range append(drop, ignored...) {
			if pattern.MatchString(line) {
				continue lines
			}
		}
		if match := newUnits.FindStringSubmatch(line); match != nil {
			var units []string
			for unit := range strings.SplitSeq(match[1], ", ") {
				if !incidentalUnit.MatchString(unit) {
					units = append(units, unit)
				}
			}
			if len(units) == 0 {
				continue
			}
			line = "the following new units were started: " + strings.Join(units, ", ")
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}
