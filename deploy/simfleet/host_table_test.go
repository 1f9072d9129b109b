package simfleet_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy/nixos"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// The table of the script that decides on real hosts and the one in Go are the
// same, for every state there is and for words that there are not.
func TestTheTableIsTheScripts(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh here")
	}
	seen := map[simfleet.Action]bool{}
	for _, claim := range []string{"none", "confirm", "return", "bogus"} {
		for _, result := range []string{"none", "confirmed", "returned", "stranded", "bogus"} {
			for _, due := range []bool{false, true} {
				for _, system := range []string{"new", "other"} {
					action := simfleet.Decide(claim, result, due, system)
					seen[action] = true
					if script := askScript(t, sh, claim, result, due, system); script != string(action) {
						t.Errorf("%s/%s/%v/%s: the script says %s, the model %s", claim, result, due, system, script, action)
					}
				}
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("only %v were decided", seen)
	}
}

// askScript runs the real script's decide verb, which touches nothing.
func askScript(t *testing.T, sh, claim, result string, due bool, system string) string {
	t.Helper()
	passed := map[bool]string{true: "yes", false: "no"}[due]
	cmd := exec.CommandContext(t.Context(), sh, "-c", nixos.Script("guard"), "guard", "NONCE", "decide", claim, result, passed, system)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the script: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	action, ok := strings.CutPrefix(lines[0], "NONCE action ")
	if !ok || len(lines) != 2 || lines[1] != "NONCE end guard" {
		t.Fatalf("the script answered %q", out)
	}
	return action
}

// The model answers the verb as the script does.
func TestTheModelAnswersDecide(t *testing.T) {
	h := simfleet.NewHost(simfleet.HostOptions{Hostname: "a"})
	defer h.Close()
	var out, errs bytes.Buffer
	stdin := "printf '%s\\n' 'nd-begin W'\nset -- 'N' 'decide' 'none' 'none' 'yes' 'other'\n#!/bin/sh\n# nixdeploy remote script: guard\n"
	exit := h.Exec(t.Context(), simfleet.Request{
		Command: "/bin/sh -c '...'", User: "root", Stdin: strings.NewReader(fmt.Sprintf("%d\n%s", len(stdin), stdin)), Stdout: &out, Stderr: &errs,
	})
	if exit != 0 || out.String() != "nd-begin W\nN action claim\nN end guard\n" || errs.Len() != 0 {
		t.Errorf("exit %d, %q, %q", exit, out.String(), errs.String())
	}
}
