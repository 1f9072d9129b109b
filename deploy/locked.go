package deploy

import (
	"fmt"
	"time"
)

// Locked words the refusal of a host that another run holds: who, since when,
// and when it ends (exit 3). since is unix seconds by the host's clock, left is
// seconds from now; armed says that a guard decides then, rather than a lease
// that runs out.
func Locked(run, operator string, since, left int64, armed bool) *Problem {
	p := &Problem{
		Code: CodeLocked,
		What: fmt.Sprintf("%s holds it since %s, run %s", operator, time.Unix(since, 0).UTC().Format("15:04:05 UTC"), run),
	}
	left = max(left, 0)
	if armed {
		p.Details = []string{fmt.Sprintf("its guard is armed and decides in %s at the latest, unless that run confirms or goes on", time.Duration(left)*time.Second)}
		p.Next = "wait for it, then run the same command again; if its process is gone: nixdeploy resume"
	} else {
		p.Details = []string{fmt.Sprintf("its lock runs out in %s when its process is gone", time.Duration(left)*time.Second)}
		p.Next = "wait for it, then run the same command again"
	}
	return p
}
