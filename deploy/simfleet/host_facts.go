package simfleet

import (
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// Facts are what a host really is, beside what its scripts tell: what a test
// holds against the words of the program.
type Facts struct {
	// Links has in NextBoot what the host really boots, whether a reader tells
	// it or not.
	deploy.Links
	Off         bool // no power, or between two boots
	Cut         bool // the running system broke the network
	Halted      bool // units are down: a switch was cut in its middle
	Boots       int
	Generations []int
	Failed      []string // units, those in a loop of restarts among them
	Marker      *deploy.Marker
	Lease       string // the run that holds it, "" for none
	Active      *RunFacts
	Uploads     int      // flakes
	Store       []string // toplevels, oldest first
}

// RunFacts are an unresolved run on a host.
type RunFacts struct {
	Run, Mode, Wanted string
	Record            deploy.Links
	Claim             deploy.Claim
	Result            deploy.Result
	Started           bool
	Decides           time.Time // its guard, unless a sign of life comes
	Notes             []string  // the guard's own account
}

// Facts brings the host forward to its clock's present and reads it.
func (h *Host) Facts() Facts {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance()
	f := Facts{Links: h.links(), Off: h.off, Cut: h.cut, Halted: h.halted, Boots: h.boots}
	f.NextBoot, f.Uploads = h.nextBoot(), len(h.flakes)
	for _, s := range h.store {
		f.Store = append(f.Store, s.Toplevel)
	}
	f.Generations = make([]int, len(h.profile.generations))
	for i, g := range h.profile.generations {
		f.Generations[i] = g.number
	}
	f.Failed = slices.Concat(h.failed, h.loops)
	if h.marker != nil {
		m := *h.marker
		f.Marker = &m
	}
	if l := h.liveLease(); l != nil {
		f.Lease = l.run
	}
	if r := h.active; r != nil {
		f.Active = &RunFacts{
			Run: r.id, Mode: r.mode, Wanted: r.wanted, Record: r.record,
			Claim: deploy.Claim(r.claim), Result: deploy.Result(r.result), Started: r.started,
			Decides: h.at(h.uptime() + h.left(r)),
			Notes:   slices.Clone(r.notes),
		}
	}
	return f
}

// Resolved is how a run that is put away ended on the host.
func (h *Host) Resolved(run string) deploy.Result {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.advance()
	if r := h.findDone(run); r != nil {
		return deploy.Result(r.result)
	}
	return deploy.ResultNone
}

// Recorded is the toplevel that the host remembers as confirmed for a flake.
func (h *Host) Recorded(digest string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.findRecord(digest); r != nil {
		return r.recorded()
	}
	return ""
}
