package main

import (
	"regexp"
	"strings"
	"testing"
)

// workflows are those of a fleet, by path.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	s := starter{
		Fleet: "home", Target: "container", BuiltIn: true, Version: "v1.2.3", Stages: []string{"prod"}, Hosts: []starterHost{{"web-1", "192.0.2.1", "prod"}},
		Workflows: []string{".github/workflows/nixdeploy.yml", ".forgejo/workflows/nixdeploy.yml"},
	}
	files, err := s.files()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range files {
		if strings.HasSuffix(f.path, ".yml") {
			out[f.path] = string(f.data)
		}
		if f.path == "README.md" {
			for _, b := range parsePage(f.path, string(f.data)).blocks {
				checkCommands(t, f.path, b.text)
			}
		}
	}
	if len(out) != 2 {
		t.Fatalf("%d workflows", len(out))
	}
	return out
}

// checkCommands has the real CLI parse every command line of it in a text.
func checkCommands(t *testing.T, where, text string) int {
	t.Helper()
	found := 0
	for line := range strings.Lines(text) {
		for part := range strings.SplitSeq(line, ";") {
			part = strings.TrimSpace(part)
			if part, _, _ = strings.Cut(part, "  #"); !strings.HasPrefix(part, "nixdeploy ") {
				continue
			}
			found++
			t.Run(where, func(t *testing.T) { checkParses(t, strings.TrimSpace(strings.TrimPrefix(part, "nixdeploy "))) })
		}
	}
	return found
}

func TestWorkflowsPlanAndApplyASavedPlan(t *testing.T) {
	for path, text := range workflows(t) {
		if n := checkCommands(t, path, text); n < 5 {
			t.Errorf("%s has only %d commands", path, n)
		}
		for _, part := range []string{"nixdeploy render --output flake", "nixdeploy plan --out nixdeploy.plan", "name: nixdeploy-plan", "@$NIXDEPLOY_VERSION", `NIXDEPLOY_VERSION: "v1.2.3"`} {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %q", path, part)
			}
		}
		if regexp.MustCompile(`nixdeploy apply( --[a-z-]+( [0-9a-z]+)?)*\n`).MatchString(text) {
			t.Errorf("%s applies what nobody saved", path)
		}
		if strings.Contains(text, "[[") || strings.Contains(text, "\t") {
			t.Errorf("%s: something is not filled in, or YAML has a tab", path)
		}
	}
}

// Secrets reach a step by its environment, which no other process sees; what an
// event says is text that somebody chose, and is none of a shell's.
func TestWorkflowsPutNothingSecretIntoACommand(t *testing.T) {
	for path, text := range workflows(t) {
		inRun, indent := false, 0
		secrets := 0
		for line := range strings.Lines(text) {
			trimmed := strings.TrimSpace(line)
			depth := len(line) - len(strings.TrimLeft(line, " "))
			if inRun && trimmed != "" && depth <= indent {
				inRun = false
			}
			if _, script, ok := strings.Cut(line, "run:"); ok && (strings.HasPrefix(trimmed, "run:") || strings.HasPrefix(trimmed, "- run:")) {
				inRun, indent = strings.TrimSpace(script) == "|", depth
				if strings.Contains(script, "${{") {
					t.Errorf("%s puts an expression into a command: %s", path, trimmed)
				}
			} else if inRun && strings.Contains(line, "${{") {
				t.Errorf("%s puts an expression into a command: %s", path, trimmed)
			}
			if strings.Contains(line, "secrets.") {
				secrets++
				if !regexp.MustCompile(`^ +[A-Z_]+: \$\{\{ secrets\.[A-Z_]+ \}\}\n$`).MatchString(line) {
					t.Errorf("%s: a secret is more than a variable of a step: %s", path, trimmed)
				}
			}
			if uses, ok := strings.CutPrefix(strings.TrimPrefix(trimmed, "- "), "uses: "); ok && !regexp.MustCompile(`@v[0-9]`).MatchString(uses) {
				t.Errorf("%s: %s has no version", path, uses)
			}
		}
		if secrets != 2 {
			t.Errorf("%s uses %d secrets", path, secrets)
		}
		if regexp.MustCompile(`(?i)StrictHostKeyChecking|ssh-keyscan|set -x`).MatchString(text) {
			t.Errorf("%s trusts a host on first use, or prints what it does", path)
		}
	}
}
