package simfleet

import (
	"context"
	"slices"
	"testing"
	"time"
)

// What is due at the same time happens in the order in which it was begun, and
// what is due earlier before it.
func TestEventsHappenInOrder(t *testing.T) {
	now := time.Unix(1000, 0)
	h := NewHost(HostOptions{Hostname: "a", Now: func() time.Time { return now }, Sleep: sleepReal})
	defer h.Close()
	var seen []string
	p := h.start("test")
	for _, e := range []struct {
		name string
		at   time.Duration
	}{{"b1", 2 * time.Second}, {"a", time.Second}, {"b2", 2 * time.Second}, {"b3", 2 * time.Second}, {"late", time.Hour}} {
		p.after(e.at, func() { seen = append(seen, e.name) })
	}
	now = now.Add(time.Minute)
	h.Settle()
	if want := []string{"a", "b1", "b2", "b3"}; !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
	p.kill()
	now = now.Add(2 * time.Hour)
	if h.Settle(); len(seen) != 4 {
		t.Errorf("a dead process did %q", seen[4:])
	}
}

// A host with a clock of its own waits by it: nothing here takes real time.
func TestAClockOfItsOwn(t *testing.T) {
	now := time.Unix(1000, 0)
	naps := 0
	h := NewHost(HostOptions{
		Hostname: "a", Uptime: time.Second, Now: func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error {
			naps++
			now = now.Add(d)
			return nil
		},
	})
	defer h.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	until := h.now.Add(24 * time.Hour)
	if !h.wait(t.Context(), until, func() bool { return false }) || naps != 1 || h.uptime() != 24*3600+1 {
		t.Errorf("%d naps, uptime %d", naps, h.uptime())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if h.wait(ctx, until.Add(time.Hour), func() bool { return false }) {
		t.Error("waited on for a client that is gone")
	}
}
