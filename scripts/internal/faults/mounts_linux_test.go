package main

import (
	"os"
	"syscall"
	"testing"
)

// ownMounts gives a child mounts that nobody else sees.
func ownMounts(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a disk of its own needs root")
	}
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
}
