package inventory

import "time"

// stageDraft is a stage while the file is read.
type stageDraft struct {
	Stage
	layer  layer
	refOff uint32 // of its name in order
	hosts  int
}

// readOrder reads [stages] order into r.stageNames, and makes their drafts.
func (r *reader) readOrder(stages *node) {
	order := stages.child("order")
	if order == nil {
		r.missing(stages.keyOff, `order = ["container", "dev", "prod"]`, "order is missing: it names the stages in the order of the rollout")
		return
	}
	r.orderKnown = order.kind == kindArray
	names, ok := list(r, order, "stages", func(n *node) (string, bool) {
		name, ok := r.name(n)
		if ok && r.stages[name] == nil {
			r.stages[name] = &stageDraft{Stage: defaultStage(name), layer: layer{from: "stage " + name}, refOff: n.off}
		}
		return name, ok
	})
	if ok && len(names) == 0 {
		r.bad(order, `order = ["container", "dev", "prod"]`, "an empty list")
	}
	r.stageNames = names
}

func defaultStage(name string) Stage {
	return Stage{
		Name: name, Batches: []Share{{Count: 100, Percent: true}}, Parallel: 10,
		OnFailure: OnFailureHost,
	}
}

// readStages reads [stages]: its order first, since each table must be in it.
func (r *reader) readStages(n *node) {
	r.readOrder(n)
	tables := &node{}
	for _, k := range n.kids {
		switch {
		case k.key == "order":
		case k.kind == kindTable:
			tables.kids = append(tables.kids, k)
		default:
			r.unknownKey(k, scopeStages)
		}
	}
	r.named(tables, func(name string, t *node) {
		draft := r.stages[name]
		if draft == nil {
			r.notInOrder(name, t)
			draft = &stageDraft{} // read it all the same, for its own problems
		}
		r.each(t, scopeStage, func(k *node) { r.stageKey(draft, k) })
	})
}

func (r *reader) notInOrder(name string, t *node) {
	if r.damaged || !r.orderKnown {
		return
	}
	hint := "add it to order, or remove the table"
	if near := nearest(name, r.stageNames); near != "" {
		hint = "did you mean [stages." + near + "]? Else add it to order"
	}
	r.report(t.keyOff, hint, "order does not name this stage")
}

func (r *reader) stageKey(s *stageDraft, k *node) {
	switch k.key {
	case "soak":
		assign(&s.Soak, k, func(n *node) (time.Duration, bool) { return r.duration(n, 0) })
	case "batches":
		assign(&s.Batches, k, r.batches)
	case "parallel":
		assign(&s.Parallel, k, func(n *node) (int, bool) { return r.integer(n, 1, 10_000) })
	case "max_failures":
		assign(&s.MaxFailures, k, func(n *node) (Share, bool) { return r.share(n, 0) })
	case "on_failure":
		assign(&s.OnFailure, k, func(n *node) (OnFailure, bool) {
			v, ok := r.choice(n, string(OnFailureHost), string(OnFailureWave), string(OnFailureStage))
			return OnFailure(v), ok
		})
	default:
		r.setting(&s.layer, k)
	}
}

// batches reads the waves of a stage. Two of the same size are no mistake.
func (r *reader) batches(n *node) ([]Share, bool) {
	if n.kind != kindArray {
		r.wrongType(n, "a list of numbers of hosts or percentages", `batches = [1, "25%", "100%"]`)
		return nil, false
	}
	out := make([]Share, 0, len(n.kids))
	for _, e := range n.kids {
		e.key = n.key
		s, ok := r.share(e, 1)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		r.bad(n, `remove the key for one wave of all hosts, or write [1, "25%", "100%"]`, "an empty list")
		return nil, false
	}
	return out, true
}
