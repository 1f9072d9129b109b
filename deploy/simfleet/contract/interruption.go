package contract

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// interruptions are the scenarios in which something breaks in between.
func interruptions() []Scenario {
	return []Scenario{
		{"an arming that is cut off arms nothing", cutArm},
		{"a power cut before the confirmation ends on the record", cutBefore},
		{"a power cut in test-first is a return", cutTestFirst},
		{"a run that outlived its guard's unit is resolved by whoever asks", lostUnit},
		{"a power cut after the confirmation stays on the new system", cutAfter},
		{"a switch that is killed is told as lost and returned", cutSwitch},
		{"a host that broke its network comes back by itself", broken},
		{"what somebody else switched is not undone", foreign},
		{"a switch of somebody else is told while it is under way, and not armed over", foreignUnderWay},
	}
}

// half is a connection that breaks in the middle of what it carries: the script
// has arrived, its payload ends early.
type half struct{ deploy.Conn }

func (h half) Run(ctx context.Context, cmd deploy.Command, out, errs func(string)) (int, error) {
	if cmd.Stdin != nil {
		payload, err := io.ReadAll(cmd.Stdin)
		if err != nil {
			return 0, err
		}
		cmd.Stdin = bytes.NewReader(payload[:len(payload)/2])
	}
	return h.Conn.Run(ctx, cmd, out, errs)
}

func cutArm(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	whole := d.Conn
	before := d.inspect(nil).Links
	d.upload(s.Good)
	q := d.request(s.Good, "switch", d.build(s.Good, false).Toplevel, before)
	d.Conn = half{whole}
	if _, err := d.Arm(t.Context(), q); err == nil {
		t.Error("half a guard is armed")
	}
	d.Conn = whole
	if o := d.inspect(nil); o.Active != nil || o.Links != before {
		t.Errorf("after half an arming: %+v", o)
	}
	if _, err := d.Arm(t.Context(), q); err != nil {
		t.Errorf("armed anew: %v", err)
	}
	if got := d.settled(d.Back); got.Result != deploy.ResultReturned {
		t.Errorf("back: %+v", got)
	}
}

func cutBefore(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	wanted, before := d.deploy(s.Good, "switch")
	s.PowerCut()
	d.connect()
	o := d.inspect(nil)
	if o.Active == nil || !o.Active.Rebooted || o.Booted != wanted || o.Lease != nil {
		t.Errorf("after the boot: active %+v, booted %s, lease %+v", o.Active, o.Booted, o.Lease)
	}
	d.resolved()
	d.isBackInProfile(before)
}

// isBackInProfile is isBack without what was booted, where a return cannot see to
// that: a container is not rebooted, and an unknown boot loader not read.
func (d *deployer) isBackInProfile(before deploy.Links) {
	d.t.Helper()
	o := d.inspect(nil)
	if !o.Container && before.NextBoot != "" {
		d.isBack(before)
		return
	}
	l := o.Links
	l.Booted = before.Booted
	if l != before {
		d.t.Errorf("the host is not back:\nwas %+v\nis  %+v", before, l)
	}
}

func cutTestFirst(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.deploy(s.Good, "test-first")
	s.PowerCut()
	d.resolved()
	d.isBack(before)
}

func lostUnit(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.deploy(s.Good, "test-first")
	s.LoseUnit()
	s.PowerCut()
	d.connect()
	if a := d.inspect(nil).Active; a == nil || a.Result != deploy.ResultNone {
		t.Errorf("after the boot: active %+v", a)
	}
	if got := d.settled(d.Back); got.Result != deploy.ResultReturned {
		t.Errorf("back: %+v", got)
	}
	d.resolved()
	d.isBack(before)
	next := s.deployer(t, "RUN2", "bob@desk")
	wanted, _ := next.deploy(s.Better, "test-first")
	next.settled(next.Confirm)
	next.isOn(wanted)
}

func cutAfter(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	wanted, _ := d.deploy(s.Good, "switch")
	d.settled(d.Confirm)
	s.PowerCut()
	d.connect()
	d.isOn(wanted)
	if o := d.inspect(s.Good); o.Booted != wanted || o.Recorded == nil || o.Active != nil {
		t.Errorf("after the boot: %+v", o)
	}
}

func cutSwitch(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.arm(s.Good, "switch")
	s.CutSwitch()
	d.start()
	if a := d.await(); !a.Lost || a.Done {
		t.Errorf("a killed switch: %+v", a)
	}
	if got := d.settled(d.Back); got.Result != deploy.ResultReturned {
		t.Errorf("back: %+v", got)
	}
	d.isBack(before)
}

func broken(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.arm(s.BreaksNetwork, "switch")
	d.start()
	d.resolved()
	d.isBack(before)
}

func foreign(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	d.deploy(s.Good, "switch")
	s.ForeignSwitch()
	theirs := d.inspect(nil).Links
	if got := d.settled(d.Back); got.Result != deploy.ResultStranded {
		t.Errorf("back: %+v", got)
	}
	d.isBack(theirs)
	if a := d.inspect(nil).Active; a == nil || a.Result != deploy.ResultStranded {
		t.Errorf("a stranded run is not shown: %+v", a)
	}
}

func foreignUnderWay(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	d.upload(s.Good)
	q := d.request(s.Good, "switch", d.build(s.Good, false).Toplevel, d.inspect(nil).Links)
	end := s.ForeignBegins()
	var seen []deploy.ForeignActivity
	d.eventually("the switch of somebody else", func() bool { seen = d.inspect(nil).Foreign; return len(seen) > 0 })
	if a := seen[0]; a.Kind != deploy.ForeignSwitch || !strings.Contains(a.What, "nixos-rebuild") || a.PID == 0 || a.Since == 0 {
		t.Errorf("who is at work is not told: %+v", a)
	}
	if _, err := d.Arm(t.Context(), q); code(err) != deploy.CodeLocked || !strings.Contains(err.Error(), seen[0].What) {
		t.Errorf("armed over a switch of somebody else: %v", err)
	}
	if o := d.inspect(nil); o.Active != nil {
		t.Errorf("a refused arming left %+v", o.Active)
	}
	end()
	d.eventually("its end", func() bool { seen = d.inspect(nil).Foreign; return len(seen) == 0 })
	// It moved the host, so what was read of it before does not hold any more.
	if _, err := d.Arm(t.Context(), q); code(err) != deploy.CodeForeignChange {
		t.Errorf("armed although the host moved: %v", err)
	}
}
