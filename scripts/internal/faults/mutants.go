package main

import "slices"

// The files in which bugs are planted more than once. What runs on a host is
// planted in its model, which answers for the scripts here and is held to them
// by the contract suite.
const (
	modelGuard  = "deploy/simfleet/host_guard.go"
	modelReturn = "deploy/simfleet/host_return.go"
	modelVerbs  = "deploy/simfleet/host_verbs.go"
	modelTable  = "deploy/simfleet/host_table.go"
	modelAnswer = "deploy/simfleet/host_answer.go"
	modelPower  = "deploy/simfleet/host_power.go"
	modelRun    = "deploy/simfleet/host_run.go"
	hostJudge   = "deploy/host/judge.go"
	hostNext    = "deploy/host/next.go"
	hostSteps   = "deploy/host/steps.go"
	session     = "deploy/host/session.go"
	decide      = "deploy/rollout/decide.go"
	exitCodes   = "deploy/rollout/exit.go"
)

// hostForgetsSoak has hosts not tell how long ago they were confirmed.
var hostForgetsSoak = edit{"deploy/observation.go", "left > clockSlack {", "left > clockSlack && soak < 0 {"}

// mutants are the bugs: small ones, of the kind that deployers have had. Each
// fault stands at one at least.
func mutants() []mutant {
	return slices.Concat(linkBugs(), deployerBugs(), targetBugs(), healthBugs(), rolloutBugs(), inputBugs())
}

// one is a bug at one place.
func one(name, file, old, replacement string, faults ...int) mutant {
	return mutant{name: name, faults: faults, edits: []edit{{file, old, replacement}}}
}

// slowly plants a bug that only tests mind which take minutes.
func slowly(m mutant) mutant {
	m.slow = true
	return m
}

func linkBugs() []mutant {
	return []mutant{
		one("unreachable hosts do not count", decide,
			"s.State, s.Failed = deploy.StateUntouched, true", "s.State, s.Failed = deploy.StateUntouched, false", 1, 70),
		slowly(one("the handshake has no deadline", "deploy/remote/remote.go",
			"defaultHandshakeTimeout  = 20 * time.Second", "defaultHandshakeTimeout  = 20 * time.Hour", 2)),
		one("a drop is tried again and again", "deploy/remote/dial.go",
			"\tl, _, err = d.try(ctx, connect, to, via)\n", "\tfor range 5 {\n\t\tl, _, err = d.try(ctx, connect, to, via)\n\t}\n", 3),
		{name: "what was cut counts as done", faults: []int{4, 5}, edits: []edit{
			{"deploy/host/upload.go", "\tif err != nil {\n\t\treturn err\n\t}\n\tw.locked", "\tif err != nil && !lost(err) {\n\t\treturn err\n\t}\n\tw.locked"},
			{hostSteps, "\t\treturn err\n\t}\n\tw.locked = w.locked || !q.PlanOnly\n", "\t\tif !lost(err) {\n\t\t\treturn err\n\t\t}\n\t}\n\tw.locked = w.locked || !q.PlanOnly\n"},
		}},
		one("a lost connection is the end of it", session, "\t\tif err == nil || !lost(err) {\n", "\t\tif err == nil || err != nil {\n", 6, 8, 9),
		one("a dead connection is asked again", session, "\t\tc.s.drop(conn)\n", "", 7, 35),
		one("the guard waits for ever", modelTable, `{none, none, "yes", "*", "claim"}`, `{none, none, "yes", "*", "wait"}`, 10, 15, 25),
		one("the old connection is proof enough", hostNext, "case !p.Fresh:", "case !p.Fresh && p.Switch == nil:", 11),
		one("a script has a fifth of a second", hostSteps, "briefly = 60 * time.Second", "briefly = 200 * time.Millisecond", 12),
		slowly(one("silence is never too long", "deploy/remote/keepalive.go", "if quiet >= k.limit {", "if quiet >= 100*k.limit {", 13)),
		one("every script dials anew", session, "\tif live != nil {\n\t\treturn live, nil\n", "\tif live != nil && live.conn == nil {\n\t\treturn live, nil\n", 14),
	}
}

