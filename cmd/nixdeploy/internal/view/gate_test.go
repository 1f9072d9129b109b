package view

import (
	"strings"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestClosedGateWords(t *testing.T) {
	proof := deploy.GateStage{Stage: "dev", Needed: 2, Proven: []string{"a", "b"}}
	some := deploy.GateStage{Stage: "dev", Needed: 2, Proven: []string{"a", "b"}, Missing: []string{"c"}, Why: map[string]string{"c": "timed out"}}
	none := deploy.GateStage{Stage: "dev", Needed: 2, Missing: []string{"a", "b", "c"}, Why: map[string]string{"a": "not read", "b": "not read", "c": "not read"}}
	failed := some
	failed.Failed = []string{"c"}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		gate deploy.Gate
		want string
	}{
		{deploy.Gate{Open: true}, "open: the first stage"},
		{deploy.Gate{Open: true, Before: []deploy.GateStage{proof}}, "open: this flake is confirmed on dev (2 hosts)"},
		{deploy.Gate{Open: true, Before: []deploy.GateStage{some}}, "open: this flake is confirmed on dev (2 hosts; 2 needed)"},
		{deploy.Gate{Before: []deploy.GateStage{none}}, "closed: this flake is not confirmed on dev (not a b c: not read; 2 needed)"},
		{deploy.Gate{Before: []deploy.GateStage{failed}}, "closed: this flake is not confirmed on dev (not c: timed out; 2 needed)"},
		{deploy.Gate{Before: []deploy.GateStage{proof}, Frozen: "sale"}, "closed: the stage is frozen (sale)"},
		{deploy.Gate{Shut: "outside of its windows", Opens: at}, "closed: outside of its windows, until Mon 2026-11-23 09:00 UTC"},
		{deploy.Gate{Shut: "in the freeze X"}, "closed: in the freeze X, for good"},
		{
			deploy.Gate{Open: true, Override: "4711", Shut: "outside of its windows", Opens: at, Before: []deploy.GateStage{none}},
			"overridden: 4711; outside of its windows, until Mon 2026-11-23 09:00 UTC and this flake is not confirmed on dev (not a b c: not read; 2 needed)",
		},
	} {
		if got := (Style{}).gate(c.gate); got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
	}
}

func TestApprovalWords(t *testing.T) {
	given := []deploy.Approval{{By: "ann@desk\x1b", Time: time.Unix(1700000000, 0)}}
	for _, c := range []struct {
		a    *deploy.Approvals
		want string
	}{
		{nil, ""},
		{&deploy.Approvals{}, "Approval: this stage asks for one; its hosts were not read\n"},
		{&deploy.Approvals{Missing: []string{"a"}}, "Approval: missing\n"},
		{&deploy.Approvals{Given: given}, "Approval: by ann@desk\\x1b on 2023-11-14 22:13 UTC\n"},
		{&deploy.Approvals{Given: given, Missing: []string{"a", "b"}}, "Approval: by ann@desk\\x1b on 2023-11-14 22:13 UTC; missing on a b\n"},
	} {
		if got := strings.Join(strings.Fields((Style{}).approvals(c.a)), " "); got != strings.TrimSpace(c.want) {
			t.Errorf("\n got %q\nwant %q", got, c.want)
		}
	}
}
