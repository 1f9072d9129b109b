package view

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestPlansOfFiveHostsAtThreeGenerations(t *testing.T) {
	next := "nixdeploy apply --stage prod"
	for name, c := range map[string]struct {
		style Style
		plan  deploy.Plan
	}{
		"plan-five-unicode.golden": {Style{Unicode: true, Width: 80}, fivePlan()},
		"plan-five-ascii.golden":   {Style{Width: 80}, fivePlan()},
		"plan-five-narrow.golden":  {Style{Unicode: true, Width: 60}, fivePlan()},
		"plan-five-verbose.golden": {Style{Unicode: true, Width: 80, All: true}, fivePlan()},
		"plan-five-fetch.golden":   {Style{Unicode: true, Width: 80}, toFetch()},
	} {
		golden(t, name, c.style.Plan(c.plan, next))
	}
	golden(t, "plan-five.json.golden", string(JSONPlans("0.1.0", []deploy.Plan{fivePlan()}, next)))
}

func TestAThousandHostsOfThreeConfigurationsFitAScreen(t *testing.T) {
	for name, c := range map[string]struct {
		plan deploy.Plan
		most int
	}{
		"plan-1000.golden":          {largePlan(1000), 24},
		"plan-1000-troubled.golden": {troubledPlan(1000), 40},
	} {
		got := Style{Unicode: true, Width: 80}.Plan(c.plan, "nixdeploy apply --stage prod")
		golden(t, name, got)
		if n := strings.Count(got, "\n"); n > c.most {
			t.Errorf("%s: %d lines, %d are a screen", name, n, c.most)
		}
		for line := range strings.Lines(got) {
			if cells(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s: wider than the screen: %s", name, line)
			}
		}
	}
}

func TestNoPlanIsWiderThanTheTerminal(t *testing.T) {
	for _, p := range []deploy.Plan{shopPlan(), fivePlan(), toFetch(), largePlan(30), troubledPlan(60)} {
		for _, width := range []int{40, 60, 80, 132} {
			for _, all := range []bool{false, true} {
				got := Style{Unicode: true, Width: width, All: all}.Plan(p, "")
				for line := range strings.Lines(got) {
					line = strings.TrimSuffix(line, "\n")
					if cells(line) > width && strings.Contains(strings.TrimSpace(line), " ") {
						t.Errorf("%d hosts, all %t, %d columns: %s", len(p.Hosts), all, width, line)
					}
				}
			}
		}
	}
}

// --verbose leaves out no name and no item.
func TestAVerbosePlanLeavesNothingOut(t *testing.T) {
	single := fivePlan()
	single.Hosts = single.Hosts[:1] // and four are read for the gate
	for _, p := range []deploy.Plan{single, fivePlan(), largePlan(60), troubledPlan(60)} {
		got := Style{Width: 80, All: true}.Plan(p, "")
		if strings.Contains(got, " more") && !strings.Contains(got, "MiB more") || strings.Contains(got, allHint) || strings.Contains(got, "like it") {
			t.Errorf("%d hosts: something is cut:\n%s", len(p.Hosts), got)
		}
		words := strings.Fields(got)
		for _, h := range p.Hosts {
			if !slices.ContainsFunc(words, func(word string) bool { return strings.Trim(word, ":;,") == h.Host }) {
				t.Errorf("%d hosts: %s is not named", len(p.Hosts), h.Host)
			}
		}
		for _, read := range []string{"box1", "dev1", "dev2", "dev3"} {
			if !slices.Contains(words, read) {
				t.Errorf("%d hosts: %s, read for the gate, is not named", len(p.Hosts), read)
			}
		}
	}
}

func TestTheScreenInTheGuideIsWhatAPlanPrints(t *testing.T) {
	guide, err := os.ReadFile("../../../../docs/guide.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Style{Unicode: true, Width: 80}).Plan(fivePlan(), "nixdeploy apply --stage prod"); !strings.Contains(string(guide), "```text\n"+want+"```\n") {
		t.Errorf("docs/guide.md has another screen than:\n%s", want)
	}
}

// The document of plan --json: every key of it is in the docs, every host has all
// of its facts, and those that are alike are named.
func TestTheDocumentOfAPlan(t *testing.T) {
	var doc struct {
		Type, Format, Next string
		Plans              []deploy.Plan
		Alike              []struct {
			Stage string
			Hosts []string
		}
		Radius []map[string]any
	}
	out := JSONPlans("0.1.0", []deploy.Plan{fivePlan(), largePlan(6)}, "nixdeploy apply")
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]deploy.Plan{fivePlan(), largePlan(6)}, doc.Plans, cmpopts.EquateEmpty()); diff != "" || doc.Type != "plan" || doc.Format != PlanVersion {
		t.Errorf("type %q, format %q\n%s", doc.Type, doc.Format, diff)
	}
	var groups []string
	for _, g := range doc.Alike {
		groups = append(groups, g.Stage+" "+strings.Join(g.Hosts, " "))
	}
	want := []string{"prod web1 web2 web3", "prod db1", "prod host00000 host00003", "prod host00001 host00004", "prod host00002 host00005"}
	if diff := cmp.Diff(want, groups); diff != "" {
		t.Error(diff)
	}
	if len(doc.Radius) != 2 || doc.Radius[0]["hosts"] != 4.0 || doc.Radius[1]["hosts"] != 6.0 {
		t.Errorf("radius %v", doc.Radius)
	}
	page, err := os.ReadFile("../../../../docs/saved-plans.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## `plan --json`")
	var top map[string]any
	if err := json.Unmarshal(out, &top); err != nil {
		t.Fatal(err)
	}
	for _, keys := range []map[string]any{top, doc.Radius[0]} {
		for key := range keys {
			if !strings.Contains(section, "\n| `"+key+"` |") {
				t.Errorf("docs/saved-plans.md does not tell of %q", key)
			}
		}
	}
	if !strings.Contains(section, `"`+PlanVersion+`"`) {
		t.Errorf("docs/saved-plans.md tells of another format than %s", PlanVersion)
	}
}
