package nixos

import (
	"context"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Approve makes the host remember that the operator approves a flake, by its hex
// digest, for a stage. Doing it again is harmless.
func (m *Machine) Approve(ctx context.Context, digest, stage string) error {
	r, err := do(ctx, m.Conn, call{script: "approve", args: []string{digest, stage, m.Operator}})
	if err != nil {
		return err
	}
	if !r.has("approved") {
		return &deploy.Problem{Code: deploy.CodeProtocol, What: "the host did not write the approval down", Details: r.errs}
	}
	return nil
}

// approvals reads lines STAGE WHO TIME.
func approvals(digest string, lines []string) []deploy.Approval {
	var all []deploy.Approval
	for _, l := range lines {
		if f := strings.Fields(l); len(f) == 3 {
			all = append(all, deploy.Approval{Flake: digest, Stage: f[0], By: f[1], Time: time.Unix(atoi(f[2]), 0).UTC()})
		}
	}
	return all
}
