package simfleet

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

const controlFolder = "/etc/systemd/system.control"

// guard answers guard.sh: NONCE VERB and what the verb needs.
func (q *request) guard() int {
	verb := q.arg(0)
	q.args = q.args[min(1, len(q.args)):]
	answer, known := map[string]func() int{
		"arm": q.arm, "start": q.startSwitch, "await": q.await,
		"confirm": func() int { return q.settle(deploy.ClaimConfirm) },
		"back":    func() int { return q.settle(deploy.ClaimReturn) },
		"unlock":  q.unlock, "record": q.recordVerb, "decide": q.decide,
	}[verb]
	if known {
		return answer()
	}
	q.say("end", "guard")
	return 0
}

func (q *request) endGuard() int {
	q.say("end", "guard")
	return 0
}

// arm: RUN OPERATOR SECONDS then KEY VALUE pairs, and the script as payload.
func (q *request) arm() int {
	h := q.host
	id, operator := q.arg(0), q.arg(1)
	var sent string
	if !q.unlocked(func() { sent = readScript(q.payload) }) {
		return killed
	}
	if !q.takeLease(id, operator, q.arg(2)) {
		return 0
	}
	if h.active != nil {
		return q.beginGuard() // ours: arming twice is arming once
	}
	if others := h.foreignSwitches(); len(others) > 0 {
		q.sayLines("foreign", others)
		return q.endGuard()
	}
	l := h.links()
	q.sayLinks(l)
	pairs := q.args[min(3, len(q.args)):]
	pairs = pairs[:len(pairs)/2*2]
	r := &run{id: id, operator: operator, since: h.wall(), bootID: h.booted.id, pairs: slices.Clone(pairs), record: l}
	r.read()
	if now := l.ProfileLink + " " + l.Profile + " " + l.Running; r.value("expect") != now {
		q.say("moved", now)
		return q.endGuard()
	}
	for _, path := range []string{r.wanted, l.Profile, l.Running, orElse(l.NextBoot, r.wanted)} {
		if !h.switchable(path) {
			q.say("missing", path)
			return q.endGuard()
		}
		if slices.Contains(h.invalid, path) {
			q.say("invalid", path)
			return q.endGuard()
		}
	}
	r.failed, r.up = slices.Clone(h.failed), h.unitsActive()
	r.deadlineBoot, r.deadline = h.booted.id, h.uptime()+r.activation+r.window
	if scriptName(sent) != "guard" || strconv.Itoa(len(sent)) != r.value("script") {
		q.say("unguarded", "the guard's script did not arrive whole")
		return q.endGuard()
	}
	if h.faults.ControlReadonly {
		q.say("unguarded", controlFolder+" cannot be written")
		return q.endGuard()
	}
	h.active = r
	return q.beginGuard()
}

// beginGuard starts the guard of an armed run. Without one nothing may begin, and
// an arming that nothing followed is taken back.
func (q *request) beginGuard() int {
	h := q.host
	q.sayLines("failed", h.active.failed)
	if h.unitThere(h.active) && h.startGuard() {
		q.say("armed", "yes")
		return q.endGuard()
	}
	q.say("unguarded", "nixdeploy-guard.service does not start")
	if !h.active.started {
		h.active = nil
	}
	return q.endGuard()
}

// readScript reads what arm leaves on the host, as far as it can be one.
func readScript(r io.Reader) string {
	if r == nil {
		return ""
	}
	data, err := io.ReadAll(io.LimitReader(r, programLimit))
	if err != nil {
		return "" // cut: what arrived is no whole script
	}
	return string(data)
}

// value finds what arm was given, the last one for a key that came twice.
func (r *run) value(key string) string {
	value := ""
	for pair := range slices.Chunk(r.pairs, 2) {
		if pair[0] == key {
			value = pair[1]
		}
	}
	return value
}

// ours gives the unresolved run of that id; or it answers that it is gone, and
// how it ended, and the script ends there.
func (q *request) ours(id string) *run {
	h := q.host
	if h.active != nil && h.active.id == id {
		return h.active
	}
	if h.active != nil {
		q.say("gone", h.active.id)
	} else {
		q.say("gone", "-")
	}
	if r := h.findDone(id); r != nil {
		q.say("result", r.result)
		q.sayAccount(r)
	}
	q.sayLinks(h.links())
	q.endGuard()
	return nil
}

// startSwitch: RUN. The switch, once, detached from the connection.
func (q *request) startSwitch() int {
	h := q.host
	r := q.ours(q.arg(0))
	switch {
	case r == nil:
		return 0
	case r.claim != "":
		q.say("claim", r.claim)
		return q.endGuard()
	case r.started:
		q.say("started", "before")
		return q.endGuard()
	}
	r.started = true
	if h.faults.SwitchDoesNotStart {
		q.complain("Failed to start transient service unit: Connection timed out")
		q.say("started", "no")
		return q.endGuard()
	}
	h.runSwitch(r)
	q.say("started", "yes")
	return q.endGuard()
}

