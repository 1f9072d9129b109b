package simfleet

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// run is the run folder of an armed run: active while unresolved, then done. All
// of it survives a power cut.
type run struct {
	id, operator          string
	since                 int64
	bootID                string   // the boot in which it was armed
	pairs                 []string // what the deployer gave to arm, KEY VALUE in turn
	record                deploy.Links
	failed                []string
	mode, goal            string
	wanted, back          string
	flake, attribute, ref string
	stage, fleet, host    string
	activation, window    int64 // seconds
	deadlineBoot          string
	deadline              int64 // uptime
	claim, result         string
	started               bool
	log                   []byte // of the switch
	code                  int
	ended                 bool // code is there
	rebooted, unverified  bool
	loader                bool     // it has to be installed again, and cannot be read
	notes                 []string // the guard's own account
	unit, returning       *process // of the switch, and of what the guard activates
	half                  bool     // units may be down, whatever the links say
	cutIn                 string   // the boot in which an activation of the guard was begun and did not end
	reboot                string   // whether the way back may reboot: auto, allow, never
	backIn                string   // the boot in which the way back began
	until                 int64    // uptime at which it has to end
	up                    []string // units that were up when it was armed
	down                  []string // those that are not, after the return
	unitLost              bool     // its guard's unit is not on the host any more
	decided               int      // the how manieth that this host put away
}

// read takes the values out of arm's pairs, as the scripts read meta back.
func (r *run) read() {
	r.activation, r.window, r.reboot = 900, 60, "auto"
	for pair := range slices.Chunk(r.pairs, 2) {
		value := pair[1]
		switch pair[0] {
		case "stage":
			r.stage = value
		case "fleet":
			r.fleet = value
		case "host":
			r.host = value
		case "flake":
			r.flake = value
		case "ref":
			r.ref = value
		case "attribute":
			r.attribute = value
		case "mode":
			r.mode = value
		case "goal":
			r.goal = value
		case "wanted":
			r.wanted = value
		case "back":
			r.back = value
		case "activation":
			r.activation = number(value)
		case "window":
			r.window = number(value)
		case "reboot":
			r.reboot = value
		}
	}
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // as the shell has it, what is no number is 0
	return n
}

// printed collects what the switch prints.
func (r *run) printed(line string) {
	r.log = append(r.log, line...)
	r.log = append(r.log, '\n')
}

func (r *run) note(line string) { r.notes = append(r.notes, line) }

// left is in how many seconds the guard decides. A deadline of another boot
// counts from the start of this one.
func (h *Host) left(r *run) int64 {
	at := r.deadline
	if r.deadlineBoot != h.booted.id {
		at = r.window
	}
	return at - h.uptime()
}

// extend is a sign of life.
func (h *Host) extend(r *run) {
	if r.claim != "" {
		return
	}
	r.deadlineBoot, r.deadline = h.booted.id, h.uptime()+r.window
}

// lease is the short lock.
type lease struct {
	run, operator string
	since         int64
	boot          string
	expires       int64 // uptime
}

// liveLease is the lease that holds now, nil for none.
func (h *Host) liveLease() *lease {
	if k := h.keeper; k != nil && h.lease != nil && h.lease.run == k.run {
		h.lease.expires = max(h.lease.expires, h.uptime()+k.expires)
	}
	if l := h.lease; l != nil && l.boot == h.booted.id && l.expires > h.uptime() {
		return l
	}
	return nil
}

func (h *Host) writeLease(run, operator string, seconds int64) {
	since := h.wall()
	if l := h.liveLease(); l != nil && l.run == run {
		since = l.since
	}
	h.lease = &lease{run: run, operator: operator, since: since, boot: h.booted.id, expires: h.uptime() + seconds}
}

// freeLease gives run's own live lease back.
func (h *Host) freeLease(run string) {
	if l := h.liveLease(); l != nil && l.run == run {
		h.lease = nil
	}
}

// record is what the host remembers of one flake.
type record struct {
	digest string
	lines  []string
	after  int // how many runs had been decided when it was written
}

// The numbers that are kept on a host.
const (
	keptUploads = 10
	keptRecords = 50
	keptRuns    = 6
)

// remember writes a record and the marker.
func (h *Host) remember(r record, fleet, host string) {
	h.records = slices.DeleteFunc(h.records, func(old record) bool { return old.digest == r.digest })
	r.after = h.decided
	h.records = slices.Insert(h.records, 0, r)
	h.records = h.records[:min(len(h.records), keptRecords)]
	h.marker = &deploy.Marker{Fleet: fleet, Host: host}
	h.rolledBack = ""
}

// newRecord words a record as the scripts write it.
func (h *Host) newRecord(digest, attribute, toplevel, run, operator, stage string) record {
	r := record{digest: digest, lines: []string{
		"flake " + digest, "attribute " + attribute, "toplevel " + toplevel, "run " + run,
		"operator " + operator, "stage " + stage, "time " + strconv.FormatInt(h.wall(), 10), "link " + h.profile.link(),
	}}
	for _, unit := range h.failed {
		r.lines = append(r.lines, "failed "+unit)
	}
	return r
}

func (h *Host) findRecord(digest string) *record {
	for i := range h.records {
		if h.records[i].digest == digest {
			return &h.records[i]
		}
	}
	return nil
}

// recorded is the toplevel that a record names.
func (r *record) recorded() string { return r.of("toplevel") }

// of is what a record has under a key.
func (r *record) of(key string) string {
	for _, l := range r.lines {
		if t, ok := strings.CutPrefix(l, key+" "); ok {
			return t
		}
	}
	return ""
}

func (h *Host) findDone(id string) *run {
	for _, r := range h.done {
		if r.id == id {
			return r
		}
	}
	return nil
}

// seconds reads an argument in seconds.
func seconds(arg string) time.Duration { return time.Duration(number(arg)) * time.Second }
