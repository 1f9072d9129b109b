package simulator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// link is the way from one process to one host.
type link struct {
	p    *process
	m    *machine // what answers there
	name string   // what the inventory calls it
	slot int

	chance chance
}

// What can go wrong on the way, once.
const (
	fine       = "fine"
	refused    = "refused"     // connections only
	holeBefore = "hole before" // nothing arrives, and nothing tells
	holeAfter  = "hole after"  // it is done, and the answer never comes
	dropBefore = "drop before" // the connection breaks before the script runs
	dropAfter  = "drop after"  // it breaks after it has run, before the answer
	dropPart   = "drop part"   // it breaks in the middle of the answer
	dropDuring = "drop during" // it breaks while the script runs
	slowly     = "slow"
)

// Deadlines of deploy/remote: of a dial, and of a connection without a sign of
// life from the other end.
const (
	dialTimeout = 30 * time.Second
	keptAlive   = 45 * time.Second
)

// luck decides what the next call meets, how long the way is, and a number for
// what else has to be decided.
func (l *link) luck(kinds ...string) (kind string, way time.Duration, n int) {
	l.p.w.state.Lock()
	defer l.p.w.state.Unlock()
	kind, way, n = fine, l.chance.millis(1, 40), l.chance.IntN(1<<20)
	if l.chance.one(l.p.life.trouble) && !l.p.w.healed {
		kind = kinds[n%len(kinds)]
	}
	return kind, way, n
}

func (l *link) away() bool {
	l.p.w.state.Lock()
	defer l.p.w.state.Unlock()
	return time.Now().Before(l.m.outageUntil) && !l.p.w.healed
}

// race holds a confirmation back, now and then, until the guard's time is up, or
// a moment before or after that.
func (l *link) race(cmd deploy.Command) time.Duration {
	if cmd.Name != "guard" || cmd.Args[1] != "confirm" {
		return 0
	}
	l.p.w.state.Lock()
	defer l.p.w.state.Unlock()
	moment := pick(l.chance, -time.Second, -time.Millisecond, 0, time.Millisecond, time.Second)
	a := l.m.Facts().Active
	if l.p.w.calm || l.p.w.healed || a == nil || a.Claim != deploy.ClaimNone || !l.chance.one(6) {
		return 0
	}
	return max(time.Until(a.Decides)+moment, 0)
}

// point is one of the process's doings.
func (l *link) point(what string) bool {
	l.p.w.state.Lock()
	defer l.p.w.state.Unlock()
	return l.p.point(what)
}

func (l *link) lost(what string, err error) *deploy.Problem {
	p := &deploy.Problem{Code: deploy.CodeUnreachable, Host: l.name, What: what, Err: err}
	if errors.Is(err, context.Canceled) {
		p.Code = deploy.CodeInterrupted
	}
	return p
}

// silence waits until somebody gives up.
func (l *link) silence(ctx context.Context, most time.Duration) *deploy.Problem {
	err := l.p.waitFor(ctx, l.slot, most)
	return l.lost("no answer", err)
}

// Dial is deploy.Dialer's.
func (p *process) Dial(ctx context.Context, h inventory.Host) (deploy.Conn, error) {
	l := p.links[h.Name]
	kind, way, _ := l.luck(refused, refused, holeBefore, slowly)
	if l.away() || kind == holeBefore {
		return nil, l.silence(ctx, dialTimeout)
	}
	if kind == slowly {
		way += 5 * time.Second
	}
	if err := p.waitFor(ctx, l.slot, 2*way); err != nil {
		return nil, l.lost("the dial did not end", err)
	}
	if l.point("dial") {
		return nil, l.lost("dead", errDead)
	}
	p.w.trace(p.name, "dial", h.Name, kind)
	if kind == refused {
		return nil, l.lost("connection refused", nil)
	}
	f := l.m.Facts()
	if l.m.deaf[f.Running] && !f.Off {
		return nil, l.lost("connection refused by the new system", nil)
	}
	inner, err := l.m.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return &wire{link: l, inner: inner}, nil
}

