package simfleet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// The newest ten flakes stay on a host; what is used is new.
func TestTheNewestFlakesStay(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
		there := func(n int) bool {
			o, err := r.Inspect(t.Context(), flakeOf(fmt.Sprint(n)).Digest())
			if err != nil {
				t.Fatal(err)
			}
			return o.FlakePresent
		}
		for n := range 10 {
			r.upload(flakeOf(fmt.Sprint(n)))
		}
		r.upload(flakeOf("0"))           // there already
		r.build(flakeOf("1"), time.Hour) // used
		r.upload(flakeOf("10"))          // 2 goes
		r.upload(flakeOf("11"))          // 3 goes
		for n, want := range []bool{true, true, false, false, true} {
			if there(n) != want {
				t.Errorf("flake %d is there: %v", n, !want)
			}
		}
	})
}

func TestTheNewestRecordsStay(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
		record := func(n int) *deploy.Record {
			o, err := r.Inspect(t.Context(), fmt.Sprint("d", n))
			if err != nil {
				t.Fatal(err)
			}
			return o.Recorded
		}
		now, err := r.Inspect(t.Context(), "d0")
		if err != nil {
			t.Fatal(err)
		}
		for n := range 51 {
			q := deploy.RecordRequest{Stage: "dev", Fleet: "f", Host: "h", Digest: fmt.Sprint("d", n), Attribute: "a", Toplevel: now.Running}
			if err := r.Record(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		if record(0) != nil || record(1) == nil || record(50) == nil {
			t.Errorf("records: first %v, second %v, last %v", record(0), record(1), record(50))
		}
	})
}

// A lease says since when its run has the host, however often it is renewed, and
// runs out by itself.
func TestALeaseKnowsItsBeginning(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{BuildTime: 10 * time.Minute}), func(t *testing.T, r *rig) {
		r.upload(flakeOf("x"))
		first := r.sees().Lease
		time.Sleep(30 * time.Second)
		r.upload(flakeOf("x"))
		second := r.sees().Lease
		if second.Since != first.Since || second.Seconds != first.Seconds || first.Seconds != 90 {
			t.Errorf("%+v then %+v", first, second)
		}
		r.build(flakeOf("x"), time.Hour)
		if l := r.sees().Lease; l == nil || l.Seconds != 90 {
			t.Errorf("after a build: %+v", l)
		}
		time.Sleep(90 * time.Second)
		if l := r.sees().Lease; l != nil {
			t.Errorf("it does not run out: %+v", l)
		}
	})
}

func TestMarkersAndStore(t *testing.T) {
	inBubble(t, wordHost(simfleet.System{}), func(t *testing.T, r *rig) {
		r.host.Confirmed("d1", "web-1", "dev", "f")
		o, err := r.Inspect(t.Context(), "d1")
		if err != nil || o.Recorded == nil || o.Recorded.Toplevel != o.Running || !o.WantedValid || *o.Marker != (deploy.Marker{Fleet: "f", Host: "web-1"}) {
			t.Errorf("%+v, %v", o, err)
		}
		r.host.SetMarker("f", "web-2")
		if m := r.sees().Marker; m == nil || m.Host != "web-2" {
			t.Errorf("%+v", m)
		}
		r.host.SetMarker("", "")
		if m := r.sees().Marker; m != nil {
			t.Errorf("%+v", m)
		}
		f := flakeOf("x")
		r.upload(f)
		wanted := r.build(f, time.Hour).Toplevel
		r.host.Forget(wanted)
		if _, err := r.Arm(t.Context(), r.armRequest(f, "switch", wanted)); codeOf(err) != deploy.CodeGuard {
			t.Errorf("armed for what was collected: %v", err)
		}
	})
}
