package deploy

import (
	"context"
	"io"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Command is one remote script with its data.
type Command struct {
	// Name is the script's file name, for events and errors.
	Name string
	// Script is POSIX sh, a file of the repository, never formatted.
	Script string
	// Args become "$1", "$2", ... of the script, quoted: any bytes but NUL.
	Args []string
	// Stdin, when not nil, is what the script finds on its standard input. An
	// io.Closer is closed by Run, also when the script did not want all of it.
	Stdin io.Reader
	// Unprivileged runs the script without elevation.
	Unprivileged bool
}

// Conn is one connection to a host. Run may be called by one goroutine at a
// time. Every implementation is bounded by ctx: when it ends, Run returns, and
// the remote process may live on, so whatever must not be half done is
// detached on the host.
type Conn interface {
	// Run runs c and hands its standard output, line by line and without the
	// newline, to out; standard error goes to errs. Lines are cut at 64 KiB.
	// The exit code is that of the script; err is a *Problem (unreachable,
	// elevate) when the script did not run to its end.
	Run(ctx context.Context, c Command, out, errs func(line string)) (exit int, err error)
	Close() error
}

// Dialer opens connections.
type Dialer interface {
	// Dial opens a new connection, host key verified. The error is a *Problem:
	// unreachable (retry may help), auth, host-key (final).
	Dial(ctx context.Context, h inventory.Host) (Conn, error)
}

// Journal keeps a run's events.
type Journal interface {
	// Append returns once e is durable. Safe for concurrent use.
	Append(ctx context.Context, e Event) error
}
