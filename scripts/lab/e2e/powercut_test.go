package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/scripts/lab"
)

var powerAll = flag.Bool("power-all", false, "cut the power at every step, not at a sample")

// Who is there after a power cut: nixdeploy all along; a new one that resumes;
// nobody but the guard.
const (
	alive   = "alive"
	resumed = "resumed"
	alone   = "alone"
)

// shortSample are the places of a sample of the sample: before, in and after the switch.
var shortSample = []string{"arming, not yet durable", "profile set, loader not", "soak"}

// sampled are the cuts that a test of all makes.
func sampled(p place, mode, who string) bool {
	return slices.Contains([]string{
		"uploading/test-first/resumed", "arming, not yet durable/switch/resumed",
		"activating/switch/alone", "profile set, loader not/test-first/alone",
		"soak/switch/alive", "return half done/switch/resumed",
	}, p.name+"/"+mode+"/"+who)
}

// The power of a host is cut at every step of a run, and comes back. It boots,
// and ends on its record or on the new system, whichever is promised there.
func TestAPowerCutAtEveryStep(t *testing.T) {
	t.Parallel()
	lab.Require(t)
	begun := time.Now()
	table := &powerTable{tally: &tally{t: t}, cells: map[string]string{}, folder: logFolder(t)}
	t.Run("cut", func(t *testing.T) {
		for i, p := range places() {
			for _, mode := range []string{"switch", "test-first"} {
				for _, who := range []string{alive, resumed, alone} {
					if *powerAll || sampled(p, mode, who) {
						t.Run(p.name+"/"+mode+"/"+who, func(t *testing.T) {
							t.Parallel()
							if !slices.Contains(shortSample, p.name) {
								repeats(t)
							}
							c := newCut(t, p, mode, who, []string{lab.Bookworm, lab.Trixie}[i%2])
							table.add(c, c.carryOut(table.folder))
						})
					}
				}
			}
		}
	})
	table.show(time.Since(begun))
}

// cut is one power cut.
type cut struct {
	t      *testing.T
	place  place
	mode   string
	who    string
	h      *lab.Host
	o      *operator
	before standing
	// What is seen.
	missed bool // the run was past the place when it was frozen
	exit   int
	after  standing
	found  []string
}

func newCut(t *testing.T, p place, mode, who, base string) *cut {
	t.Helper()
	c := &cut{t: t, place: p, mode: mode, who: who, h: lab.Up(t, lab.Options{Base: base}), exit: -1}
	c.o = newOperator(t, c.h)
	c.o.inventory(devWith(mode, "8s", "activation_timeout = \"60s\"\n"+p.checks), member{host: c.h, stage: "dev"})
	s := numbered(2)
	if p.hold != nil {
		p.hold(&s)
	}
	c.o.flake(every(s, c.h))
	c.before = standingOf(c.h)
	return c
}

// carryOut cuts the power and says what became of the host.
func (c *cut) carryOut(logs string) fate {
	w := newWatch(nil)
	p := c.o.startWatched(w, "apply", "--yes", "--first", "--json")
	s := scene{root: c.h.Root(), before: c.before.links, watch: w}
	c.until(p, w, s)
	c.h.Freeze()
	c.missed = !c.place.reached(s)
	if c.who != alive {
		_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
		<-p.done
	}
	c.h.PowerCut()
	c.h.Start()
	c.h.WaitSSH()
	c.h.Enter("touch /run/well /run/go-on")
	r := c.end(p, w)
	got := c.judge()
	if len(c.found) > 0 {
		c.keep(logs, r)
	}
	return got
}

// until waits for the place, as closely as it can.
func (c *cut) until(p *process, w *watch, s scene) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for !c.place.reached(s) {
		select {
		case <-p.done:
			c.t.Fatalf("the run ended before %s\n%s%s", c.place.name, p.errOut.String(), w)
		case <-time.After(500 * time.Microsecond):
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the run did not come to %s\n%s%s", c.place.name, p.errOut.String(), w)
		}
	}
}

