package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func TestPlan(t *testing.T) {
	for name, s := range styles() {
		golden(t, "plan-"+name+".golden", s.Plan(shopPlan(), "nixdeploy apply --stage prod"))
	}
}

func TestPlanBehindAClosedGate(t *testing.T) {
	p := shopPlan()
	p.Hosts = p.Hosts[:1]
	p.Gate = deploy.Gate{Before: []deploy.GateStage{{Stage: "dev", Proven: []string{"dev1"}, Missing: []string{"dev2"}}}}
	s := Style{Unicode: true}
	if got := s.Plan(p, ""); !strings.Contains(got, "Gate: closed: this flake is not confirmed on dev (not dev2)\n") {
		t.Errorf("the gate's line is not there:\n%s", got)
	}
	p.Gate.Override = "hotfix 4711"
	if got := s.Plan(p, ""); !strings.Contains(got, "Gate: overridden: hotfix 4711; ") {
		t.Errorf("the override is not told:\n%s", got)
	}
}

func TestLines(t *testing.T) {
	for name, verbose := range map[string]bool{"quiet": false, "verbose": true} {
		l := NewLines(Style{Unicode: true}, verbose)
		var b strings.Builder
		for _, e := range shopRun() {
			b.WriteString(l.Text(e))
		}
		golden(t, "lines-"+name+".golden", b.String())
	}
}

func TestNoLineBeginsWithForeignText(t *testing.T) {
	l := NewLines(Style{}, true)
	got := l.Text(deploy.Event{Kind: deploy.EventOutput, Host: "web1", Message: "::add-path::/tmp\r\n::error::x"})
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "web1 | ") {
			t.Errorf("a line without its host: %q", line)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	l := NewLines(Style{Unicode: true}, false)
	if got := l.Heartbeat(noon); got != "" {
		t.Errorf("before anything happened: %q", got)
	}
	for _, e := range shopRun()[:8] { // web1 built, web2 in its switch since 12:00:03
		l.Text(e)
	}
	built := noon.Add(44 * time.Second)
	if got := l.Heartbeat(built.Add(29 * time.Second)); got != "" {
		t.Errorf("after 29 s of silence: %q", got)
	}
	want := "prod: wave 1 of 3, 0 of 7 done, in flight: web1 build 1m11s, web2 switch 1m11s\n"
	if got := l.Heartbeat(built.Add(30 * time.Second)); got != want {
		t.Errorf("after 30 s of silence: got %q, want %q", got, want)
	}
	if got := l.Heartbeat(built.Add(50 * time.Second)); got != "" {
		t.Errorf("20 s after a heartbeat: %q", got)
	}
}

func TestHeartbeatNamesTheSlowest(t *testing.T) {
	l := NewLines(Style{}, false)
	for i := range 20 {
		l.Text(deploy.Event{
			Kind: deploy.EventStepStarted, Host: fmt.Sprintf("h%02d", i), Step: deploy.StepBuild,
			Time: noon.Add(time.Duration(20-i) * time.Second),
		})
	}
	got := l.Heartbeat(noon.Add(2 * time.Minute))
	if !strings.Contains(got, "in flight: h19 build 1m59s, h18") || !strings.HasSuffix(got, "and 12 more\n") {
		t.Errorf("got %q", got)
	}
}