func deployerBugs() []mutant {
	return []mutant{
		one("a run that changed nothing needs a person", exitCodes,
			"case failed+skipped > 0:\n\t\treturn ExitUnchanged", "case failed+skipped > 0:\n\t\treturn ExitStranded", 16, 32),
		one("a dead run is nobody's", "cmd/nixdeploy/run.go", "return journal.Dead(dir, run)", "return false", 17, 18),
		one("resume leaves what is armed", "cmd/nixdeploy/resume.go", "undecided[h.Host] = unresolved(h)", "undecided[h.Host] = false", 19, 20, 21, 22, 23),
		one("resume tells what was confirmed as returned", "deploy/host/resume.go",
			"\t\tw.p.Armed = true\n\t\treturn w.outcome(deploy.StateConfirmed)", "\t\tw.p.Armed = true\n\t\treturn w.outcome(deploy.StateReturned)", 24),
		one("an interruption stops nothing", decide, "case p.Interrupted || p.Detached:", "case p.Detached:", 25),
		one("nohup is not minded", "cmd/nixdeploy/signal.go", "if !signal.Ignored(s) {", "if s != nil {", 25),
		one("a panic costs the run", "deploy/rollout/safe.go", "o, told = unknown(h.Name, s.bug(h.Name, v)), false", "panic(v)", 26),
		one("a late confirmation is told as confirmed", hostNext,
			"case deploy.ResultReturned:\n\t\treturn end(deploy.StateReturned)", "case deploy.ResultReturned:\n\t\treturn end(deploy.StateConfirmed)", 27, 67),
		{name: "a run goes on without its journal", faults: []int{28}, edits: []edit{
			{decide, "case p.Unwritten:", "case p.Unwritten && p.Detached:"},
			{
				"deploy/host/worker.go", "\t\t\tw.fail(w.unwritten(\"the intent\", s, err))\n\t\t\tif s == deploy.StepReturn {\n\t\t\t\tw.p.Unsettled = true\n\t\t\t}\n\t\t\treturn\n",
				"\t\t\t_ = w.unwritten(\"the intent\", s, err)\n",
			},
		}},
		one("a journal is believed up to its damage", "deploy/journal/reader.go",
			"case broken != nil:\n\t\t\treturn scan{}, broken", "case broken != nil:\n\t\t\treturn found, nil", 29),
		{name: "a living run of somebody else is taken up", faults: []int{30, 77}, edits: []edit{
			{hostJudge, "case o.Active != nil && !t.Ours(o.Active.Run):", "case o.Active != nil && o.NixVersion == \"\":"},
			{hostSteps, "a != nil && w.d.Terms.Ours(a.Run)", "a != nil"},
		}},
		one("a newer journal is read all the same", "deploy/journal/reader.go", "if v > version {", "if v > version+1 {", 31),
	}
}

func targetBugs() []mutant {
	return []mutant{
		one("the guard is gone after a boot", modelPower,
			"if !r.unitLost {", "if !r.unitLost && h.off {", 33),
		one("a confirmation that a boot cut is left", modelTable, `{"confirm", none, "*", other, "return"}`, `{"confirm", none, "*", other, "hold"}`, 34),
		one("test-first switches at once", hostSteps, "Mode: string(w.p.Mode),", "Mode: \"switch\",", 36),
		one("a switch without an end is judged by its links", hostSteps, "if !a.Done && !a.Lost {", "if !a.Done && !a.Lost && a.Gone {", 37),
		one("stranded is told as returned", hostNext, "\t}\n\treturn end(deploy.StateStranded)\n}", "\t}\n\treturn end(deploy.StateReturned)\n}", 38),
		one("what was broken before is blamed", hostSteps, "\treturn w.p.Observed.FailedUnits\n", "\treturn nil\n", 39),
		one("health is not asked", hostNext,
			"case !p.Healthy && !p.Returning:\n\t\treturn step(deploy.StepHealth)\n\t}\n\treturn step(deploy.StepConfirm)",
			"}\n\treturn step(deploy.StepConfirm)", 40, 41, 61),
		one("what the switch said is not told", hostJudge, "Details: append(details, tail(a.Output, 20)...)", "Details: details", 42),
		{name: "nobody reads the boot loader", faults: []int{43}, edits: []edit{
			{hostJudge, "next := l.NextBoot == \"\" || l.NextBoot == wanted", "next := true"},
			{modelGuard, "|| l.Profile != r.wanted || !nextIs(l, r.wanted) {", "|| l.Profile != r.wanted {"},
		}},
		one("a failed build is taken for built", hostSteps,
			"case a.BuildCode != 0 || a.Toplevel == \"\":", "case a.BuildCode != 0 && a.Toplevel != \"\":", 44, 45, 87),
		one("a pending reboot is taken for done", hostJudge,
			"\t\treturn problem(\"the new system needs a reboot: its init is not compatible with the running one\")", "\t\treturn nil", 46),
		one("a lock counts as a failure", exitCodes, "\t\t\tlocked++\n", "\t\t\tfailed++\n", 47, 80),
		one("a switch that died is taken for done", hostJudge, "\tcase a.Lost:\n", "\tcase a.Lost && a.Done:\n", 48),
		one("the way back is not looked at before arm", modelVerbs,
			"range []string{r.wanted, l.Profile, l.Running, orElse(l.NextBoot, r.wanted)} {", "range []string{r.wanted} {", 49, 65),
		one("the way back asks Nix to take the record into its store", "deploy/nixos/scripts/return.sh",
			"\tif [ -n \"$1\" ] && [ \"$resolved\" = \"$2\" ]; then", "\tif [ -n \"$1\" ] && [ \"$resolved\" = \"$2\" ] && false; then", 50),
		one("somebody else's change is undone", modelReturn, "\tbootsInto := r.record.Running\n", "\tbootsInto := r.record.Running\n\tif !r.unverified {\n\t\treturn false\n\t}\n", 51, 79),
		one("the time of day decides", modelRun, "\treturn at - h.uptime()\n", "\treturn at - h.uptime() - (h.wall() - h.now.Unix())\n", 52),
		one("one host at a time", decide, "free := max(p.Parallel, 1) - p.running()", "free := 1 - p.running()", 53),
		one("nixos-rebuild is taken for granted", hostJudge, "case o.Rebuild == \"\":", "case o.Rebuild == \"\" && !o.NixOS:", 54),
	}
}

