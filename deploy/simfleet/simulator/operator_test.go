package simulator

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
)

// operator is a person at a machine of their own, with its journals.
type operator struct {
	w      *world
	name   string
	trial  trial
	slot   int
	books  []*book
	deaths chance
	wg     *sync.WaitGroup
	count  int // of processes
}

func newOperator(w *world, t trial, wg *sync.WaitGroup) *operator {
	return &operator{w: w, name: t.operator, trial: t, slot: w.slot(), deaths: draw(w.seed, t.operator+" dies"), wg: wg}
}

// work is all that the operator does: apply, and come back after each death.
func (o *operator) work() {
	o.sleep(o.trial.begins)
	for n, l := range o.trial.lives {
		if n > 0 && o.trial.resumes {
			o.settle(l)
		} else {
			o.process(l, nil, o.trial.release)
		}
		o.sleep(l.pause)
	}
	if l := o.trial.undoes; l != nil {
		o.process(*l, nil, "")
	}
}

func (o *operator) sleep(d time.Duration) { time.Sleep(o.w.until(o.slot, d)) } // in a bubble

// settle resumes the newest run that did not end, if there is one.
func (o *operator) settle(l life) {
	if b := o.unfinished(); b != nil {
		o.process(l, b, "")
	}
}

// process lets one nixdeploy run to its end or its death: an apply, or the
// resume of b.
func (o *operator) process(l life, b *book, release string) ending {
	o.w.state.Lock()
	o.count++
	name := fmt.Sprint(o.name, o.count)
	resumes := b != nil
	if resumes {
		b.held = true
	} else {
		b = newBook(fmt.Sprintf("%s%d", map[string]string{"ann": "A", "bob": "B"}[o.name], o.count), release)
		o.books = append(o.books, b)
	}
	o.w.state.Unlock()
	p := o.start(name, l, b)
	slot := o.w.slot()
	ended := make(chan ending, 1)
	o.wg.Go(func() { p.signals(slot) })
	o.wg.Go(func() {
		if resumes {
			ended <- p.resume()
		} else {
			ended <- p.apply(release)
		}
	})
	var end ending
	select {
	case end = <-ended:
	case <-p.alive.Done():
	}
	o.w.state.Lock()
	defer o.w.state.Unlock()
	if p.dead() {
		b.crash(o.deaths, l.losesTail)
		return ending{}
	}
	p.judgeEnd(end)
	p.die() // its goroutines have ended; those that wait for signals do now
	b.held = false
	return end
}

// ending is how a process ended by itself. One that died did not.
type ending struct {
	exit int
	ran  bool // and could write that down
}

// unfinished is the newest run that `nixdeploy resume` would take up.
func (o *operator) unfinished() *book {
	o.w.state.Lock()
	defer o.w.state.Unlock()
	for _, b := range slices.Backward(o.books) {
		if r := deploy.Fold(b.events); !b.held && !b.settled && (!r.Finished || len(undecided(o.w.inv, r)) > 0) {
			return b
		}
	}
	return nil
}

// ours says which runs are of this machine and dead, and resumed counts, too.
func (o *operator) ours(resumed string) func(run string) bool {
	return func(run string) bool {
		if run == resumed {
			return true
		}
		o.w.state.Lock()
		defer o.w.state.Unlock()
		for _, b := range o.books {
			if b.run == run {
				return !b.held
			}
		}
		return false
	}
}

// owed is what earlier runs of a flake left of their soaks, as
// cmd/nixdeploy/owed.go finds it.
func (o *operator) owed(digest string) map[string]time.Duration {
	o.w.state.Lock()
	defer o.w.state.Unlock()
	owed := map[string]time.Duration{}
	for _, b := range o.books {
		if b.held || deploy.Fold(b.events).Start.Flake != digest {
			continue
		}
		rollout.AddOwed(owed, b.events, time.Now())
	}
	return owed
}
