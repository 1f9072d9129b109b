package e2e

import (
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// A garbage collection under way and an upgrade that is due are told, and are no
// lock.
func TestWhoElseIsAtWorkIsTold(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	o.at("", h, "")
	o.flake(every(release(2), h))
	h.MustSSH("systemd-run --quiet --unit=nix-gc.service sleep 3000")
	h.MustSSH(`systemd-run --quiet --unit=nixos-upgrade --on-calendar="$(date -u -d '+50 min' '+%Y-%m-%d %H:%M:%S') UTC" true`)
	o.must("status").wantText(t, "a garbage collection is under way: nix-gc.service, pid", "an automatic upgrade is near: nixos-upgrade.timer, due in ")
	o.must("apply", "--yes", "--first").wantText(t, "a garbage collection is under way")
	wantNew(t, h, release(2))
}
