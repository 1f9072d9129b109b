package rollout

import (
	"maps"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// soakInterval is the time between two rounds of checks: three rounds at least,
// and one in 10 s at most.
func soakInterval(soak time.Duration) time.Duration {
	return max(min(10*time.Second, soak/3), time.Millisecond)
}

// fails judges one answer of a check in the soak. What could not be said is
// asked again in the next round; in the last one it is not enough to pass.
func fails(p *deploy.Problem, last bool) bool {
	return p != nil && (last || p.Code != deploy.CodeInconclusive)
}

// Owed is, by host, the rest of the soak that a run did not finish: its events
// say that the host was confirmed, but not that its wave's soak is over. Time
// that passed since the soak began counts; a rest of 0 still means one round of
// checks. A host that was to go back and could not owes all of it: it may still
// run what its soak did not bear out. It is pure; now is the clock of the machine that wrote the events.
func Owed(events []deploy.Event, now time.Time) map[string]time.Duration {
	type wave struct {
		stage string
		n     int
	}
	soak := map[string]time.Duration{} // by stage
	until := map[wave]time.Time{}
	over := map[wave]bool{}
	confirmed, stayed := map[string]wave{}, map[string]bool{}
	for _, e := range events {
		w := wave{e.Stage, e.Wave}
		switch e.Kind {
		case deploy.EventStageStarted:
			if e.Plan != nil {
				soak[e.Stage] = e.Plan.Policy.Soak
			}
		case deploy.EventSoakStarted:
			until[w] = e.Time.Add(e.Duration)
		case deploy.EventSoakFinished:
			over[w] = true
		case deploy.EventHostState:
			before, was := confirmed[e.Host]
			delete(confirmed, e.Host)
			stayed[e.Host] = e.State == deploy.StateStranded && was
			switch {
			case e.State == deploy.StateConfirmed:
				confirmed[e.Host] = w
			case stayed[e.Host]:
				confirmed[e.Host] = before
			}
		}
	}
	owed := map[string]time.Duration{}
	for host, w := range confirmed {
		if over[w] && !stayed[host] || soak[w.stage] <= 0 {
			continue
		}
		owed[host] = soak[w.stage]
		if end, began := until[w]; began && !stayed[host] {
			owed[host] = min(max(end.Sub(now), 0), soak[w.stage])
		}
	}
	return owed
}

// AddOwed takes one more run of a flake into account, oldest first: soaks that it
// finished are paid by the hosts that were in them, those that it broke off are
// owed. A host that the run could not reach was in no soak of it, whatever the
// rest of its wave did, and owes what it did. It changes owed, and nothing else.
func AddOwed(owed map[string]time.Duration, events []deploy.Event, now time.Time) {
	type wave struct {
		stage string
		n     int
	}
	finished := map[wave]bool{}
	for _, e := range events {
		if e.Kind == deploy.EventSoakFinished {
			finished[wave{e.Stage, e.Wave}] = true
		}
	}
	for _, h := range deploy.Fold(events).Hosts {
		if finished[wave{h.Stage, h.Wave}] && (h.State.Good() || h.State == deploy.StateReturned) {
			delete(owed, h.Host)
		}
	}
	maps.Copy(owed, Owed(events, now))
}
