// Package deploy holds the nouns of a deployment (Plan, Wave, the states of a
// host, Event, Record, Report) and the small interfaces between the rooms
// below it. It has no effects: nothing here opens a connection, reads a clock
// or touches a file.
//
// The rooms: plan and rollout decide, host drives one host, remote speaks SSH,
// nixos knows what is run on a NixOS machine, health judges, journal remembers.
package deploy

// State is where a host stands in a run (docs/glossary.md).
type State string

// The states of a host in a run.
const (
	StateWaiting       State = "waiting"        // its turn has not come
	StateUnchanged     State = "unchanged"      // already ran the wanted toplevel, healthy
	StateUntouched     State = "untouched"      // failed before anything was changed
	StateInFlight      State = "in-flight"      // being worked on
	StateConfirmed     State = "confirmed"      // runs the wanted toplevel, healthy, read back
	StateReturned      State = "returned"       // back on its record, read back
	StateRebootPending State = "reboot-pending" // boots the wanted toplevel at its next boot
	StateStranded      State = "stranded"       // neither confirmed nor returned: needs a person
	StateSkipped       State = "skipped"        // never begun: a gate, a budget or an interruption
)

// Final reports whether a host in this state needs nothing more from its run.
func (s State) Final() bool { return s != StateWaiting && s != StateInFlight && s != "" }

// Good reports whether a host in this state ended as was asked of the run. An
// unchanged host is good only without a problem: its health is checked too.
func (s State) Good() bool {
	return s == StateUnchanged || s == StateConfirmed || s == StateRebootPending
}

// Step is one step of the pipeline of one host, in the design's words.
type Step string

// The steps, in the order in which a host passes them.
const (
	StepConnect   Step = "connect"
	StepInspect   Step = "inspect"
	StepLock      Step = "lock"
	StepUpload    Step = "upload"
	StepDryBuild  Step = "dry-build"
	StepBuild     Step = "build"
	StepArm       Step = "arm"
	StepSwitch    Step = "switch"
	StepReconnect Step = "reconnect"
	StepHealth    Step = "health"
	StepConfirm   Step = "confirm"
	StepRecord    Step = "record"
	StepSoak      Step = "soak"
	StepReturn    Step = "return"
	StepUnlock    Step = "unlock"
)

// Changes reports whether the step changes what the host runs or boots, so
// that its intent must be durable in the journal before it is sent.
func (s Step) Changes() bool {
	switch s {
	case StepArm, StepSwitch, StepConfirm, StepReturn, StepRecord:
		return true
	}
	return false
}
