package nixos

import (
	"context"
	"io"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// lockSeconds bounds the download of a flake's inputs on a host.
const lockSeconds = "840"

// Lock runs `nix flake lock` on a host in a copy of the flake, which writes the
// missing parts of flake.lock only, and returns the flake.lock, or nil and what the command printed when it
// failed. Nothing is left on the host but what Nix downloaded to its store.
func Lock(ctx context.Context, conn deploy.Conn, pack func(io.Writer) error) (lock []byte, output []string, err error) {
	r, w := io.Pipe()
	packed := make(chan struct{})
	go func() { // ends when the pack is read, or when the reader is closed below
		defer close(packed)
		w.CloseWithError(pack(w))
	}()
	var said tail
	answer, err := do(ctx, conn, call{
		script: "lock", args: []string{lockSeconds}, stdin: r, noise: said.add,
	})
	_ = r.Close()
	<-packed
	if err != nil {
		return nil, nil, err
	}
	if answer.number("code") != 0 || !answer.has("lock") {
		return nil, said, nil
	}
	return []byte(strings.Join(answer.values["lock"], "\n") + "\n"), nil, nil
}