// runSwitch is the unit of the switch.
func (h *Host) runSwitch(r *run) {
	r.unit = h.start("nixdeploy-switch-" + r.id + ".service")
	how := "switch"
	if r.mode == "test-first" {
		how = "test"
	}
	done := func(code int) {
		r.unit.kill()
		r.code, r.ended = code, true
		// From here on it is the deployer's silence that counts, not the switch.
		h.extend(r)
	}
	s := h.system(r.wanted)
	if r.goal == string(deploy.GoalFlake) {
		r.printed("+ nixos-rebuild " + how + " --fast --flake " + r.ref + "#" + r.attribute + " --no-update-lock-file --no-write-lock-file")
		h.nixosRebuild(r.unit, how, s, r.printed, done)
		return
	}
	if how == "switch" {
		if text := h.setProfile(r.back, r.wanted); text != "" {
			r.printed(text)
		}
		if h.reached(PhaseSet); r.unit.dead {
			return
		}
	}
	h.switchTo(r.unit, how, s, r.printed, done)
}

// await: RUN OFFSET SECONDS. Waits for the end of the switch and hands on what
// it printed since byte OFFSET.
func (q *request) await() int {
	h := q.host
	r := q.ours(q.arg(0))
	if r == nil {
		return 0
	}
	until := h.at(h.uptime() + number(q.arg(2)))
	if !q.wait(until, func() bool { return r.ended || r.claim != "" || h.active != r || !r.unit.alive() }) {
		return killed
	}
	if offset := number(q.arg(1)); r.started && h.active == r {
		text := r.log[min(int64(len(r.log)), max(offset, 0)):]
		text = text[:min(len(text), 1_000_000)]
		for line := range strings.Lines(string(text)) {
			q.say("out", strings.TrimSuffix(line, "\n"))
		}
		q.sayNumber("offset", int64(len(r.log)))
	}
	if r = q.ours(q.arg(0)); r == nil {
		return 0
	}
	switch {
	case r.ended:
		q.say("switched", strconv.Itoa(r.code))
	case r.unit.alive():
		q.say("switching", "yes")
	default:
		q.say("switching", "lost")
	}
	q.say("claim", orNone(r.claim))
	q.sayLinks(h.links())
	return q.endGuard()
}

// settle: RUN SECONDS. Makes the claim, wakes the guard, waits for its result.
func (q *request) settle(claim deploy.Claim) int {
	h := q.host
	r := q.ours(q.arg(0))
	if r == nil {
		return 0
	}
	// A person or a resume may ask a stranded host to try once more.
	if r.result == string(deploy.ResultStranded) && claim == deploy.ClaimReturn {
		r.result, r.backIn = "", ""
	}
	if r.claim == "" {
		r.claim = string(claim)
	}
	q.say("claim", r.claim)
	until := h.at(h.uptime() + number(q.arg(1)))
	if r.result == "" && (h.guard.up || h.unitThere(r)) {
		h.startGuard()
	}
	if !q.wait(until, func() bool { return r.result != "" }) {
		return killed
	}
	q.sayResult(r)
	q.sayLinks(h.links())
	return q.endGuard()
}

func (q *request) sayResult(r *run) {
	if r.result == "" {
		q.say("result", "pending")
	} else {
		q.say("result", r.result)
	}
	q.sayAccount(r)
}

// sayAccount is what the guard has to tell besides the result.
func (q *request) sayAccount(r *run) {
	q.sayLines("log", r.notes)
	q.sayLines("down", r.down)
	if r.unverified {
		q.say("unverified", "yes")
	}
}

// unlock: RUN.
func (q *request) unlock() int {
	q.host.freeLease(q.arg(0))
	return q.endGuard()
}

// recordVerb: RUN OPERATOR SECONDS DIGEST ATTRIBUTE TOPLEVEL STAGE FLEET HOST.
func (q *request) recordVerb() int {
	h := q.host
	if !q.takeLease(q.arg(0), q.arg(1), q.arg(2)) {
		return 0
	}
	if l := h.links(); l.Running != q.arg(5) || l.Profile != q.arg(5) || !nextIs(l, q.arg(5)) {
		q.say("moved", l.ProfileLink+" "+l.Profile+" "+l.Running+" "+orElse(l.NextBoot, "-"))
		h.lease = nil
		return q.endGuard()
	}
	h.remember(h.newRecord(q.arg(3), q.arg(4), q.arg(5), q.arg(0), q.arg(1), q.arg(6)), q.arg(7), q.arg(8))
	h.lease = nil
	q.say("recorded", "yes")
	return q.endGuard()
}

// decide: CLAIM RESULT DUE SYSTEM: the table, for its test.
func (q *request) decide() int {
	q.say("action", string(Decide(q.arg(0), q.arg(1), q.arg(2) == "yes", q.arg(3))))
	return q.endGuard()
}
