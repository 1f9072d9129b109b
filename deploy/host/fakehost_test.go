package host

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// fakeHost is a host, its dialer, its connection and its journal in one: a
// single trace of what was written and what was sent, in order.
type fakeHost struct {
	mu     sync.Mutex
	trace  []string // "intent switch", "send start", "state confirmed", ...
	events []deploy.Event

	links    deploy.Links
	observed deploy.Observation
	build    deploy.BuildAnswer
	differs  deploy.DifferenceAnswer
	facts    deploy.HostFacts
	armed    bool
	started  bool
	claim    deploy.Claim
	result   deploy.Result
	deadline time.Time
	window   time.Duration

	// How the next calls of a name fail, one each; nil means they do not.
	fails map[string][]error
	// onStart is what the switch does to the host; the default activates.
	onStart func(*fakeHost)
	// onArm is what else happens when it is armed; nil for nothing.
	onArm  func(*fakeHost)
	health *deploy.Problem
	// cutUntil is when the cable is plugged in again.
	cutUntil time.Time
}

func lostConnection() error {
	return &deploy.Problem{Code: deploy.CodeUnreachable, What: "connection lost"}
}

func newFakeHost() *fakeHost {
	return &fakeHost{
		links: onOld,
		observed: deploy.Observation{
			NixOS: true, Rebuild: "/nix/store/x-nixos-rebuild/bin/nixos-rebuild", GuardReboot: "yes",
			Marker: &deploy.Marker{Fleet: "home", Host: "web-1"}, FailedUnits: []string{"old.service"},
		},
		build: deploy.BuildAnswer{Toplevel: newSystem},
		fails: map[string][]error{},
	}
}

func (f *fakeHost) did(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trace = append(f.trace, "send "+what)
	if errs := f.fails[what]; len(errs) > 0 {
		f.fails[what] = errs[1:]
		return errs[0]
	}
	return nil
}

// tick lets the guard decide when its time has come.
func (f *fakeHost) tick() {
	if f.armed && f.claim == deploy.ClaimNone && !time.Now().Before(f.deadline) {
		f.goBack()
	}
}

func (f *fakeHost) goBack() {
	f.claim, f.result, f.links, f.armed = deploy.ClaimReturn, deploy.ResultReturned, onOld, false
}

func (f *fakeHost) Append(_ context.Context, e deploy.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e.Kind {
	case deploy.EventStepIntent:
		f.trace = append(f.trace, "intent "+string(e.Step))
	case deploy.EventHostState:
		f.trace = append(f.trace, "state "+string(e.State))
	}
	if errs := f.fails["journal "+string(e.Kind)+" "+string(e.Step)]; len(errs) > 0 {
		return errs[0]
	}
	f.events = append(f.events, e)
	return nil
}

func (f *fakeHost) Dial(context.Context, inventory.Host) (deploy.Conn, error) {
	if time.Now().Before(f.cutUntil) {
		return nil, lostConnection()
	}
	if err := f.did("dial"); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *fakeHost) Run(context.Context, deploy.Command, func(string), func(string)) (int, error) {
	return 0, f.did("run")
}
func (f *fakeHost) Close() error { return nil }

func (f *fakeHost) Inspect(context.Context, string) (deploy.Observation, error) {
	if err := f.did("inspect"); err != nil {
		return deploy.Observation{}, err
	}
	f.tick()
	o := f.observed
	o.Links = f.links
	return o, nil
}

func (f *fakeHost) Upload(_ context.Context, _, _ string, tar io.Reader) error {
	if _, err := io.Copy(io.Discard, tar); err != nil {
		return err
	}
	return f.did("upload")
}

func (f *fakeHost) Build(_ context.Context, b deploy.BuildRequest, out func(string)) (deploy.BuildAnswer, error) {
	out("building the system configuration...")
	return f.build, f.did("build")
}

func (f *fakeHost) Difference(_ context.Context, q deploy.DifferenceRequest) (deploy.DifferenceAnswer, error) {
	a := f.differs
	if a.Difference != nil {
		d := *a.Difference
		d.From, d.To = q.From, q.To
		if q.Units && a.Refused == "" {
			d.Units = &deploy.UnitChanges{Restart: []string{"sshd.service"}}
		}
		a.Difference = &d
	}
	return a, f.did("difference")
}

func (f *fakeHost) Arm(_ context.Context, a deploy.ArmRequest) ([]string, error) {
	if err := f.did("arm"); err != nil {
		return nil, err
	}
	failed := f.observed.FailedUnits
	f.armed, f.window = true, a.ConfirmTimeout
	f.deadline = time.Now().Add(a.ActivationTimeout + a.ConfirmTimeout)
	if f.onArm == nil {
		return failed, nil
	}
	f.onArm(f)
	if errs := f.fails["after arm"]; len(errs) > 0 {
		return nil, errs[0]
	}
	return failed, nil
}

