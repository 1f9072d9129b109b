package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestSilenceIsBrokenUnlessAQuestionStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		in := &invocation{App: App{Stderr: &out}} // written inside p's own lock
		p := in.newProgress()
		stop := p.beats(t.Context())
		defer stop()
		heartbeats := func(d time.Duration) int {
			time.Sleep(d)
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			defer out.Reset()
			return strings.Count(out.String(), "in flight: web-1 build")
		}
		p.show(deploy.Event{Time: time.Now(), Kind: deploy.EventStepStarted, Host: "web-1", Step: deploy.StepBuild})
		if got := heartbeats(29 * time.Second); got != 0 {
			t.Errorf("%d heartbeats in 29 s", got)
		}
		if got := heartbeats(66 * time.Second); got != 3 {
			t.Errorf("%d heartbeats in 95 s, want 3", got)
		}
		p.hush(true)
		if got := heartbeats(10 * time.Minute); got != 0 {
			t.Errorf("%d heartbeats while a question stood", got)
		}
		p.hush(false)
		if got := heartbeats(2 * time.Second); got != 1 {
			t.Errorf("%d heartbeats after the answer, want 1", got)
		}
	})
}
