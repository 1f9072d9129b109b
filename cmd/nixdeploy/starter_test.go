package main

import (
	"os"
	"os/exec"
	"path/filepath"
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
		for _, part := range []string{"nixdeploy render --output flake", "nixdeploy plan --out nixdeploy.plan", "name: nixdeploy-plan", "@${NIXDEPLOY_VERSION:?", `NIXDEPLOY_VERSION: "v1.2.3"`} {
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

// jobs are the texts of a workflow's jobs, by name.
func jobs(t *testing.T, text string) map[string]string {
	t.Helper()
	_, after, ok := strings.Cut(text, "\njobs:\n")
	if !ok {
		t.Fatal("no jobs")
	}
	out, name := map[string]string{}, ""
	for line := range strings.Lines(after) {
		if m := regexp.MustCompile(`^  ([a-z]+):\n$`).FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		out[name] += line
	}
	return out
}

// A plan runs code of the flake on the hosts as root. What nobody has read yet
// gets no key: neither a fork's change nor one of the repository's own.
func TestWorkflowsGiveTheKeyToNothingButTheMainBranch(t *testing.T) {
	for path, text := range workflows(t) {
		keys := 0
		for name, job := range jobs(t, text) {
			reaches := regexp.MustCompile(`nixdeploy (plan|apply|status)\b`).MatchString(job)
			if !reaches && !strings.Contains(job, "secrets.") {
				continue
			}
			keys++
			if !regexp.MustCompile(`\n    if: github\.event_name != 'pull_request' && github\.ref == 'refs/heads/main'( && [^|\n]+)?\n`).MatchString(job) {
				t.Errorf("%s: the job %s reaches hosts for what is not on main", path, name)
			}
		}
		if keys != 2 {
			t.Errorf("%s: %d jobs reach hosts", path, keys)
		}
	}
}

// A host without a marker is refused, and with it the whole plan: a person says,
// in a run of its own, that new hosts are taken in.
func TestWorkflowsCanTakeInANewHost(t *testing.T) {
	for path, text := range workflows(t) {
		for _, part := range []string{
			"\n  workflow_dispatch:\n    inputs:\n      first:\n", "        type: boolean\n", "\n          FIRST: ${{ inputs.first }}\n",
			"            nixdeploy plan --first --out nixdeploy.plan\n", "            nixdeploy plan --out nixdeploy.plan\n",
		} {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %q", path, part)
			}
		}
	}
}

// The push that brings an approved plan is applied, and not planned beside that:
// the hosts are locked meanwhile.
func TestForgejoPlansOrAppliesAPush(t *testing.T) {
	jobs := jobs(t, workflows(t)[".forgejo/workflows/nixdeploy.yml"])
	for name, want := range map[string]string{
		"check": "      approved: ${{ steps.approved.outputs.plan }}\n",
		"plan":  " && needs.check.outputs.approved != 'yes'\n",
		"apply": " && needs.check.outputs.approved == 'yes'\n",
	} {
		if !strings.Contains(jobs[name], want) {
			t.Errorf("%s lacks %q:\n%s", name, want, jobs[name])
		}
	}
}

// The script that says so, in a repository: what was there before is not applied
// again, and what is no push never.
func TestForgejoTellsAnApprovedPlan(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	_, script, ok := strings.Cut(jobs(t, workflows(t)[".forgejo/workflows/nixdeploy.yml"])["check"], "id: approved\n")
	if ok {
		_, script, ok = strings.Cut(script, "run: |\n")
	}
	script, _, _ = strings.Cut(script, "\n      - ")
	if !ok {
		t.Fatal("no such step")
	}
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "output")
	run := func(words ...string) string {
		t.Helper()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir = dir
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", words, err, text)
		}
		return strings.TrimSpace(string(text))
	}
	commit := func() string {
		run("git", "add", "-A")
		run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "x")
		return run("git", "rev-parse", "HEAD")
	}
	approved := func(before string) bool {
		t.Helper()
		put(t, out, "")
		run("env", "BEFORE="+before, "GITHUB_OUTPUT="+out, "sh", "-e", "-c", script)
		text, err := os.ReadFile(out)
		return err == nil && string(text) == "plan=yes\n"
	}
	run("git", "init", "-q")
	put(t, filepath.Join(dir, "hosts.toml"), "")
	bare := commit()
	if approved(bare) || approved(strings.Repeat("0", 40)) || approved("") {
		t.Error("without a file")
	}
	put(t, filepath.Join(dir, "approved/nixdeploy.plan"), "one")
	first := commit()
	if !approved(bare) || !approved(strings.Repeat("0", 40)) {
		t.Error("the push that brings it is not told")
	}
	if approved("") {
		t.Error("a run by hand has no push")
	}
	commit()
	if approved(first) {
		t.Error("a push without it")
	}
	put(t, filepath.Join(dir, "approved/nixdeploy.plan"), "two")
	commit()
	if !approved(first) {
		t.Error("another plan is not told")
	}
}

// "latest" would be another version in another job, and another version may
// render another flake: an approved plan would be refused.
func TestWorkflowsUseOneVersion(t *testing.T) {
	const unset = "NIXDEPLOY_VERSION in .github/workflows/nixdeploy.yml, .forgejo/workflows/nixdeploy.yml"
	c := begin(t)
	c.expect(t, 0, "init")
	contains(t, "stdout", flat(c.stdout.String()), unset)
	for _, path := range []string{".github/workflows/nixdeploy.yml", ".forgejo/workflows/nixdeploy.yml"} {
		data, err := os.ReadFile(filepath.Join(c.Dir, path))
		if err != nil {
			t.Fatal(err)
		}
		contains(t, path, string(data), "\n  NIXDEPLOY_VERSION: \"\" ")
		line := regexp.MustCompile(`\n +- run: (go install .*)\n`)
		for _, m := range line.FindAllStringSubmatch(string(data), -1) {
			out, err := exec.Command("env", "NIXDEPLOY_VERSION=", "sh", "-c", m[1]).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "set it in the workflow") {
				t.Errorf("%s: %v: %s", m[1], err, out)
			}
		}
		if n := len(line.FindAllString(string(data), -1)); n != 3 {
			t.Errorf("%s installs it %d times", path, n)
		}
	}
	c = begin(t)
	c.expect(t, 0, "init", "--ci", "none")
	if strings.Contains(c.stdout.String(), "NIXDEPLOY_VERSION") {
		t.Errorf("no workflow was written:\n%s", &c.stdout)
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
