package rollout

import (
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// Progress is all that the next move in a stage depends on.
type Progress struct {
	Parallel  int // hosts driven at once; less than 1 means 1
	Budget    int // failures allowed
	OnFailure inventory.OnFailure
	Soak      bool       // the stage has a soak
	Hosts     []Standing // by wave, in the order in which they begin
	// Settled is how many waves are over, soak included. Waves settle in order.
	Settled     int
	Interrupted bool // begin no further host
	Detached    bool // let go of what is in flight, too
	Unwritten   bool // the run cannot be written down any more
	Shut        bool // outside of the stage's windows, or in a freeze: begin no further wave
	Wave        int  // the last one that began
}

// Standing is one host as decisions see it.
type Standing struct {
	Wave    int // from 1
	State   deploy.State
	Running bool // an Apply or a Return is under way
	Begun   bool // Apply was called
	Changed bool // by this run
	Failed  bool // by its own fault: counts against the budget
	Sick    bool // confirmed, then failed in the soak: must go back
	Back    bool // Return was called: it is called once
	Owed    bool // was confirmed by another run, which has not finished its soak
}

// Kind says what an Action is.
type Kind string

// The kinds of action.
const (
	Begin  Kind = "begin"  // Apply Hosts
	Return Kind = "return" // bring Hosts back to their records
	Skip   Kind = "skip"   // Hosts will not begin, because of Why
	Wait   Kind = "wait"   // for a host in flight, or an interruption
	Soak   Kind = "soak"   // check Hosts of Wave until one fails or its time is over
	Settle Kind = "settle" // Wave is over; Cut: without the whole of its soak
	Done   Kind = "done"   // the stage is over
)

// Why is the reason why hosts do not begin.
type Why string

// The reasons, in order of precedence.
const (
	WhyJournal     Why = "journal"
	WhyInterrupted Why = "interrupted"
	WhyBudget      Why = "budget"
	WhyShut        Why = "shut"
	WhyPolicy      Why = "policy" // on_failure: they would only have to go back
)

// Action is the next move. Hosts are indexes into Progress.Hosts.
type Action struct {
	Kind  Kind
	Hosts []int
	Wave  int
	Why   Why
	Cut   bool
}

// Next decides the next move in a stage. It is pure, and asked again after each
// thing that happens:
//
//   - Over the budget, interrupted or unwritten, no further host begins.
//   - Once its window is over, no further wave begins; one that began goes on.
//   - on_failure says which healthy hosts go back with one that began and
//     failed. Those of them that wait never begin; those that are confirmed
//     are returned at once. Hosts that this run did not change stay.
//   - A wave begins when the one before it is settled: all of its hosts at
//     rest, and soaked if any was confirmed.
func Next(p Progress) Action {
	if why, hosts := p.skips(); len(hosts) > 0 {
		return Action{Kind: Skip, Hosts: hosts, Why: why}
	}
	free := max(p.Parallel, 1) - p.running()
	if due := p.where(p.due); len(due) > 0 && free > 0 {
		return Action{Kind: Return, Hosts: due[:min(free, len(due))]}
	}
	wave := p.Settled + 1
	waiting := p.where(func(s Standing) bool { return s.State == deploy.StateWaiting && s.Wave == wave })
	if len(waiting) > 0 && free > 0 {
		return Action{Kind: Begin, Hosts: waiting[:min(free, len(waiting))], Wave: wave}
	}
	if p.running() > 0 {
		return Action{Kind: Wait}
	}
	if wave > p.waves() {
		return Action{Kind: Done}
	}
	soaks := p.where(func(s Standing) bool { return s.Wave == wave && p.soaks(s) })
	if len(soaks) > 0 && !p.Interrupted && !p.Detached {
		return Action{Kind: Soak, Wave: wave, Hosts: soaks}
	}
	return Action{Kind: Settle, Wave: wave, Cut: len(soaks) > 0}
}

// Failures is how many hosts failed by their own fault.
func (p Progress) Failures() int {
	return len(p.where(func(s Standing) bool { return s.Failed }))
}

// skips lists the waiting hosts that must not begin any more, and why.
func (p Progress) skips() (Why, []int) {
	waits := func(s Standing) bool { return s.State == deploy.StateWaiting }
	switch {
	case p.Unwritten:
		return WhyJournal, p.where(waits)
	case p.Interrupted || p.Detached:
		return WhyInterrupted, p.where(waits)
	case p.Failures() > p.Budget:
		return WhyBudget, p.where(waits)
	}
	if p.Shut {
		if later := p.where(func(s Standing) bool { return waits(s) && s.Wave > p.Wave }); len(later) > 0 {
			return WhyShut, later
		}
	}
	if p.Failures() == 0 { // the usual case, decided again after each event of each host
		return WhyPolicy, nil
	}
	return WhyPolicy, p.where(func(s Standing) bool { return waits(s) && p.doomed(s) })
}

// doomed says that on_failure brings the host back with one that failed. A host
// that never began takes nobody with it: nothing happened there.
func (p Progress) doomed(s Standing) bool {
	for _, other := range p.Hosts {
		if !other.Failed || !other.Begun {
			continue
		}
		if p.OnFailure == inventory.OnFailureStage || p.OnFailure == inventory.OnFailureWave && other.Wave == s.Wave {
			return true
		}
	}
	return false
}

// due says that the host is to be returned now: confirmed and changed by this
// run, and itself sick or doomed by another. Once only, whatever comes of it.
func (p Progress) due(s Standing) bool {
	return !p.Detached && !s.Running && !s.Back &&
		s.State == deploy.StateConfirmed && s.Changed && (s.Sick || p.doomed(s))
}

// soaks says that the host is to be checked in its wave's soak.
func (p Progress) soaks(s Standing) bool {
	switch {
	case s.Failed:
		return false
	case s.State == deploy.StateConfirmed:
		return p.Soak && s.Changed && !s.Back
	case s.State == deploy.StateUnchanged:
		return s.Owed
	}
	return false
}

func (p Progress) running() int {
	return len(p.where(func(s Standing) bool { return s.Running }))
}

func (p Progress) waves() int {
	n := 0
	for _, s := range p.Hosts {
		n = max(n, s.Wave)
	}
	return n
}

func (p Progress) where(is func(Standing) bool) []int {
	var list []int
	for i, s := range p.Hosts {
		if is(s) {
			list = append(list, i)
		}
	}
	return list
}

// applied is a host's standing after its Apply ended.
func (s Standing) applied(o deploy.Outcome) Standing {
	s.Running = false
	s.State, s.Changed, s.Failed = o.State, o.Changed, o.Failed()
	return s
}

// returned is a host's standing after its Return ended. One that goes back with
// another does not fail by that; one whose way back failed does.
func (s Standing) returned(o deploy.Outcome) Standing {
	s.Running = false
	s.State = o.State
	s.Failed = s.Failed || o.State == deploy.StateStranded
	return s
}

// blocked is the standing of a host that cannot begin, by its inspection.
func (s Standing) blocked() Standing {
	s.State, s.Failed = deploy.StateUntouched, true
	return s
}

// sick is a host's standing after it failed in the soak.
func (s Standing) sick() Standing {
	s.Sick, s.Failed, s.Begun = true, true, true
	return s
}
