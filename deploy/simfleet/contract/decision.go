package contract

import (
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// decisions are the scenarios of guard, claim and confirmation.
func decisions() []Scenario {
	return []Scenario{
		{"a confirmed host is on the new system and remembers it", confirms},
		{"going back ends on the record by nixos-rebuild --rollback where that lands", goesBack},
		{"going back ends on the record where --rollback would land elsewhere", rollbackMisses},
		{"a failed unit is told and returned", failedUnit},
		{"without a sign of life the guard returns the host", silence},
		{"a sign of life puts the guard off", signOfLife},
		{"a confirmation after the return says return", lateConfirm},
		{"going back after the confirmation says confirmed", lateBack},
		{"a switch is never sent twice", oneSwitch},
		{"arming twice arms once", armsOnce},
		{"arming again starts a guard that is not there", armsAgain},
		{"a host that moved is not armed", moved},
		{"test-first changes profile and next boot at the confirmation only", testFirst},
		{"a system in the store is gone to by its generation", goesToSystem},
	}
}

func confirms(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	wanted, before := d.deploy(s.Good, "switch")
	d.connect()
	if _, claim, gone, err := d.Contact(t.Context()); err != nil || gone || claim != deploy.ClaimNone {
		t.Fatalf("contact: claim %q, gone %v, %v", claim, gone, err)
	}
	got := d.settled(d.Confirm)
	if got.Claim != deploy.ClaimConfirm || got.Result != deploy.ResultConfirmed || got.Links.Running != wanted {
		t.Fatalf("confirm: %+v", got)
	}
	d.isOn(wanted)
	o := d.inspect(s.Good)
	if r := o.Recorded; r == nil || r.Toplevel != wanted || r.Run != "RUN1" || r.Stage != "dev" || !o.WantedValid {
		t.Errorf("the record is %+v, valid %v", r, o.WantedValid)
	}
	if ago := o.ConfirmedAgo; ago == nil || *ago < 0 || *ago > 60 {
		t.Errorf("it tells that it was confirmed %v s ago", ago)
	}
	if o.Marker == nil || o.Marker.Host != "subject" || o.Active != nil || o.Lease != nil {
		t.Errorf("after a confirmation: marker %+v, active %+v, lease %+v", o.Marker, o.Active, o.Lease)
	}
	if p := o.Previous; p == nil || p.Run != "RUN1" || p.ProfileLink != before.ProfileLink || p.Profile != before.Profile {
		t.Errorf("a rollback would go to %+v, not to %+v", p, before)
	}
}

func goesBack(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.deploy(s.Good, "switch")
	got := d.settled(d.Back)
	if got.Claim != deploy.ClaimReturn || got.Result != deploy.ResultReturned {
		t.Fatalf("back: %+v", got)
	}
	lands := before.Running == before.Profile && before.NextBoot == before.Profile
	if byTool := strings.Contains(strings.Join(got.Log, "\n"), "switch --rollback --fast"); byTool != lands {
		t.Errorf("by nixos-rebuild: %v, wanted %v\n%q", byTool, lands, got.Log)
	}
	d.isBack(before)
	if o := d.inspect(s.Good); o.Recorded != nil || o.Active != nil || o.Lease != nil {
		t.Errorf("a returned host remembers: %+v", o)
	}
}

func rollbackMisses(t *testing.T, s Subject) {
	first := s.deployer(t, "RUN1", "ann@desk")
	first.deploy(s.Good, "switch")
	first.settled(first.Confirm)
	second := s.deployer(t, "RUN2", "ann@desk")
	second.deploy(s.Better, "switch")
	second.settled(second.Back) // its generation stays, above the current one
	third := s.deployer(t, "RUN3", "ann@desk")
	_, before := third.deploy(s.Best, "switch")
	got := third.settled(third.Back)
	if got.Result != deploy.ResultReturned || strings.Contains(strings.Join(got.Log, "\n"), "--rollback") {
		t.Errorf("a rollback that misses was tried: %+v", got)
	}
	third.isBack(before)
}

func failedUnit(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.arm(s.FailsUnit, "switch")
	d.start()
	a := d.await()
	if !a.Done || a.Code == 0 || !strings.Contains(strings.Join(a.Output, "\n"), "the following units failed") {
		t.Errorf("a failed unit is not told: %+v", a)
	}
	if len(d.inspect(nil).FailedUnits) == 0 {
		t.Error("no unit is failed")
	}
	if got := d.settled(d.Back); got.Result != deploy.ResultReturned {
		t.Errorf("back: %+v", got)
	}
	d.isBack(before)
	if f := d.inspect(nil).FailedUnits; len(f) != 0 {
		t.Errorf("still failed after the return: %q", f)
	}
}

func silence(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.deploy(s.Good, "switch")
	if l := d.resolved().Lease; l != nil {
		t.Errorf("the run is over, and its lease is not: %+v", l)
	}
	d.isBack(before)
	a, err := d.Await(t.Context(), 0, window)
	if err != nil || !a.Gone || a.Result != deploy.ResultReturned {
		t.Errorf("the run that the guard ended: %+v, %v", a, err)
	}
}

func signOfLife(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	wanted, _ := d.deploy(s.Good, "switch")
	for range 3 {
		_, claim, gone, err := d.Contact(t.Context())
		if err != nil || gone || claim != deploy.ClaimNone {
			t.Fatalf("contact: %q %v %v", claim, gone, err)
		}
		left := d.inspect(nil).Active.DecidesIn
		if left <= 0 || left > int64(window.Seconds()) {
			t.Errorf("the guard decides in %d s after a sign of life", left)
		}
	}
	d.settled(d.Confirm)
	d.isOn(wanted)
}

func lateConfirm(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.deploy(s.Good, "switch")
	d.resolved()
	got, err := d.Confirm(t.Context(), window)
	if err != nil || got.Claim == deploy.ClaimConfirm || got.Result != deploy.ResultReturned {
		t.Errorf("a late confirmation: %+v, %v", got, err)
	}
	d.isBack(before)
}

func lateBack(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	wanted, _ := d.deploy(s.Good, "switch")
	d.settled(d.Confirm)
	got, err := d.Back(t.Context(), window)
	if err != nil || got.Claim == deploy.ClaimReturn || got.Result != deploy.ResultConfirmed {
		t.Errorf("going back too late: %+v, %v", got, err)
	}
	d.isOn(wanted)
}

func oneSwitch(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, before := d.arm(s.Good, "switch")
	d.start()
	d.start()
	a := d.await()
	d.start()
	begun := 0
	for _, line := range a.Output {
		if strings.HasPrefix(line, "+ nixos-rebuild switch") {
			begun++
		}
	}
	if begun != 1 {
		t.Errorf("%d switches in %q", begun, a.Output)
	}
	d.settled(d.Back)
	d.isBack(before)
}

func armsOnce(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	wanted, before := d.arm(s.Good, "switch")
	d.start()
	d.await()
	// The answer to the first was lost, say: what it recorded must stay.
	if _, err := d.Arm(t.Context(), d.request(s.Good, "switch", wanted, before)); err != nil {
		t.Fatal(err)
	}
	if a := d.inspect(nil).Active; a == nil || a.Record != before {
		t.Errorf("the record is not the first one: %+v", a)
	}
	d.settled(d.Back)
	d.isBack(before)
}

func armsAgain(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	wanted, before := d.arm(s.Good, "switch")
	s.StopGuard()
	if _, err := d.Arm(t.Context(), d.request(s.Good, "switch", wanted, before)); err != nil {
		t.Fatal(err)
	}
	d.start()
	d.await()
	d.resolved() // nobody asks for it
	d.isBack(before)
}

func moved(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	before := d.inspect(nil).Links
	d.upload(s.Good)
	wanted := d.build(s.Good, false).Toplevel
	expect := before
	expect.ProfileLink = "system-9999-link"
	if _, err := d.Arm(t.Context(), d.request(s.Good, "switch", wanted, expect)); code(err) != deploy.CodeForeignChange {
		t.Errorf("armed although it moved: %v", err)
	}
	if a := d.inspect(nil).Active; a != nil {
		t.Errorf("a refused arming left %+v", a)
	}
	if _, err := d.Arm(t.Context(), d.request(s.Good, "switch", "/nix/store/0000000000000000000000000000000-nothing", before)); code(err) != deploy.CodeGuard {
		t.Errorf("armed for a system that is not there: %v", err)
	}
}

func testFirst(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	wanted, before := d.deploy(s.Good, "test-first")
	l := d.inspect(nil).Links
	if l.Running != wanted || l.Profile != before.Profile || l.ProfileLink != before.ProfileLink || l.NextBoot != before.NextBoot {
		t.Errorf("before the confirmation: %+v", l)
	}
	if got := d.settled(d.Confirm); got.Result != deploy.ResultConfirmed {
		t.Fatalf("confirm: %+v", got)
	}
	d.isOn(wanted)
}

func goesToSystem(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	_, first := d.deploy(s.Good, "switch")
	d.settled(d.Confirm)
	back := s.deployer(t, "RUN2", "ann@desk")
	q := back.request(s.Good, "switch", first.Profile, back.inspect(nil).Links)
	q.Goal, q.WantedLink = deploy.GoalSystem, first.ProfileLink
	if _, err := back.Arm(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	back.start()
	if a := back.await(); !a.Done || a.Links.ProfileLink != first.ProfileLink || a.Links.Running != first.Profile {
		t.Errorf("the switch to a system of the store: %+v", a)
	}
	back.settled(back.Confirm)
	back.isOn(first.Profile)
	back.resolved()
	o := back.inspect(s.Good)
	if r := o.Recorded; r == nil || r.Run != "RUN1" {
		t.Errorf("a rollback wrote a record of the flake: %+v", r)
	}
	if f := o.Failed; f == nil || *f != (deploy.FailedRun{Run: "RUN2", Result: deploy.ResultConfirmed}) {
		t.Errorf("it went back from the flake: %+v", f)
	}
	if f := back.inspect(s.Better).Failed; f != nil {
		t.Errorf("it failed with a flake that it never had: %+v", f)
	}
}
