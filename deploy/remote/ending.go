package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// ending is all that is known about how a script ended.
type ending struct {
	host, user, script, elevate string

	begun     bool // its begin line was seen
	exited    bool // an exit status came
	exit      int
	signal    string
	cause     error // why we ended it, nil when we did not
	payload   error
	words     []string // printed in place of the begin line
	complaint []string // the same on standard error
}

// judge tells the exit code, or why there is none. It is pure.
func (e ending) judge() (int, error) {
	switch {
	case e.payload != nil:
		return -1, e.problem(deploy.CodeUpload, e.payload, "cannot read what %s is to be sent", e.script)
	case e.begun && e.exited:
		return e.exit, nil
	case e.exited && e.refusedElevation():
		return -1, e.notElevated()
	case e.exited:
		p := e.problem(deploy.CodeProtocol, nil, "the login shell of %s did not run %s (exit status %d)", e.user, e.script, e.exit)
		p.Details = e.said()
		p.Next = fmt.Sprintf("see that the login shell of %s runs commands: ssh %s@HOST true", e.user, e.user)
		return -1, p
	case errors.Is(e.cause, errNoise):
		p := e.problem(deploy.CodeProtocol, e.cause, "the host printed more than %d KiB in place of running %s", maxNoise>>10, e.script)
		p.Details = e.said()
		return -1, p
	case errors.Is(e.cause, errNotBegun):
		p := e.problem(deploy.CodeUnreachable, e.cause, "the host did not begin %s", e.script)
		p.Details = e.said()
		return -1, p
	case errors.Is(e.cause, context.Canceled):
		return -1, e.problem(deploy.CodeInterrupted, e.cause, "%s was interrupted", e.script)
	case errors.Is(e.cause, context.DeadlineExceeded):
		return -1, e.problem(deploy.CodeUnreachable, e.cause, "%s did not end in time", e.script)
	case e.signal != "":
		return -1, e.problem(deploy.CodeUnreachable, nil, "%s was killed on the host by signal %s", e.script, e.signal)
	}
	return -1, e.problem(deploy.CodeUnreachable, e.cause, "connection lost during %s", e.script)
}

// noSession is the verdict when not even a session was opened.
func (e ending) noSession() (int, error) {
	switch {
	case errors.Is(e.cause, context.Canceled):
		return -1, e.problem(deploy.CodeInterrupted, e.cause, "%s was interrupted before it began", e.script)
	case errors.Is(e.cause, context.DeadlineExceeded):
		return -1, e.problem(deploy.CodeUnreachable, e.cause, "the host opened no session for %s in time", e.script)
	}
	return -1, e.problem(deploy.CodeUnreachable, e.cause, "the host opened no session for %s", e.script)
}

// refusedElevation reports whether sudo or doas, and not the script, spoke.
func (e ending) refusedElevation() bool {
	if e.elevate != elevateSudo && e.elevate != elevateDoas {
		return false
	}
	for _, line := range append(e.complaint, e.words...) {
		if strings.Contains(strings.ToLower(line), e.elevate) {
			return true
		}
	}
	return false
}

func (e ending) notElevated() *deploy.Problem {
	p := e.problem(deploy.CodeElevate, nil, "%s does not let %s run %s", e.elevate, e.user, e.script)
	p.Details = e.said()
	p.Next = fmt.Sprintf("let %s run commands as root through %s without a password, or set elevate and user in hosts.toml", e.user, e.elevate)
	return p
}

// said is what the host printed instead, standard error first.
func (e ending) said() []string {
	return append(append([]string{}, e.complaint...), e.words...)
}

func (e ending) problem(code deploy.Code, cause error, format string, args ...any) *deploy.Problem {
	return &deploy.Problem{Code: code, Host: e.host, What: fmt.Sprintf(format, args...), Err: cause}
}
