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
// missing parts of flake.lock only, and returns the flake.lock: nil when there is
// none, since the flake has no inputs. Nothing is left on the host but what Nix
// downloaded to its store.
func Lock(ctx context.Context, conn deploy.Conn, pack func(io.Writer) error) (lock []byte, err error) {
	answer, err := askNix(ctx, conn, pack, "lock", "the host's nix could not lock the inputs", lockSeconds)
	if err != nil || !answer.has("lock") {
		return nil, err
	}
	return []byte(strings.Join(answer.values["lock"], "\n") + "\n"), nil
}