// wire is one connection over a link.
type wire struct {
	*link
	inner  deploy.Conn
	broken bool
}

// Close is deploy.Conn's.
func (c *wire) Close() error { return c.inner.Close() }

func (c *wire) breaks(what string, err error) (int, error) {
	c.broken = true
	return -1, c.lost(what, err)
}

// Run is deploy.Conn's. The script runs at an instant of its own, and so does
// what comes of it.
func (c *wire) Run(ctx context.Context, cmd deploy.Command, out, errs func(line string)) (int, error) {
	p := c.p
	kind, way, n := c.luck(holeBefore, holeAfter, dropBefore, dropBefore, dropAfter, dropAfter, dropPart, dropDuring, slowly)
	if c.broken {
		return -1, c.lost("the connection is closed", nil)
	}
	if kind == slowly {
		way += time.Duration(n%8000) * time.Millisecond
	}
	if c.away() || kind == holeBefore {
		gone := c.silence(ctx, keptAlive)
		c.broken = c.broken || gone.Err == nil
		return -1, gone
	}
	if err := p.waitFor(ctx, c.slot, way+c.race(cmd)); err != nil {
		return -1, c.lost(cmd.Name+" did not begin in time", err)
	}
	if c.point("send " + cmd.Name) {
		return -1, c.lost("dead", errDead)
	}
	if kind == dropBefore {
		p.w.trace(p.name, "drop before", c.name, cmd.Name)
		return c.breaks("connection lost", nil)
	}
	said, exit, err := c.perform(ctx, cmd, kind, n)
	if err != nil {
		return exit, err
	}
	if kind == holeAfter || c.away() {
		gone := c.silence(ctx, keptAlive)
		c.broken = c.broken || gone.Err == nil
		return -1, gone
	}
	if err := p.waitFor(ctx, c.slot, way); err != nil {
		return -1, c.lost(cmd.Name+" did not end in time", err)
	}
	switch kind {
	case dropAfter:
		return c.breaks("connection lost", nil)
	case dropPart:
		said = said[:n%(len(said)+1)]
		say(said, out, errs)
		return c.breaks("connection lost", nil)
	}
	say(said, out, errs)
	return exit, nil
}

// line is one line of an answer.
type line struct {
	text string
	err  bool
}

func say(said []line, out, errs func(string)) {
	for _, l := range said {
		if l.err {
			errs(l.text)
		} else {
			out(l.text)
		}
	}
}

// perform lets the host run the script, and the oracles look at what came of it.
func (c *wire) perform(ctx context.Context, cmd deploy.Command, kind string, n int) (said []line, exit int, err error) {
	p := c.p
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.alive, cancel)()
	if kind == dropDuring {
		defer time.AfterFunc(p.w.until(c.slot, time.Duration(n%30000)*time.Millisecond), cancel).Stop()
	}
	s := p.w.before(p, c.m, c.name, cmd)
	exit, err = c.inner.Run(run, cmd,
		func(text string) { said = append(said, line{text, false}) },
		func(text string) { said = append(said, line{text, true}) })
	// Whoever else waited for the host, or died with this process, wakes at the
	// same instant: not here.
	time.Sleep(p.w.until(c.slot, 0)) // in a bubble
	p.w.after(s, said)
	if c.point("ran " + cmd.Name) {
		return nil, -1, c.lost("dead", errDead)
	}
	switch {
	case run.Err() != nil && ctx.Err() == nil:
		_, err := c.breaks("connection lost", nil)
		return nil, -1, err
	case err != nil:
		c.broken = true
		return nil, -1, err
	}
	return said, exit, nil
}

// framed finds the values of a key in an answer.
func framed(said []line, nonce, key string) []string {
	var values []string
	for _, l := range said {
		if rest, ok := strings.CutPrefix(l.text, nonce+" "+key); ok && !l.err {
			values = append(values, strings.TrimPrefix(rest, " "))
		}
	}
	return values
}

func answered(said []line, nonce, key, value string) bool {
	return slices.Contains(framed(said, nonce, key), value)
}
