package contract

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// readings are the scenarios in which no host changes, and those of the lock.
func readings() []Scenario {
	return []Scenario{
		{"inspection changes nothing and takes no lock", inspects},
		{"facts are told, and nothing is changed by it", tellsFacts},
		{"a build tells what the host stands on and what the system expects of it", tellsGround},
		{"an upload is verified before it is used", verifies},
		{"dry-build tells what would be built", plans},
		{"a difference is told without making it", differs},
		{"an evaluation error is an answer", evaluationFails},
		{"a build error is an answer", buildFails},
		{"a lease shuts out a second operator until it is given back", leases},
		{"an armed run shuts out a second operator", locks},
		{"an unchanged host remembers a flake", records},
		{"the last confirmed run is told, whatever flake is asked for", tellsTheLast},
		{"a run is kept, and a system to go back to", keeps},
	}
}

func code(err error) deploy.Code {
	if p, ok := errors.AsType[*deploy.Problem](err); ok {
		return p.Code
	}
	return ""
}

func inspects(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	a, b := d.inspect(s.Good), d.inspect(s.Good)
	switch {
	case !a.NixOS || a.Rebuild == "" || a.RebuildKind == "" || a.BootID == "" || a.MachineID == "" || a.Hostname == "":
		t.Errorf("facts are missing: %+v", a)
	case a.Profile == "" || a.Running == "" || a.ProfileLink == "" || len(a.Generations) == 0:
		t.Errorf("links are missing: %+v", a.Links)
	case a.Lease != nil || b.Lease != nil || a.Active != nil || len(a.Foreign) > 0 || a.Recorded != nil || a.FlakePresent:
		t.Errorf("a fresh host knows of runs: %+v", a)
	case a.Links != b.Links || a.BootID != b.BootID || a.MachineID != b.MachineID:
		t.Errorf("two inspections differ:\n%+v\n%+v", a, b)
	}
}

func tellsFacts(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	o := d.inspect(nil)
	f, err := d.Facts(t.Context(), "root")
	if err != nil {
		t.Fatal(err)
	}
	kind := "machine"
	if o.Container {
		kind = "container"
	}
	switch facts := f.Facts; {
	case !f.NixOS || f.Marker != nil || facts.Hostname != o.Hostname || facts.MachineID != o.MachineID || facts.System != o.System || facts.Kind != kind:
		t.Errorf("facts %+v of %+v", f, o)
	case facts.Firmware == "" || facts.BootLoader == "" || facts.Mounts["/"].Type == "" || facts.User.Name != "root" || facts.User.UID != 0:
		t.Errorf("facts are missing: %+v", facts)
	case len(facts.User.Keys) == 0:
		t.Error("the key that this came by is not told")
	}
	if after := d.inspect(nil); after.Links != o.Links || after.Lease != nil {
		t.Errorf("asking changed the host: %+v", after)
	}
}

func tellsGround(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	d.upload(s.Good)
	if a := d.asked(s.Good, deploy.BuildRequest{PlanOnly: true, User: "root"}); a.Ground != nil || a.Demands != nil {
		t.Errorf("a system that is not there is compared: %+v", a.Demands)
	}
	for _, q := range []deploy.BuildRequest{{User: "root"}, {Exact: true, User: "root"}, {PlanOnly: true, User: "root"}} {
		a := d.asked(s.Good, q)
		if a.Ground == nil || a.Demands == nil || a.Ground.Mounts["/"].Type == "" || a.Ground.Login.User != "root" || len(a.Ground.Login.Keys) == 0 {
			t.Errorf("%+v: %+v %+v", q, a.Ground, a.Demands)
		}
	}
}

func verifies(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	err := d.send(s.Good, s.Better.Hash)
	if err == nil {
		t.Fatal("a flake of another hash was taken")
	}
	var p *deploy.Problem
	if !errors.As(err, &p) || !strings.Contains(p.What+strings.Join(p.Details, " "), s.Good.Hash) {
		t.Errorf("the refusal does not name the hash that arrived: %v", err)
	}
	if d.inspect(s.Good).FlakePresent {
		t.Error("an unverified flake is there")
	}
	d.upload(s.Good)
	d.upload(s.Good)
	if !d.inspect(s.Good).FlakePresent || d.inspect(s.Better).FlakePresent {
		t.Error("of two flakes, not exactly the uploaded one is there")
	}
}

