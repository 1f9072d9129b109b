package deploy

import (
	"slices"
	"time"
)

// Approval is a person's leave for one flake in one stage. It holds for that flake
// only, so it never runs out.
type Approval struct {
	Flake string    `json:"flake"` // hex digest
	Stage string    `json:"stage"`
	By    string    `json:"by"` // user@machine
	Time  time.Time `json:"time"`
}

// Approvals is what is known of a stage that asks for an approval.
type Approvals struct {
	// Given are those that its hosts hold, each person once, by time.
	Given []Approval `json:"given"`
	// Missing are the hosts that were read and hold none: the stage begins when
	// there are none of them.
	Missing []string `json:"missing"`
}

// ApprovalsOf gathers what the hosts of a stage hold for it. A host that cannot
// begin needs none.
func ApprovalsOf(stage, flake string, hosts []HostPlan) *Approvals {
	a := &Approvals{}
	for _, h := range hosts {
		if h.Observed == nil || h.Problem != nil {
			continue
		}
		held := false
		for _, g := range h.Observed.Approvals {
			if g.Stage != stage || g.Flake != flake {
				continue
			}
			held = true
			if !slices.ContainsFunc(a.Given, func(o Approval) bool { return o.By == g.By }) {
				a.Given = append(a.Given, g)
			}
		}
		if !held {
			a.Missing = append(a.Missing, h.Host)
		}
	}
	slices.SortFunc(a.Given, func(x, y Approval) int { return x.Time.Compare(y.Time) })
	return a
}
