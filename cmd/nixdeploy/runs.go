package main

import (
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/journal"
)

// runsHere lists the runs of this machine, the newest first.
func runsHere(dir string) ([]journal.RunInfo, error) {
	runs, err := journal.List(dir)
	if err != nil {
		return nil, &deploy.Problem{
			Code: deploy.CodeJournal, What: "the runs of this machine cannot be read", State: "nothing was contacted; an armed host returns by itself", Err: err,
			Next: "give yourself the right to read them, or set NIXDEPLOY_STATE_DIR",
		}
	}
	return runs, nil
}

// runNamed is the run of this machine that a person means: by its whole name, by
// the unique beginning of one, or "last" for the newest. A whole name is given
// back whether it is known here or not.
func (in *invocation) runNamed(dir, name, command string) (string, error) {
	runs, err := runsHere(dir)
	if err != nil {
		return "", err
	}
	var match, all []string
	for _, r := range runs {
		all = append(all, r.Run)
		if strings.HasPrefix(r.Run, strings.ToUpper(name)) {
			match = append(match, r.Run)
		}
	}
	switch {
	case name == "last" && len(all) > 0:
		return all[0], nil
	case len(match) == 1 && name != "":
		return match[0], nil
	case len(match) > 1:
		return "", &usageError{
			what:    fmt.Sprintf("%d runs begin with %s", len(match), quoted(name)),
			hint:    "which one: " + strings.Join(match[:min(len(match), 8)], " "),
			command: command,
		}
	case journal.ValidRun(name):
		return name, nil
	}
	e := &usageError{what: "there is no run " + quoted(name) + " in " + in.display(dir), command: command}
	if near := nearest(strings.ToUpper(name), all); near != "" {
		e.hint = "did you mean " + near + "?"
	} else {
		e.hint = "the runs of this machine: " + in.recommend("history")
	}
	return "", e
}
