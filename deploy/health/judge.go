package health

import (
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Answer is what one try of a check learned.
type Answer string

// The answers. The zero value is Unknown, so what is forgotten never passes.
const (
	Unknown Answer = "" // nothing was learned
	Yes     Answer = "yes"
	No      Answer = "no"
)

// Sample is one try. Times count from the start of the check.
type Sample struct {
	Began  time.Duration
	Ended  time.Duration
	Answer Answer
	// Failed are the units that a units check saw failed and that were not
	// failed before.
	Failed []string
	Detail string // what was seen, safe to print
}

// A units check is over before its deadline when the same unit was failed in
// settledTries tries in a row that span a settledShare-th of the deadline: 9 s
// of the usual 90 s, about as long as systemd by default lets a crashing
// service try again (5 starts in 10 s). One that recovers sooner is not
// blamed; of one that does not, there is nothing to wait for.
const (
	settledTries = 3
	settledShare = 10
)

// least is the shortest time that a try of c is begun with: less would measure
// the deadline and not the host.
func least(c inventory.Check) time.Duration {
	return min(time.Second, c.Timeout, c.Deadline)
}

// Judge gives the verdict that samples, in order, have come to so far: Pending
// means that another try is due. It is pure.
//
// A check has passed once it was answered yes Successes times in a row within
// its Deadline. When no further try fits before the deadline, it has failed if
// one of the newest Successes tries was answered no, and is inconclusive
// otherwise: a host that fell silent, or had no time to prove itself, is not
// known to be unwell.
func Judge(check inventory.Check, samples []Sample) Verdict {
	c := withDefaults(check)
	switch {
	case len(samples) == 0:
		return Pending
	case streak(samples) >= c.Successes && samples[len(samples)-1].Ended <= c.Deadline:
		return Passed
	case len(settled(c, samples)) > 0:
		return Failed
	case nextTry(c, samples[len(samples)-1])+least(c) <= c.Deadline:
		return Pending
	}
	for _, s := range samples[max(0, len(samples)-c.Successes):] {
		if s.Answer == No {
			return Failed
		}
	}
	return Inconclusive
}

// nextTry is when the try after last is due: Interval after last began, at
// once when it took longer.
func nextTry(c inventory.Check, last Sample) time.Duration {
	return max(last.Began+c.Interval, last.Ended)
}

// streak counts the newest samples that are all yes.
func streak(samples []Sample) int {
	n := 0
	for _, s := range slices.Backward(samples) {
		if s.Answer != Yes {
			break
		}
		n++
	}
	return n
}

// settled names the units whose failure is definite.
func settled(c inventory.Check, samples []Sample) []string {
	if c.Type != inventory.CheckUnits {
		return nil
	}
	var still []string
	last := len(samples) - 1
	for n, s := range slices.Backward(samples) {
		if s.Answer != No {
			return nil
		}
		if n == last {
			still = s.Failed
		} else {
			still = both(still, s.Failed)
		}
		if len(still) == 0 {
			return nil
		}
		if last-n+1 >= settledTries && samples[last].Began-s.Began >= c.Deadline/settledShare {
			return still
		}
	}
	return nil
}

// both gives the names that are in a and in b.
func both(a, b []string) []string {
	var out []string
	for _, name := range a {
		if slices.Contains(b, name) {
			out = append(out, name)
		}
	}
	return out
}
