package remote

import (
	"context"
	"errors"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestJudge(t *testing.T) {
	sudoWords := []string{"sudo: a password is required"}
	tests := map[string]struct {
		e    ending
		exit int
		code deploy.Code // "" for none
		what string
	}{
		"success":                 {ending{begun: true, exited: true}, 0, "", ""},
		"exit code":               {ending{begun: true, exited: true, exit: 3}, 3, "", ""},
		"script that fails sudo":  {ending{begun: true, exited: true, exit: 1, elevate: "sudo", complaint: sudoWords}, 1, "", ""},
		"exited, then ctx ended":  {ending{begun: true, exited: true, exit: 4, cause: context.Canceled}, 4, "", ""},
		"something left behind":   {ending{begun: true, exited: true, exit: 0, cause: errDrained}, 0, "", ""},
		"sudo refuses":            {ending{exited: true, exit: 1, elevate: "sudo", complaint: sudoWords}, -1, deploy.CodeElevate, "sudo does not let deploy run probe.sh"},
		"doas refuses":            {ending{exited: true, exit: 1, elevate: "doas", complaint: []string{"doas: Operation not permitted"}}, -1, deploy.CodeElevate, "doas does not let"},
		"sudo is not there":       {ending{exited: true, exit: 127, elevate: "sudo", complaint: []string{"sh: 1: exec: sudo: not found"}}, -1, deploy.CodeElevate, "sudo"},
		"nologin":                 {ending{exited: true, exit: 1, elevate: "sudo", words: []string{"This account is currently not available."}}, -1, deploy.CodeProtocol, "login shell of deploy"},
		"exit 0 without running":  {ending{exited: true}, -1, deploy.CodeProtocol, "did not run probe.sh"},
		"words of sudo, no sudo":  {ending{exited: true, exit: 1, elevate: "none", complaint: sudoWords}, -1, deploy.CodeProtocol, ""},
		"lost before":             {ending{}, -1, deploy.CodeUnreachable, "connection lost during probe.sh"},
		"lost after":              {ending{begun: true}, -1, deploy.CodeUnreachable, "connection lost during probe.sh"},
		"killed":                  {ending{begun: true, signal: "KILL"}, -1, deploy.CodeUnreachable, "signal KILL"},
		"interrupted":             {ending{begun: true, cause: context.Canceled}, -1, deploy.CodeInterrupted, "interrupted"},
		"too slow":                {ending{begun: true, cause: context.DeadlineExceeded}, -1, deploy.CodeUnreachable, "in time"},
		"never began":             {ending{cause: errNotBegun}, -1, deploy.CodeUnreachable, "did not begin"},
		"noise":                   {ending{cause: errNoise}, -1, deploy.CodeProtocol, "in place of"},
		"payload":                 {ending{begun: true, exited: true, payload: errors.New("disk")}, -1, deploy.CodeUpload, "cannot read what probe.sh"},
		"no words, but elevation": {ending{exited: true, exit: 1, elevate: "sudo"}, -1, deploy.CodeProtocol, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.e.user, tt.e.script, tt.e.host = "deploy", "probe.sh", "web-1"
			exit, err := tt.e.judge()
			if exit != tt.exit {
				t.Errorf("exit %d, want %d", exit, tt.exit)
			}
			if tt.code == "" {
				must(t, err)
				return
			}
			p := problem(t, err, tt.code)
			mustContain(t, p.What, tt.what)
			if p.Host != "web-1" {
				t.Errorf("the problem does not name the host: %+v", p)
			}
		})
	}
}
