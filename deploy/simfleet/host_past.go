package simfleet

import (
	"strconv"
	"strings"
)

// kept answers kept.sh: NONCE RUN|- SYSTEM|-.
func (q *request) kept() int {
	h := q.host
	if id := q.arg(0); h.active != nil && h.active.id == id {
		q.say("kept", "active")
		q.sayMeta(h.active)
	} else if r := h.findDone(id); r != nil {
		q.say("kept", "done")
		q.sayMeta(r)
	}
	if l := h.liveLease(); l != nil && l.run == q.arg(0) {
		q.say("lease", l.run, l.operator, strconv.FormatInt(l.since, 10), strconv.FormatInt(l.expires-h.uptime(), 10))
	}
	link, path := "-", q.arg(1)
	if path != "-" && !strings.HasPrefix(path, "/nix/store/") {
		n, _ := strconv.Atoi(path)
		link = "system-" + path + "-link"
		path = h.profile.target(n)
	}
	if path != "-" && h.switchable(path) {
		q.say("system", link, path)
	}
	q.sayLinks(h.links())
	q.say("end", "kept")
	return 0
}

// sayMeta tells a run's meta, as arm wrote it, and its result.
func (q *request) sayMeta(r *run) {
	for i := 0; i+1 < len(r.pairs); i += 2 {
		q.say("meta", r.pairs[i], r.pairs[i+1])
	}
	q.say("meta", "run", r.id)
	q.say("meta", "operator", r.operator)
	q.say("meta", "since", strconv.FormatInt(r.since, 10))
	q.say("meta", "link", r.record.ProfileLink)
	q.say("meta", "profile", r.record.Profile)
	q.say("meta", "running", r.record.Running)
	q.say("meta", "booted", r.record.Booted)
	q.say("meta", "next", r.record.NextBoot)
	q.say("meta", "reader", r.record.Reader)
	if r.result != "" {
		q.say("result", r.result)
	}
}
