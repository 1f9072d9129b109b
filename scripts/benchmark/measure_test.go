package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell is a contender that writes its turns down.
func shell(name, script string, order *[]string) contender {
	return contender{name: name, command: func(ctx context.Context, _ int) *exec.Cmd {
		*order = append(*order, name)
		return exec.CommandContext(ctx, "/bin/sh", "-c", script)
	}}
}

func TestContendersTakeTurnsAndTheFirstRoundDoesNotCount(t *testing.T) {
	var order []string
	samples, err := interleave(t.Context(), startHere, 2, []contender{shell("a", "exit 0", &order), shell("b", "exit 0", &order)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "a", "b", "a", "b"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if len(samples) != 2 || len(samples[0]) != 2 || len(samples[1]) != 2 {
		t.Errorf("samples: %+v", samples)
	}
}

func TestTurnsAreNumberedOverAllRounds(t *testing.T) {
	var turns []int
	c := contender{name: "c", command: func(ctx context.Context, n int) *exec.Cmd {
		turns = append(turns, n)
		return exec.CommandContext(ctx, "true")
	}}
	if _, err := interleave(t.Context(), startHere, 1, []contender{c, c}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3}, turns); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
}

func TestATurnThatFailsIsNoMeasurement(t *testing.T) {
	broken := errors.New("not what was to be measured")
	for name, c := range map[string]struct {
		contender contender
		says      string
	}{
		"its exit code": {contender{name: "x", command: func(ctx context.Context, _ int) *exec.Cmd {
			return exec.CommandContext(ctx, "/bin/sh", "-c", "echo why >&2; exit 3")
		}}, "why"},
		"its output": {contender{name: "x", command: func(ctx context.Context, _ int) *exec.Cmd {
			return exec.CommandContext(ctx, "true")
		}, check: func(string) error { return broken }}, broken.Error()},
		"its preparation": {contender{name: "x", prepare: func(context.Context) error { return broken }}, broken.Error()},
		"its program":     {contender{name: "x", command: func(ctx context.Context, _ int) *exec.Cmd { return exec.CommandContext(ctx, "/nonexistent") }}, "nonexistent"},
	} {
		_, err := c.contender.turn(t.Context(), startHere, 0)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "x: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProcessorTimeOfChildrenCounts(t *testing.T) {
	var order []string
	// The shell waits for a child that works.
	s, err := shell("a", "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done); exit 0", &order).turn(t.Context(), startHere, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.CPU <= 0 || s.Wall <= 0 || s.PeakRSS <= 0 {
		t.Errorf("%+v", s)
	}
}