func healthBugs() []mutant {
	return []mutant{
		one("an unhealthy unchanged host is well", exitCodes,
			"if h.State.Good() && (h.State != deploy.StateUnchanged || h.Problem == nil) {", "if h.State.Good() {", 55),
		one("what is there already is switched again", "deploy/host/progress.go",
			"return p.Inspected && !p.Adopted &&", "return p.Inspected && p.Adopted &&", 56, 93),
		one("an unknown host is taken on", hostJudge, "case o.Marker == nil && !t.First:", "case o.Marker == nil && !t.First && o.Hostname == \"\":", 57),
		{name: "rollback by count, and believed", faults: []int{58}, edits: []edit{
			{modelReturn, "\tl := h.links()\n\tif r.mode != \"switch\" ||", "\tl := h.links()\n\tif r.mode == \"switch\" {\n\t\treturn true\n\t}\n\tif r.mode != \"switch\" ||"},
			{modelReturn, "\t\t}, exact)\n", "\t\t}, func() { h.wentBack(r) })\n"},
			{modelReturn, "\tif !h.backThere(r) {\n\t\tif !h.guard.locked", "\tif !h.backThere(r) && r.result != \"\" {\n\t\tif !h.guard.locked"},
		}},
		one("one pass is enough", "deploy/health/judge.go", "case streak(samples) >= c.Successes &&", "case streak(samples) >= 1 &&", 59),
		one("what cannot be told passes", "deploy/health/judge.go", "\treturn Inconclusive\n", "\treturn Passed\n", 60),
		one("the soak is skipped", decide, "return p.Soak && s.Changed && !s.Back", "return p.Soak && s.Changed && !s.Back && s.Owed", 62),
		one("the way back is judged by units that failed before", modelReturn,
			"\tif !h.backThere(r) {\n\t\tif !h.guard.locked", "\tif !h.backThere(r) || len(h.failed) > 0 {\n\t\tif !h.guard.locked", 63),
		one("units are left down where no link moved", modelReturn,
			"{ return h.onRecord(r) && !r.half && !r.loader }", "{ return h.onRecord(r) && !r.loader }", 64),
		one("the claim is not exclusive", modelVerbs,
			"\tif r.claim == \"\" {\n\t\tr.claim = string(claim)\n\t}\n", "\tr.claim, r.result = string(claim), \"\"\n", 66),
	}
}

