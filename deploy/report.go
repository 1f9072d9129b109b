package deploy

import "time"

// Report is the fold over a run's events: what views, exit code, status and
// resume read.
type Report struct {
	Run      string        `json:"run"`
	Start    RunStart      `json:"start"`
	Began    time.Time     `json:"began"`
	Ended    time.Time     `json:"ended"` // zero while it runs, or when it was killed
	Finished bool          `json:"finished"`
	Exit     int           `json:"exit"`
	Stages   []StageReport `json:"stages"`
	Hosts    []HostReport  `json:"hosts"` // in order of first appearance
}

// StageReport tells how one stage went.
type StageReport struct {
	Stage   string `json:"stage"`
	Waves   int    `json:"waves"` // begun
	Message string `json:"message,omitempty"`
}

// HostReport tells how one host went.
type HostReport struct {
	Host  string `json:"host"`
	Stage string `json:"stage"`
	Wave  int    `json:"wave"`
	State State  `json:"state"`
	Step  Step   `json:"step"` // the newest step begun
	// Contacted says that a connection to it was tried in this run.
	Contacted bool `json:"contacted"`
	// Changed says that an intent was written and no state since has said that
	// nothing came of it: this run may have changed the host.
	Changed bool `json:"changed"`
	// Switched says that a switch was announced, which none is before the host is
	// armed, and that the host was not to be armed anew since.
	Switched bool `json:"-"`
	// Leaving is the toplevel that the host was confirmed on and was then to
	// leave again, "" for none.
	Leaving string `json:"leaving,omitempty"`
	// Unresolved says that a changing step was begun and no final state was
	// written: after a crash such a host is settled first.
	Unresolved bool     `json:"unresolved"`
	Wanted     string   `json:"wanted,omitempty"`
	Before     *Links   `json:"before,omitempty"`
	After      *Links   `json:"after,omitempty"`
	Problem    *Problem `json:"problem,omitempty"`
}

// Fold reads events, in order, into a Report. It is pure, and the same for a
// running and a dead run.
func Fold(events []Event) Report {
	f := NewFolder()
	for _, e := range events {
		f.Add(e)
	}
	return f.Report()
}

// Folder folds events one at a time. Not safe for concurrent use.
type Folder struct {
	report Report
	index  map[string]int
}

// NewFolder returns an empty Folder.
func NewFolder() *Folder { return &Folder{index: map[string]int{}} }

// Add folds one event. Output says nothing here: it is never in the journal,
// and a replayed run must fold to what the live one did.
func (f *Folder) Add(e Event) {
	if e.Kind == EventOutput {
		return
	}
	r := &f.report
	if r.Run == "" {
		r.Run = e.Run
	}
	// Whatever follows the end takes it back: a resume goes on with the run, and
	// may be killed like any other.
	r.Finished, r.Ended, r.Exit = false, time.Time{}, 0
	switch e.Kind {
	case EventRunStarted:
		r.Began = e.Time
		if e.Start != nil {
			r.Start = *e.Start
		}
	case EventStageStarted:
		r.Stages = append(r.Stages, StageReport{Stage: e.Stage})
	case EventWaveStarted:
		if n := len(r.Stages); n > 0 {
			r.Stages[n-1].Waves = e.Wave
		}
	case EventStageFinished:
		if n := len(r.Stages); n > 0 {
			r.Stages[n-1].Message = e.Message
		}
	case EventRunFinished:
		r.Finished = true
		r.Ended = e.Time
		if e.Exit != nil {
			r.Exit = *e.Exit
		}
	}
	if e.Host != "" {
		f.addHost(e)
	}
}

func (f *Folder) addHost(e Event) {
	i, ok := f.index[e.Host]
	if !ok {
		i = len(f.report.Hosts)
		f.index[e.Host] = i
		f.report.Hosts = append(f.report.Hosts, HostReport{Host: e.Host, State: StateWaiting})
	}
	h := &f.report.Hosts[i]
	if e.Stage != "" {
		h.Stage = e.Stage
	}
	if e.Wave != 0 {
		h.Wave = e.Wave
	}
	if e.Wanted != "" {
		h.Wanted = e.Wanted
	}
	if e.Before != nil {
		h.Before = e.Before
	}
	if e.After != nil {
		h.After = e.After
	}
	switch e.Kind {
	case EventStepIntent:
		h.Step = e.Step
		h.Changed = true
		h.Unresolved = true
		h.Switched = e.Step == StepSwitch || h.Switched && e.Step != StepArm
	case EventStepStarted:
		h.Step = e.Step
		if e.Step == StepReturn && h.State == StateConfirmed && h.After != nil {
			h.Leaving = h.After.Running
		}
		h.State = StateInFlight
		h.Contacted = true
	case EventStepFailed:
		h.Problem = e.Problem
	case EventHostState:
		if e.State == StateStranded && h.State == StateConfirmed && h.After != nil { // unwell in the soak, and let go of before its way back began
			h.Leaving = h.After.Running
		}
		h.State = e.State
		if e.State == StateReturned {
			h.Leaving = ""
		}
		// A host that ended well keeps no problem of a step that was tried again.
		if e.Problem != nil || e.State.Good() {
			h.Problem = e.Problem
		}
		if e.State.Final() {
			h.Unresolved = e.State == StateStranded
		}
		// These say that the run changed nothing, whatever it had intended.
		switch e.State {
		case StateUntouched, StateUnchanged, StateSkipped:
			h.Changed = false
		}
	}
}

// Report returns the fold so far. The slices are shared with the Folder.
func (f *Folder) Report() Report { return f.report }
