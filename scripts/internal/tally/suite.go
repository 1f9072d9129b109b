package main

import "strings"

// A suite is one package's run so far.
type suite struct {
	results   map[string]string // by test; empty while it runs
	parents   map[string]bool   // tests that have subtests
	blamed    map[string]bool   // tests that failed by a subtest
	spoken    []line            // what tests said, until they are dealt with
	outside   []string          // what the package said outside its tests
	anyFailed bool
}

type line struct{ test, text string }

func newSuite() *suite {
	return &suite{results: map[string]string{}, parents: map[string]bool{}, blamed: map[string]bool{}}
}

func (s *suite) began(test string) {
	s.results[test] = ""
	s.parents[s.parent(test)] = true
}

func (s *suite) said(test, text string) {
	s.spoken = append(s.spoken, line{test, text})
}

func (s *suite) ended(test, result string) {
	s.results[test] = result
	if result == "fail" {
		s.anyFailed = true
		s.blamed[s.parent(test)] = true
	}
}

// counts tells whether a test that ended is one of the number: each leaf is,
// and of those with subtests the ones that failed by themselves, so that one
// failure is counted once.
func (s *suite) counts(test string) bool {
	return !s.parents[test] || s.results[test] == "fail" && !s.blamed[test]
}

// takeFailures returns what a top-level test and its subtests said, without
// those that passed or were skipped, and forgets all of it.
func (s *suite) takeFailures(top string) string {
	var text strings.Builder
	var rest []line
	for _, l := range s.spoken {
		switch {
		case l.test != top && !strings.HasPrefix(l.test, top+"/"):
			rest = append(rest, l)
		case s.results[l.test] != "pass" && s.results[l.test] != "skip" && !isNoise(l.text):
			text.WriteString(l.text)
		}
	}
	s.spoken = rest
	if s.results[top] != "fail" {
		return ""
	}
	return text.String()
}

// takeRest returns all that is left to say of a package that failed.
func (s *suite) takeRest() string {
	var text strings.Builder
	for _, l := range s.spoken {
		if s.results[l.test] != "pass" && s.results[l.test] != "skip" && !isNoise(l.text) {
			text.WriteString(l.text)
		}
	}
	for _, l := range s.outside {
		text.WriteString(l)
	}
	return text.String()
}

// cutShort lists the tests that began and never ended, leaves only.
func (s *suite) cutShort() []string {
	var cut []string
	for test, result := range s.results {
		if result == "" && !s.parents[test] {
			cut = append(cut, test)
		}
	}
	return cut
}

// closingLine is what go test says last about a package: "ok", or that it has
// no tests.
func (s *suite) closingLine() string {
	for _, l := range s.outside {
		if strings.HasPrefix(l, "ok  ") || strings.HasPrefix(l, "?   ") {
			return l
		}
	}
	return ""
}

// reason is what a test gave to t.Skip. The log line reads "file.go:12: why",
// and goes on in deeper lines.
func (s *suite) reason(test string) string {
	var why []string
	for _, l := range s.spoken {
		if l.test != test || isNoise(l.text) {
			continue
		}
		text := strings.TrimSpace(l.text)
		if strings.HasPrefix(text, "--- SKIP") {
			continue
		}
		if _, after, found := strings.Cut(text, ".go:"); found {
			_, text, _ = strings.Cut(after, ": ")
			why = nil // earlier lines were logged, the last one skipped
		}
		why = append(why, text)
	}
	if len(why) == 0 {
		return "no reason given"
	}
	return strings.Join(why, " ")
}

// isNoise recognises the lines by which go test -v says which test goes on.
func isNoise(text string) bool { return strings.HasPrefix(text, "=== ") }

func isTop(test string) bool { return !strings.Contains(test, "/") }

// parent is the test that a subtest belongs to, "" for a top-level test. A
// subtest's own name may hold slashes: only what ran is a parent.
func (s *suite) parent(test string) string {
	for i := strings.LastIndexByte(test, '/'); i >= 0; i = strings.LastIndexByte(test[:i], '/') {
		if _, ran := s.results[test[:i]]; ran {
			return test[:i]
		}
	}
	return ""
}
