package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestExitCodes(t *testing.T) {
	problem := func(code deploy.Code) error {
		return fmt.Errorf("reading: %w", &deploy.Problem{Code: code, Host: "web-1", What: "x"})
	}
	for _, c := range []struct {
		name        string
		err         error
		interrupted bool
		want        int
	}{
		{"all good", nil, false, 0},
		{"a bug", errors.New("x"), false, 1},
		{"usage", &usageError{what: "x"}, false, 2},
		{"an invalid inventory", &inventory.Problems{}, false, 2},
		{"a flake that cannot be deployed", fmt.Errorf("x: %w", &flake.Refusal{What: "x"}), false, 2},
		{"an unlocked flake", &flake.LockError{}, false, 2},
		{"locked", problem(deploy.CodeLocked), false, 3},
		{"unreachable", problem(deploy.CodeUnreachable), false, 4},
		{"a key", problem(deploy.CodeHostKey), false, 7},
		{"a marker", problem(deploy.CodeIdentity), false, 7},
		{"said already", exitError(5), true, 5},
		{"interrupted", context.Canceled, true, 130},
	} {
		if got := exitCode(c.err, c.interrupted); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestEveryHelpHasTheTable: a code that is not documented is not there.
func TestEveryHelpHasTheTable(t *testing.T) {
	for _, c := range commands() {
		if help := helpFor(c); !strings.Contains(help, exitTable()) || strings.Contains(help, "{{") {
			t.Errorf("help of %s", c.name)
		}
	}
	for _, code := range []int{0, 1, 2, 3, 4, 5, 6, 7, 10, 130} {
		if meaning(code) == "unknown" {
			t.Errorf("code %d has no meaning", code)
		}
	}
}
