package simulator

// mutant is one bug, planted by replacing text of one source file or two while
// the test is built: nothing in the product knows of it.
type mutant struct {
	name  string
	edits []edit
}

// edit replaces the one place in file (from the root of the repository) where
// old stands.
type edit struct{ file, old, new string }

func one(name, file, old, replacement string) mutant {
	return mutant{name, []edit{{file, old, replacement}}}
}

// What runs on a host is planted in the model of a host, which answers for the
// scripts here and is held to them by the contract suite.
const (
	modelReturn = "deploy/simfleet/host_return.go"
	modelVerbs  = "deploy/simfleet/host_verbs.go"
	modelAnswer = "deploy/simfleet/host_answer.go"
	modelPower  = "deploy/simfleet/host_power.go"
	modelTable  = "deploy/simfleet/host_table.go"
	next        = "deploy/host/next.go"
	judge       = "deploy/host/judge.go"
	steps       = "deploy/host/steps.go"
	worker      = "deploy/host/worker.go"
	resume      = "deploy/host/resume.go"
	decide      = "deploy/rollout/decide.go"
)

// mutants are bugs that deployers have had, or that this one could have.
func mutants() []mutant {
	return []mutant{
		{"rollback by count, and believed", byCount()},
		{"rollback although nothing was set (deploy-rs #154)", append(byCount(), edit{
			modelReturn, "\tif h.backThere(r) {\n\t\tr.note(", "\tif r.result != \"\" {\n\t\tr.note(",
		})},
		one("a returned host counts as success (deploy-rs #214)", "deploy/rollout/exit.go",
			"if h.State.Good() &&", "if (h.State.Good() || h.State == deploy.StateReturned) &&"),
		one("a way back that failed is told as one (deploy-rs #241)", modelReturn,
			"return h.onRecord(r) && !r.half && !r.loader }", "return h.onRecord(r) }"),
		one("set before check: test-first switches at once", steps, "Mode: string(w.p.Mode),", "Mode: \"switch\","),
		one("unreachable hosts do not count (Ansible #56265)", decide, "s.State, s.Failed = deploy.StateUntouched, true", "s.State, s.Failed = deploy.StateUntouched, false"),
		one("the switch is sent again after a lost answer", modelVerbs, "\tcase r.started:\n", "\tcase r.started && r.ended:\n"),
		one("a confirmation that came late is told as confirmed", next,
			"case deploy.ResultReturned:\n\t\treturn end(deploy.StateReturned)", "case deploy.ResultReturned:\n\t\treturn end(deploy.StateConfirmed)"),
		one("the claim is not exclusive", modelVerbs, "\tif r.claim == \"\" {\n\t\tr.claim = string(claim)\n\t}\n", "\tr.claim, r.result = string(claim), \"\"\n"),
		one("the lock is ignored", modelAnswer, "func (q *request) takeLease(run, operator, secs string) bool {\n",
			"func (q *request) takeLease(run, operator, secs string) bool {\n\tif run != \"\" {\n\t\tif q.host.active != nil && q.host.active.id != run {\n\t\t\tq.host.active = nil\n\t\t}\n\t\treturn true\n\t}\n"),
		one("the gate is ignored", "deploy/plan/gate.go", " && g.Shut == \"\" && g.Proven()", " && g.Shut == \"\""),
		one("the budget is off by one (Ansible #6781)", decide, "p.Failures() > p.Budget:", "p.Failures() > p.Budget+1:"),
		one("one host too many at once", decide, "free := max(p.Parallel, 1) - p.running()", "free := max(p.Parallel, 1) + 1 - p.running()"),
		one("the soak is skipped", decide, "return p.Soak && s.Changed && !s.Back", "return p.Soak && s.Changed && !s.Back && s.Owed"),
		one("a soak that was broken off is forgotten", "deploy/rollout/soak.go", "if over[w] && !stayed[host] || soak[w.stage] <= 0 {", "if over[w] || soak[w.stage] <= 0 || now.After(until[w]) {"),
		one("the old connection is proof enough", next, "case !p.Fresh:", "case !p.Fresh && p.Switch == nil:"),
		one("the intent follows the deed", worker, "\tif s.Changes() {\n", "\tif s.Changes() && s != deploy.StepArm {\n"),
		one("what is there already is switched again", "deploy/host/progress.go", "return p.Inspected && !p.Adopted &&", "return p.Inspected && p.Adopted &&"),
		one("any machine will do", judge, "case o.Marker != nil && (o.Marker.Fleet != t.Fleet", "case o.Marker == nil && (o.Marker.Fleet != t.Fleet"),
		one("health is not asked", next, "case !p.Healthy && !p.Returning:\n\t\treturn step(deploy.StepHealth)\n\t}\n\treturn step(deploy.StepConfirm)",
			"}\n\treturn step(deploy.StepConfirm)"),
		one("the guard waits for ever", modelTable, `{none, none, "yes", "*", "claim"}`, `{none, none, "yes", "*", "wait"}`),
		one("the guard is gone after a boot", modelPower, "if !r.unitLost {", "if !r.unitLost && h.off {"),
		one("a guard that a boot lost is not written anew", modelVerbs, "(h.guard.up || h.unitThere(r))", "(h.guard.up || !r.unitLost)"),
		one("the exit code is believed", judge, "\tcase a.Lost:\n",
			"\tcase a.Done && a.Code != 0:\n\t\treturn problem(\"a bad exit code\")\n\tcase a.Done:\n\t\treturn nil\n\tcase a.Lost:\n"),
		one("somebody else's change is undone", modelReturn, "\tbootsInto := r.record.Running\n", "\tbootsInto := r.record.Running\n\tif !r.unverified {\n\t\treturn false\n\t}\n"),
		{"a living run of somebody else is taken up", []edit{
			{judge, "case o.Active != nil && !t.Ours(o.Active.Run):", "case o.Active != nil && o.NixVersion == \"\":"},
			{steps, "a != nil && w.d.Terms.Ours(a.Run)", "a != nil"},
		}},
		one("an interruption stops nothing", decide, "case p.Interrupted || p.Detached:", "case p.Detached:"),
		one("resume does not ask which way the host went", resume, "w.takenOn(w.placed(out, left), left)", "w.takenOn(out, left)"),
	}
}

// byCount goes one generation down, wherever that leads, and does not look where
// it ended.
func byCount() []edit {
	return []edit{
		{modelReturn, "\tl := h.links()\n\tif r.mode != \"switch\" ||", "\tl := h.links()\n\tif r.mode == \"switch\" {\n\t\treturn true\n\t}\n\tif r.mode != \"switch\" ||"},
		{modelReturn, "\t\t}, exact)\n", "\t\t}, func() { h.wentBack(r) })\n"},
		{modelReturn, "\tif !h.backThere(r) {\n\t\tif !h.guard.locked", "\tif !h.backThere(r) && r.result != \"\" {\n\t\tif !h.guard.locked"},
	}
}
