package view

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// shopPast is one run of each outcome, the newest first.
func shopPast() []Past {
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	ended := Past{Run: "01JDXK7QJ3M8Z9V6B2T4R5W0AX", Report: deploy.Fold(shopRun()), Meaning: shopEnding().Meaning}
	ended.Report.Start.Operator = "anna@ci"
	killed := Past{Run: "01JDXK7QJ4M8Z9V6B2T4R5W0AX", Report: deploy.Fold(shopRun()[:10]), Newest: at(60)}
	killed.Report.Start.Operator = "bob\x1b[2J@desk"
	rollback := Past{Run: "01JDXK9AAAM8Z9V6B2T4R5W0AX", Report: deploy.Report{
		Start: deploy.RunStart{Command: "rollback", Undoes: ended.Run, Operator: "anna@ci", Fleet: "shop", Stages: []string{"prod"}, Hosts: []string{"web1"}},
		Began: at(7200), Ended: at(7205), Finished: true, Hosts: []deploy.HostReport{{Host: "web1", State: deploy.StateConfirmed}},
	}, Meaning: "all good: healthy, or nothing to do"}
	live := rollback
	live.Run, live.Held, live.Report.Finished, live.Report.Ended, live.Newest = "01JDXK9BBBM8Z9V6B2T4R5W0AX", true, false, time.Time{}, at(7300)
	bad := Past{Run: "01JDXK9CCCM8Z9V6B2T4R5W0AX", Damaged: true, Unreadable: "/state/runs/01JDXK9CCCM8Z9V6B2T4R5W0AX/events.jsonl:7: the journal is damaged: its checksum does not fit"}
	bad.Report.Began = at(9000)
	foreign := bad
	foreign.Run, foreign.Damaged, foreign.Unreadable = "01JDXK9DDDM8Z9V6B2T4R5W0AX", false, "/state/runs/x: it belongs to user 0, not to you"
	return []Past{foreign, bad, live, rollback, killed, ended}
}

func TestHistory(t *testing.T) {
	for name, s := range styles() {
		golden(t, "history-"+name+".golden", s.History(shopPast(), time.FixedZone("CET", 3600), "nixdeploy show 01JDXK7QJ3M8Z9V6B2T4R5W0AX"))
	}
	for line := range strings.Lines(Style{Width: 80}.History(shopPast(), time.UTC, "")) {
		if len(line) > 100 && !strings.Contains(line, "/state/runs/") { // a path is never broken
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestOneRun(t *testing.T) {
	past := shopPast()
	for name, s := range styles() {
		golden(t, "show-"+name+".golden", s.Past(past[5], time.UTC, false, "nixdeploy apply --stage prod --on web2,db1"))
	}
	verbose := Style{}.Past(past[5], time.UTC, true, "")
	for _, want := range []string{"web1 before", storePath("web1"), "next boot"} {
		if !strings.Contains(verbose, want) {
			t.Errorf("with --verbose it lacks %q:\n%s", want, verbose)
		}
	}
	later := past[5]
	later.Later = past[3].Run
	for p, want := range map[*Past]string{&past[4]: "it did not; the last that is written down", &past[2]: "it still runs", &later: "A later run of this fleet"} {
		if text := (Style{}).Past(*p, time.UTC, false, ""); !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
}

func TestRunsAreToldApartByTheirShortNames(t *testing.T) {
	same := []Past{{Run: "01JDXK7QJ3AAAAAAAAAAAAAAAA"}, {Run: "01JDXK7QJ3AAABAAAAAAAAAAAA"}}
	if short := shortNames(same); short[same[0].Run] != "01JDXK7QJ3AAAA" || short[same[1].Run] != "01JDXK7QJ3AAAB" {
		t.Errorf("%v", short)
	}
}

func TestHistoryAsJSON(t *testing.T) {
	var doc struct {
		Type string
		Runs []struct {
			Run, Outcome, Began, Undoes, Error string
			Exit                               *int
			Seconds                            float64
			States                             map[string]int
			Unresolved                         []string
		}
	}
	if err := json.Unmarshal(JSONHistory("1", shopPast()), &doc); err != nil || doc.Type != "history" || len(doc.Runs) != 6 {
		t.Fatalf("%v: %+v", err, doc)
	}
	var outcomes []string
	for _, r := range doc.Runs {
		outcomes = append(outcomes, r.Outcome)
		if !strings.HasSuffix(r.Began, "Z") {
			t.Errorf("%s is not in UTC", r.Began)
		}
	}
	if got := strings.Join(outcomes, " "); got != "unreadable damaged running ended unfinished ended" {
		t.Errorf("outcomes: %s", got)
	}
	last, killed := doc.Runs[5], doc.Runs[4]
	if last.Exit == nil || *last.Exit != 5 || last.Seconds != 160 || last.States["returned"] != 1 {
		t.Errorf("%+v", last)
	}
	if killed.Exit != nil || len(killed.Unresolved) == 0 || doc.Runs[3].Undoes == "" || doc.Runs[1].Error == "" {
		t.Errorf("%+v", doc.Runs)
	}
}
