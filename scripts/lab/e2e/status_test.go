package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// Status is told from the host alone: an operator who never deployed it finds what
// was switched by hand, and takes nixdeploy's own rollback for none.
func TestStatusTellsDriftFromTheHostAlone(t *testing.T) {
	t.Parallel()
	h := lab.Fleet(t, 1, lab.Options{Name: fmt.Sprintf("st-%d-", os.Getpid())})[0]
	o := newOperator(t, h)
	o.inventory("", member{host: h, stage: "dev"})
	r := o.run("status", "--exit-code")
	r.wantExit(t, 10)
	r.wantText(t, "unconfirmed "+h.Name)
	o.flake(every(release(2), h))
	o.must("apply", "--yes", "--first")

	other := o.colleague(h) // no journal of that run
	other.must("status", "--exit-code").wantText(t, "healthy", "just now by ", "Status: 1 healthy")
	before := h.Links()
	byHand(t, h, release(9))
	r = other.run("status", "--exit-code")
	r.wantExit(t, 10)
	r.wantText(t, "drift "+h.Name, "was switched by hand: generation")
	other.must("status").wantText(t, "Status: 1 drift")
	if now := h.Links(); now == before {
		t.Error("nothing was switched by hand")
	}

	o.flake(every(release(3), h))
	o.must("apply", "--yes")
	other.must("status", "--exit-code")
	o.must("rollback", "--yes", "--on", h.Name)
	other.must("status", "--exit-code").wantText(t, "Status: 1 healthy")
	wantResolved(t, h)
}
