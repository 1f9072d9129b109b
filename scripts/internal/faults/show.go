package main

import (
	"fmt"
	"io"
	"strings"
)

// standing is what became of one fault.
type standing int

const (
	asRequired standing = iota
	failed
	notRun
)

// judge says what became of a fault, given how its tests ended. A test that
// could not run here proves nothing and hides nothing: where another one of the
// same fault passed, that one counts.
func judge(e entry, results map[string]verdict) (s standing, seen []string) {
	if e.notRun != "" {
		return notRun, []string{e.notRun}
	}
	passed := 0
	var skipped, bad []string
	for _, proof := range e.proofs {
		switch v := results[proof]; v.action {
		case "pass":
			passed++
			seen = append(seen, v.seen...)
		case "skip":
			skipped = append(skipped, proof+" was skipped: "+v.reason)
		case "fail":
			bad = append(bad, proof+" failed: "+v.reason)
		default:
			skipped = append(skipped, proof+" did not run")
		}
	}
	switch {
	case len(bad) > 0:
		return failed, bad
	case passed == 0:
		return notRun, skipped
	}
	seen = append(distinct(seen), fmt.Sprintf("%d of %d tests passed", passed, len(e.proofs)))
	if len(skipped) > 0 {
		seen = append(seen, skipped[0])
	}
	return asRequired, seen
}

func distinct(list []string) []string {
	known := map[string]bool{}
	var out []string
	for _, s := range list {
		if !known[s] {
			known[s] = true
			out = append(out, s)
		}
	}
	return out
}

// show prints the catalogue and the count. It returns the exit code.
func show(out io.Writer, list []entry, results map[string]verdict) int {
	var good, bad int
	var missing, partly []string
	for _, e := range list {
		s, seen := judge(e, results)
		word := map[standing]string{asRequired: "as required", failed: "FAILED", notRun: "not run"}[s]
		_, _ = fmt.Fprintf(out, "%2d  %-11s  %s\n    required: %s\n    seen:     %s\n", e.number, word, e.title, e.required, strings.Join(seen, "; "))
		switch s {
		case asRequired:
			good++
			if e.partly != "" {
				_, _ = fmt.Fprintf(out, "    not run:  %s\n", e.partly)
				partly = append(partly, fmt.Sprint(e.number))
			}
		case failed:
			bad++
		case notRun:
			missing = append(missing, fmt.Sprintf("%2d  %s: %s", e.number, e.title, strings.Join(seen, "; ")))
		}
	}
	_, _ = fmt.Fprintln(out)
	for _, line := range missing {
		_, _ = fmt.Fprintf(out, "not run: %s\n", line)
	}
	if len(partly) > 0 {
		_, _ = fmt.Fprintf(out, "in part (a line \"not run\" above says what is left out): %s\n", strings.Join(partly, " "))
	}
	failures := ""
	if bad > 0 {
		failures = fmt.Sprintf(", %d FAILED", bad)
	}
	_, _ = fmt.Fprintf(out, "%d of %d as required%s, %d not run\n", good, len(list), failures, len(missing))
	if bad > 0 {
		return 1
	}
	return 0
}
