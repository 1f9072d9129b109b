package view

import (
	"strings"
	"testing"

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
