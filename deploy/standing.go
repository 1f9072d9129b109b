package deploy

// Condition is how a host stands, in a word.
type Condition string

// The conditions, worst first: of several, the first is the host's.
const (
	ConditionUnresolved    Condition = "unresolved"     // a run stands open on it
	ConditionDrift         Condition = "drift"          // it is not what its last confirmed run made it
	ConditionFailedUnits   Condition = "failed units"   // that were not when it was confirmed
	ConditionUnconfirmed   Condition = "unconfirmed"    // nixdeploy never confirmed it: there is nothing to compare it with
	ConditionRebootPending Condition = "reboot pending" // all is as confirmed, but for a kernel, initrd or modules
	ConditionHealthy       Condition = "healthy"
)

// Good reports whether nobody has to do anything about it. A reboot that is
// pending is what a confirmed run may well leave.
func (c Condition) Good() bool { return c == ConditionHealthy || c == ConditionRebootPending }

// DriftKind is one way in which a host is not what its last confirmed run made it.
type DriftKind string

// The kinds of drift.
const (
	DriftRunning    DriftKind = "running"    // another system runs
	DriftProfile    DriftKind = "profile"    // the profile is another system
	DriftNextBoot   DriftKind = "next-boot"  // the boot loader starts another system
	DriftGeneration DriftKind = "generation" // the confirmed system, as another generation
	DriftSwitch     DriftKind = "switch"     // somebody switches it right now, without nixdeploy
)

// Standing is what an observation says of a host, against its last confirmed run.
type Standing struct {
	Condition Condition   `json:"condition"`
	Drift     []DriftKind `json:"drift,omitempty"`
	How       string      `json:"how,omitempty"`    // how it drifted, as far as the links tell: a sentence for people
	Failed    []string    `json:"failed,omitempty"` // units failed that were not when it was confirmed
	// FailedBefore are units that were failed when it was confirmed, and still are.
	FailedBefore []string `json:"failed_before,omitempty"`
}
