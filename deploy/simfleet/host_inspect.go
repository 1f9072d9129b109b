package simfleet

import (
	"strconv"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// inspect answers inspect.sh: NONCE DIGEST.
func (q *request) inspect() int {
	h, t := q.host, q.host.traits
	q.sayNumber("uptime", h.uptime())
	q.say("boot", h.booted.id)
	if !t.NotNixOS {
		q.say("nixos", "yes")
	}
	q.say("machine", orElse(t.Machine, "x86_64"))
	q.say("hostname", h.hostname)
	q.say("machine_id", h.machineID)
	q.sayTools()
	if t.WSL {
		q.say("wsl", "yes")
	}
	if t.Container {
		q.say("container", "yes")
	}
	q.sayLinks(h.links())
	if h.rebootPending() {
		q.say("reboot", "kernel")
	}
	q.say("generations", h.profile.numbers())
	q.sayLines("failed", h.failed)
	q.sayFree()
	q.say("guard", q.guardReboot())
	if h.marker != nil {
		q.say("marker", h.marker.Fleet, h.marker.Host)
	}
	if l := h.liveLease(); l != nil {
		q.say("lease", l.run, l.operator, strconv.FormatInt(l.since, 10), strconv.FormatInt(l.expires-h.uptime(), 10))
	}
	if h.active != nil {
		q.sayActive(h.active)
	}
	q.sayLines("foreign", h.foreignActivity())
	q.sayPrevious()
	q.sayLast()
	if digest := q.arg(0); digest != "-" {
		q.sayFlake(digest)
	}
	q.say("end", "inspect")
	return 0
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

const (
	pythonTool = "/nix/store/4rw1xvzyz7jwkmn4n9fhvbyq4x1mpfnw-nixos-rebuild-ng-26.05/bin/nixos-rebuild"
	bashTool   = "/nix/store/5l0rbk1q2j6k5mdvpgkm1ql1jvxvhvq9-nixos-rebuild/bin/nixos-rebuild"
	nixStore   = "/nix/store/8bfg4jbzs6vq9xa3z0y7wm1qj2c5h6lr-nix-"
)

func (q *request) sayTools() {
	switch t := q.host.traits; {
	case t.NoTool:
	case t.BashTool:
		q.say("rebuild", bashTool)
	default:
		q.say("rebuild", pythonTool)
	}
	q.say("nix", nixStore+orElse(q.host.traits.NixVersion, "2.31.2")+"/bin/nix")
}

func (q *request) sayFree() {
	if free := q.host.traits.Free; free != nil {
		q.sayLines("free", free)
		return
	}
	q.say("free", "52428800 /nix")
	q.say("free", "419430 /boot")
	q.say("free", "8388608 /")
}

func (q *request) guardReboot() string {
	switch {
	case !q.root:
		return "/etc/systemd is read-only"
	case q.host.faults.ControlReadonly:
		return controlFolder + " is read-only"
	case q.host.traits.WSL && q.host.traits.GuardLost == "":
		return "WSL is not started again by itself"
	}
	return orElse(q.host.traits.GuardLost, "yes")
}

func (q *request) sayActive(r *run) {
	h := q.host
	q.say("active", "run", r.id)
	q.say("active", "operator", r.operator)
	q.say("active", "since", strconv.FormatInt(r.since, 10))
	q.say("active", "flake", r.flake)
	q.say("active", "attribute", r.attribute)
	q.say("active", "mode", r.mode)
	q.say("active", "goal", r.goal)
	q.say("active", "wanted", r.wanted)
	q.say("active", "claim", r.claim)
	q.say("active", "result", r.result)
	q.say("active", "decides", strconv.FormatInt(h.left(r), 10))
	q.say("active", "record", linksLine(r.record))
	q.sayLines("baseline", r.failed)
	if r.ended {
		q.say("active", "code", strconv.Itoa(r.code))
	} else if r.unit.alive() {
		q.say("active", "switching", "yes")
	}
	if r.bootID != h.booted.id {
		q.say("active", "rebooted", "yes")
	}
}

// sayPrevious tells what the newest confirmed run went away from.
func (q *request) sayPrevious() {
	for _, r := range q.host.done {
		if r.result == "confirmed" {
			q.say("previous", "link", r.record.ProfileLink)
			q.say("previous", "profile", r.record.Profile)
			q.say("previous", "wanted", r.wanted)
			q.say("previous", "run", r.id)
			return
		}
	}
}

// sayLast tells what the last confirmed run made of the host.
func (q *request) sayLast() {
	h := q.host
	if r := h.findDone(h.rolledBack); r != nil {
		q.say("last", "run", r.id)
		q.say("last", "operator", r.operator)
		q.say("last", "stage", r.stage)
		q.say("last", "toplevel", r.wanted)
		q.say("last", "time", strconv.FormatInt(h.rolledBackAt, 10))
		for _, unit := range r.failed {
			q.say("last", "failed", unit)
		}
		for i := range h.records {
			if h.records[i].recorded() == r.wanted {
				q.say("last", "flake", h.records[i].digest)
				return
			}
		}
	} else if len(h.records) > 0 {
		q.sayLines("last", h.records[0].lines)
	}
}

func (q *request) sayFlake(digest string) {
	h := q.host
	q.sayFailed(digest)
	q.sayLines("approval", h.approvals[digest])
	if h.findUpload(digest) != nil {
		q.say("present", "yes")
	}
	if r := h.findRecord(digest); r != nil {
		q.sayLines("record", r.lines)
		if h.switchable(r.recorded()) {
			q.say("valid", "yes")
		}
		if h.findDone(r.of("run")) != nil {
			q.say("confirmed_ago", strconv.FormatInt(h.wall()-number(r.of("time")), 10))
		}
	}
}

// sayFailed tells of the newest run with a flake that did not leave the host on its
// system, unless a newer record says that the host is well with it.
func (q *request) sayFailed(digest string) {
	for _, r := range q.host.done {
		if r.flake != digest {
			continue
		}
		rec := q.host.findRecord(digest)
		if (r.goal != string(deploy.GoalFlake) || r.result != string(deploy.ResultConfirmed)) && (rec == nil || rec.after < r.decided) {
			q.say("failed_run", r.id, r.result)
		}
		return
	}
}
