package rollout

import (
	"context"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// appendTimeout bounds one write of the journal, which may wait for a disk.
const appendTimeout = 30 * time.Second

// log writes a run's own events and remembers the first failure. It is used by
// the run's goroutine only.
type log struct {
	journal deploy.Journal
	run     string
	err     error
}

// emit appends e. The end of ctx does not matter: what was decided after an
// interruption is written down, too.
func (l *log) emit(ctx context.Context, e deploy.Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	e.Run, e.Time = l.run, time.Now()
	if err := l.journal.Append(ctx, e); err != nil && l.err == nil {
		l.err = err
	}
}

func (l *log) failure() error { return l.err }
