package nixos

import (
	"context"
	"io"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// timedOut is how timeout(1) ends when it ended what it ran.
const timedOut = 124

// askNix runs a script that asks the Nix of a host about a flake, packed, in a
// folder that is gone afterwards. An answer is one that Nix gave: where it failed,
// the error is a *deploy.Problem with what it printed.
func askNix(ctx context.Context, conn deploy.Conn, pack func(io.Writer) error, script, failed string, args ...string) (*reply, error) {
	r, w := io.Pipe()
	packed := make(chan struct{})
	go func() { // ends when the pack is read, or when the reader is closed below
		defer close(packed)
		w.CloseWithError(pack(w))
	}()
	var said tail
	answer, err := do(ctx, conn, call{script: script, args: args, stdin: r, noise: said.add})
	_ = r.Close()
	<-packed
	if err != nil {
		return nil, err
	}
	switch answer.number("code") {
	case 0:
		return answer, nil
	case timedOut:
		failed += " in " + args[0] + " seconds"
	}
	return nil, &deploy.Problem{Code: deploy.CodeEvaluation, What: failed, Details: said, State: "not touched"}
}
