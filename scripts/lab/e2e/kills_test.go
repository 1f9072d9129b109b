package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

// For scripts/kills, which runs more of them than a test should.
var (
	killCount  = flag.Int("kills", 2, "how many rollouts are killed")
	killSeed   = flag.Uint64("kill-seed", 1, "of the instants")
	applyEach  = flag.Int("kills-apply", 1, "a plain apply follows every so many kills")
	killFleets = flag.Int("kill-fleets", 1, "how many fleets take turns")
	atLeast    = flag.Int("kills-each", 0, "how many kills at least must have fallen in each of arm, switch, health and confirm")
)

// A rollout over three stages is killed (SIGKILL) at instants drawn over its
// events, and resumed: every host is on the recorded or on the new system, none
// was switched twice, nothing was asked. Then a plain apply goes through.
func TestAKilledRolloutIsSettledByResume(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	begun := time.Now()
	all := &tally{t: t, falls: map[string]int{}, folder: logFolder(t)}
	all.print("seed %d", *killSeed)
	t.Run("fleets", func(t *testing.T) {
		for i := range *killFleets {
			t.Run(fmt.Sprint(i+1), func(t *testing.T) {
				t.Parallel()
				k := newKilling(t, all, *killSeed+uint64(i)<<32)
				for all.take() {
					k.round()
				}
			})
		}
	})
	all.histogram()
	all.close(fmt.Sprintf("%d kills, %d settled, %d violations (%s)", all.kills, all.settled, all.violations, time.Since(begun).Round(time.Second)))
}

// killing is one fleet whose rollouts are killed.
type killing struct {
	t       *testing.T
	all     *tally
	o       *operator
	rng     *rand.Rand
	hosts   []*lab.Host
	run     []moment // of a rollout that nobody disturbed
	release int
	aims    int
	dead    []string // runs that were killed
}

// newKilling boots a fleet of three stages, both bases and both activations,
// and brings the first release to it, undisturbed.
func newKilling(t *testing.T, all *tally, seed uint64) *killing {
	t.Helper()
	k := &killing{t: t, all: all, rng: rand.New(rand.NewPCG(seed, 0))}
	var members []member
	for i, stage := range []string{"container", "dev", "prod"} {
		base := []string{lab.Bookworm, lab.Trixie, lab.Bookworm}[i]
		h := lab.Up(t, lab.Options{Name: fmt.Sprintf("kills-%d-%d-%s", os.Getpid(), seed>>32, stage), Base: base})
		k.hosts = append(k.hosts, h)
		mode := []string{"switch", "switch", "test-first"}[i]
		members = append(members, member{host: h, stage: stage, more: "activation = \"" + mode + "\""})
	}
	k.o = newOperator(t, k.hosts[0])
	k.o.inventory("[stages.container]\nsoak = \"300ms\"\n[checks.units]\ntype = \"units\"\ninterval = \"100ms\"\n", members...)
	k.next()
	k.o.must("apply", "--yes", "--first")
	k.next()
	k.run = momentsOf(k.o.must("apply", "--yes", "--json").stdout)
	return k
}

// next writes a release that no host has seen.
func (k *killing) next() {
	k.release++
	k.o.flake(every(numbered(k.release), k.hosts...))
}

// numbered is a release that tells of its activations.
func numbered(n int) lab.System {
	return lab.System{Version: fmt.Sprintf("24.11.%d", n), Activation: rememberActivation}
}

// round kills one rollout, settles it and judges. An instant that the rollout
// ended before is drawn anew.
func (k *killing) round() {
	begun := time.Now()
	for k.t.Context().Err() == nil {
		k.next()
		before := k.standings()
		a := draw(k.rng, k.aims, k.run)
		k.aims++
		p, hit := k.o.shoot(a, "apply", "--yes", "--json")
		if !hit {
			if r := p.wait(); r.exit != 0 {
				k.all.giveUp(fmt.Sprintf("an undisturbed apply ended with %d\n%s%s", r.exit, r.stderr, r.stdout))
				return
			}
			continue
		}
		killed := k.o.lastRun()
		where := fell(killed.moments, a)
		k.dead = append(k.dead, killed.id)
		ran := time.Since(begun)
		resumed := k.o.run("resume", "--json")
		settled := time.Since(begun)
		found := k.judge(before, resumed)
		news := k.news()
		var applied result
		if k.aims%*applyEach == 0 {
			applied = k.o.run("apply", "--yes", "--json")
			found = append(found, k.judgeApply(before, news, applied)...)
		}
		k.all.round(where, fmt.Sprintf("%-30s resume %-3d %s  %4.1fs + %4.1fs + %4.1fs", a, resumed.exit, k.shown(news),
			ran.Seconds(), (settled-ran).Seconds(), (time.Since(begun)-settled).Seconds()), found)
		if len(found) > 0 {
			k.all.keep(k, resumed, applied)
		}
		k.tidy()
		return
	}
}

func (a aim) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s +%s", a.kind, a.step, a.after.Round(time.Millisecond))), " ")
}

// shoot starts nixdeploy and kills it at that instant; false when it had ended.
func (o *operator) shoot(a aim, args ...string) (p *process, hit bool) {
	o.t.Helper()
	w := newWatch(&a.moment)
	p = o.startWatched(w, args...)
	p.first(w.seen)
	time.Sleep(a.after)                       // drawn: the instant of the kill
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
	<-p.done
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return p, status.Signaled()
}

// startWatched is start with the lines of stdout handed on as they come.
func (o *operator) startWatched(w *watch, args ...string) *process {
	o.t.Helper()
	return o.begin(args, func(cmd *exec.Cmd) { cmd.Stdout = w })
}

