package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// exit is one row of the table of exit codes.
type exit struct {
	code    int
	meaning string
}

// exits is the table, as help prints it.
func exits() []exit {
	return []exit{
		{rollout.ExitOK, "all good: healthy, or nothing to do"},
		{rollout.ExitInternal, "an internal error"},
		{rollout.ExitUsage, "usage, an invalid inventory or an unlocked flake; nothing was contacted"},
		{rollout.ExitLocked, "all that failed was locks: another run works there"},
		{rollout.ExitUnchanged, "failed, and this run changed no host"},
		{rollout.ExitReturned, "failed; every host that was changed is confirmed, or back and verified"},
		{rollout.ExitStranded, "a host needs a person"},
		{rollout.ExitSecurity, "refused for security: host key, identity or signature"},
		{rollout.ExitDrift, "--exit-code found changes or drift"},
		{rollout.ExitInterrupted, "interrupted; the hosts are safe, the run can be resumed"},
	}
}

func meaning(code int) string {
	for _, e := range exits() {
		if e.code == code {
			return e.meaning
		}
	}
	return "unknown"
}

func exitTable(codes ...int) string {
	var b strings.Builder
	for _, e := range exits() {
		if len(codes) == 0 || slices.Contains(codes, e.code) {
			fmt.Fprintf(&b, "  %3d  %s\n", e.code, e.meaning)
		}
	}
	return b.String()
}

// exitError ends the program with a code after everything has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d: %s", int(e), meaning(int(e))) }

// exitCode is the code of an error that ended a command.
func exitCode(err error, interrupted bool) int {
	var (
		coded    exitError
		usage    *usageError
		problems *inventory.Problems
		refusal  *flake.Refusal
		unlocked *flake.LockError
		problem  *deploy.Problem
		several  *refusals
	)
	switch {
	case err == nil:
		return rollout.ExitOK
	case errors.As(err, &coded):
		return int(coded)
	case errors.As(err, &usage), errors.As(err, &problems), errors.As(err, &refusal), errors.As(err, &unlocked):
		return rollout.ExitUsage
	case interrupted:
		return rollout.ExitInterrupted
	case errors.As(err, &several):
		return problemExit(several.problems)
	case errors.As(err, &problem):
		return problemExit([]*deploy.Problem{problem})
	}
	return rollout.ExitInternal
}

// problemExit is the code of a command that only read and met these problems.
func problemExit(problems []*deploy.Problem) int {
	var r deploy.Report
	for _, p := range problems {
		r.Hosts = append(r.Hosts, deploy.HostReport{Host: p.Host, State: deploy.StateUntouched, Problem: p})
	}
	return rollout.ExitCode(r, false)
}

// fail says on stderr what ended the program, if that is not said yet, and
// returns the exit code. With --json the last line of stdout says it too. in is nil
// for a command line that was not understood.
func (a App) fail(err error, s *signals, in *invocation) int {
	code := exitCode(err, s.interrupted())
	if err == nil || errors.As(err, new(exitError)) {
		return code
	}
	if in == nil {
		in = &invocation{App: a, err: a.style(a.Terminal.Err, false)}
	}
	a.tell(in.errorText(err))
	if in.json {
		_, _ = a.Stdout.Write(view.JSONError(code, err))
	}
	return code
}

func (in *invocation) errorText(err error) string {
	style := in.err
	var (
		usage    *usageError
		problems *inventory.Problems
		refusal  *flake.Refusal
		problem  *deploy.Problem
		several  *refusals
	)
	switch {
	case errors.As(err, &usage):
		return cleanLines(style, usage.text())
	case errors.As(err, &problems):
		return style.InventoryProblems(problems)
	case errors.As(err, &refusal):
		return cleanLines(style, (&usageError{what: refusal.What, hint: in.namedIn(refusal.Hint)}).mistake())
	case errors.As(err, &several):
		list := make([]deploy.Problem, len(several.problems))
		for i, p := range several.problems {
			list[i] = *p
		}
		return style.Problems(list)
	case errors.As(err, &problem):
		return style.Problem(*problem)
	}
	text := strings.TrimRight(err.Error(), "\n")
	return cleanLines(style, "nixdeploy: "+strings.ReplaceAll(text, "\n", "\n  | "))
}

// cleanLines cleans a text of our own that quotes what somebody typed.
func cleanLines(s view.Style, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(s.Clean(line) + "\n")
	}
	return b.String()
}
