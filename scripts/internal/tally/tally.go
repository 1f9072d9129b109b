package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An event is one line of `go test -json` (see `go doc test2json`). ImportPath
// is set instead of Package where a build speaks.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	FailedBuild string
}

// A tally is what is known after the events so far.
type tally struct {
	out      *bufio.Writer
	packages map[string]*suite
	skips    skips
	passed   int
	failed   int
	skipped  int
}

func newTally(out io.Writer) *tally {
	return &tally{out: bufio.NewWriter(out), packages: map[string]*suite{}}
}

// readAll reads to the end of the stream. A line that is no event is passed on
// as it is: somebody wanted to say it.
func (t *tally) readAll(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			t.readLine(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *tally) readLine(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		t.say(string(line))
		return
	}
	switch {
	case e.Action == "build-output":
		t.say(e.Output)
	case e.Package == "":
	case e.Test == "":
		t.readPackage(e)
	default:
		t.readTest(e)
	}
}

func (t *tally) readTest(e event) {
	s := t.suite(e.Package)
	switch e.Action {
	case "run":
		s.began(e.Test)
	case "output":
		s.said(e.Test, e.Output)
	case "pass", "fail", "skip":
		s.ended(e.Test, e.Action)
		if s.counts(e.Test) {
			t.count(e.Action)
		}
		if e.Action == "skip" {
			t.skips.add(s.reason(e.Test), e.Package, e.Test)
		}
		if isTop(e.Test) {
			t.say(s.takeFailures(e.Test))
		}
	}
}

// readPackage handles what the package says outside its tests. Of one that
// passed only the closing line is of interest.
func (t *tally) readPackage(e event) {
	s := t.suite(e.Package)
	switch e.Action {
	case "output":
		s.outside = append(s.outside, e.Output)
	case "pass", "skip":
		t.say(s.closingLine())
		delete(t.packages, e.Package)
	case "fail":
		// What had begun and never ended was cut short with its package: by a
		// panic, a deadline, os.Exit.
		cut := s.cutShort()
		for range cut {
			t.count("fail")
		}
		if !s.anyFailed && len(cut) == 0 {
			t.count("fail") // it did not build, or its TestMain failed
		}
		t.say(s.takeRest())
		delete(t.packages, e.Package)
	}
}

func (t *tally) count(action string) {
	switch action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
	case "skip":
		t.skipped++
	}
}

func (t *tally) suite(name string) *suite {
	s := t.packages[name]
	if s == nil {
		s = newSuite()
		t.packages[name] = s
	}
	return s
}

// say shows text at once: a run takes minutes, and somebody may be waiting.
func (t *tally) say(text string) {
	if text == "" {
		return
	}
	_, _ = t.out.WriteString(text) // end reports it
	_ = t.out.Flush()
}

// end writes what is known only now.
func (t *tally) end() error {
	var text strings.Builder
	for name, s := range t.packages {
		// The stream broke off in the middle: go test was killed.
		t.failed += max(1, len(s.cutShort()))
		fmt.Fprintf(&text, "FAIL\t%s\tdid not end\n", name)
	}
	text.WriteString(t.skips.text())
	fmt.Fprintf(&text, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	t.say(text.String())
	return t.out.Flush()
}
