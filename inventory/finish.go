package inventory

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// finishStages gives the stages in order, and refuses those without a host: an
// empty stage would be a gate that nothing has proven.
func (r *reader) finishStages(drafts []*hostDraft) []Stage {
	// A host whose own stage is a problem may be the one that is missing here,
	// and no host at all is a problem already.
	unsure := len(drafts) == 0 || slices.ContainsFunc(drafts, func(d *hostDraft) bool { return d.stage.v == "" })
	out := make([]Stage, 0, len(r.stageNames))
	r.path = []string{"stages"}
	for _, name := range r.stageNames {
		s := r.stages[name]
		out = append(out, s.Stage)
		if s.hosts == 0 && !unsure {
			r.missing(s.refOff, "remove it from order until it has a host", "order: no host is in stage %q", name)
		}
	}
	r.path = nil
	return out
}

// finishHosts resolves the drafts, in the order of stages and names, and
// refuses two names for one machine. Drafts with problems are left out: then
// there is no inventory anyway.
func (r *reader) finishHosts(drafts []*hostDraft, ssh *layer) []Host {
	rank := make(map[string]int, len(r.stageNames))
	for i, name := range r.stageNames {
		rank[name] = i
	}
	at := make(map[string]*hostDraft, len(drafts)) // by endpoint
	out := make([]Host, 0, len(drafts))
	for _, d := range drafts {
		stage, target := r.stages[d.stage.v], r.targets[d.target.v]
		if stage == nil || target == nil || d.address.v == "" {
			continue
		}
		h := resolve(d, r.checks[BuiltinCheck], r.users, target, &stage.layer, ssh)
		out = append(out, h)
		end := endpoint(h)
		if first := at[end]; first != nil {
			r.path = []string{"hosts", d.name}
			r.report(d.addrOff, "one machine is one host; behind a shared address give each its own port or jump",
				"the same address and port as host %s, line %d", first.name, r.lines.line(int(first.keyOff)))
			continue
		}
		at[end] = d
	}
	r.path = nil
	slices.SortFunc(out, func(a, b Host) int {
		return cmp.Or(cmp.Compare(rank[a.Stage], rank[b.Stage]), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// endpoint is equal for two hosts that are reached at one place.
func endpoint(h Host) string {
	return strings.Join(h.Jump, ",") + " " + canonicalAddress(h.Address) + " " + strconv.Itoa(h.Port)
}
