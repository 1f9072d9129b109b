package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// session keeps the connection to one host, and what must outlive one call of
// the Driver: the inspection, and what the host was before this run.
type session struct {
	host    inventory.Host
	dialing turn // held while a connection is opened

	mu       sync.Mutex // never held while something is waited for
	live     *sharedConn
	observed *deploy.Observation // taken by the first worker that asks
	readAt   time.Time           // when it was read
	before   deploy.Links
	failed   []string
	// confirmed is the run by whose id the host was confirmed, "" for none.
	confirmed string
}

func newSession(h inventory.Host) *session { return &session{host: h, dialing: make(turn, 1)} }

// conn gives the open connection, or opens one.
func (s *session) conn(ctx context.Context, dialer deploy.Dialer) (*sharedConn, error) {
	if err := s.dialing.take(ctx); err != nil {
		return nil, err
	}
	defer s.dialing.give()
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	if live != nil {
		return live, nil
	}
	live, err := s.fresh(ctx, dialer)
	if err != nil {
		return nil, err
	}
	s.replace(live)
	return live, nil
}

// fresh opens a new connection; once it stands, replace puts it in place of the
// old one.
func (s *session) fresh(ctx context.Context, dialer deploy.Dialer) (*sharedConn, error) {
	conn, err := dialer.Dial(ctx, s.host)
	if err != nil {
		return nil, err
	}
	return &sharedConn{conn: conn, turn: make(turn, 1)}, nil
}

func (s *session) replace(conn *sharedConn) {
	s.mu.Lock()
	old := s.live
	s.live = conn
	s.mu.Unlock()
	if old != nil {
		_ = old.Close() // it is done with; what it could still say does not matter
	}
}

func (s *session) connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live != nil
}

func (s *session) close() { s.replace(nil) }

// drop closes conn, unless another has taken its place already.
func (s *session) drop(conn *sharedConn) {
	s.mu.Lock()
	if s.live == conn {
		s.live = nil
	}
	s.mu.Unlock()
	_ = conn.Close() // it is lost
}

func (s *session) keepObservation(o deploy.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed, s.readAt = &o, time.Now()
}

// age is how old the newest inspection is.
func (s *session) age() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.readAt)
}

// takeObservation hands the kept inspection out once: a later worker looks anew.
func (s *session) takeObservation() *deploy.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.observed
	s.observed = nil
	return o
}

// keepBefore remembers what the host was before it was confirmed, and the id by
// which it knows the run that did.
func (s *session) keepBefore(l deploy.Links, failed []string, run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.failed, s.confirmed = l, failed, run
}

func (s *session) confirmedBy() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.confirmed
}

func (s *session) recordBefore() deploy.Links {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.before
}

func (s *session) failedBefore() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// user is whose login the session's connection has, "" when that is not told.
func (s *session) user() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil {
		return ""
	}
	if c, ok := s.live.conn.(interface{ User() string }); ok {
		return c.User()
	}
	return ""
}

// sharedConn lets the health checks and the sign of life use one connection:
// one script at a time.
type sharedConn struct {
	turn turn
	conn deploy.Conn
}

func (c *sharedConn) Run(ctx context.Context, cmd deploy.Command, out, errs func(string)) (int, error) {
	if err := c.turn.take(ctx); err != nil {
		return -1, err
	}
	defer c.turn.give()
	return c.conn.Run(ctx, cmd, out, errs)
}

func (c *sharedConn) Close() error { return c.conn.Close() }

// carrier is a connection to a host that outlives its connections: a call that
// loses one fails, and the next call opens another. Health checks use it, so
// that a lost link costs a try and not the verdict.
type carrier struct {
	s      *session
	dialer deploy.Dialer
}

func (c carrier) Run(ctx context.Context, cmd deploy.Command, out, errs func(string)) (int, error) {
	conn, err := c.s.conn(ctx, c.dialer)
	if err != nil {
		return 0, err
	}
	exit, err := conn.Run(ctx, cmd, out, errs)
	if err != nil && !errors.Is(err, errNoTurn) && (lost(err) || ctx.Err() != nil) {
		c.s.drop(conn)
	}
	return exit, err
}

// Close leaves the session's connection to the session.
func (c carrier) Close() error { return nil }

// turn is a lock whose wait ends with a context: a script that hangs on a silent
// connection must not keep another one waiting beyond its own deadline.
type turn chan struct{}

// errNoTurn: the connection was busy. That says nothing against it.
var errNoTurn = errors.New("the connection was busy")

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}: // free: whether ctx has ended is for the holder to find
		return nil
	default:
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &deploy.Problem{Code: deploy.CodeUnreachable, What: "no answer in time", Err: errors.Join(errNoTurn, ctx.Err())}
	}
}

func (t turn) give() { <-t }

// Pauses between attempts to reach a host again.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 5 * time.Second
)

// lost reports whether an error means that the connection is gone, so that the
// truth is only to be had over a new one.
func lost(err error) bool {
	var p *deploy.Problem
	return errors.As(err, &p) && (p.Code == deploy.CodeUnreachable || p.Code == deploy.CodeProtocol)
}

// unanswered reports whether an error leaves open what the host did.
func unanswered(err error) bool {
	return lost(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// reach runs ask over the session's connection, and over new ones while the
// connection is what fails, until the deadline of ctx.
func (w *worker) reach(ctx context.Context, ask func(ctx context.Context, m Machine) error) error {
	pause := firstPause
	for {
		err := w.ask(ctx, ask)
		if err == nil || !lost(err) {
			return err
		}
		w.s.close()
		select {
		case <-ctx.Done():
			return err
		case <-w.detached():
			return err
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// ask runs one request over the session's connection.
func (w *worker) ask(ctx context.Context, ask func(ctx context.Context, m Machine) error) error {
	conn, err := w.s.conn(ctx, w.d.Dialer)
	if err != nil {
		return err
	}
	return ask(ctx, w.d.Attach(conn, w.run))
}

func (w *worker) detached() <-chan struct{} { return w.d.detached() }

func (d *Driver) detached() <-chan struct{} {
	if d.Detach == nil {
		return nil
	}
	return d.Detach.Done()
}

// letGo reports whether every wait is to end.
func (w *worker) letGo() bool { return w.d.Detach != nil && w.d.Detach.Err() != nil }
