package rollout

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Standings to build tables from.
func waiting(wave int) Standing { return Standing{Wave: wave, State: deploy.StateWaiting} }

func flying(wave int) Standing {
	return Standing{Wave: wave, State: deploy.StateInFlight, Running: true, Begun: true}
}

func ended(wave int, state deploy.State) Standing {
	s := Standing{Wave: wave, Begun: true}
	o := deploy.Outcome{State: state, Changed: state == deploy.StateConfirmed || state == deploy.StateReturned || state == deploy.StateStranded}
	return s.applied(o)
}

func TestNext(t *testing.T) {
	const (
		confirmed = deploy.StateConfirmed
		unchanged = deploy.StateUnchanged
		returned  = deploy.StateReturned
		untouched = deploy.StateUntouched
	)
	unreachable := Standing{Wave: 1, State: deploy.StateWaiting}.blocked()
	for _, c := range []struct {
		name string
		p    Progress
		want Action
	}{
		{"nobody", Progress{}, Action{Kind: Done}},
		{"the first wave begins, parallel at once",
			Progress{Parallel: 2, Hosts: []Standing{waiting(1), waiting(1), waiting(1), waiting(2)}},
			Action{Kind: Begin, Wave: 1, Hosts: []int{0, 1}}},
		{"parallel below 1 is 1",
			Progress{Hosts: []Standing{waiting(1), waiting(1)}}, Action{Kind: Begin, Wave: 1, Hosts: []int{0}}},
		{"a free place is taken at once",
			Progress{Parallel: 2, Hosts: []Standing{flying(1), ended(1, confirmed), waiting(1)}},
			Action{Kind: Begin, Wave: 1, Hosts: []int{2}}},
		{"no free place", Progress{Parallel: 1, Hosts: []Standing{flying(1), waiting(1)}}, Action{Kind: Wait}},
		{"the next wave waits for the last host of this one",
			Progress{Parallel: 9, Hosts: []Standing{ended(1, confirmed), flying(1), waiting(2)}}, Action{Kind: Wait}},
		{"the next wave waits for the soak",
			Progress{Parallel: 9, Soak: true, Hosts: []Standing{ended(1, confirmed), ended(1, unchanged), waiting(2)}},
			Action{Kind: Soak, Wave: 1, Hosts: []int{0}}},
		{"without a soak it only settles",
			Progress{Parallel: 9, Hosts: []Standing{ended(1, confirmed), waiting(2)}}, Action{Kind: Settle, Wave: 1}},
		{"a wave without a change does not soak",
			Progress{Parallel: 9, Soak: true, Hosts: []Standing{ended(1, unchanged), waiting(2)}}, Action{Kind: Settle, Wave: 1}},
		{"unless a killed run owes it",
			Progress{Soak: true, Hosts: []Standing{{Wave: 1, State: unchanged, Begun: true, Owed: true}}},
			Action{Kind: Soak, Wave: 1, Hosts: []int{0}}},
		{"settled: the next wave", Progress{Parallel: 9, Settled: 1, Hosts: []Standing{ended(1, confirmed), waiting(2)}},
			Action{Kind: Begin, Wave: 2, Hosts: []int{1}}},
		{"all settled", Progress{Settled: 1, Hosts: []Standing{ended(1, confirmed)}}, Action{Kind: Done}},

		{"over the budget nobody begins",
			Progress{Parallel: 9, Hosts: []Standing{ended(1, untouched), waiting(1), waiting(2)}},
			Action{Kind: Skip, Why: WhyBudget, Hosts: []int{1, 2}}},
		{"over the budget, those in flight go on",
			Progress{Parallel: 9, Hosts: []Standing{ended(1, untouched), flying(1)}}, Action{Kind: Wait}},
		{"within the budget the others go on",
			Progress{Parallel: 9, Budget: 1, Hosts: []Standing{ended(1, untouched), waiting(1)}},
			Action{Kind: Begin, Wave: 1, Hosts: []int{1}}},
		{"unreachable counts before anything begins",
			Progress{Parallel: 9, Hosts: []Standing{unreachable, waiting(1)}},
			Action{Kind: Skip, Why: WhyBudget, Hosts: []int{1}}},
		{"unhealthy without a change counts",
			Progress{Parallel: 9, Hosts: []Standing{
				Standing{Wave: 1, Begun: true}.applied(deploy.Outcome{State: unchanged, Problem: &deploy.Problem{}}), waiting(1),
			}},
			Action{Kind: Skip, Why: WhyBudget, Hosts: []int{1}}},
		{"a host for the next reboot is no failure",
			Progress{Parallel: 9, Hosts: []Standing{ended(1, deploy.StateRebootPending), waiting(1)}},
			Action{Kind: Begin, Wave: 1, Hosts: []int{1}}},

		{"host: the healthy ones stay",
			Progress{Parallel: 9, Budget: 1, OnFailure: inventory.OnFailureHost,
				Hosts: []Standing{ended(1, confirmed), ended(1, returned)}}, Action{Kind: Settle, Wave: 1}},
		{"wave: the healthy changed ones of this wave go back",
			Progress{Parallel: 9, Budget: 1, Settled: 1, OnFailure: inventory.OnFailureWave,
				Hosts: []Standing{ended(1, confirmed), ended(2, confirmed), ended(2, unchanged), ended(2, returned)}},
			Action{Kind: Return, Hosts: []int{1}}},
		{"wave: who would go back does not begin",
			Progress{Parallel: 9, Budget: 1, OnFailure: inventory.OnFailureWave,
				Hosts: []Standing{ended(1, returned), waiting(1), waiting(2)}},
			Action{Kind: Skip, Why: WhyPolicy, Hosts: []int{1}}},
		{"wave: within the budget the next wave goes on",
			Progress{Parallel: 9, Budget: 1, Settled: 1, OnFailure: inventory.OnFailureWave,
				Hosts: []Standing{ended(1, returned), waiting(2)}}, Action{Kind: Begin, Wave: 2, Hosts: []int{1}}},
		{"stage: all changed ones go back",
			Progress{Parallel: 9, Budget: 1, Settled: 1, OnFailure: inventory.OnFailureStage,
				Hosts: []Standing{ended(1, confirmed), ended(2, confirmed), ended(2, unchanged), ended(2, returned)}},
			Action{Kind: Return, Hosts: []int{0, 1}}},
		{"stage: nobody begins after a failure",
			Progress{Parallel: 9, Budget: 1, Settled: 1, OnFailure: inventory.OnFailureStage,
				Hosts: []Standing{ended(1, returned), waiting(2)}}, Action{Kind: Skip, Why: WhyPolicy, Hosts: []int{1}}},
		{"a host that never began takes nobody with it",
			Progress{Parallel: 9, Budget: 1, OnFailure: inventory.OnFailureStage, Hosts: []Standing{unreachable, waiting(1)}},
			Action{Kind: Begin, Wave: 1, Hosts: []int{1}}},
		{"returns keep to parallel",
			Progress{Parallel: 1, Budget: 1, OnFailure: inventory.OnFailureWave,
				Hosts: []Standing{ended(1, confirmed), ended(1, confirmed), ended(1, returned)}},
			Action{Kind: Return, Hosts: []int{0}}},
		{"a way back is taken once",
			Progress{Budget: 1, OnFailure: inventory.OnFailureWave, Hosts: []Standing{
				{Wave: 1, State: confirmed, Changed: true, Begun: true, Back: true}, ended(1, returned),
			}},
			Action{Kind: Settle, Wave: 1}},
		{"a sick host goes back under any policy",
			Progress{Soak: true, OnFailure: inventory.OnFailureHost, Hosts: []Standing{ended(1, confirmed).sick(), ended(1, confirmed)}},
			Action{Kind: Return, Hosts: []int{0}}},
		{"and then the others soak on",
			Progress{Soak: true, Hosts: []Standing{ended(1, returned), ended(1, confirmed)}},
			Action{Kind: Soak, Wave: 1, Hosts: []int{1}}},

		{"interrupted: nobody begins", Progress{Parallel: 9, Interrupted: true, Hosts: []Standing{flying(1), waiting(1)}},
			Action{Kind: Skip, Why: WhyInterrupted, Hosts: []int{1}}},
		{"interrupted: the soak is cut, and that is known",
			Progress{Interrupted: true, Soak: true, Hosts: []Standing{ended(1, confirmed)}}, Action{Kind: Settle, Wave: 1, Cut: true}},
		{"interrupted: who must go back does",
			Progress{Interrupted: true, Soak: true, Hosts: []Standing{ended(1, confirmed).sick()}}, Action{Kind: Return, Hosts: []int{0}}},
		{"detached: nobody is called any more",
			Progress{Interrupted: true, Detached: true, Hosts: []Standing{ended(1, confirmed).sick()}}, Action{Kind: Settle, Wave: 1}},
		{"detached: a host that was let go of is not waited for",
			Progress{Interrupted: true, Detached: true, Hosts: []Standing{{Wave: 1, State: deploy.StateInFlight, Begun: true, Changed: true, Failed: true}}},
			Action{Kind: Settle, Wave: 1}},
		{"what cannot be written down does not begin", Progress{Parallel: 9, Unwritten: true, Hosts: []Standing{waiting(1)}},
			Action{Kind: Skip, Why: WhyJournal, Hosts: []int{0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, Next(c.p)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestNextKeepsItsPromises plays a whole stage against Next with every choice
// (order of ends, outcomes, soak failures, interruptions) drawn at random.
func TestNextKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawStage(rt)
		for moves := 0; ; moves++ {
			if moves > 20*len(p.Hosts)+50 {
				rt.Fatalf("no end in sight: %+v", p)
			}
			if !p.Interrupted && rapid.IntRange(0, 40).Draw(rt, "ctrl-c") == 0 {
				p.Interrupted = true
			}
			a := Next(p)
			if a.Kind == Done {
				break
			}
			obeyed(rt, p, a)
			play(rt, &p, a)
		}
		for i, s := range p.Hosts {
			if !s.State.Final() || s.Running {
				rt.Fatalf("host %d ends as %+v", i, s)
			}
			if s.State == deploy.StateConfirmed && s.Changed && !s.Back && (s.Sick || p.doomed(s)) {
				rt.Fatalf("host %d should have gone back: %+v", i, s)
			}
		}
	})
}

func drawStage(rt *rapid.T) Progress {
	p := Progress{
		Parallel:  rapid.IntRange(1, 4).Draw(rt, "parallel"),
		Budget:    rapid.IntRange(0, 3).Draw(rt, "budget"),
		OnFailure: rapid.SampledFrom([]inventory.OnFailure{"host", "wave", "stage"}).Draw(rt, "on_failure"),
		Soak:      rapid.Bool().Draw(rt, "soak"),
	}
	for w := range rapid.IntRange(0, 4).Draw(rt, "waves") {
		for range rapid.IntRange(1, 5).Draw(rt, "size") {
			s := waiting(w + 1)
			s.Owed = rapid.IntRange(0, 9).Draw(rt, "owed") == 0
			if rapid.IntRange(0, 9).Draw(rt, "blocked") == 0 {
				s = s.blocked()
			}
			p.Hosts = append(p.Hosts, s)
		}
	}
	return p
}

// obeyed checks one move against the promises, from the state before it.
func obeyed(rt *rapid.T, p Progress, a Action) {
	for _, i := range a.Hosts {
		s := p.Hosts[i]
		switch a.Kind {
		case Begin:
			if p.Interrupted || p.Failures() > p.Budget {
				rt.Fatalf("host %d begins after the stop: %+v", i, p)
			}
			for _, o := range p.Hosts {
				if o.Wave < s.Wave && (!o.State.Final() || o.Running || p.Settled < o.Wave) {
					rt.Fatalf("host %d of wave %d begins before wave %d is over: %+v", i, s.Wave, o.Wave, p)
				}
				if o.Failed && o.Begun && (p.OnFailure == "stage" || p.OnFailure == "wave" && o.Wave == s.Wave) {
					rt.Fatalf("host %d begins only to go back: %+v", i, p)
				}
			}
		case Return:
			if s.State != deploy.StateConfirmed || !s.Changed {
				rt.Fatalf("host %d, which this run did not change, goes back: %+v", i, s)
			}
			if !s.Sick && p.OnFailure == "host" {
				rt.Fatalf("host %d goes back with another under on_failure = host", i)
			}
		case Soak:
			if p.running() > 0 || p.Interrupted {
				rt.Fatalf("a soak beside work, or after an interruption: %+v", p)
			}
		}
	}
	if a.Kind == Begin || a.Kind == Return {
		if n := p.running() + len(a.Hosts); n > p.Parallel {
			rt.Fatalf("%d in flight, %d allowed", n, p.Parallel)
		}
	}
	if a.Kind == Wait && p.running() == 0 {
		rt.Fatalf("waits for nothing: %+v", p)
	}
}

// play changes p as the loop does, with random ends.
func play(rt *rapid.T, p *Progress, a Action) {
	switch a.Kind {
	case Begin, Return:
		for _, i := range a.Hosts {
			s := &p.Hosts[i]
			s.Running = true
			if a.Kind == Begin {
				s.State, s.Begun = deploy.StateInFlight, true
			} else {
				s.Back = true
			}
		}
	case Skip:
		for _, i := range a.Hosts {
			p.Hosts[i].State = deploy.StateSkipped
		}
	case Soak:
		if rapid.IntRange(0, 2).Draw(rt, "sick") == 0 {
			i := rapid.SampledFrom(a.Hosts).Draw(rt, "who")
			p.Hosts[i] = p.Hosts[i].sick()
			return
		}
		p.Settled = a.Wave
	case Settle:
		p.Settled = a.Wave
	case Wait:
		running := p.where(func(s Standing) bool { return s.Running })
		i := rapid.SampledFrom(running).Draw(rt, "ends")
		if p.Hosts[i].Back {
			state := rapid.SampledFrom([]deploy.State{deploy.StateReturned, deploy.StateStranded, deploy.StateConfirmed}).Draw(rt, "back")
			p.Hosts[i] = p.Hosts[i].returned(deploy.Outcome{State: state, Changed: true})
			return
		}
		states := []deploy.State{deploy.StateConfirmed, deploy.StateUnchanged, deploy.StateUntouched,
			deploy.StateReturned, deploy.StateStranded, deploy.StateRebootPending, deploy.StateSkipped}
		state := rapid.SampledFrom(states).Draw(rt, "state")
		changed := slices.Contains([]deploy.State{deploy.StateConfirmed, deploy.StateReturned, deploy.StateStranded, deploy.StateRebootPending}, state)
		p.Hosts[i] = p.Hosts[i].applied(deploy.Outcome{State: state, Changed: changed})
	}
}

func TestAFailedWayBackCounts(t *testing.T) {
	s := ended(1, deploy.StateConfirmed)
	if got := s.returned(deploy.Outcome{State: deploy.StateReturned}); got.Failed {
		t.Errorf("a host that went back with another counts as failed: %+v", got)
	}
	if got := s.returned(deploy.Outcome{State: deploy.StateStranded}); !got.Failed {
		t.Errorf("a stranded host does not count: %+v", got)
	}
	if got := s.sick().returned(deploy.Outcome{State: deploy.StateReturned}); !got.Failed {
		t.Errorf("a sick host that is back does not count: %+v", got)
	}
}
