package inventory

import (
	"maps"
	"slices"
)

// builtinTargets are the configurations that the rendered flake brings along.
// They exist without a [targets] table.
func builtinTargets() []string { return []string{"container", "hetzner", "m1", "wsl"} }

// hostDraft is a host while the file is read.
type hostDraft struct {
	layer
	name     string
	keyOff   uint32
	addrOff  uint32
	override Override
	lines    map[string]int // of the overrides, by key of provenance
}

// readTargets reads [targets.NAME] into r.targets.
func (r *reader) readTargets(n *node) {
	r.named(n, func(name string, t *node) {
		l := &layer{from: "target " + name}
		r.targets[name] = l
		if t != nil {
			r.each(t, scopeTarget, func(k *node) { r.setting(l, k) })
		}
	})
}

// readSSH reads [ssh], the defaults of every host.
func (r *reader) readSSH(n *node) *layer {
	l := &layer{from: "ssh"}
	r.each(n, scopeSSH, func(k *node) { r.setting(l, k) })
	return l
}

// readHosts reads [hosts.NAME]. Hosts with problems are returned as well.
func (r *reader) readHosts(n *node) []*hostDraft {
	drafts := make([]*hostDraft, 0, len(n.kids))
	r.named(n, func(name string, t *node) {
		if t == nil {
			return
		}
		h := &hostDraft{layer: layer{from: "host " + name}, name: name, keyOff: t.keyOff, addrOff: t.keyOff}
		if _, clash := r.targets[name]; clash {
			r.report(t.keyOff, "rename the host, say "+name+"-1", "a target is called %q too", name)
		}
		r.each(t, scopeHost, func(k *node) { r.hostKeyValue(h, k) })
		r.required(h)
		drafts = append(drafts, h)
	})
	return drafts
}

func (r *reader) hostKeyValue(h *hostDraft, k *node) {
	switch k.key {
	case "address":
		h.address = optional(r, k, r.address)
		h.addrOff = k.off
	case "host_key":
		h.hostKey = optional(r, k, r.hostKey)
	case "target":
		h.target = optional(r, k, r.targetRef)
	case "stage":
		h.stage = optional(r, k, r.stageRef)
	case "override":
		r.readOverride(h, k)
	default:
		r.setting(&h.layer, k)
	}
}

func (r *reader) required(h *hostDraft) {
	if !h.address.set() {
		r.missing(h.keyOff, `such as address = "192.0.2.10"`, "address is missing")
	}
	if !h.target.set() {
		r.missing(h.keyOff, "the NixOS configuration that it runs, such as target = \"hetzner\"", "target is missing")
	}
	if !h.stage.set() {
		hint := "name one of the stages in order"
		if len(r.stageNames) > 0 {
			hint = listNames("stages", r.stageNames)
		}
		r.missing(h.keyOff, hint, "stage is missing")
	}
}

func (r *reader) targetRef(n *node) (string, bool) {
	s, ok := r.name(n)
	if !ok {
		return "", false
	}
	if _, known := r.targets[s]; !known {
		r.unknownRef(n, "target", "targets", slices.Sorted(maps.Keys(r.targets)))
		return "", false
	}
	return s, true
}

func (r *reader) stageRef(n *node) (string, bool) {
	s, ok := r.name(n)
	if !ok {
		return "", false
	}
	if !r.orderKnown {
		return s, true
	}
	draft := r.stages[s]
	if draft == nil {
		r.unknownRef(n, "stage", "stages in order", r.stageNames)
		return "", false
	}
	draft.hosts++
	return s, true
}
