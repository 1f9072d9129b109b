package deploy

import (
	"fmt"
	"strings"
	"time"
)

// ForeignKind is what somebody else does on a host.
type ForeignKind string

// The kinds of foreign activity.
const (
	ForeignSwitch     ForeignKind = "switch"      // a switch by hand, or by another tool, is under way
	ForeignUpgrade    ForeignKind = "upgrade"     // system.autoUpgrade is under way
	ForeignGarbage    ForeignKind = "garbage"     // a garbage collection is under way
	ForeignUpgradeDue ForeignKind = "upgrade-due" // system.autoUpgrade begins in Due seconds
)

// ForeignActivity is somebody at work on a host who does not use nixdeploy.
type ForeignActivity struct {
	Kind  ForeignKind `json:"kind"`
	What  string      `json:"what"`            // the unit or the command
	PID   int         `json:"pid,omitempty"`   // 0 when there is none, or it is not known
	Who   string      `json:"who,omitempty"`   // the login that it came from, "" for the system
	Since int64       `json:"since,omitempty"` // unix seconds by the host's clock, for people only
	Due   int64       `json:"due,omitempty"`   // seconds until it begins, of upgrade-due
}

// Waits reports whether a run has to wait for it, as for a lock: it is about to
// change what the host runs. The others are a risk at most.
func (a ForeignActivity) Waits() bool {
	return a.Kind == ForeignSwitch || a.Kind == ForeignUpgrade
}

// String words it as a part of a sentence.
func (a ForeignActivity) String() string {
	var b strings.Builder
	b.WriteString(a.What)
	if a.PID != 0 {
		fmt.Fprintf(&b, ", pid %d", a.PID)
	}
	if a.Who != "" {
		fmt.Fprintf(&b, ", of %s", a.Who)
	}
	if a.Since != 0 {
		fmt.Fprintf(&b, ", since %s", time.Unix(a.Since, 0).UTC().Format("15:04:05 UTC"))
	}
	if a.Kind == ForeignUpgradeDue {
		fmt.Fprintf(&b, ", due in %s", time.Duration(max(a.Due, 0))*time.Second)
	}
	return b.String()
}

// Sentence says what it means to somebody who looks at the host.
func (a ForeignActivity) Sentence() string {
	switch a.Kind {
	case ForeignSwitch, ForeignUpgrade:
		return "a switch that is not nixdeploy's is under way: " + a.String()
	case ForeignGarbage:
		return "a garbage collection is under way: " + a.String()
	case ForeignUpgradeDue:
		return "an automatic upgrade is near: " + a.String()
	}
	return string(a.Kind) + ": " + a.String()
}

// ForeignLocked words the refusal of a host where somebody else switches (exit
// 3), nil when nobody does.
func ForeignLocked(all []ForeignActivity) *Problem {
	var p *Problem
	for _, a := range all {
		switch {
		case !a.Waits():
		case p == nil:
			p = &Problem{
				Code: CodeLocked, What: a.Sentence(),
				Next: "let it end, then run the same command again",
			}
		default:
			p.Details = append(p.Details, "also    "+a.String())
		}
	}
	return p
}
