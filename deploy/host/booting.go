package host

import (
	"context"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// checkBooting asks a host that was confirmed for a verdict. One that cannot be
// reached may be booting: a verdict that is inconclusive because there is no
// connection is none, until confirm_timeout has passed.
func (d *Driver) checkBooting(ctx context.Context, s *session, q HealthRequest) *deploy.Problem {
	until := time.Now().Add(s.host.ConfirmTimeout)
	pause := firstPause
	for {
		p := d.Health(ctx, q)
		if p == nil || p.Code != deploy.CodeInconclusive || s.connected() || time.Now().Add(pause).After(until) {
			return p
		}
		select {
		case <-ctx.Done():
			return p
		case <-d.detached():
			return p
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}