func rolloutBugs() []mutant {
	return []mutant{
		one("on_failure = \"wave\" takes nobody back", decide,
			"p.OnFailure == inventory.OnFailureWave && other.Wave == s.Wave", "p.OnFailure == inventory.OnFailureWave && other.Wave < 0", 68),
		one("on_failure = \"stage\" stops at the wave", decide,
			"if p.OnFailure == inventory.OnFailureStage ||", "if p.OnFailure == inventory.OnFailureStage && other.Wave == s.Wave ||", 69),
		one("budgets are rounded up", "deploy/plan/waves.go", "* hosts / 100", "* hosts / 100 + 1", 71),
		one("the gate is ignored", "deploy/plan/gate.go", " && g.Shut == \"\" && g.Proven()", " && g.Shut == \"\"", 72),
		{name: "a host named twice goes twice", faults: []int{73}, edits: []edit{
			{"inventory/select.go", "\t\t\tout = append(out, h)\n", "\t\t\tout = append(out, h, h)\n"},
			{"deploy/rollout/rollout.go", "\t\tseen[h.Name] = true\n", ""},
		}},
		one("two names of one machine pass", "deploy/rollout/identity.go", "if len(same) < 2 {", "if len(same) < 3 {", 74),
		{name: "the flake is read again for each host", faults: []int{75}, edits: []edit{
			{"cmd/nixdeploy/wire.go", "import (\n\t\"context\"\n", "import (\n\t\"context\"\n\t\"io\"\n"},
			{
				"cmd/nixdeploy/wire.go", "Pack: q.Flake.Pack}",
				"Pack: func(w io.Writer) error {\n\t\t\tf, err := flake.FromInventory(q.Inventory)\n\t\t\tif err != nil {\n\t\t\t\treturn err\n\t\t\t}\n\t\t\treturn f.Pack(w)\n\t\t}}",
			},
		}},
		// Journal and host both tell of a soak: each bug is planted in both.
		{name: "a soak that was broken off is forgotten", faults: []int{76}, edits: []edit{
			{"deploy/rollout/soak.go", "if over[w] && !stayed[host] || soak[w.stage] <= 0 {", "if len(over) >= 0 {"}, hostForgetsSoak,
		}},
		{name: "a resume counts as a soak", faults: []int{76}, edits: []edit{
			{"cmd/nixdeploy/owed.go", "if r.Err != nil || r.Held ||", "if r.Err != nil || r.Held || r.Finished ||"}, hostForgetsSoak,
		}},
		{name: "a living lease is not looked at", faults: []int{78}, edits: []edit{
			{hostJudge, "case o.Active == nil && o.Lease != nil && !t.Ours(o.Lease.Run):", "case o.Active == nil && o.Lease != nil && o.NixVersion == \"\":"},
			{modelAnswer, "if l := h.liveLease(); l != nil && l.run != run {", "if l := h.liveLease(); l != nil && run == \"\" {"},
		}},
	}
}

func inputBugs() []mutant {
	return []mutant{
		one("unknown keys are ignored", "inventory/reader.go",
			"\tr.report(k.keyOff, r.schema.hint(k.key, s), \"unknown %s %q\", what, k.key)", "\t_ = what", 81),
		one("any word is an address", "inventory/names.go", "\treturn validName(s)\n}\n\nfunc addressHint", "\treturn s != \"\"\n}\n\nfunc addressHint", 82),
		one("a selector of nobody selects all", "inventory/select.go", "\t\tcase err != nil:\n\t\t\terrs = append(errs, err)\n", "\t\tcase err != nil:\n", 83),
		one("everybody may write hosts.toml", "cmd/nixdeploy/discover.go", "info.Mode().Perm()&0o002 != 0", "info.Mode().Perm()&0o001 != 0", 84),
		one("links lead out of the flake", "flake/check.go",
			"\tif path.IsAbs(f.Link) {\n\t\treturn escapes()\n\t}\n\t// Walked", "\tif path.IsAbs(f.Link) {\n\t\treturn nil\n\t}\n\t// Walked", 85),
		one("any key is the pinned one", "deploy/remote/hostkey.go", "if bytes.Equal(pin.Marshal(), key.Marshal()) {", "if len(pin.Marshal()) > 0 && bytes.Equal(nil, nil) {", 86),
		one("sudo's refusal is not heard", "deploy/remote/ending.go", "if e.elevate != elevateSudo && e.elevate != elevateDoas {", "if e.elevate != \"\" {", 88),
		one("any line is the begin of the script", "deploy/remote/execution.go", "if strings.HasSuffix(line, x.mark) {", "if line != x.mark+x.mark {", 89),
		one("a line may be of any length", "deploy/remote/lines.go",
			"line = append(line, part[:min(len(part), maxLine-len(line))]...)", "line = append(line, part...)", 90),
		one("any word is the nonce", "deploy/nixos/reply.go",
			"rest, framed := strings.CutPrefix(line, p.nonce+\" \")", "_, rest, framed := strings.Cut(line, \" \")", 91),
		{name: "no answer is an answer", faults: []int{92}, edits: []edit{
			{"deploy/remote/execution.go", "if strings.HasSuffix(line, x.mark) {", "if line != x.mark+x.mark {"},
			{"deploy/nixos/reply.go", "\tif !r.ended {\n", "\tif !r.ended && r.values == nil {\n"},
		}},
		{name: "a server may open channels", faults: []int{94}, edits: []edit{
			{"deploy/remote/conn.go", "_ = ch.Reject(ssh.Prohibited, \"nothing is forwarded\")", "_, _, _ = ch.Accept()"},
		}},
		one("another machine will do", hostJudge, "case o.Marker != nil && (o.Marker.Fleet != t.Fleet", "case o.Marker == nil && (o.Marker.Fleet != t.Fleet", 95),
	}
}