// killedRun is what its journal holds.
type killedRun struct {
	id      string
	moments []moment
}

func (o *operator) lastRun() killedRun {
	var run killedRun
	w := newWatch(nil)
	for line := range strings.Lines(o.journal()) {
		// A line is a checksum and an event; a torn last one is none.
		start := strings.Index(line, "{")
		if start < 0 {
			continue
		}
		var e deploy.Event
		if json.Unmarshal([]byte(line[start:]), &e) != nil {
			continue
		}
		run.id = e.Run
		text, _ := json.Marshal(struct {
			Type string `json:"type"`
			deploy.Event
		}{"event", e})
		_, _ = w.Write(append(text, '\n'))
	}
	run.moments = w.moments
	return run
}

// fell says in which step a kill came: by the journal, not by the aim.
func fell(journal []moment, a aim) string {
	var last moment
	for _, m := range journal {
		if m.host != "" && (a.host == "" || m.host == a.host) || last.kind == "" || a.host == "" {
			last = m
		}
	}
	switch last.kind {
	case deploy.EventStepIntent, deploy.EventStepStarted:
		return string(last.step)
	case deploy.EventStepFinished, deploy.EventStepFailed:
		return "after " + string(last.step)
	case "":
		return "before the journal"
	}
	return string(last.kind)
}

func (k *killing) standings() map[string]standing {
	all := map[string]standing{}
	for _, h := range k.hosts {
		all[h.Name] = standingOf(h)
	}
	return all
}

// judge holds every host, and what resume said, against the promises.
func (k *killing) judge(before map[string]standing, resumed result) []string {
	var found []string
	report := reportOf(resumed.stdout)
	switch resumed.exit {
	case 0, 4, 5:
	default:
		found = append(found, fmt.Sprintf("resume ended with %d", resumed.exit))
	}
	if strings.Contains(resumed.stderr+resumed.stdout, "[y/N]") {
		found = append(found, "resume asked a question")
	}
	returned := false
	for _, h := range k.hosts {
		s := settling{before: before[h.Name], after: standingOf(h), wanted: fmt.Sprint(k.release), dead: k.dead}
		for _, r := range report.Hosts {
			if r.Host == h.Name && r.State != deploy.StateSkipped && r.State != deploy.StateWaiting {
				s.state = r.State
				returned = returned || r.State == deploy.StateReturned
			}
		}
		for _, v := range s.violations() {
			found = append(found, h.Name+": "+v)
		}
	}
	if returned && resumed.exit != 5 {
		found = append(found, fmt.Sprintf("a host was returned, and resume ended with %d", resumed.exit))
	}
	return found
}

// judgeApply holds the apply that follows against the promises: it converges,
// and switches no host again that has the release.
func (k *killing) judgeApply(before map[string]standing, news map[string]bool, applied result) []string {
	var found []string
	if applied.exit != 0 {
		found = append(found, fmt.Sprintf("the apply after it ended with %d", applied.exit))
	}
	for _, h := range k.hosts {
		s := settling{before: before[h.Name], after: standingOf(h), wanted: fmt.Sprint(k.release), anew: !news[h.Name]}
		if !s.isNew() {
			found = append(found, fmt.Sprintf("%s: not on the new system after the apply: %+v", h.Name, s.after.links))
		}
		for _, v := range s.violations() {
			found = append(found, h.Name+": after the apply: "+v)
		}
	}
	return found
}

// news says which hosts have the release.
func (k *killing) news() map[string]bool {
	news := map[string]bool{}
	for _, h := range k.hosts {
		news[h.Name] = standingOf(h).release() == fmt.Sprint(k.release)
	}
	return news
}

func (k *killing) shown(news map[string]bool) string {
	var words []string
	for _, h := range k.hosts {
		words = append(words, map[bool]string{true: "new", false: "old"}[news[h.Name]])
	}
	return strings.Join(words, " ")
}

// tidy removes generations as an operator would: the boot loader's installer
// writes an entry for each.
func (k *killing) tidy() {
	if k.release%10 != 0 {
		return
	}
	for _, h := range k.hosts {
		h.Enter("PATH=$PATH:/run/current-system/sw/bin; nix-env -p /nix/var/nix/profiles/system --delete-generations +3; rm -f /var/lib/activations")
	}
}

func reportOf(stdout string) deploy.Report {
	var last struct {
		Type string `json:"type"`
		deploy.Report
	}
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, `{"type":"report"`) {
			_ = json.Unmarshal([]byte(line), &last) // an empty report is judged by what is missing
		}
	}
	return last.Report
}

// hostLogs is the host's own side.
func hostLogs(h *lab.Host) string {
	out, _, _ := h.Enter("PATH=$PATH:/run/current-system/sw/bin; cd /var/lib/nixdeploy && " +
		"tail -n +1 active/meta active/*log active/result done/*/meta done/*/*log done/*/result; journalctl --no-pager -n 400")
	return out
}

// keep copies what a person needs to find out about a violation.
func (a *tally) keep(k *killing, resumed, applied result) {
	a.mu.Lock()
	n := a.kills
	a.mu.Unlock()
	dir := filepath.Join(a.folder, fmt.Sprintf("kill-%d", n))
	_ = exec.Command("cp", "-a", filepath.Join(k.o.dir, "state"), dir).Run()
	_ = os.WriteFile(filepath.Join(dir, "resume"), []byte(resumed.stderr+resumed.stdout), 0o600)
	_ = os.WriteFile(filepath.Join(dir, "apply"), []byte(applied.stderr+applied.stdout), 0o600)
	for _, h := range k.hosts {
		_ = os.WriteFile(filepath.Join(dir, h.Name), []byte(hostLogs(h)), 0o600)
	}
	a.print("      logs in %s", dir)
}