func (f *fakeHost) Start(context.Context) (deploy.Claim, error) {
	if err := f.did("start"); err != nil {
		return "", err
	}
	if f.started {
		return f.claim, nil
	}
	f.started = true
	f.deadline = time.Now().Add(f.window)
	if f.onStart != nil {
		f.onStart(f)
	} else {
		f.links = onNew
	}
	return "", nil
}

func (f *fakeHost) Await(context.Context, int64, time.Duration) (deploy.SwitchAnswer, error) {
	if err := f.did("await"); err != nil {
		return deploy.SwitchAnswer{}, err
	}
	f.tick()
	a := deploy.SwitchAnswer{Done: true, Links: f.links, Claim: f.claim, Result: f.result}
	a.Gone = f.result != deploy.ResultNone
	return a, nil
}

func (f *fakeHost) Contact(context.Context) (deploy.Links, deploy.Claim, bool, error) {
	if err := f.did("contact"); err != nil {
		return deploy.Links{}, "", false, err
	}
	f.tick()
	if f.armed {
		f.deadline = time.Now().Add(f.window)
	}
	return f.links, f.claim, f.result != deploy.ResultNone, nil
}

func (f *fakeHost) settlement(claim deploy.Claim, result deploy.Result) deploy.Settlement {
	f.tick()
	if f.claim == deploy.ClaimNone {
		if claim == deploy.ClaimReturn {
			f.goBack()
		} else {
			f.claim, f.result, f.armed = claim, result, false
		}
	}
	return deploy.Settlement{Claim: f.claim, Result: f.result, Links: f.links}
}

func (f *fakeHost) Confirm(context.Context, time.Duration) (deploy.Settlement, error) {
	if err := f.did("confirm"); err != nil {
		return deploy.Settlement{}, err
	}
	return f.settlement(deploy.ClaimConfirm, deploy.ResultConfirmed), nil
}

func (f *fakeHost) Back(context.Context, time.Duration) (deploy.Settlement, error) {
	if err := f.did("back"); err != nil {
		return deploy.Settlement{}, err
	}
	return f.settlement(deploy.ClaimReturn, deploy.ResultReturned), nil
}

func (f *fakeHost) Record(context.Context, deploy.RecordRequest) error { return f.did("record") }
func (f *fakeHost) Kept(_ context.Context, run, _ string) (deploy.KeptRun, error) {
	return deploy.KeptRun{Run: run, Result: deploy.ResultConfirmed}, f.did("kept")
}
func (f *fakeHost) Approve(_ context.Context, digest, stage string) error {
	return f.did("approve " + digest + " " + stage)
}
func (f *fakeHost) Unlock(context.Context) error { return f.did("unlock") }
func (f *fakeHost) Facts(_ context.Context, user string) (deploy.HostFacts, error) {
	facts := f.facts
	facts.Facts.User.Name = user
	return facts, f.did("facts")
}

func (f *fakeHost) driver() *Driver {
	return &Driver{
		Dialer:  f,
		Attach:  func(deploy.Conn, string) Machine { return f },
		Health:  func(context.Context, HealthRequest) *deploy.Problem { _ = f.did("health"); return f.health },
		Journal: f,
		Flake:   Flake{Digest: "d1", Hash: "sha256-x", Pack: func(w io.Writer) error { _, err := io.WriteString(w, "tar"); return err }},
		Run:     "run-2",
		Terms:   Terms{Fleet: "home", Ours: func(run string) bool { return run == "run-1" }},
	}
}

func webHost() inventory.Host {
	return inventory.Host{
		Name: "web-1", Attribute: "web-1", Activation: inventory.ActivationSwitch,
		ActivationTimeout: 15 * time.Minute, ConfirmTimeout: time.Minute, BuildTimeout: time.Hour,
	}
}

func (f *fakeHost) count(what string) int {
	n := 0
	for _, t := range f.trace {
		if t == what {
			n++
		}
	}
	return n
}

func (f *fakeHost) wantTrace(t *testing.T, want string) {
	t.Helper()
	var got []string
	for _, s := range f.trace {
		if s != "send dial" {
			got = append(got, s)
		}
	}
	if g := strings.Join(got, ", "); g != want {
		t.Errorf("trace\n got %s\nwant %s", g, want)
	}
}

// Whatever happens, what changes a host is announced durably before it is sent.
func (f *fakeHost) wantIntentsFirst(t *testing.T) {
	t.Helper()
	for sent, step := range map[string]string{"start": "switch", "arm": "arm", "confirm": "confirm", "back": "return", "record": "record"} {
		s, i := slices.Index(f.trace, "send "+sent), slices.Index(f.trace, "intent "+step)
		if s >= 0 && (i < 0 || i > s) {
			t.Errorf("%s was sent without its intent in the journal: %v", sent, f.trace)
		}
	}
}