func plans(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	before := d.inspect(nil).Links
	d.upload(s.Good)
	plan := d.build(s.Good, true)
	if plan.DryBuildCode != 0 || !strings.HasPrefix(plan.Toplevel, "/nix/store/") || len(plan.Build)+len(plan.Fetch) == 0 {
		t.Errorf("a plan without content: %+v", plan)
	}
	exact := d.asked(s.Good, deploy.BuildRequest{Exact: true})
	if exact.Toplevel != plan.Toplevel || exact.BuildCode != 0 || len(exact.Build)+len(exact.Fetch) != 0 {
		t.Errorf("built at once %+v, planned %s", exact, plan.Toplevel)
	}
	built := d.build(s.Good, false)
	if built.Toplevel != plan.Toplevel || built.BuildCode != 0 || built.Unswitchable {
		t.Errorf("built %+v, planned %s", built, plan.Toplevel)
	}
	if again := d.build(s.Good, true); len(again.Build)+len(again.Fetch) != 0 || again.Toplevel != plan.Toplevel {
		t.Errorf("what is built already is to be built: %+v", again)
	}
	d.isBack(before)
}

func differs(t *testing.T, s Subject) {
	d, bob := s.deployer(t, "RUN1", "ann@desk"), s.deployer(t, "RUN2", "bob@desk")
	before := d.inspect(nil)
	q := deploy.DifferenceRequest{From: before.Running, To: "/nix/store/00000000000000000000000000000000-nixos-system-x-1", Timeout: time.Minute}
	if a, err := d.Difference(t.Context(), q); err != nil || a.Difference != nil {
		t.Errorf("what is not in the store differs: %+v, %v", a.Difference, err)
	}
	d.upload(s.Good)
	q.To = d.build(s.Good, false).Toplevel
	if err := d.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	plain, err := d.Difference(t.Context(), q)
	if err != nil || plain.Difference == nil {
		t.Fatalf("%+v, %v", plain, err)
	}
	if l := d.inspect(nil).Lease; l != nil {
		t.Errorf("reading took the lease: %+v", l)
	}
	q.Units = true
	full, err := d.Difference(t.Context(), q)
	if err != nil || full.Difference == nil || full.Difference.Units == nil || full.Refused != "" {
		t.Fatalf("%+v, %v", full, err)
	}
	if _, err := bob.Difference(t.Context(), q); code(err) != deploy.CodeLocked {
		t.Errorf("bob may dry-activate while ann has the host: %v", err)
	}
	x := *full.Difference
	if x.From != before.Running || x.To != q.To || x.OldSize <= 0 || x.NewSize <= 0 || len(x.Packages) == 0 {
		t.Errorf("a difference without content: %+v", x)
	}
	grown := int64(0)
	for _, p := range x.Packages {
		grown += p.Bytes
	}
	if other := x.NewSize - x.OldSize - grown; other > 1<<20 || other < -1<<20 {
		t.Errorf("the packages grow by %d, the closures by %d", grown, x.NewSize-x.OldSize)
	}
	x.Units = nil
	if !reflect.DeepEqual(x, *plain.Difference) {
		t.Errorf("without units it is another one:\n%+v\n%+v", *plain.Difference, x)
	}
	if err := d.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o := d.inspect(nil); !slices.Equal(o.Generations, before.Generations) || !slices.Equal(o.FailedUnits, before.FailedUnits) {
		t.Errorf("asking changed the host: %+v", o)
	}
	d.isBack(before.Links)
}

func evaluationFails(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	d.upload(s.NoEvaluation)
	a := d.build(s.NoEvaluation, false)
	if a.DryBuildCode == 0 || a.Toplevel != "" || !strings.Contains(strings.Join(a.Output, "\n"), "error:") {
		t.Errorf("no evaluation error: %+v %q", a, a.Output)
	}
	a = d.asked(s.NoEvaluation, deploy.BuildRequest{Exact: true})
	if a.DryBuildCode != 0 || a.BuildCode == 0 || a.Toplevel != "" || !strings.Contains(strings.Join(a.Output, "\n"), "error:") {
		t.Errorf("built at once, no evaluation error: %+v %q", a, a.Output)
	}
}

func buildFails(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	d.upload(s.NoBuild)
	a := d.build(s.NoBuild, false)
	if a.DryBuildCode != 0 || a.BuildCode == 0 || a.Toplevel != "" || len(a.Output) == 0 {
		t.Errorf("no build error: %+v %q", a, a.Output)
	}
}

