package simulator

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

var (
	oneSeed = flag.Int64("seed", -1, "replay this one seed, with its trace under -v")
	seeds   = flag.Int("seeds", 300, "how many seeds to play")
	from    = flag.Int64("from", 1, "the first of them")
	twice   = flag.Int("twice", 40, "how many of them are played once more, to be the same")
	first   = flag.Bool("first", false, "stop at the first seed that breaks a promise")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outcome is what is left of a world.
type outcome struct {
	sum      uint64
	steps    int
	lasted   time.Duration
	failures []string
	told     []string
}

// hung is how long one seed may take by the clock on the wall; it takes
// milliseconds. In its own time a world that never comes to rest never ends.
const hung = time.Minute

// play runs one seed from its beginning to its end.
func play(t *testing.T, seed uint64, telling bool) (o outcome) {
	t.Helper()
	defer time.AfterFunc(hung, func() {
		panic(replay(int64(seed), []string{"I9 bounded time: it does not come to an end"})) //nolint:gosec // it was one
	}).Stop()
	synctest.Test(t, func(*testing.T) {
		w := newWorld(newScenario(seed), telling)
		w.play()
		o = outcome{w.sum(), w.steps, w.now(), w.failures, w.told}
	})
	return o
}

func (w *world) play() {
	defer w.close()
	var all, working sync.WaitGroup // processes may outlive their operator by a moment
	defer all.Wait()
	events, stop := context.WithCancel(context.Background())
	defer stop()
	for _, e := range w.events {
		slot := w.slot()
		all.Go(func() { w.happens(events, e, slot) })
	}
	var ops []*operator
	for _, t := range w.trials {
		o := newOperator(w, t, &all)
		ops = append(ops, o)
		working.Go(o.work)
	}
	working.Wait()
	stop()
	slot := w.slot()
	// Nobody comes back: longer than any guard may take.
	time.Sleep(w.until(slot, 3*time.Hour))
	w.state.Lock()
	w.healed = true
	w.judgeAlone()
	w.state.Unlock()
	for _, o := range ops {
		for b := o.unfinished(); b != nil; b = o.unfinished() {
			o.process(life{}, b, "")
			b.settled = true
		}
	}
	w.judgeSettled(ops)
	if w.again {
		w.judgeAgain(ops[0].process(life{}, nil, "one"))
		w.judgeAlone()
	}
}

// A seed is replayed: its violations are shown, and its trace under -v.
func TestSeed(t *testing.T) {
	if *oneSeed < 0 {
		t.Skip("no -seed is given")
	}
	o := play(t, uint64(*oneSeed), true)
	t.Logf("seed %d: %d steps in %v, trace %016x\n%s", *oneSeed, o.steps, o.lasted, o.sum, strings.Join(o.told, "\n"))
	for _, f := range o.failures {
		t.Error(f)
	}
}

// No promise is broken in any of the sampled seeds.
func TestPromises(t *testing.T) {
	began := time.Now()
	var next atomic.Int64
	var steps, lasted atomic.Int64
	t.Run("all", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("worker", func(t *testing.T) {
				t.Parallel()
				for n := next.Add(1) - 1; n < int64(*seeds); n = next.Add(1) - 1 {
					seed := *from + n
					o := play(t, uint64(seed), false)
					steps.Add(int64(o.steps))
					lasted.Add(int64(o.lasted / time.Second))
					if len(o.failures) > 0 {
						if *first {
							next.Store(int64(*seeds))
						}
						t.Error(replay(seed, o.failures))
					}
				}
			})
		}
	})
	took := time.Since(began)
	t.Logf("%d seeds, %d steps, %v of simulated time in %v: %.0f seeds a second",
		*seeds, steps.Load(), time.Duration(lasted.Load())*time.Second, took.Round(time.Millisecond), float64(*seeds)/took.Seconds())
}

func replay(seed int64, failures []string) string {
	return fmt.Sprintf("seed %d:\n  %s\nreplay: go test ./deploy/simfleet/simulator -run Seed -seed %d -v", seed, strings.Join(failures, "\n  "), seed)
}

// The same seed is the same run, to the last event.
func TestASeedIsOneRun(t *testing.T) {
	for n := range *twice {
		seed := uint64(*from) + uint64(n)
		if a, b := play(t, seed, false), play(t, seed, false); a.sum != b.sum || a.steps != b.steps {
			t.Errorf("seed %d: %016x after %d steps, then %016x after %d", seed, a.sum, a.steps, b.sum, b.steps)
		}
	}
}
