package main

import (
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 100, 2}, 3},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestARatioIsThatOfTheMediansAndItsSpreadThatOfTheRounds(t *testing.T) {
	// One bad round of each must not decide.
	r := against("B", "what", "wall", []float64{1, 2, 30}, "peer", []float64{10, 4, 5}, 0.5)
	if r.Value != 2.0/5 || r.Lowest != 0.1 || r.High != 6 {
		t.Errorf("%+v", r)
	}
	if !r.Met || r.verdict() != "met" {
		t.Errorf("0.4 does not meet 0.5: %+v", r)
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name string
		r    result
		want string
	}{
		{"just met", against("B", "", "wall", []float64{1}, "p", []float64{1}, 1), "met"},
		{"above", against("B", "", "wall", []float64{1.01}, "p", []float64{1}, 1), "missed"},
		{"no goal", against("B", "", "wall", []float64{9}, "p", []float64{1}, 0), ""},
		{"the worst round counts", alone("B", "", "peak RSS", []float64{50, 101, 60}, 100), "missed"},
		{"all below", alone("B", "", "peak RSS", []float64{50, 99}, 100), "met"},
	} {
		if got := c.r.verdict(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.want == "missed" && !strings.Contains(strings.Join(c.r.columns(), " "), "<= ") {
			t.Errorf("%s: the goal does not stand beside it: %q", c.name, c.r.columns())
		}
	}
}

func TestAnApplyThatWasNoNoOpDoesNotCount(t *testing.T) {
	for _, c := range []struct {
		stdout string
		good   bool
	}{
		{"Run X ended: exit 0\n ✓  unchanged  100  h1 h2\n", true},
		{" ✓  unchanged  99  h1\n ✓  confirmed  1  h2\n", false},
		{" ✓  unchanged  1000  h1\n", false},
		{"", false},
	} {
		if err := allUnchanged(100)(c.stdout); (err == nil) != c.good {
			t.Errorf("%q: %v", c.stdout, err)
		}
	}
}
