package remote

import (
	"sync"
	"time"
)

// keepalive watches one connection. It has no goroutine of its own while the
// connection is quiet: a timer, and one goroutine while a question is out.
//
// Whatever is heard counts as a sign of life, so a slow transfer whose answers
// queue behind megabytes is not taken for a dead line.
type keepalive struct {
	interval time.Duration
	limit    time.Duration // of silence
	silence  func() time.Duration
	ask      func() // sends a request that needs an answer, and waits for it
	kill     func()

	mu     sync.Mutex
	timer  *time.Timer
	asking bool
	ended  bool
	wg     sync.WaitGroup
}

func startKeepalive(interval time.Duration, count int, silence func() time.Duration, ask, kill func()) *keepalive {
	k := &keepalive{
		interval: interval,
		limit:    interval * time.Duration(count),
		silence:  silence,
		ask:      ask,
		kill:     kill,
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.timer = time.AfterFunc(interval, k.tick)
	return k
}

// tick looks, asks when it was quiet, and sets the next look.
func (k *keepalive) tick() {
	k.mu.Lock()
	if k.ended {
		k.mu.Unlock()
		return
	}
	quiet := k.silence()
	if quiet >= k.limit {
		k.ended = true
		k.wg.Add(1)
		k.mu.Unlock()
		defer k.wg.Done()
		k.kill()
		return
	}
	k.timer.Reset(min(k.interval, k.limit-quiet))
	if quiet < k.interval || k.asking {
		k.mu.Unlock()
		return
	}
	k.asking = true
	k.wg.Add(1)
	k.mu.Unlock()
	defer k.wg.Done()
	k.ask()
	k.mu.Lock()
	k.asking = false
	k.mu.Unlock()
}

// stop ends the watch. Close the connection first, then wait: a question that
// is out ends with the connection.
func (k *keepalive) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	k.timer.Stop()
}

func (k *keepalive) wait() { k.wg.Wait() }
