package deploy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestApprovalsOf(t *testing.T) {
	at := func(n int64) time.Time { return time.Unix(n, 0).UTC() }
	leave := func(flake, stage, by string, n int64) deploy.Approval {
		return deploy.Approval{Flake: flake, Stage: stage, By: by, Time: at(n)}
	}
	holds := func(name string, a ...deploy.Approval) deploy.HostPlan {
		return deploy.HostPlan{Host: name, Observed: &deploy.Observation{Approvals: a}}
	}
	blocked := holds("blocked")
	blocked.Problem = &deploy.Problem{Code: deploy.CodeLocked}
	got := deploy.ApprovalsOf("prod", "f1", []deploy.HostPlan{
		holds("a", leave("f1", "prod", "bob@x", 9), leave("f1", "prod", "ann@x", 7)),
		holds("b", leave("f1", "prod", "bob@x", 10)),
		holds("another flake", leave("f2", "prod", "bob@x", 1)),
		holds("another stage", leave("f1", "dev", "bob@x", 1)),
		holds("none"),
		blocked,
		{Host: "unread"},
	})
	want := &deploy.Approvals{
		Given:   []deploy.Approval{leave("f1", "prod", "ann@x", 7), leave("f1", "prod", "bob@x", 9)},
		Missing: []string{"another flake", "another stage", "none"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
