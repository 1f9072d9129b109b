package e2e

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// A way back whose every activation hangs ends at its own deadline, stranded;
// asked once more when the cause is mended, it ends on the record.
func TestAHangingReturnEndsStrandedAndCanBeTakenUp(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	before := h.Links()
	o.at(devWith("switch", "20s", "activation_timeout = \"40s\"\n"+waitingCheck), h, "")
	o.flake(every(release(2), h))
	p := o.start("apply", "--yes", "--first")
	p.reaches("step-started", "health")
	tool := before.Profile + "/bin/switch-to-configuration"
	h.Enter("printf '#!/bin/sh\\nexec sleep 100000\\n' >/run/hangs; chmod 0755 /run/hangs; mount --bind /run/hangs " + tool)
	p.kill()
	h.WaitUntil("the end of the return", "test -e /var/lib/nixdeploy/active/result")
	if log, _, _ := h.Enter("PATH=$PATH:/run/current-system/sw/bin; cat /var/lib/nixdeploy/active/log"); !strings.Contains(log, "the return's own deadline has passed") {
		t.Errorf("the log of the guard:\n%s", log)
	}
	h.Enter("umount " + tool)
	o.run("resume").wantExit(t, 5)
	wantBack(t, h, before)
	wantResolved(t, h)
}

// A unit that was up when the run was armed, and that going back does not start
// by itself, is up again.
func TestAUnitThatWasUpIsUpAfterTheReturn(t *testing.T) {
	t.Parallel()
	h := lab.Up(t, lab.Options{})
	o := newOperator(t, h)
	unit := map[string]lab.Unit{"app.service": {
		Text:     "[Unit]\nDescription=App\n[Service]\nExecStart=/bin/sleep infinity\n",
		WantedBy: []string{"multi-user.target"},
	}}
	good, next := release(2), release(3)
	good.Units, next.Units = unit, unit
	o.at("", h, "")
	o.flake(every(good, h))
	o.must("apply", "--yes", "--first")
	before := h.Links()
	o.at(devWith("switch", "10s", waitingCheck), h, "")
	o.flake(every(next, h))
	p := o.start("apply", "--yes")
	h.WaitUntil("the end of the switch", "test -e /var/lib/nixdeploy/active/switch.rc")
	h.Enter("/bin/systemctl stop app.service")
	p.kill()
	h.WaitUntil("the guard's return", settled)
	wantBack(t, h, before)
	wantResolved(t, h)
	if state, _, _ := h.Enter("/bin/systemctl is-active app.service"); state != "active\n" {
		log, _, _ := h.Enter("PATH=$PATH:/run/current-system/sw/bin; cat /var/lib/nixdeploy/done/*/log; cat /var/lib/nixdeploy/done/*/up; /bin/systemctl show -p LoadState -p WantedBy -p RequiredBy --value app.service")
		t.Errorf("app.service is %s after the return\n%s", state, log)
	}
}
