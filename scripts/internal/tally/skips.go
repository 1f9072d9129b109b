package main

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// named is how many tests of one reason are named: a lab that cannot run
// skips dozens.
const named = 3

// usual are the reasons that hold on every machine where scripts/test could
// install what it wants: what takes too long, what is asked for by a flag, a shell
// that Debian has not. What is skipped for another reason this run did not show.
var usual = regexp.MustCompile(`: only with --all$|^no -seed is given$|^without -mutants$|^nu is not installed$`)

// absent finds the command whose lack is the reason.
var absent = regexp.MustCompile(`(\S+) is not installed\b`)

// skips holds the tests that were skipped, by the reason they gave.
type skips struct {
	installed []string // commands
	byReason  map[string][]string
}

func (s *skips) add(reason, pkg, test string) {
	if s.byReason == nil {
		s.byReason = map[string][]string{}
	}
	s.byReason[reason] = append(s.byReason[reason], path.Base(pkg)+"."+test)
}

// rank says how much a reason matters: not, or that something was not shown, or
// that it is not true.
func (s *skips) rank(reason string) int {
	m := absent.FindStringSubmatch(reason)
	switch {
	case m != nil && slices.Contains(s.installed, m[1]):
		return 2
	case usual.MatchString(reason):
		return 0
	}
	return 1
}

// untrue says whether a test was skipped for the lack of what is installed.
func (s *skips) untrue() bool {
	for reason := range s.byReason {
		if s.rank(reason) == 2 {
			return true
		}
	}
	return false
}

// text gives one line a reason: what matters most comes last, and of that which
// matters alike first what cost most tests.
func (s *skips) text() string {
	reasons := make([]string, 0, len(s.byReason))
	for reason := range s.byReason {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.rank(a), s.rank(b)), cmp.Compare(len(s.byReason[b]), len(s.byReason[a])), cmp.Compare(a, b))
	})
	var text strings.Builder
	for _, reason := range reasons {
		tests := s.byReason[reason]
		names := strings.Join(tests[:min(named, len(tests))], ", ")
		if more := len(tests) - named; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		begin := "skipped"
		switch s.rank(reason) {
		case 1:
			begin = fmt.Sprintf("NOT SHOWN HERE, %d skipped", len(tests))
		case 2:
			begin = fmt.Sprintf("FAIL: %d skipped for the lack of what is installed", len(tests))
		}
		fmt.Fprintf(&text, "%s: %s (%s)\n", begin, reason, names)
	}
	return text.String()
}
