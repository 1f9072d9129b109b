package deploy

import "time"

// EventKind says what an Event tells.
type EventKind string

// The kinds of event, in the order in which a run emits them.
const (
	EventRunStarted    EventKind = "run-started"
	EventStageStarted  EventKind = "stage-started"  // Stage, Plan
	EventStageApproved EventKind = "stage-approved" // Stage, Approval; durable before the stage begins
	EventWaveStarted   EventKind = "wave-started"   // Stage, Wave
	EventStepIntent    EventKind = "step-intent"    // durable before a step that changes a host is sent
	EventStepStarted   EventKind = "step-started"   // Host, Step
	EventStepFinished  EventKind = "step-finished"  // Host, Step, Message, Observation when one was read
	EventStepFailed    EventKind = "step-failed"    // Host, Step, Problem
	EventOutput        EventKind = "output"         // one line that a host printed; never in the journal
	EventHostState     EventKind = "host-state"     // Host, State, Problem, Before and After when known
	EventSoakStarted   EventKind = "soak-started"   // Stage, Wave, Duration
	EventSoakFinished  EventKind = "soak-finished"  // Stage, Wave
	EventStageFinished EventKind = "stage-finished" // Stage, Message
	EventRunFinished   EventKind = "run-finished"   // Exit, Message
)

// Event is one thing that happened in a run. Journal, views, report and exit
// code are all folds over events.
type Event struct {
	Seq      uint64        `json:"seq"` // from 1, set by the journal
	Time     time.Time     `json:"time"`
	Run      string        `json:"run"`
	Kind     EventKind     `json:"kind"`
	Stage    string        `json:"stage,omitempty"`
	Wave     int           `json:"wave,omitempty"`
	Host     string        `json:"host,omitempty"`
	Step     Step          `json:"step,omitempty"`
	State    State         `json:"state,omitempty"`
	Message  string        `json:"message,omitempty"`
	Wanted   string        `json:"wanted,omitempty"` // toplevel
	Before   *Links        `json:"before,omitempty"`
	After    *Links        `json:"after,omitempty"`
	Problem  *Problem      `json:"problem,omitempty"`
	Plan     *Plan         `json:"plan,omitempty"`
	Approval *Approval     `json:"approval,omitempty"`
	Start    *RunStart     `json:"start,omitempty"`
	Duration time.Duration `json:"duration,omitempty"`
	Exit     *int          `json:"exit,omitempty"`
}

// RunStart is what a run-started event carries.
type RunStart struct {
	Command   string   `json:"command"` // "apply", "rollback"
	Operator  string   `json:"operator"`
	Fleet     string   `json:"fleet"`
	Inventory string   `json:"inventory"` // absolute path
	InvHash   string   `json:"inventory_hash"`
	Flake     string   `json:"flake"`
	Stages    []string `json:"stages"`
	Hosts     []string `json:"hosts"`
	Override  string   `json:"override,omitempty"` // --override-gate REASON
	Accept    bool     `json:"accept,omitempty"`   // --accept: what does not fit a host is switched to all the same
	Undoes    string   `json:"undoes,omitempty"`   // the run that a rollback undoes
	// SavedPlan is the file that was applied; nil: the run planned by itself.
	SavedPlan *SavedPlan `json:"saved_plan,omitempty"`
}

// SavedPlan names the saved plan that a run applies.
type SavedPlan struct {
	ID     string `json:"id"`
	Hash   string `json:"hash"`             // hex SHA-256 of the file
	By     string `json:"by"`               // who made it, as the file says
	Signer string `json:"signer,omitempty"` // who signed it, verified; "" when nobody had to
}
