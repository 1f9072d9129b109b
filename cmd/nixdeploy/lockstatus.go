package main

import (
	"context"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
)

func lockStatusCommand() command {
	return command{
		name: "lock status", usage: "show who holds which host, since when, and what ends it",
		about: "Reads the hosts themselves; nothing is written there. A host is held by a run of nixdeploy (armed: its guard decides; " +
			"else by a short lease), or by a switch that is not nixdeploy's. To wait for one: --lock-wait of apply, rollback and " +
			"resume. There is no command that breaks a lock: resume, or the host's own guard, ends it. Not to be confused with lock, " +
			"which locks the inputs of the flake.",
		examples: []string{"lock status", "lock status --on web-1 --json"},
		own:      selectFlags,
		run:      runLockStatus,
	}
}

func runLockStatus(ctx context.Context, in *invocation) error {
	dir, err := in.stateDir()
	if err != nil {
		return err
	}
	rows, err := in.lookAtHosts(ctx)
	if err != nil {
		return err
	}
	locks := make([]view.HostLock, len(rows))
	next := ""
	var problems []*deploy.Problem
	for i, r := range rows {
		l := view.LockOf(r, dead(dir))
		locks[i] = l
		if next == "" && l.Dead && l.Holder == view.HeldByRun {
			next = in.recommend("resume", l.Run)
		}
		if l.Problem != nil && (r.Observed == nil || l.Problem.Security()) {
			problems = append(problems, l.Problem)
		}
	}
	if in.json {
		_, err = in.Stdout.Write(view.JSONLocks(versionNumber(), locks, next))
	} else {
		err = in.print(in.out.Locks(locks, in.zone(), next))
	}
	if err != nil {
		return err
	}
	if code := problemExit(problems); code != rollout.ExitOK {
		return exitError(code)
	}
	return nil
}
