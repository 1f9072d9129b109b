package nixos

import (
	"os/exec"
	"strings"
	"testing"
)

func TestScriptsPassShellcheck(t *testing.T) {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed; scripts/test installs it")
	}
	for _, name := range Names() {
		// 2034: the library sets more than one script uses. 2209: "wait", "test"
		// and "return" are words of ours here. 2317: the library's functions.
		cmd := exec.Command(shellcheck, "-s", "sh", "-e", "SC2034,SC2209,SC2317", "-")
		cmd.Stdin = strings.NewReader(Script(name))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestScriptsAreKnownByTheirSecondLine(t *testing.T) {
	for _, name := range Names() {
		lines := strings.SplitN(Script(name), "\n", 3)
		if lines[0] != "#!/bin/sh" || lines[1] != "# nixdeploy remote script: "+name {
			t.Errorf("%s begins with %q", name, lines[:2])
		}
	}
}

// The product must not know the lab that it is tried in.
func TestScriptsDoNotKnowTheLab(t *testing.T) {
	for _, name := range Names() {
		for _, word := range []string{"nixlab", "br-lab", "10.77.", "nixdeploy-lab", "/boot/FULL", "minios"} {
			if strings.Contains(Script(name), word) {
				t.Errorf("%s names the lab: %q", name, word)
			}
		}
	}
}
