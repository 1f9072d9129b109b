package health

import (
	"context"
	"fmt"
	"slices"
)

// concluded words the result of a check that ran to its verdict.
func concluded(a asker, samples []Sample, verdict Verdict) Result {
	last := len(samples) - 1
	saw, more := last, ""
	switch verdict {
	case Passed:
		if n := a.check.Successes; n > 1 {
			more = fmt.Sprintf(", %d times in a row", n)
		}
	case Failed:
		if saw = newest(samples, No); saw != last {
			more = fmt.Sprintf(", and after that not %s in a row", times(a.check.Successes))
		}
	default:
		more = ", so nothing is known"
		if samples[last].Answer == Yes {
			more = fmt.Sprintf(", but not %s in a row within %v", times(a.check.Successes), a.check.Deadline)
		}
	}
	return Result{
		Check:   a.check.Name,
		Verdict: verdict,
		Detail:  fmt.Sprintf("%s: %s%s, %s", Describe(a.check, a.host), samples[saw].Detail, more, count(len(samples))),
		Tries:   len(samples),
	}
}

// brokenOff words the result of a check that was not let finish.
func brokenOff(ctx context.Context, a asker, samples []Sample) Result {
	seen := ""
	if n := len(samples); n > 0 {
		seen = ", last seen: " + samples[n-1].Detail
	}
	return Result{
		Check:   a.check.Name,
		Verdict: Inconclusive,
		Detail: fmt.Sprintf("%s: not finished, %s, %s%s",
			Describe(a.check, a.host), head(context.Cause(ctx).Error()), count(len(samples)), seen),
		Tries: len(samples),
	}
}

// newest is the index of the newest sample with this answer, -1 for none.
func newest(samples []Sample, answer Answer) int {
	for i, s := range slices.Backward(samples) {
		if s.Answer == answer {
			return i
		}
	}
	return -1
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
