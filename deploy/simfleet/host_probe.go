package simfleet

import (
	"slices"
	"strconv"
	"strings"
)

// probe answers probe.sh: NONCE RUN|- KIND TIMEOUT and what the kind needs.
func (q *request) probe() int {
	h := q.host
	if id := q.arg(0); id != "-" {
		if r := h.active; r != nil && r.id == id {
			h.extend(r)
			q.say("claim", orNone(r.claim))
		} else {
			q.say("claim", "gone")
		}
	}
	args := q.args[min(3, len(q.args)):]
	switch q.arg(1) {
	case "contact":
		q.sayLinks(h.links())
	case "failed":
		q.sayLines("failed", h.failed)
		q.sayLines("failed", h.loops)
	case "states":
		for _, unit := range args {
			q.say("state", h.unitState(unit), unit)
		}
	case "command":
		q.probeCommand(args)
	case "fetch":
		exit, status := 7, 0
		if f := h.traits.Fetch; f != nil && len(args) > 0 {
			exit, status = f(h.running, args[0])
		}
		q.say("code", strconv.Itoa(exit))
		text := strconv.Itoa(status)
		q.say("status", strings.Repeat("0", max(0, 3-len(text)))+text)
	case "connect":
		exit := 1
		if f := h.traits.Connect; f != nil && len(args) > 1 {
			exit = f(h.running, args[0], args[1])
		}
		q.say("code", strconv.Itoa(exit))
	}
	q.say("end", "probe")
	return 0
}

// unitState is systemd's ActiveState.
func (h *Host) unitState(unit string) string {
	switch s := h.system(h.running); {
	case slices.Contains(h.failed, unit):
		return "failed"
	case slices.Contains(h.loops, unit):
		return "activating"
	case !h.halted && s != nil && slices.Contains(s.Units, unit) && unit != h.faults.StaysDown:
		return "active"
	}
	return "inactive"
}

// unitsActive are the units of the running system that are up.
func (h *Host) unitsActive() []string {
	var up []string
	if s := h.system(h.running); s != nil {
		for _, unit := range s.Units {
			if h.unitState(unit) == "active" {
				up = append(up, unit)
			}
		}
	}
	return up
}

func (q *request) probeCommand(argv []string) {
	exit, output := plainCommand(argv)
	if f := q.host.traits.Command; f != nil {
		exit, output = f(q.host.running, argv)
	}
	for line := range strings.Lines(output[:min(len(output), 4096)]) {
		q.say("output", strings.TrimSuffix(line, "\n"))
	}
	q.say("code", strconv.Itoa(exit))
}

func plainCommand(argv []string) (exit int, output string) {
	name := strings.Join(argv, " ")
	switch name {
	case "true":
		return 0, ""
	case "false":
		return 1, ""
	}
	if len(argv) > 0 {
		name = argv[0]
	}
	return 127, "timeout: failed to run command '" + name + "': No such file or directory\n"
}
