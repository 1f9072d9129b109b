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
// printed: a sentence, with a complete command where there is one. It is never
// empty. The last error counts, since what comes before it is how Nix got there.
func Hint(output []string, h inventory.Host) string {
	for _, text := range []string{flat(Last(output)), flat(output)} {
		for _, r := range rows() {
			if m := r.sign.FindStringSubmatch(text); m != nil {
				return fill(r.hint, m, h)
			}
		}
	}
	return "mend the configuration at the place that Nix names, then run the same command again"
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
	if len(last) <= n || !errorLine.MatchString(last[0]) {
		return output[max(0, len(output)-n):]
	}
	head := last[:n/2]
	rest := n - len(head) - 1
	return append(append(append([]string{}, head...), "(lines are left out)"), output[len(output)-rest:]...)
}

var (
	errorLine = regexp.MustCompile(`^(?:\s|\x1b\[[0-9;]*m)*error:`)
	colours   = regexp.MustCompile("\x1b\\[[0-9;]*m")
	quotes    = strings.NewReplacer("`", "'", "‘", "'", "’", "'", "“", `"`, "”", `"`)
	blanks    = regexp.MustCompile(`\s+`)
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
