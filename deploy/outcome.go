package deploy

// Outcome is how one host ended in a stage of a run.
type Outcome struct {
	Host    string   `json:"host"`
	State   State    `json:"state"`
	Changed bool     `json:"changed"` // this run armed it, so it may have been changed
	Problem *Problem `json:"problem,omitempty"`
	Before  Links    `json:"before"`
	After   Links    `json:"after"`
}

// Failed reports whether the host counts against a failure budget.
func (o Outcome) Failed() bool {
	switch o.State {
	case StateUnchanged, StateConfirmed, StateRebootPending, StateSkipped:
		return o.Problem != nil && o.State == StateUnchanged
	}
	return true
}

// Away reports whether nothing was learnt of the flake on the host: it was not to
// be had, and is as it was.
func (o Outcome) Away() bool {
	return o.State == StateUntouched && o.Problem != nil && (o.Problem.Code == CodeUnreachable || o.Problem.Code == CodeLocked)
}
