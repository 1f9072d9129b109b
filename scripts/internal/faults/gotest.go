package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// verdict is how one test ended.
type verdict struct {
	action string     // pass, fail or skip
	said   []evidence // by it and its subtests, in order
	reason string     // of a skip, or the first words of a failure
	left   string     // why a subtest was skipped
}

// evidence is what a test says about the fault that it injected.
type evidence struct {
	key   string // injected: how it knows that the fault struck; seen: what came of it
	mode  string // activation, "" where it does not matter
	value string
}

// modeOf is the activation that a subtest ran in.
func modeOf(test string) string {
	for part := range strings.SplitSeq(test, "/") {
		if part == "switch" || part == "test-first" {
			return part
		}
	}
	return ""
}

// part is what is run of one package.
type part struct {
	name  string // short, as in proofs
	tests []string
}

// split takes a proof apart.
func split(proof string) (pkg, test string) {
	pkg, test, _ = strings.Cut(proof, " ")
	return pkg, test
}

// inLab tells a test on the lab's real hosts.
func inLab(proof string) bool {
	pkg, _ := split(proof)
	return pkg == "e2e" || pkg == "lab"
}

// plan lists which tests of which packages the catalogue needs.
func plan(list []entry, noLab bool) []part {
	tests := map[string][]string{}
	for _, e := range list {
		for _, proof := range e.proofs {
			pkg, test := split(proof)
			if noLab && inLab(proof) {
				continue
			}
			if !slices.Contains(tests[pkg], test) {
				tests[pkg] = append(tests[pkg], test)
			}
		}
	}
	var parts []part
	for name, names := range tests {
		slices.Sort(names)
		parts = append(parts, part{name: name, tests: names})
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.name, b.name) })
	return parts
}

// run runs a part and adds the verdicts to results, by "package Test". It returns
// the lines of the crash matrix, if that was among it. more is for the tests'
// package; overlay, when not "", replaces sources (go help build).
func (p part) run(ctx context.Context, overlay string, results map[string]verdict, more ...string) ([]string, error) {
	args := append([]string{"test", "-json", "-count=1", "-timeout=30m", "-run", "^(" + strings.Join(p.tests, "|") + ")$", packages[p.name]}, more...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stderr = os.Stderr
	if overlay != "" { // the tests build a nixdeploy themselves, and hand it on to that
		cmd.Env = append(os.Environ(), "GOFLAGS=-overlay="+overlay)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run go test: %w", err)
	}
	matrix, err := read(pipe, p.name, results)
	var failed *exec.ExitError
	if ended := cmd.Wait(); ended != nil && !errors.As(ended, &failed) {
		return nil, fmt.Errorf("run go test: %w", ended)
	}
	if err != nil {
		return nil, err
	}
	return matrix, ctx.Err()
}

// event is what `go test -json` says in one line (go doc test2json).
type event struct {
	Action, Test, Output, Key, Value string
}

// read takes in what a run of go test says.
func read(in io.Reader, pkg string, results map[string]verdict) (matrix []string, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	said := map[string]string{} // the newest words of a test
	inMatrix := false
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue // a line of the go command's own
		}
		top, _, _ := strings.Cut(e.Test, "/")
		switch e.Action {
		case "attr":
			v := results[pkg+" "+top]
			said := evidence{e.Key, modeOf(e.Test), e.Value}
			if (e.Key == "seen" || e.Key == "injected") && !slices.Contains(v.said, said) {
				v.said = append(v.said, said)
			}
			results[pkg+" "+top] = v
		case "output":
			text := strings.TrimRight(e.Output, "\n")
			if strings.Contains(text, "_test.go:") || said[e.Test] == "" {
				said[e.Test] = strings.TrimSpace(text)
			}
			if top == "TestCrashMatrix" {
				inMatrix = inMatrix || strings.Contains(text, "crash matrix ")
				if inMatrix {
					matrix = append(matrix, strings.TrimPrefix(text, "    "))
				}
				inMatrix = inMatrix && !strings.Contains(text, "crash matrix: ")
			}
		case "pass", "fail", "skip":
			v := results[pkg+" "+e.Test]
			v.action, v.reason = e.Action, said[e.Test]
			results[pkg+" "+e.Test] = v
			if top == e.Test {
				continue
			}
			if e.Action == "skip" {
				v := results[pkg+" "+top]
				v.left = said[e.Test]
				results[pkg+" "+top] = v
			}
			if e.Action == "fail" && !strings.Contains(said[top], "_test.go:") {
				said[top] = said[e.Test]
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read what go test says: %w", err)
	}
	return matrix, nil
}
