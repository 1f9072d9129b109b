package e2e

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// moment is one event of a run, and how long it took until the next one.
type moment struct {
	kind  deploy.EventKind
	stage string
	host  string
	step  deploy.Step
	nth   int // of the same, from 0
	gap   time.Duration
}

func (m moment) name() moment { m.gap = 0; return m }

// aim is an instant of a run: so long after an event, and before the next.
type aim struct {
	moment
	after time.Duration
}

// steps are those in which a kill has to have fallen often enough.
var steps = []deploy.Step{deploy.StepArm, deploy.StepSwitch, deploy.StepHealth, deploy.StepConfirm}

// draw picks an instant: by turns in each of steps and anywhere in the run.
func draw(rng *rand.Rand, n int, run []moment) aim {
	var among []moment
	if turn := n % (len(steps) + 2); turn < len(steps) {
		for _, m := range run {
			if m.step == steps[turn] && (m.kind == deploy.EventStepIntent || m.kind == deploy.EventStepStarted) {
				among = append(among, m)
			}
		}
	}
	if len(among) == 0 {
		among = run
	}
	m := among[rng.IntN(len(among))]
	return aim{moment: m, after: time.Duration(rng.Int64N(int64(m.gap) + 1))}
}

// momentsOf are those of a run's JSON lines.
func momentsOf(stdout string) []moment {
	w := newWatch(nil)
	_, _ = w.Write([]byte(stdout))
	for i := range w.moments[:max(0, len(w.moments)-1)] {
		w.moments[i].gap = w.at[i+1].Sub(w.at[i])
	}
	return w.moments
}

// watch reads the JSON lines of a run as they come, and says when the one that
// is looked for is there.
type watch struct {
	wanted *moment
	seen   chan struct{}

	mu      sync.Mutex
	text    bytes.Buffer // all of it
	unread  []byte
	moments []moment
	at      []time.Time
	count   map[moment]int
}

func newWatch(wanted *moment) *watch {
	return &watch{wanted: wanted, seen: make(chan struct{}), count: map[moment]int{}}
}

func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	w.unread = append(w.unread, p...)
	for {
		line, rest, whole := bytes.Cut(w.unread, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.unread = rest
		w.line(line)
	}
}

func (w *watch) line(line []byte) {
	var e struct {
		Type string `json:"type"`
		deploy.Event
	}
	if json.Unmarshal(line, &e) != nil || e.Type != "event" || e.Kind == deploy.EventOutput {
		return
	}
	m := moment{kind: e.Kind, stage: e.Stage, host: e.Host, step: e.Step}
	m.nth = w.count[m]
	w.count[moment{kind: e.Kind, stage: e.Stage, host: e.Host, step: e.Step}]++
	w.moments, w.at = append(w.moments, m), append(w.at, e.Time)
	if w.wanted != nil && m == w.wanted.name() {
		close(w.seen)
	}
}

// has reports whether an event of that kind and step has come.
func (w *watch) has(kind deploy.EventKind, step deploy.Step) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.moments, func(m moment) bool { return m.kind == kind && m.step == step })
}

func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// The draw reaches every step that it promises, and stays within the gap.
func TestTheDrawReachesEveryStep(t *testing.T) {
	run := momentsOf(`{"type":"event","time":"2026-01-01T00:00:00Z","kind":"run-started"}
{"type":"event","time":"2026-01-01T00:00:01Z","kind":"step-intent","host":"a","step":"arm"}
{"type":"event","time":"2026-01-01T00:00:01Z","kind":"output","host":"a","step":"switch"}
{"type":"event","time":"2026-01-01T00:00:03Z","kind":"step-started","host":"a","step":"switch"}
{"type":"event","time":"2026-01-01T00:00:04Z","kind":"step-started","host":"a","step":"health"}
{"type":"event","time":"2026-01-01T00:00:05Z","kind":"step-started","host":"a","step":"confirm"}
{"type":"event","time":"2026-01-01T00:00:06Z","kind":"step-finished","host":"a","step":"confirm"}
{"type":"event","time":"2026-01-01T00:00:06Z","kind":"step-started","host":"a","step":"confirm"}
`)
	if len(run) != 7 || run[1].gap != 2*time.Second || run[6].nth != 1 {
		t.Fatalf("read %+v", run)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	at := map[deploy.Step]int{}
	for n := range 200 {
		a := draw(rng, n, run)
		at[a.step]++
		if a.after < 0 || a.after > a.gap {
			t.Errorf("%s after an event that lasts %s", a.after, a.gap)
		}
	}
	for _, s := range steps {
		if at[s] < 30 {
			t.Errorf("%d of 200 in %s", at[s], s)
		}
	}
}
