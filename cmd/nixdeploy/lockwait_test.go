package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// busy is a host that is locked until a moment.
type busy struct {
	fakeDriver
	free    time.Time
	inspect int
	apply   int
}

func (b *busy) problem() *deploy.Problem {
	if time.Now().Before(b.free) {
		return deploy.Locked("R2", "bob@desk", 0, 30, false)
	}
	return nil
}

func (b *busy) Inspect(context.Context, inventory.Host, string) deploy.HostPlan {
	b.inspect++
	return deploy.HostPlan{Problem: b.problem()}
}

func (b *busy) Apply(context.Context, inventory.Host, string, int) deploy.Outcome {
	b.apply++
	if p := b.problem(); p != nil {
		return deploy.Outcome{State: deploy.StateUntouched, Problem: p}
	}
	return deploy.Outcome{State: deploy.StateConfirmed, Changed: true}
}

func waiting(ctx context.Context, b *busy, wait time.Duration, told *int) *patient {
	return &patient{Driver: b, wait: wait, admit: ctx, tell: func(inventory.Host, *deploy.Problem, time.Duration) { *told++ }}
}

func TestALockedHostIsWaitedFor(t *testing.T) {
	h := inventory.Host{Name: "web-1"}
	synctest.Test(t, func(t *testing.T) {
		told, began := 0, time.Now()
		b := &busy{free: began.Add(5 * time.Minute)}
		d := waiting(t.Context(), b, 10*time.Minute, &told)
		if p := d.Inspect(t.Context(), h, "prod"); p.Problem != nil {
			t.Errorf("it was not waited for: %v", p.Problem)
		}
		if took := time.Since(began); took < 5*time.Minute || took > 5*time.Minute+lastLook {
			t.Errorf("it went on after %v", took)
		}
		if told != 1 || b.inspect > 20 {
			t.Errorf("told %d times, asked %d times", told, b.inspect)
		}
		// The rest of the ten minutes is for the lock that comes in between.
		b.free = time.Now().Add(time.Minute)
		if o := d.Apply(t.Context(), h, "prod", 1); o.State != deploy.StateConfirmed || b.apply < 2 {
			t.Errorf("%+v after %d tries", o, b.apply)
		}
		b.free = time.Now().Add(time.Hour)
		if o := d.Apply(t.Context(), h, "prod", 1); o.State != deploy.StateUntouched || !isLocked(o.Problem) {
			t.Errorf("after the wait: %+v", o)
		}
		if took := time.Since(began); took > 10*time.Minute+time.Second {
			t.Errorf("all waits together took %v", took)
		}
	})
}

func TestAWaitForALockEndsWithAnInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		told, began := 0, time.Now()
		d := waiting(ctx, &busy{free: began.Add(time.Hour)}, time.Hour, &told)
		if p := d.Inspect(t.Context(), inventory.Host{}, "prod"); !isLocked(p.Problem) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", p.Problem, time.Since(began))
		}
		if p := d.Inspect(t.Context(), inventory.Host{}, ""); !isLocked(p.Problem) {
			t.Error("a host that is only read for a gate was waited for")
		}
	})
}

func TestLockWaitOnTheCommandLine(t *testing.T) {
	d := &fakeDriver{plans: map[string]deploy.HostPlan{"dev-1": {Problem: deploy.Locked("R2", "bob@desk", 0, 30, true)}}}
	c := newCall(t, d)
	c.expect(t, 3, "apply", "--yes", "--stage", "dev", "--lock-wait", "1ms")
	contains(t, "stderr", c.stderr.String(), "dev-1: waiting for its lock, up to", "bob@desk holds it since", "decides in 30s")
	if len(d.read) != 2 {
		t.Errorf("looked %d times", len(d.read))
	}
	for _, bad := range []string{"0", "-1m", "soon", "48h"} {
		c.expect(t, 2, "apply", "--yes", "--lock-wait", bad)
	}
}
