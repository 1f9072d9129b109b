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
		OnFailure: OnFailureHost, Gate: Share{Count: 100, Percent: true},
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
		if k := t.child("freeze"); k != nil { // after the windows, whose zone it has
			draft.Freeze, _ = list(r, k, "freezes", func(n *node) (Freeze, bool) { return r.freeze(n, draft.Windows) })
		}
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
	case "gate":
		assign(&s.Gate, k, func(n *node) (Share, bool) { return r.share(n, 1) })
	case "frozen":
		assign(&s.Frozen, k, r.frozen)
	case "approval":
		assign(&s.Approval, k, r.boolean)
	case "windows":
		assign(&s.Windows, k, func(n *node) ([]Window, bool) { return r.windows(n) })
	case "freeze": // in readStages
	default:
		r.setting(&s.layer, k)
	}
}

// frozen reads true, false, or a reason.
func (r *reader) frozen(n *node) (string, bool) {
	switch n.kind {
	case kindString:
		return r.text(n)
	case kindBool:
		if n.text == "true" {
			return "no reason given", true
		}
		return "", true
	}
	r.wrongType(n, "true, false or a reason", `frozen = "the shop's sale is on"`)
	return "", false
}

// windows reads when a stage is open. None at all would be never.
func (r *reader) windows(n *node) ([]Window, bool) {
	windows, ok := list(r, n, "windows", r.window)
	if ok && len(windows) == 0 {
		r.bad(n, `remove the key for a stage that is always open; frozen = "why" for one that is not`, "an empty list")
	}
	return windows, ok && len(windows) > 0
}

func (r *reader) window(n *node) (Window, bool) {
	text, ok := r.text(n)
	if !ok {
		return Window{}, false
	}
	w, err := ParseWindow(text)
	if err != nil {
		r.bad(n, `such as "Mon-Thu 09:00-16:00 Europe/Amsterdam"`, "%s", err)
		return Window{}, false
	}
	return w, true
}

// freeze reads one freeze. Without a zone of its own its days are those of the
// stage's first window, or else of UTC.
func (r *reader) freeze(n *node, windows []Window) (Freeze, bool) {
	text, ok := r.text(n)
	if !ok {
		return Freeze{}, false
	}
	zone := time.UTC
	if len(windows) > 0 {
		zone = windows[0].zone
	}
	f, err := ParseFreeze(text, zone)
	if err != nil {
		r.bad(n, `such as "2026-12-20/2027-01-03": both days are frozen`, "%s", err)
		return Freeze{}, false
	}
	return f, true
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
