package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// The exit codes by which env(1), timeout(1) and shells report that a command
// could not be run at all, and by which timeout(1) reports that it ran out.
const (
	exitTimeout    = 124
	exitCannotRun  = 126
	exitNotFound   = 127
	timedOutDetail = "no answer within %v"
)

// asker makes one try of one check. Its Sample has no times yet.
type asker struct {
	check    inventory.Check
	host     inventory.Host
	probe    Host
	baseline []string // units that were failed before this run
}

// remote reports whether a try goes over the connection to the host.
func (a asker) remote() bool {
	switch a.check.Type {
	case inventory.CheckHTTP, inventory.CheckTCP:
		return a.check.From == fromHost
	}
	return true
}

// ask makes one try within timeout. ctx ends answerGrace later for what the
// host measures itself.
func (a asker) ask(ctx context.Context, timeout time.Duration) Sample {
	if !a.remote() {
		short, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return a.askHere(short, timeout)
	}
	long, cancel := context.WithTimeout(ctx, timeout+answerGrace)
	defer cancel()
	return a.askHost(long, timeout)
}

func (a asker) askHere(ctx context.Context, timeout time.Duration) Sample {
	if a.check.Type == inventory.CheckTCP {
		return answerOf(dial(ctx, tcpAddress(a.check, a.host)), timeout)
	}
	status, err := get(ctx, httpURL(a.check, a.host))
	if err != nil {
		return answerOf(err, timeout)
	}
	return statusSample(a.check, status)
}

func (a asker) askHost(ctx context.Context, timeout time.Duration) Sample {
	switch a.check.Type {
	case inventory.CheckUnits:
		failed, err := a.probe.FailedUnits(ctx)
		if err != nil {
			return unknown(err)
		}
		return unitsSample(failed, a.baseline)
	case inventory.CheckActive:
		states, err := a.probe.UnitStates(ctx, a.check.Units)
		if err != nil {
			return unknown(err)
		}
		return activeSample(a.check.Units, states)
	case inventory.CheckHTTP:
		status, err := a.probe.Fetch(ctx, httpURL(a.check, a.host), timeout)
		if err != nil {
			return remoteAnswer(err, timeout)
		}
		return statusSample(a.check, status)
	case inventory.CheckTCP:
		return remoteAnswer(a.probe.Connect(ctx, tcpAddress(a.check, a.host), timeout), timeout)
	case inventory.CheckCommand:
		exit, output, err := a.probe.RunCheck(ctx, a.check.Command, timeout)
		if err != nil {
			return commandError(err, timeout)
		}
		return commandSample(exit, output, timeout)
	}
	return Sample{Detail: "this nixdeploy does not know such checks"}
}

func unknown(err error) Sample { return Sample{Detail: tail(err.Error())} }

// unitsSample compares what is failed now with what was failed before.
func unitsSample(failed, baseline []string) Sample {
	fresh := slices.DeleteFunc(slices.Clone(failed), func(u string) bool { return slices.Contains(baseline, u) })
	slices.Sort(fresh)
	fresh = slices.Compact(fresh)
	if len(fresh) > 0 {
		return Sample{Answer: No, Failed: fresh, Detail: "newly failed: " + names(fresh)}
	}
	if len(failed) > 0 {
		return Sample{Answer: Yes, Detail: "nothing newly failed; failed as before: " + names(failed)}
	}
	return Sample{Answer: Yes, Detail: "nothing failed"}
}

// activeSample wants ActiveState "active" of every unit. To systemd a unit
// that does not exist is "inactive": it may still come while the switch
// settles, so it is no more definite than one that is starting.
func activeSample(units []string, states map[string]string) Sample {
	var not []string
	for _, u := range units {
		state := states[u]
		if state == "" {
			state = "not known"
		}
		if state != "active" {
			not = append(not, u+" is "+state)
		}
	}
	if len(not) > 0 {
		return Sample{Answer: No, Detail: names(not)}
	}
	return Sample{Answer: Yes, Detail: "active"}
}

func statusSample(check inventory.Check, status int) Sample {
	if status == check.ExpectStatus {
		return Sample{Answer: Yes, Detail: fmt.Sprint(status)}
	}
	return Sample{Answer: No, Detail: fmt.Sprintf("%d, wanted %d", status, check.ExpectStatus)}
}

func commandSample(exit int, output string, timeout time.Duration) Sample {
	said := ""
	if o := tail(output); o != "" {
		said = ": " + o
	}
	switch exit {
	case 0:
		return Sample{Answer: Yes, Detail: "exit code 0"}
	case exitTimeout:
		return Sample{Answer: No, Detail: fmt.Sprintf(timedOutDetail, timeout) + said}
	case exitCannotRun, exitNotFound:
		return Sample{Detail: fmt.Sprintf("exit code %d, it cannot be run on the host%s", exit, said)}
	}
	return Sample{Answer: No, Detail: fmt.Sprintf("exit code %d%s", exit, said)}
}

// commandError: a probe that does not measure the timeout itself ends with its
// context, which says as much of the command as exit code 124 does.
func commandError(err error, timeout time.Duration) Sample {
	var p *deploy.Problem
	if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &p) {
		return Sample{Answer: No, Detail: fmt.Sprintf(timedOutDetail, timeout)}
	}
	return unknown(err)
}

// remoteAnswer reads what a request from the host came to.
func remoteAnswer(err error, timeout time.Duration) Sample {
	var p *deploy.Problem
	switch {
	case err == nil:
		return Sample{Answer: Yes, Detail: "connected"}
	case errors.As(err, &p), errors.Is(err, context.Canceled):
		return unknown(err)
	case errors.Is(err, context.DeadlineExceeded):
		return Sample{Answer: No, Detail: fmt.Sprintf(timedOutDetail, timeout)}
	}
	return Sample{Answer: No, Detail: tail(err.Error())}
}
