package simfleet

import (
	"slices"
	"strconv"
	"strings"
)

// approve answers approve.sh: NONCE DIGEST STAGE WHO.
func (q *request) approve() int {
	h := q.host
	digest, who := q.arg(0), q.arg(1)+" "+q.arg(2)+" "
	held := slices.DeleteFunc(h.approvals[digest], func(line string) bool { return strings.HasPrefix(line, who) })
	if h.approvals == nil {
		h.approvals = map[string][]string{}
	}
	h.approvals[digest] = append(held, who+strconv.FormatInt(h.wall(), 10))
	q.say("approved", "yes")
	q.say("end", "approve")
	return 0
}
