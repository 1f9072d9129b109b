//go:build !linux

package main

import (
	"syscall"
	"testing"
)

// Tracing is Linux's: elsewhere the points at the journal are skipped.

const (
	traceEnv    = "NIXDEPLOY_FAULTS_TRACE"
	traceStruck = 98
	beforeWrite = "before write"
	beforeFsync = "before fsync"
	lostFsync   = "lost fsync"
	afterFsync  = "after fsync"
)

func trace(string, []string) int { return 97 }

func (w *world) traced(string, int, ...string) *child { panic("not here") }

func needTracing(t *testing.T) {
	t.Helper()
	t.Skip("points at the journal need Linux's ptrace")
}

func ownMounts(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	t.Skip("a disk of its own needs Linux's mount namespaces")
	return nil
}
