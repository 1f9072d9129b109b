package remote

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// fakeLine is a connection's clockwork in a bubble of simulated time.
type fakeLine struct {
	answer bool
	killed chan struct{}

	mu    sync.Mutex
	last  time.Time
	count int
}

func (l *fakeLine) start() *keepalive {
	l.killed = make(chan struct{})
	l.hear()
	return startKeepalive(15*time.Second, 3,
		func() time.Duration {
			l.mu.Lock()
			defer l.mu.Unlock()
			return time.Since(l.last)
		},
		func() {
			l.mu.Lock()
			l.count++
			l.mu.Unlock()
			if l.answer {
				l.hear()
				return
			}
			<-l.killed
		},
		func() { close(l.killed) })
}

func (l *fakeLine) hear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = time.Now()
}

func (l *fakeLine) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func (l *fakeLine) dead() bool {
	select {
	case <-l.killed:
		return true
	default:
		return false
	}
}

// A peer that is gone without a word is noticed after 45 seconds (fault 13).
func TestKeepaliveNoticesDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLine{}
		k := l.start()
		began := time.Now()
		<-l.killed
		if took := time.Since(began); took != 45*time.Second {
			t.Errorf("noticed after %s", took)
		}
		if l.asked() != 1 {
			t.Errorf("asked %d times, one question may be out", l.asked())
		}
		k.stop()
		k.wait()
	})
}

// A quiet peer that answers is asked every 15 seconds and never cut.
func TestKeepaliveOfQuietConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLine{answer: true}
		k := l.start()
		time.Sleep(10 * time.Minute)
		if l.dead() || l.asked() < 20 || l.asked() > 40 {
			t.Errorf("dead %v, asked %d times", l.dead(), l.asked())
		}
		k.stop()
		k.wait()
		asked := l.asked()
		time.Sleep(10 * time.Minute)
		if l.asked() != asked {
			t.Error("asked after stop")
		}
	})
}

// A slow transfer: the answer queues behind megabytes, but something is heard
// now and then (fault 12).
func TestKeepaliveOfSlowTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLine{}
		k := l.start()
		for range 30 {
			time.Sleep(40 * time.Second)
			l.hear()
			synctest.Wait()
		}
		if l.dead() {
			t.Error("a slow transfer was cut")
		}
		k.stop()
		close(l.killed)
		k.wait()
	})
}

// A busy connection is asked nothing.
func TestKeepaliveOfBusyConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLine{answer: true}
		k := l.start()
		for range 600 {
			time.Sleep(time.Second)
			l.hear()
			synctest.Wait()
		}
		if l.asked() != 0 {
			t.Errorf("asked %d times", l.asked())
		}
		k.stop()
		k.wait()
	})
}

// Half-open in real life: the cable is cut while a script runs.
func TestHalfOpenConnection(t *testing.T) {
	l := newLab(t)
	s := l.server(simfleet.ServerOptions{})
	o := l.options()
	o.KeepaliveInterval, o.KeepaliveCount = 100*time.Millisecond, 3
	c := l.dial(l.dialer(o), host(s))
	_, err := c.Run(t.Context(), deploy.Command{Name: "long.sh", Script: "echo up; sleep 1000"},
		func(string) { s.FreezeAll() }, func(string) {})
	mustContain(t, problem(t, err, deploy.CodeUnreachable).What, "connection lost during long.sh")
}

// An answering host that is quiet for long keeps its connection.
func TestKeepaliveIsAnswered(t *testing.T) {
	l := newLab(t)
	asked := make(chan string)
	s := l.server(simfleet.ServerOptions{
		OnGlobal: func(name string) { asked <- name },
		Handler: simfleet.HandlerFunc(func(_ context.Context, r simfleet.Request) int {
			p, _, err := simfleet.ParseProgram(r.Stdin)
			if err != nil {
				return 1
			}
			fmt.Fprintln(r.Stdout, "nd-begin "+p.Nonce)
			for range 3 { // says nothing until it was asked three times
				if name := <-asked; name != "keepalive@openssh.com" {
					return 2
				}
			}
			go func() {
				for range asked { // whatever comes until the end
				}
			}()
			return 0
		}),
	})
	o := l.options()
	o.KeepaliveInterval, o.KeepaliveCount = 20*time.Millisecond, 500
	c := l.dial(l.dialer(o), host(s))
	if got := run(t.Context(), c, deploy.Command{Name: "quiet.sh"}); got.err != nil || got.exit != 0 {
		t.Errorf("%+v", got)
	}
	must(t, c.Close())
	must(t, s.Close())
	close(asked)
}
