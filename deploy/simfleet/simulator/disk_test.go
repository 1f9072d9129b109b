package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

var (
	errDead     = errors.New("this process is dead")
	errDiskFull = errors.New("no space left on device")
)

// book is the journal of one run as a disk keeps it: what deploy/journal
// promises, in memory. The first durable events are on the disk, the rest is
// with the operating system: a kill keeps it, a power cut may not.
type book struct {
	run     string
	release string
	events  []deploy.Event
	durable int
	held    bool // by a living process
	settled bool // resumed when all was well again
	intents map[string]bool
}

func newBook(run, release string) *book {
	return &book{run: run, release: release, held: true, intents: map[string]bool{}}
}

// synced says that everything up to n is on the disk.
func (b *book) synced(n int) {
	for _, e := range b.events[min(b.durable, n):n] {
		if e.Kind == deploy.EventStepIntent {
			b.intents[e.Host+" "+string(e.Step)] = true
		}
	}
	b.durable = max(b.durable, n)
}

// crash lets go of the journal. When the whole machine went down, part of what
// was not durable is gone.
func (b *book) crash(c chance, losesTail bool) {
	if losesTail {
		b.events = b.events[:b.durable+c.IntN(len(b.events)-b.durable+1)]
	}
	b.durable = len(b.events)
	b.held = false
}

// replayed is the events as they come back from the disk.
func (b *book) replayed() ([]deploy.Event, error) {
	var events []deploy.Event
	for _, e := range b.events {
		text, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		var back deploy.Event
		if err := json.Unmarshal(text, &back); err != nil {
			return nil, err
		}
		events = append(events, back)
	}
	return events, nil
}

// durableKinds are those that Append waits for, as deploy/journal documents.
func durableKind(k deploy.EventKind) bool {
	switch k {
	case deploy.EventRunStarted, deploy.EventStepIntent, deploy.EventHostState, deploy.EventRunFinished:
		return true
	}
	return false
}

// Append is deploy.Journal's.
func (p *process) Append(_ context.Context, e deploy.Event) error {
	if e.Kind == deploy.EventOutput {
		return nil
	}
	slot, c := p.writer(e.Host)
	durable := durableKind(e.Kind)
	sent := p.w.now()
	if p.wait(slot, time.Duration(1+c.IntN(200))*time.Microsecond) != nil {
		return errDead
	}
	n, err := p.write(&e)
	if err != nil {
		return err
	}
	if durable && p.wait(slot, c.millis(1, 4)) != nil {
		return errDead
	}
	p.w.state.Lock()
	defer p.w.state.Unlock()
	if durable {
		if p.point("synced") {
			return errDead
		}
		p.book.synced(n)
	}
	p.fold.Add(e)
	p.w.trace(p.name, "event", string(e.Kind), e.Host, string(e.Step), string(e.State), codeOf(e.Problem), e.Message)
	p.told(e, sent)
	return nil
}

// write hands e to the operating system; n events are there then.
func (p *process) write(e *deploy.Event) (n int, err error) {
	p.w.state.Lock()
	defer p.w.state.Unlock()
	switch {
	case p.point("append"):
		return 0, errDead
	case p.full():
		return 0, fmt.Errorf("the journal can no longer be written: %w", errDiskFull)
	}
	b := p.book
	e.Seq = uint64(len(b.events)) + 1
	b.events = append(b.events, *e)
	return len(b.events), nil
}

func codeOf(p *deploy.Problem) string {
	if p == nil {
		return ""
	}
	return string(p.Code) + ": " + p.Error()
}

// full counts appends up to the one at which the disk is full.
func (p *process) full() bool {
	p.appends++
	return p.life.diskFullAt > 0 && p.appends >= p.life.diskFullAt && !p.w.healed
}
