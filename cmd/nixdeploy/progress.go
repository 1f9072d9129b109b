package main

import (
	"context"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
)

// progress shows a run's events as they become durable, as lines on stderr or
// as JSON on stdout, folds them, and breaks long silences. It is safe for
// concurrent use.
type progress struct {
	app    App
	asJSON bool
	named  func(*deploy.Problem) *deploy.Problem // completes what a problem recommends

	mu     sync.Mutex
	lines  *view.Lines
	fold   *deploy.Folder
	asking bool
}

func (in *invocation) newProgress() *progress {
	return &progress{app: in.App, asJSON: in.json, named: in.named, lines: view.NewLines(in.err, in.verbose), fold: deploy.NewFolder()}
}

// show is what the journal calls with each event. It waits for no reader: the
// journal waits for it, and all hosts for the journal.
func (p *progress) show(e deploy.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Problem = p.named(e.Problem)
	if e.Kind != deploy.EventOutput {
		p.fold.Add(e)
	}
	text := p.lines.Text(e)
	if !p.asJSON {
		p.app.tell(text)
		return
	}
	p.app.pass(view.JSONEvent(e, text))
}

// report is the fold of what was shown so far.
func (p *progress) report() deploy.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fold.Report()
}

// hush keeps heartbeats away while a question stands on the screen.
func (p *progress) hush(asking bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking = asking
}

// beats starts the goroutine of the heartbeat; stop ends it and waits for it.
func (p *progress) beats(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				p.beat(now)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (p *progress) beat(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.asking {
		p.app.tell(p.lines.Heartbeat(now))
	}
}

// Append makes progress a deploy.Journal for commands that change nothing: it
// numbers and shows, and keeps nothing.
type passing struct {
	*progress
	mu  sync.Mutex
	seq uint64
}

func (p *passing) Append(_ context.Context, e deploy.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	e.Seq = p.seq
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	p.show(e)
	return nil
}