func leases(t *testing.T, s Subject) {
	ann, bob := s.deployer(t, "RUN1", "ann@desk"), s.deployer(t, "RUN2", "bob@desk")
	ann.upload(s.Good)
	err := bob.send(s.Good, s.Good.Hash)
	if code(err) != deploy.CodeLocked || !strings.Contains(err.Error(), "ann@desk") {
		t.Fatalf("bob was not told that ann has the host: %v", err)
	}
	if l := bob.inspect(nil).Lease; l == nil || l.Run != "RUN1" || l.Operator != "ann@desk" || l.Seconds <= 0 {
		t.Errorf("the lease is not shown: %+v", l)
	}
	if err := bob.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if bob.inspect(nil).Lease == nil {
		t.Error("bob took ann's lease away")
	}
	if err := ann.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	bob.upload(s.Good)
}

func locks(t *testing.T, s Subject) {
	ann, bob := s.deployer(t, "RUN1", "ann@desk"), s.deployer(t, "RUN2", "bob@desk")
	wanted, before := ann.arm(s.Good, "switch")
	if err := ann.Unlock(t.Context()); err != nil { // the lease; what is armed stays
		t.Fatal(err)
	}
	if err := bob.send(s.Better, s.Better.Hash); code(err) != deploy.CodeLocked {
		t.Errorf("an armed host took bob's upload: %v", err)
	}
	if _, err := bob.Arm(t.Context(), bob.request(s.Good, "switch", wanted, before)); code(err) != deploy.CodeLocked {
		t.Errorf("an armed host was armed by bob: %v", err)
	}
	a := bob.inspect(nil).Active
	if a == nil || a.Run != "RUN1" || a.Operator != "ann@desk" || a.Wanted != wanted || a.Record != before ||
		a.FlakeHash != s.Good.Digest() || a.Mode != "switch" || a.DecidesIn <= 0 || a.Claim != "" || a.Result != "" {
		t.Errorf("what is armed is not shown: %+v", a)
	}
	if got, err := bob.Confirm(t.Context(), window); err != nil || got.Claim != deploy.ClaimNone || got.Result != deploy.ResultNone {
		t.Errorf("bob confirmed ann's run: %+v, %v", got, err)
	}
	if got := ann.settled(ann.Back); got.Result != deploy.ResultReturned {
		t.Errorf("nothing was switched, and going back ended %+v", got)
	}
	ann.isBack(before)
	bob.resolved()
	if f := bob.inspect(s.Good).Failed; f == nil || *f != (deploy.FailedRun{Run: "RUN1", Result: deploy.ResultReturned}) {
		t.Errorf("the run that was returned is told as %+v", f)
	}
	err := bob.Record(t.Context(), deploy.RecordRequest{
		Stage: "dev", Fleet: "contract", Host: "subject", Digest: s.Good.Digest(), Attribute: s.Attribute, Toplevel: before.Running,
	})
	if err != nil {
		t.Fatal(err)
	}
	if f := bob.inspect(s.Good).Failed; f != nil {
		t.Errorf("it is recorded well since, and still told as failed: %+v", f)
	}
}

