package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/plan"
)

func TestNovelty(t *testing.T) {
	on := func(host, digest string) deploy.HostPlan {
		return deploy.HostPlan{Host: host, Observed: &deploy.Observation{Last: &deploy.Record{FlakeHash: digest}}}
	}
	since := func(digest string) ([]string, bool) {
		switch digest {
		case "aaaaaaaaaa":
			return []string{"nixpkgs 1 -> 2", "changed x"}, true
		case "bbbbbbbbbb":
			return nil, true
		}
		return nil, false
	}
	got := plan.Novelty("now", []deploy.HostPlan{
		on("h1", "now"), on("h2", "bbbbbbbbbb"), on("h3", "aaaaaaaaaa"), on("h4", "aaaaaaaaaa"), on("h5", "c"), on("h6", "d"), on("h7", "e"),
		on("rolled back", ""), {Host: "unread"}, {Host: "fresh", Observed: &deploy.Observation{}},
	}, since)
	want := []string{
		"since aaaaaaaa on h3 h4: nixpkgs 1 -> 2; changed x",
		"since bbbbbbbb on h2: nothing that is kept of the two tells them apart",
		"since c on h5: what that was made of is not known on this machine",
		"and 2 older flakes on other hosts",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := plan.Novelty("now", []deploy.HostPlan{on("h1", "now")}, since); got != nil {
		t.Errorf("a flake that is not new: %q", got)
	}
}
