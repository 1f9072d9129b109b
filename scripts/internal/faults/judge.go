package main

import (
	"fmt"
	"slices"
	"strings"
)

// standing is what became of one fault.
type standing int

const (
	asRequired standing = iota
	failed
	notRun
)

func (s standing) String() string {
	return map[standing]string{asRequired: "as required", failed: "FAILED", notRun: "not run"}[s]
}

// outcome is what became of one fault, and by what that is known.
type outcome struct {
	standing
	said    []evidence
	passed  int
	reasons []string // why it failed or did not run; or what of it was skipped
}

// judge says what became of a fault, given how its tests ended. A test that
// could not run here proves nothing and hides nothing: where another one of the
// same fault passed, that one counts. What passed counts only if one that
// carries the fault's number says that the fault struck and what came of it, in
// both activations where that matters.
func judge(e entry, results map[string]verdict) outcome {
	if e.notRun != "" {
		return outcome{standing: notRun, reasons: []string{e.notRun}}
	}
	var out outcome
	var bad []string
	for _, proof := range e.proofs {
		switch v := results[proof]; v.action {
		case "pass":
			out.passed++
			if v.left != "" {
				out.reasons = append(out.reasons, proof+" in part: "+v.left)
			}
			if e.numbers(proof) {
				out.said = append(out.said, v.said...)
			}
		case "skip":
			out.reasons = append(out.reasons, proof+" was skipped: "+v.reason)
		case "fail":
			bad = append(bad, proof+" failed: "+v.reason)
		default:
			out.reasons = append(out.reasons, proof+" did not run")
		}
	}
	switch {
	case len(bad) > 0:
		out.standing, out.reasons = failed, bad
	case out.passed == 0:
		out.standing = notRun
	default:
		if missing := e.unproven(out.said); len(missing) > 0 && len(out.reasons) == 0 {
			out.standing, out.reasons = failed, missing
		} else if len(missing) > 0 { // what would say so did not run
			out.standing = notRun
		}
	}
	return out
}

// numbers says whether a proof carries the fault's number.
func (e entry) numbers(proof string) bool {
	_, test := split(proof)
	return strings.HasPrefix(test, fmt.Sprintf("TestF%02d", e.number))
}

// unproven lists what no evidence says.
func (e entry) unproven(said []evidence) (missing []string) {
	modes := []string{""}
	if e.modes {
		modes = []string{"switch", "test-first"}
	}
	for _, mode := range modes {
		for _, key := range []string{"injected", "seen"} {
			if !slices.ContainsFunc(said, func(s evidence) bool { return s.key == key && (mode == "" || s.mode == mode) }) {
				missing = append(missing, strings.TrimSpace("no test says what was "+key+" "+mode))
			}
		}
	}
	return missing
}

// told gathers what evidence of one kind says, each thing once, by activation.
func told(said []evidence, key string) (modes []string, values map[string][]string) {
	values = map[string][]string{}
	for _, s := range said {
		if s.key != key || slices.Contains(values[s.mode], s.value) {
			continue
		}
		if values[s.mode] == nil {
			modes = append(modes, s.mode)
		}
		values[s.mode] = append(values[s.mode], s.value)
	}
	slices.Sort(modes)
	for _, v := range values {
		slices.Sort(v)
	}
	return modes, values
}