func records(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	before := d.inspect(nil)
	q := deploy.RecordRequest{
		Stage: "dev", Fleet: "contract", Host: "subject", Digest: s.Good.Digest(), Attribute: s.Attribute, Toplevel: before.Running,
	}
	if err := d.Record(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	o := d.inspect(s.Good)
	if r := o.Recorded; r == nil || r.Toplevel != before.Running || r.Attribute != s.Attribute || r.Run != "RUN1" ||
		r.Operator != "ann@desk" || r.Stage != "dev" || r.FlakeHash != s.Good.Digest() || !slices.Equal(r.Failed, before.FailedUnits) {
		t.Errorf("the record is %+v", r)
	}
	if o.ConfirmedAgo != nil {
		t.Errorf("it was not switched, and tells that it was %d s ago", *o.ConfirmedAgo)
	}
	if !o.WantedValid || o.Marker == nil || *o.Marker != (deploy.Marker{Fleet: "contract", Host: "subject"}) || o.Lease != nil {
		t.Errorf("after recording: valid %v, marker %+v, lease %+v", o.WantedValid, o.Marker, o.Lease)
	}
	q.Toplevel = "/nix/store/0000000000000000000000000000000-nothing"
	if err := d.Record(t.Context(), q); code(err) != deploy.CodeForeignChange {
		t.Errorf("it records what it does not run: %v", err)
	}
	if o := d.inspect(s.Good); o.Recorded == nil || o.Recorded.Toplevel != before.Running || o.Lease != nil {
		t.Errorf("after a refusal: record %+v, lease %+v", o.Recorded, o.Lease)
	}
	d.isBack(before.Links)
}

// What drift is told from: the newest record, or a rollback that is newer.
func tellsTheLast(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	o := d.inspect(nil)
	if o.Last != nil {
		t.Fatalf("a fresh host was confirmed: %+v", o.Last)
	}
	first, failed := o.Links, o.FailedUnits
	last := func(run, operator, toplevel, digest string, link bool) {
		t.Helper()
		o := d.inspect(nil)
		r := o.Last
		if r == nil || r.Run != run || r.Operator != operator || r.Toplevel != toplevel || r.FlakeHash != digest || r.Stage != "dev" ||
			r.Time.IsZero() || !slices.Equal(r.Failed, failed) || (r.ProfileLink == o.ProfileLink) != link {
			t.Errorf("after %s, the last is %+v", run, r)
		}
	}
	q := deploy.RecordRequest{
		Stage: "dev", Fleet: "contract", Host: "subject", Digest: s.Best.Digest(), Attribute: s.Attribute, Toplevel: first.Running,
	}
	if err := d.Record(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	last("RUN1", "ann@desk", first.Running, s.Best.Digest(), true)
	d.later()
	d = s.deployer(t, "RUN2", "bob@ci")
	wanted, _ := d.deploy(s.Good, "switch")
	last("RUN1", "ann@desk", first.Running, s.Best.Digest(), false) // unresolved is not confirmed
	d.settled(d.Confirm)
	d.resolved()
	last("RUN2", "bob@ci", wanted, s.Good.Digest(), true)
	d.later()
	d = s.deployer(t, "RUN3", "eve@desk")
	back := d.request(s.Good, "switch", first.Profile, d.inspect(nil).Links)
	back.Goal, back.WantedLink = deploy.GoalSystem, first.ProfileLink
	if _, err := d.Arm(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	d.start()
	d.await()
	d.settled(d.Confirm)
	d.resolved()
	last("RUN3", "eve@desk", first.Profile, s.Best.Digest(), false)
	d.later()
	d = s.deployer(t, "RUN4", "ann@desk")
	if err := d.Record(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	last("RUN4", "ann@desk", first.Running, s.Best.Digest(), true)
}

// What is asked after the journal is gone, or for a rollback of a run.
func keeps(t *testing.T, s Subject) {
	d := s.deployer(t, "RUN1", "ann@desk")
	ask := func(run, system string) deploy.KeptRun {
		t.Helper()
		k, err := d.Kept(t.Context(), run, system)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if k := ask("RUN1", ""); k.Run != "" || k.Active || k.System != "" || k.Links != d.inspect(nil).Links {
		t.Errorf("a fresh host holds %+v", k)
	}
	wanted, before := d.arm(s.Good, "switch")
	if k := ask("RUN1", ""); k.Run != "RUN1" || !k.Active || k.Result != deploy.ResultNone || k.Record != before || k.Wanted != wanted ||
		k.Operator != "ann@desk" || k.Stage != "dev" || k.Host != "subject" || k.Fleet != "contract" ||
		k.FlakeHash != s.Good.Digest() || k.Goal != deploy.GoalFlake || k.Lease == nil {
		t.Errorf("of the armed run it holds %+v", k)
	}
	if k := ask("RUN2", ""); k.Run != "" || k.Active || k.Lease != nil {
		t.Errorf("of a run that it never saw it holds %+v", k)
	}
	d.settled(d.Back)
	d.resolved()
	if k := ask("RUN1", before.Profile); k.Run != "RUN1" || k.Active || k.Result != deploy.ResultReturned || k.Record != before ||
		k.System != before.Profile || k.SystemLink != "" {
		t.Errorf("of the returned run it holds %+v", k)
	}
	number := strings.TrimSuffix(strings.TrimPrefix(before.ProfileLink, "system-"), "-link")
	if k := ask("", number); k.System != before.Profile || k.SystemLink != before.ProfileLink || k.Run != "" {
		t.Errorf("generation %s is %+v", number, k)
	}
	for _, none := range []string{"99999", "../../../etc", "/nix/store/00000000000000000000000000000000-nothing"} {
		if k := ask("", none); k.System != "" {
			t.Errorf("%q can be gone back to: %+v", none, k)
		}
	}
}
