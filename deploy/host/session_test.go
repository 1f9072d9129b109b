package host

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// silent is a connection whose scripts never end by themselves.
type silent struct{ dials, closed atomic.Int32 }

func (s *silent) Dial(context.Context, inventory.Host) (deploy.Conn, error) {
	s.dials.Add(1)
	return s, nil
}

func (s *silent) Run(ctx context.Context, _ deploy.Command, _, _ func(string)) (int, error) {
	<-ctx.Done()
	return -1, &deploy.Problem{Code: deploy.CodeUnreachable, What: "silence", Err: ctx.Err()}
}

func (s *silent) Close() error {
	s.closed.Add(1)
	return nil
}

// A sign of life that finds the connection busy gives up at its own deadline,
// and leaves the connection to the script that holds it.
func TestABusyConnectionIsNotWaitedForBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &silent{}
		c := carrier{newSession(webHost()), net}
		long, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := c.Run(long, deploy.Command{}, nil, nil)
			ended <- err
		}()
		synctest.Wait() // it holds the connection
		began := time.Now()
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := c.Run(short, deploy.Command{}, nil, nil)
		if waited := time.Since(began); waited != 5*time.Second || !lost(err) {
			t.Errorf("ended after %v with %v", waited, err)
		}
		if closed, dials := net.closed.Load(), net.dials.Load(); closed != 0 || dials != 1 {
			t.Errorf("closed %d, dialed %d times", closed, dials)
		}
		if err := <-ended; errors.Is(err, errNoTurn) {
			t.Errorf("the one that held it: %v", err)
		}
		if net.closed.Load() != 1 {
			t.Error("a connection that fell silent was kept")
		}
	})
}
