package journal

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Report, resume and history after the run say what the views said during it.
func TestReplayFoldsToWhatTheLiveRunFolded(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		hosts := rapid.SliceOfN(rapid.SliceOfN(anyEvent(), 0, 8), 1, 6).Draw(rt, "events by host")
		run := NewRunID()
		j, err := Create(dir, run)
		if err != nil {
			rt.Fatal(err)
		}
		live := deploy.NewFolder()
		j.Watch(live.Add)
		var all sync.WaitGroup
		for _, events := range hosts {
			all.Go(func() {
				for _, e := range events {
					if err := j.Append(context.Background(), e); err != nil {
						rt.Error(err)
					}
				}
			})
		}
		all.Wait()
		if err := j.Close(); err != nil {
			rt.Fatal(err)
		}
		events, err := Read(dir, run)
		if err != nil {
			rt.Fatal(err)
		}
		if !sameJSON(t, live.Report(), deploy.Fold(events)) {
			rt.Fatal("the replayed report differs from the live one")
		}
		if err := os.RemoveAll(DirFor(dir, run)); err != nil {
			rt.Fatal(err)
		}
	})
}

func anyEvent() *rapid.Generator[deploy.Event] {
	return rapid.Custom(func(t *rapid.T) deploy.Event {
		e := deploy.Event{
			Time: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			Kind: rapid.SampledFrom([]deploy.EventKind{
				deploy.EventRunStarted, deploy.EventStageStarted, deploy.EventWaveStarted, deploy.EventStepIntent,
				deploy.EventStepStarted, deploy.EventStepFinished, deploy.EventStepFailed, deploy.EventOutput,
				deploy.EventHostState, deploy.EventStageFinished, deploy.EventRunFinished,
			}).Draw(t, "kind"),
			Stage:   rapid.SampledFrom([]string{"", "dev", "prod"}).Draw(t, "stage"),
			Wave:    rapid.IntRange(0, 3).Draw(t, "wave"),
			Host:    rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "host"),
			Step:    rapid.SampledFrom([]deploy.Step{deploy.StepArm, deploy.StepSwitch, deploy.StepHealth}).Draw(t, "step"),
			State:   rapid.SampledFrom([]deploy.State{deploy.StateConfirmed, deploy.StateInFlight, deploy.StateStranded}).Draw(t, "state"),
			Message: rapid.String().Draw(t, "message"),
			Wanted:  rapid.SampledFrom([]string{"", "/nix/store/t"}).Draw(t, "wanted"),
		}
		if rapid.Bool().Draw(t, "has links") {
			e.Before = &deploy.Links{Profile: rapid.String().Draw(t, "profile")}
		}
		if rapid.Bool().Draw(t, "has problem") {
			e.Problem = &deploy.Problem{
				Code: deploy.CodeSwitch, What: rapid.String().Draw(t, "what"),
				Details: rapid.SliceOf(rapid.String()).Draw(t, "details"),
			}
			if rapid.Bool().Draw(t, "has cause") {
				e.Problem.Err = errors.New(rapid.String().Draw(t, "cause"))
			}
		}
		if rapid.Bool().Draw(t, "has start") {
			e.Start = &deploy.RunStart{Command: "apply", Hosts: []string{"a"}}
		}
		if rapid.Bool().Draw(t, "has exit") {
			exit := rapid.IntRange(0, 130).Draw(t, "exit")
			e.Exit = &exit
		}
		return e
	})
}
