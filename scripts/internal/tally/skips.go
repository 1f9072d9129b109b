package main

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// named is how many tests of one reason are named: a lab that cannot run
// skips dozens.
const named = 3

// skips holds the tests that were skipped, by the reason they gave.
type skips struct{ byReason map[string][]string }

func (s *skips) add(reason, pkg, test string) {
	if s.byReason == nil {
		s.byReason = map[string][]string{}
	}
	s.byReason[reason] = append(s.byReason[reason], path.Base(pkg)+"."+test)
}

// text gives one line a reason, the one that cost most tests first.
func (s *skips) text() string {
	reasons := make([]string, 0, len(s.byReason))
	for reason := range s.byReason {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(s.byReason[b]), len(s.byReason[a])), cmp.Compare(a, b))
	})
	var text strings.Builder
	for _, reason := range reasons {
		tests := s.byReason[reason]
		names := strings.Join(tests[:min(named, len(tests))], ", ")
		if more := len(tests) - named; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintf(&text, "skipped: %s (%s)\n", reason, names)
	}
	return text.String()
}
