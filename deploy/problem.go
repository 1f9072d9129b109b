package deploy

import (
	"encoding/json"
	"fmt"
)

// Code is a stable slug for a cause of failure: one cause, one code, since
// two causes have two remedies.
type Code string

// The causes.
const (
	CodeInternal      Code = "internal"
	CodeUnreachable   Code = "unreachable"
	CodeAuth          Code = "auth"
	CodeHostKey       Code = "host-key"     // unknown or changed: security
	CodeIdentity      Code = "identity"     // another marker, a doubled machine-id: security
	CodeUnadopted     Code = "no-marker"    // never confirmed here, --first not given: security
	CodeElevate       Code = "elevate"      // sudo refused or wants a password
	CodeUnsupported   Code = "unsupported"  // not NixOS, too old, wrong system
	CodeLocked        Code = "locked"       // another run, or a foreign switch
	CodeUpload        Code = "upload"       // transfer or verification
	CodeEvaluation    Code = "evaluation"   // the flake does not evaluate for this host
	CodeBuild         Code = "build"        // it does not build
	CodePlanMismatch  Code = "mismatch"     // the host's toplevel is not the planned one
	CodeMoved         Code = "moved"        // a host, the inventory or the flake is not what a saved plan has
	CodeMisfit        Code = "misfit"       // the new system does not fit the host: mounts, boot loader, state version, login
	CodeFile          Code = "file"         // a file here is not what would be written, or cannot be written
	CodeSignature     Code = "signature"    // a saved plan is not signed as hosts.toml asks: security
	CodeGuard         Code = "guard"        // the guard cannot be armed as asked
	CodeSwitch        Code = "switch"       // the switch did not lead to the wanted system
	CodeReachable     Code = "reconnect"    // no fresh connection after the switch
	CodeHealth        Code = "health"       // a check failed
	CodeInconclusive  Code = "inconclusive" // a check could not say
	CodeLate          Code = "late"         // the guard decided before the confirmation came
	CodeReturnFailed  Code = "return"       // the way back failed
	CodeForeignChange Code = "foreign"      // somebody else changed the host during the run
	CodeProtocol      Code = "protocol"     // the host's answer is not one of ours
	CodeInterrupted   Code = "interrupted"
	CodeGate          Code = "gate"
	CodeBudget        Code = "budget"
	CodeOnFailure     Code = "on-failure" // healthy itself: stopped or went back with a failed host
	CodeApproval      Code = "approval"   // the plan was not approved
	CodeJournal       Code = "journal"    // the run cannot be written down, so nothing may begin
)

// Problem is a failure as a person reads it: what failed, at which step, what
// state the host is in now, and what to do next. It is an error, and data.
type Problem struct {
	Code Code   `json:"code"`
	Host string `json:"host,omitempty"`
	Step Step   `json:"step,omitempty"`
	What string `json:"what"`
	// Details are evidence lines: saw and wanted, the tail of a log.
	Details []string `json:"details,omitempty"`
	State   string   `json:"state,omitempty"` // what the host is in now, in words
	Next    string   `json:"next,omitempty"`  // what to do, a complete command where there is one
	Err     error    `json:"-"`
}

// Error is the one-line form: what, which host, which step.
func (p *Problem) Error() string {
	s := p.What
	if p.Err != nil {
		s = fmt.Sprintf("%s: %v", s, p.Err)
	}
	switch {
	case p.Host != "" && p.Step != "":
		return fmt.Sprintf("%s: %s: %s", p.Host, p.Step, s)
	case p.Host != "":
		return fmt.Sprintf("%s: %s", p.Host, s)
	}
	return s
}

// MarshalJSON keeps the text of Err, which as a value cannot be kept, at the
// end of What: the Problem that is read back says the same in Error.
func (p Problem) MarshalJSON() ([]byte, error) {
	type plain Problem // without this method
	if p.Err != nil {
		p.What = fmt.Sprintf("%s: %v", p.What, p.Err)
	}
	return json.Marshal(plain(p))
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Security reports whether the problem is a refusal for security (exit 7).
func (p *Problem) Security() bool {
	return p.Code == CodeHostKey || p.Code == CodeIdentity || p.Code == CodeUnadopted || p.Code == CodeSignature
}
