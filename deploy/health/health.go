// Package health asks whether a host is well and answers with one of three
// verdicts: passed, failed, inconclusive. Absence of evidence never passes.
//
// A check is tried again and again until a pure function, Judge, finds its
// verdict in the samples taken so far; the same trace always has the same
// verdict. What a verdict leads to (going on, returning the host) is decided
// elsewhere, and how a host is asked (SSH, scripts) is behind the interface
// Host. No state survives a call.
package health

import (
	"context"
	"time"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// Host is what checks ask of a host. Calls come one at a time: a host is one
// connection. An error that is or wraps a *deploy.Problem means that the
// question did not get through, so nothing was learned; any other error of
// Fetch and Connect is the answer that the request failed. Calls end soon
// after their ctx does.
type Host interface {
	// FailedUnits names the systemd units that are failed, or between two
	// automatic restarts after a failure.
	FailedUnits(ctx context.Context) ([]string, error)
	// UnitStates gives systemd's ActiveState by unit.
	UnitStates(ctx context.Context, units []string) (map[string]string, error)
	// RunCheck runs argv as root without a shell. The exit code is 124 when
	// timeout has passed.
	RunCheck(ctx context.Context, argv []string, timeout time.Duration) (exit int, output string, err error)
	// Fetch requests url from the host itself and follows no redirects.
	Fetch(ctx context.Context, url string, timeout time.Duration) (status int, err error)
	// Connect opens a TCP connection from the host itself to "HOST:PORT".
	Connect(ctx context.Context, address string, timeout time.Duration) error
}

// Verdict is what a check comes to.
type Verdict string

// The three verdicts, and Pending while there is none yet.
const (
	Passed       Verdict = "passed"
	Failed       Verdict = "failed"
	Inconclusive Verdict = "inconclusive" // could not be asked: neither well nor unwell
	Pending      Verdict = "pending"      // Judge only, never in a Result
)

// Result is how one check ended.
type Result struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	// Detail is one line for people, safe to print: what was asked, what was
	// seen, how often. At most a little more than 4 KiB.
	Detail string `json:"detail"`
	Tries  int    `json:"tries"`
}

// Worst is the verdict of a whole round: passed only if every check passed,
// failed if one failed. A round without checks proves nothing.
func Worst(results []Result) Verdict {
	worst := Passed
	for _, r := range results {
		switch r.Verdict {
		case Failed:
			return Failed
		case Passed:
		default:
			worst = Inconclusive
		}
	}
	if len(results) == 0 {
		return Inconclusive
	}
	return worst
}

// answerGrace is how much longer than a try's own timeout the deployer waits
// for a host to report it: the host measures the timeout, and the report has
// to travel.
const answerGrace = 5 * time.Second

// withDefaults makes the clocks of a check usable. An inventory that was
// loaded has them all.
func withDefaults(c inventory.Check) inventory.Check {
	if c.Interval <= 0 {
		c.Interval = 2 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Deadline <= 0 {
		c.Deadline = 90 * time.Second
	}
	c.Successes = max(c.Successes, 1)
	if c.ExpectStatus == 0 {
		c.ExpectStatus = 200
	}
	return c
}
