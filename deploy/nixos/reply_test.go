package nixos

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// scripted is a connection whose host prints what the test says; NONCE in it is
// replaced by the nonce of the call.
type scripted struct {
	out  string
	errs []string
	exit int
	err  error
	sent deploy.Command
}

func (s *scripted) Run(_ context.Context, c deploy.Command, out, errs func(string)) (int, error) {
	s.sent = c
	if s.err != nil {
		return 0, s.err
	}
	for line := range strings.Lines(strings.ReplaceAll(s.out, "NONCE", c.Args[0])) {
		out(strings.TrimSuffix(line, "\n"))
	}
	for _, line := range s.errs {
		errs(line)
	}
	return s.exit, nil
}

func (s *scripted) Close() error { return nil }

func codeOf(err error) deploy.Code {
	if p, ok := errors.AsType[*deploy.Problem](err); ok {
		return p.Code
	}
	return ""
}

// Whatever a banner, a shell's start-up file or a tool prints: only lines with
// this call's nonce are answers.
func TestOnlyNoncedLinesAreAnswers(t *testing.T) {
	s := &scripted{out: "Welcome!\nhostname evil\n" + "deadbeef hostname evil\nNONCE hostname web-1\n NONCE hostname evil\nNONCE nixos yes\nNONCE end inspect\n"}
	o, err := Inspect(t.Context(), s, "")
	if err != nil || o.Hostname != "web-1" || !o.NixOS {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAnAnswerThatStopsIsNoAnswer(t *testing.T) {
	for name, s := range map[string]*scripted{
		"nothing ran":  {},
		"cut short":    {out: "NONCE hostname web-1\n"},
		"another end":  {out: "x end inspect\n"},
		"it failed":    {out: "NONCE hostname web-1\n", exit: 1, errs: []string{"sh: 3: nope: not found"}},
		"said it died": {out: "NONCE fault disk full\n", exit: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Inspect(t.Context(), s, ""); codeOf(err) != deploy.CodeProtocol {
				t.Errorf("taken for an answer: %v", err)
			}
		})
	}
}

func TestNoncesDiffer(t *testing.T) {
	s := &scripted{out: "NONCE end inspect\n"}
	seen := map[string]bool{}
	for range 50 {
		if _, err := Inspect(t.Context(), s, ""); err != nil {
			t.Fatal(err)
		}
		if n := s.sent.Args[0]; seen[n] || len(n) < 20 {
			t.Fatalf("nonce %q", n)
		}
		seen[s.sent.Args[0]] = true
	}
}

func TestInspectReadsEverything(t *testing.T) {
	s := &scripted{out: `NONCE uptime 512
NONCE boot b00t
NONCE nixos yes
NONCE machine aarch64
NONCE hostname web-1
NONCE machine_id abc
NONCE rebuild /nix/store/x-nixos-rebuild-ng-25.11/bin/nixos-rebuild
NONCE nix /nix/store/y-nix-2.28.3/bin/nix
NONCE container yes
NONCE links system-42-link /nix/store/p /nix/store/r - /nix/store/n grub
NONCE generations 1 7 42
NONCE failed a.service
NONCE failed b.service
NONCE free 1024 /nix
NONCE reboot kernel
NONCE guard /etc/systemd is read-only
NONCE marker home web-1
NONCE lease RUN1 anna@ci 1700000000 44
NONCE active run RUN2
NONCE active operator bert@laptop
NONCE active since 1700000001
NONCE active mode test-first
NONCE active wanted /nix/store/t
NONCE active claim confirm
NONCE active result 
NONCE active decides 17
NONCE active record system-41-link /nix/store/p /nix/store/p /nix/store/p /nix/store/p grub
NONCE active code 4
NONCE active rebooted yes
NONCE baseline old.service
NONCE previous link system-41-link
NONCE previous profile /nix/store/p41
NONCE previous run RUN0
NONCE last flake d0
NONCE last toplevel /nix/store/p41
NONCE last link system-41-link
NONCE last failed old.service
NONCE present yes
NONCE record flake d1
NONCE record attribute web-1
NONCE record toplevel /nix/store/t
NONCE record time 1700000002
NONCE record failed old.service
NONCE valid yes
NONCE end inspect
`}
	got, err := Inspect(t.Context(), s, "d1")
	if err != nil {
		t.Fatal(err)
	}
	want := deploy.Observation{
		Links: deploy.Links{ProfileLink: "system-42-link", Profile: "/nix/store/p", Running: "/nix/store/r", NextBoot: "/nix/store/n", Reader: "grub"},
		NixOS: true, System: "aarch64-linux", Hostname: "web-1", MachineID: "abc", BootID: "b00t", Uptime: 512, Container: true,
		NixVersion: "2.28.3", Rebuild: "/nix/store/x-nixos-rebuild-ng-25.11/bin/nixos-rebuild", RebuildKind: "python",
		Generations: []int{1, 7, 42}, FailedUnits: []string{"a.service", "b.service"}, FreeBytes: map[string]int64{"/nix": 1 << 20},
		Marker: &deploy.Marker{Fleet: "home", Host: "web-1"},
		Lease:  &deploy.Lease{Run: "RUN1", Operator: "anna@ci", Since: 1700000000, Seconds: 44},
		Active: &deploy.ActiveRun{
			Run: "RUN2", Operator: "bert@laptop", Since: 1700000001, Mode: "test-first", Wanted: "/nix/store/t",
			Record: deploy.Links{ProfileLink: "system-41-link", Profile: "/nix/store/p", Running: "/nix/store/p", Booted: "/nix/store/p", NextBoot: "/nix/store/p", Reader: "grub"},
			Claim:  deploy.ClaimConfirm, SwitchDone: true, SwitchCode: 4, DecidesIn: 17, Rebooted: true, Failed: []string{"old.service"},
		},
		RebootPending: true, GuardReboot: "/etc/systemd is read-only", FlakePresent: true, WantedValid: true,
		Previous: &deploy.Previous{Run: "RUN0", ProfileLink: "system-41-link", Profile: "/nix/store/p41"},
		Last:     &deploy.Record{FlakeHash: "d0", Toplevel: "/nix/store/p41", ProfileLink: "system-41-link", Failed: []string{"old.service"}},
		Recorded: &deploy.Record{FlakeHash: "d1", Attribute: "web-1", Toplevel: "/nix/store/t", Time: time.Unix(1700000002, 0).UTC(), Failed: []string{"old.service"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(s.sent.Script, "nixdeploy remote script: inspect") || s.sent.Args[1] != "d1" {
		t.Errorf("sent %v", s.sent.Args)
	}
}

// A deadline that has passed is not told as a time to come.
func TestAGuardThatDecidesDoesSoNow(t *testing.T) {
	if a := activeRun([]string{"run R1", "decides -300"}); a.DecidesIn != 0 {
		t.Errorf("it decides in %d s", a.DecidesIn)
	}
}

func TestLockedSaysWhoSinceWhenAndUntilWhen(t *testing.T) {
	m := &Machine{Conn: &scripted{out: "NONCE locked RUN1 anna@ci 1700000000 125 guard\nNONCE end guard\n"}, Run: "R", Operator: "o"}
	err := m.Upload(t.Context(), "d", "sha256-x", strings.NewReader(""))
	var p *deploy.Problem
	if !errors.As(err, &p) || p.Code != deploy.CodeLocked {
		t.Fatalf("%v", err)
	}
	text := p.What + " " + strings.Join(p.Details, " ")
	for _, part := range []string{"anna@ci", "22:13:20 UTC", "RUN1", "2m5s", "decides"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not said in %q", part, text)
		}
	}
}

func TestArmRefusals(t *testing.T) {
	for answer, code := range map[string]deploy.Code{
		"NONCE armed yes":                       "",
		"NONCE foreign upgrade 7 0 0 - x":       deploy.CodeLocked,
		"NONCE moved system-3-link /p /r":       deploy.CodeForeignChange,
		"NONCE missing /nix/store/gone":         deploy.CodeGuard,
		"NONCE unguarded cannot be written":     deploy.CodeGuard,
		"NONCE links a b c d e f":               deploy.CodeProtocol,
		"NONCE locked R2 bert@x 1 60 lease":     deploy.CodeLocked,
		"NONCE fault the host's own lock is on": deploy.CodeProtocol,
	} {
		t.Run(answer, func(t *testing.T) {
			m := &Machine{Conn: &scripted{out: answer + "\nNONCE end guard\n"}, Run: "R", Operator: "o"}
			_, err := m.Arm(t.Context(), deploy.ArmRequest{})
			if got := codeOf(err); got != code {
				t.Errorf("code %q, want %q", got, code)
			}
		})
	}
}

// What goes into a host's meta file is one line each.
func TestArmRefusesLineBreaks(t *testing.T) {
	s := &scripted{out: "NONCE armed yes\nNONCE end guard\n"}
	m := &Machine{Conn: s, Run: "R", Operator: "o"}
	if _, err := m.Arm(t.Context(), deploy.ArmRequest{Attribute: "web\nwanted /nix/store/evil"}); err == nil || s.sent.Name != "" {
		t.Errorf("sent: %v, %v", s.sent.Args, err)
	}
}

func TestBuildTellsPhasesApart(t *testing.T) {
	s := &scripted{out: `NONCE phase dry-build
building the system configuration...
these 2 derivations will be built:
  /nix/store/b.drv
  /nix/store/a.drv
NONCE dry-build 0
NONCE phase build
building '/nix/store/a.drv'...
NONCE build 0
NONCE wanted /nix/store/t
NONCE end build
`}
	m := &Machine{Conn: s, Run: "R", Operator: "o"}
	var lines []string
	a, err := m.Build(t.Context(), deploy.BuildRequest{Digest: "d", Hash: "sha256-a+b/c=", Attribute: "web-1", Timeout: time.Minute}, func(l string) { lines = append(lines, l) })
	if err != nil {
		t.Fatal(err)
	}
	want := deploy.BuildAnswer{Toplevel: "/nix/store/t", Build: []string{"/nix/store/a.drv", "/nix/store/b.drv"}, Output: []string{"building '/nix/store/a.drv'..."}}
	if diff := cmp.Diff(want, a); diff != "" || len(lines) != 5 {
		t.Errorf("%d lines, %s", len(lines), diff)
	}
	if ref := s.sent.Args[6]; ref != "path:/var/lib/nixdeploy/uploads/d?narHash=sha256-a%2Bb%2Fc%3D" {
		t.Errorf("reference %s", ref)
	}
}

func TestHowABuildIsAskedFor(t *testing.T) {
	for want, q := range map[string]deploy.BuildRequest{"build": {}, "plan": {PlanOnly: true}, "exact": {Exact: true}} {
		s := &scripted{out: "NONCE end build\n"}
		m := &Machine{Conn: s, Run: "R", Operator: "o"}
		if _, err := m.Build(t.Context(), q, func(string) {}); err != nil || s.sent.Args[4] != want {
			t.Errorf("%+v is asked for as %q, %v", q, s.sent.Args, err)
		}
	}
}

func TestAwaitAndSettlementAnswers(t *testing.T) {
	links := "NONCE links system-2-link /p /r - - unknown\n"
	m := func(out string) *Machine {
		return &Machine{Conn: &scripted{out: out + links + "NONCE end guard\n"}, Run: "R"}
	}
	a, err := m("NONCE out activating\nNONCE offset 99\nNONCE switched 4\nNONCE claim none\n").Await(t.Context(), 10, time.Second)
	if err != nil || !a.Done || a.Code != 4 || a.Offset != 99 || a.Claim != deploy.ClaimNone || a.Links.Profile != "/p" || a.Links.NextBoot != "" {
		t.Errorf("%+v %v", a, err)
	}
	a, err = m("NONCE gone -\nNONCE result returned\n").Await(t.Context(), 10, time.Second)
	if err != nil || !a.Gone || a.Result != deploy.ResultReturned || a.Offset != 10 {
		t.Errorf("%+v %v", a, err)
	}
	s, err := m("NONCE claim return\nNONCE result returned\nNONCE log back\n").Confirm(t.Context(), time.Second)
	if err != nil || s.Claim != deploy.ClaimReturn || s.Result != deploy.ResultReturned || len(s.Log) != 1 {
		t.Errorf("%+v %v", s, err)
	}
	s, err = m("NONCE claim confirm\nNONCE result pending\n").Back(t.Context(), time.Second)
	if err != nil || s.Claim != deploy.ClaimConfirm || s.Result != deploy.ResultNone {
		t.Errorf("%+v %v", s, err)
	}
}

func TestProbeAnswers(t *testing.T) {
	p := func(out string) *Probe { return &Probe{Conn: &scripted{out: out + "NONCE end probe\n"}, Run: "R"} }
	if units, err := p("NONCE failed a.service\nNONCE failed b.service\n").FailedUnits(t.Context()); err != nil || len(units) != 2 {
		t.Errorf("%v %v", units, err)
	}
	if states, err := p("NONCE state active a.service\nNONCE state inactive b c.service\n").UnitStates(t.Context(), nil); err != nil || states["a.service"] != "active" || states["b c.service"] != "inactive" {
		t.Errorf("%v %v", states, err)
	}
	if code, out, err := p("NONCE output hello\nNONCE output world\nNONCE code 3\n").RunCheck(t.Context(), []string{"x"}, time.Second); err != nil || code != 3 || out != "hello\nworld" {
		t.Errorf("%d %q %v", code, out, err)
	}
	if status, err := p("NONCE code 0\nNONCE status 503\n").Fetch(t.Context(), "http://x", time.Second); err != nil || status != 503 {
		t.Errorf("%d %v", status, err)
	}
	if _, err := p("NONCE code 127\n").Fetch(t.Context(), "http://x", time.Second); codeOf(err) != deploy.CodeUnsupported {
		t.Errorf("no curl is %v", err)
	}
	if err := p("NONCE code 1\n").Connect(t.Context(), "[::1]:80", time.Second); err == nil || codeOf(err) != "" {
		t.Errorf("a refused connection is %v", err)
	}
	_, claim, gone, err := p("NONCE claim gone\nNONCE links a b c d e f\n").Contact(t.Context())
	if err != nil || !gone || claim != deploy.ClaimNone {
		t.Errorf("%v %v %v", claim, gone, err)
	}
}

func FuzzReplies(f *testing.F) {
	f.Add("NONCE links a b c d e f\nNONCE locked x\nNONCE end guard")
	f.Add("NONCE mount / a b - - \\04\nNONCE key etc x\nNONCE wanted-system {\nNONCE hardware_code 0\nNONCE hardware x")
	f.Add("NONCE free 99999999999999999999 /\nNONCE active code x\nNONCE end")
	f.Fuzz(func(t *testing.T, text string) {
		p := newParser("NONCE", nil)
		for line := range strings.Lines(text) {
			p.line(strings.TrimSuffix(line, "\n"))
		}
		_ = observation(&p.reply)
		_ = p.reply.refusal()
		_, _ = hostFacts(&p.reply, "root")
		_ = demands(&p.reply)
	})
}
