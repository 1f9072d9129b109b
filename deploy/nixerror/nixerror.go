// Package nixerror reads what Nix, nixpkgs and nixos-rebuild print when a
// configuration does not evaluate, and says what to do about it. It is pure; what
// a host does next does not belong here.
package nixerror

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Hint says what to do about output, the end of what a failed evaluation for h
// printed, on whichever machine: a sentence, with a complete command where there
// is one. It is never empty. The last error counts, since what comes before it is
// how Nix got there; a warning is the cause of none.
func Hint(output []string, h inventory.Host) string {
	texts := []string{flat(output)}
	if last := Last(output); isError(last) {
		texts = []string{flat(last), flat(withoutWarnings(output))}
	}
	if hint := find(rows(), texts, h); hint != "" {
		return hint
	}
	return "mend the configuration at the place that Nix names, then run the same command again"
}

// BuildHint is Hint for a build, which may evaluate first. What a builder prints
// says much that only looks like an error of Nix, so of its log counts what the
// machine lacks.
func BuildHint(output []string, h inventory.Host) string {
	if last := flat(Last(output)); strings.HasPrefix(last, "error:") && !builderFailed.MatchString(last) {
		if hint := find(rows(), []string{last}, h); hint != "" {
			return hint
		}
	}
	if hint := find(machineRows(), []string{flat(withoutWarnings(output))}, h); hint != "" {
		return hint
	}
	return "mend what the log names, then run the same command again"
}

func find(rows []row, texts []string, h inventory.Host) string {
	for _, text := range texts {
		for _, r := range rows {
			if m := r.sign.FindStringSubmatch(text); m != nil {
				return fill(r.hint, m, h)
			}
		}
	}
	return ""
}

func isError(lines []string) bool { return len(lines) > 0 && errorLine.MatchString(lines[0]) }

// withoutWarnings leaves out the lines that begin as warnings and traces do, and
// what belongs to them.
func withoutWarnings(output []string) []string {
	var out []string
	within := false
	for _, line := range output {
		plain := colours.ReplaceAllString(line, "")
		within = warningLine.MatchString(plain) || within && strings.HasPrefix(plain, " ") && !errorLine.MatchString(plain)
		if !within {
			out = append(out, line)
		}
	}
	return out
}

// Last is the last error in output, from its line on: all of output when there
// is none.
func Last(output []string) []string {
	for i, line := range slices.Backward(output) {
		if errorLine.MatchString(line) {
			return output[i:]
		}
	}
	return output
}

// Evidence is what to show of output in at most n lines: the end of it, and the
// beginning of the last error where that would be cut off (Nix before 2.19 prints
// how it got there after it).
func Evidence(output []string, n int) []string {
	last := Last(output)
	if len(last) <= n || !isError(last) {
		return output[max(0, len(output)-n):]
	}
	head := last[:n/2]
	rest := n - len(head) - 1
	return append(append(append([]string{}, head...), "(lines are left out)"), output[len(output)-rest:]...)
}

var (
	errorLine = regexp.MustCompile(`^(?:\s|\x1b\[[0-9;]*m)*error:`)
	// builderFailed is Nix telling that the cause stands in a builder's log.
	builderFailed = regexp.MustCompile(`(?i)builder for '|builder failed|build of |cannot build '|build failed|failed to build|failed dependenc|dependenc(?:y|ies) (?:of|couldn't)`)
	warningLine   = regexp.MustCompile(`^\s*(?:trace:|(?:evaluation )?warning:)`)
	colours       = regexp.MustCompile("\x1b\\[[0-9;]*m")
	quotes        = strings.NewReplacer("`", "'", "‘", "'", "’", "'", "“", `"`, "”", `"`)
	blanks        = regexp.MustCompile(`\s+`)
)

// flat makes one line of output, with one kind of quote: Nix, lib and nixpkgs
// each have their own, and break lines where they like.
func flat(lines []string) string {
	text := colours.ReplaceAllString(strings.Join(lines, "\n"), "")
	return strings.TrimSpace(blanks.ReplaceAllString(quotes.Replace(text), " "))
}

// fill puts what was found into a hint: {host}, {1} as it is, {word1} as a word
// of a shell.
func fill(hint string, found []string, h inventory.Host) string {
	pairs := []string{"{host}", h.Name, "{attribute}", h.Attribute}
	for i, text := range found {
		pairs = append(pairs, fmt.Sprintf("{%d}", i), text, fmt.Sprintf("{word%d}", i), shellWord(text))
	}
	return strings.NewReplacer(pairs...).Replace(hint)
}

var safeWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

func shellWord(w string) string {
	if safeWord.MatchString(w) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