// end is what whoever is there does after the boot.
func (c *cut) end(p *process, w *watch) (r result) {
	c.t.Helper()
	switch c.who {
	case alive:
		r = p.wait()
		r.stdout = w.String()
		if r.exit != 0 && r.exit != 4 && r.exit != 5 {
			c.say("the run ended with %d", r.exit)
		}
	default:
		if c.who == alone {
			c.h.WaitUntil("the guard's decision", "test ! -e /var/lib/nixdeploy/active")
		}
		r = c.o.run("resume", "--json")
		if r.exit != 0 && r.exit != 4 && r.exit != 5 {
			c.say("resume ended with %d", r.exit)
		}
	}
	c.exit = r.exit
	c.after = standingOf(c.h)
	j := settling{before: c.before, after: c.after, wanted: "2", dead: []string{c.o.lastRun().id}, cutOff: true}
	for _, h := range reportOf(r.stdout).Hosts {
		j.state = h.State
	}
	for _, v := range j.violations() {
		c.say("%s", v)
	}
	switch {
	case j.isBack() && r.exit == 0 && j.state != deploy.StateSkipped && c.who == alive:
		c.say("back on its record, and the run ended with 0")
	case j.isNew() && r.exit == 4:
		c.say("on the new system, and it ended with 4: no host was changed")
	}
	return r
}

// keep writes down what a person needs to find out about a violation.
func (c *cut) keep(folder string, r result) {
	path := filepath.Join(folder, strings.NewReplacer(" ", "-", ",", "").Replace(c.place.name+"-"+c.mode+"-"+c.who))
	_ = os.WriteFile(path+".run", []byte(r.stderr+r.stdout), 0o600)
	_ = os.WriteFile(path+".host", []byte(hostLogs(c.h)), 0o600)
	c.say("logs in %s.*", path)
}

func (c *cut) say(format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf(format, args...))
}

// judge holds what became of the host against what is promised there, and lets
// a good release through afterwards.
func (c *cut) judge() fate {
	c.t.Helper()
	j := settling{before: c.before, after: c.after, wanted: "2"}
	got := fate("neither")
	switch {
	case j.isBack():
		got = older
	case j.isNew():
		got = newer
	}
	want := c.place.want(c.mode)
	if c.who == alone && want == either && !c.place.claimed() {
		want = older // nobody confirms it
	}
	// Alive, it may begin anew where nothing was armed, or go on where it was.
	if got != want && want != either && !(c.who == alive && want == older && got == newer && c.exit == 0 && c.place.hold == nil) && !c.missed {
		c.say("is %s, want %s", got, want)
	}
	c.o.inventory("", member{host: c.h, stage: "dev"}) // with patience for a busy machine
	c.o.flake(every(numbered(3), c.h))
	if r := c.o.run("apply", "--yes", "--first"); r.exit != 0 || standingOf(c.h).release() != "3" {
		c.say("a good release afterwards: exit %d, on %+v\n%s%s", r.exit, c.h.Links(), r.stderr, r.stdout)
	}
	if left := standingOf(c.h); len(left.left) > 0 || left.lease != "" {
		c.say("left behind by the release afterwards: %v %s", left.left, left.lease)
	}
	return got
}

func (p place) claimed() bool { return strings.HasPrefix(p.name, "confirm") }

// powerTable collects what became of hosts. It is safe for concurrent use.
type powerTable struct {
	*tally
	folder string // of the logs

	mu    sync.Mutex
	cells map[string]string
	cuts  int
	bad   int
}

func (p *powerTable) add(c *cut, got fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts++
	cell := fmt.Sprintf("%s %d", got, c.exit)
	if c.missed {
		cell += " past"
	}
	if len(c.found) > 0 {
		p.bad++
		cell += " VIOLATION"
	}
	p.cells[c.place.name+"/"+c.mode+"/"+c.who] = cell
	p.print("%-26s %-10s %-8s %s", c.place.name, c.mode, c.who, cell)
	for _, f := range c.found {
		c.t.Error(f)
		p.print("      %s", f)
	}
}

// show prints the table: a row a place, a column each activation and company,
// and in each what the host is on and the exit code.
func (p *powerTable) show(took time.Duration) {
	if *powerAll {
		p.print("")
		row := "%-25s | %-10s | %-12s | %-12s | %-12s | %-12s | %-12s | %-12s"
		p.print(row, "power cut at", "required", "switch,alive", "resumed", "alone", "test-f,alive", "resumed", "alone")
		for _, at := range places() {
			columns := []any{at.name, string(at.bySwitch) + "/" + string(at.byTestFirst)}
			for _, mode := range []string{"switch", "test-first"} {
				for _, who := range []string{alive, resumed, alone} {
					columns = append(columns, p.cells[at.name+"/"+mode+"/"+who])
				}
			}
			p.print(row, columns...)
		}
	}
	p.close(fmt.Sprintf("%d power cuts, %d violations (%s)", p.cuts, p.bad, took.Round(time.Second)))
}