func TestHeartbeatInASoak(t *testing.T) {
	l := NewLines(Style{}, false)
	for _, e := range shopRun()[:15] {
		l.Text(e)
	}
	want := "prod: wave 1 of 3, 2 of 7 done, soak 32s of 1m00s\n"
	if got := l.Heartbeat(noon.Add(130 * time.Second)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSummary(t *testing.T) {
	for name, s := range styles() {
		golden(t, "summary-"+name+".golden", s.Summary(shopEnding()))
	}
}

func TestSummaryOfALargeFleetNamesWhatIsNotWell(t *testing.T) {
	e := shopEnding()
	e.Report.Hosts = nil
	e.Hosts = nil
	for i := range 500 {
		h := fmt.Sprintf("web%03d", i)
		st := deploy.StateConfirmed
		if i%50 == 49 {
			st = deploy.StateStranded
		}
		e.Report.Hosts = append(e.Report.Hosts, deploy.HostReport{Host: h, Stage: "prod", State: st, Contacted: true, Changed: true, After: links(i, h)})
	}
	got := Style{}.Summary(e)
	if n := strings.Count(got, "\n"); n > 40 {
		t.Errorf("%d lines", n)
	}
	for i := 49; i < 500; i += 50 {
		if !strings.Contains(got, fmt.Sprintf("  web%03d  prod", i)) {
			t.Errorf("web%03d is stranded and not in the table", i)
		}
	}
	if !strings.Contains(got, "and 476 more that ended well") {
		t.Errorf("what was cut is not counted:\n%s", got)
	}
}

func TestAChangedHostThatWasNotReadBackIsNotGuessed(t *testing.T) {
	e := shopEnding()
	e.Report.Hosts = []deploy.HostReport{{
		Host: "web1", Stage: "prod", State: deploy.StateStranded, Contacted: true, Changed: true, Before: links(118, "web1"),
	}}
	if got := (Style{}).Summary(e); !strings.Contains(got, "not read back") || strings.Contains(got, "118") {
		t.Errorf("the record is shown as what runs:\n%s", got)
	}
}

func TestProblemsOfOneCauseShareABlock(t *testing.T) {
	var problems []deploy.Problem
	for _, h := range []string{"web1", "web2"} {
		problems = append(problems, deploy.Problem{
			Code: deploy.CodeEvaluation, Host: h, Step: deploy.StepDryBuild, What: "the flake does not evaluate",
			Details: []string{"error: The option `virtualisation.dokcer' does not exist.\n  at /nix/store/x/flake.nix:3:1"},
			State:   "not touched", Next: "nixdeploy plan --on web1,web2", Err: errors.New("exit status 1"),
		})
	}
	problems = append(problems, deploy.Problem{Code: deploy.CodeUnreachable, Host: "db1", What: "timed out\x1b[2J"})
	for name, s := range styles() {
		golden(t, "problems-"+name+".golden", s.Problems(problems))
	}
}

func TestALongTailOfEvidenceIsCutAtItsOldEnd(t *testing.T) {
	var tail []string
	for i := range 100 {
		tail = append(tail, fmt.Sprintf("line %d", i))
	}
	got := Style{}.Problem(deploy.Problem{Code: deploy.CodeBuild, What: "does not build", Details: tail})
	if !strings.Contains(got, "line 99") || strings.Contains(got, "line 79\n") || !strings.Contains(got, "left out") {
		t.Errorf("got:\n%s", got)
	}
}

func TestHosts(t *testing.T) {
	s := Style{Unicode: true, Width: 100}
	golden(t, "hosts.golden", s.Hosts([]inventory.Host{shopHost()}, false))
	golden(t, "hosts-detailed.golden", s.Hosts([]inventory.Host{shopHost()}, true))
	inv := &inventory.Inventory{Path: "hosts.toml", Hash: "abc", Fleet: "shop", Stages: []inventory.Stage{{Name: "prod"}}}
	golden(t, "hosts.json.golden", string(JSONHosts(inv, []inventory.Host{shopHost()})))
}

// TestColourSaysNothingAlone: without its escape sequences a coloured text is
// what is shown without colour.
func TestColourSaysNothingAlone(t *testing.T) {
	for name, show := range map[string]func(Style) string{
		"plan":    func(s Style) string { return s.Plan(shopPlan(), "nixdeploy apply") },
		"summary": func(s Style) string { return s.Summary(shopEnding()) },
		"status":  func(s Style) string { return s.Status(shopStatus()) },
		"lines": func(s Style) string {
			l, b := NewLines(s, true), strings.Builder{}
			for _, e := range shopRun() {
				b.WriteString(l.Text(e))
			}
			return b.String()
		},
	} {
		coloured, bare := show(Style{Color: true, Unicode: true}), show(Style{Unicode: true})
		if coloured == bare {
			t.Errorf("%s: no colour at all", name)
		}
		if got := colourCodes.ReplaceAllString(coloured, ""); got != bare {
			t.Errorf("%s: colour changes the text:\n%s\nwithout:\n%s", name, got, bare)
		}
		if strings.Contains(bare, "\x1b") {
			t.Errorf("%s: an escape sequence without colour", name)
		}
	}
}

func TestNothingIsWiderThanTheTerminal(t *testing.T) {
	for line := range strings.Lines(Style{Unicode: true, Width: 80}.Plan(shopPlan(), "")) {
		if w := cells(strings.TrimRight(line, "\n")); w > 80 {
			t.Errorf("%d columns: %s", w, line)
		}
	}
}

func TestJSONLines(t *testing.T) {
	var out bytes.Buffer
	out.Write(JSONVersion("0.1.0"))
	l := NewLines(Style{}, true)
	for _, e := range shopRun() {
		out.Write(JSONEvent(e, l.Text(e)))
	}
	out.Write(JSONReport(shopEnding()))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var first, last struct {
		Type, Message, Next string
		Exit                int
		Hosts               []struct{ Host, State string }
	}
	for i, line := range lines {
		var any map[string]any
		if err := json.Unmarshal([]byte(line), &any); err != nil {
			t.Fatalf("line %d is not JSON: %v: %s", i+1, err, line)
		}
	}
	if err := errors.Join(json.Unmarshal([]byte(lines[0]), &first), json.Unmarshal([]byte(lines[len(lines)-1]), &last)); err != nil {
		t.Fatal(err)
	}
	if first.Type != "version" || last.Type != "report" || last.Exit != 5 || last.Next == "" || len(last.Hosts) != 4 {
		t.Errorf("first %+v, last %+v", first, last)
	}
	if got := last.Hosts[3]; got.Host != "dr1" || got.State != "skipped" {
		t.Errorf("a host that was never begun: %+v", got)
	}
}

func TestJSONHoldsNoCommandForACI(t *testing.T) {
	line := JSONEvent(deploy.Event{Message: "##[add-path]/tmp"}, "")
	if bytes.Contains(line, []byte("##[")) {
		t.Errorf("got %s", line)
	}
	var e deploy.Event
	if err := json.Unmarshal(line, &e); err != nil || e.Message != "##[add-path]/tmp" {
		t.Errorf("the text is not what it was: %q, %v", e.Message, err)
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		400 * time.Millisecond: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s", 125 * time.Minute: "2h05m",
	} {
		if got := took(d); got != want {
			t.Errorf("took(%v) = %q, want %q", d, got, want)
		}
	}
	if got := atMost(37*time.Minute + time.Second); got != "38 min" {
		t.Errorf("a bound is rounded up: %q", got)
	}
}

func TestGeneration(t *testing.T) {
	for link, want := range map[string]string{"system-7-link": "7", "": "-", "system-x-link": "-", "system--link": "-"} {
		if got := Generation(&deploy.Links{ProfileLink: link}); got != want {
			t.Errorf("%q: %q, want %q", link, got, want)
		}
	}
}
