package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// The test's own binary, called anew, traces a nixdeploy and kills it at one
// write or fsync: exactly there, and without a hook in the product. Strace
// counts by thread, and the writer of a journal has no thread of its own.

const traceEnv = "NIXDEPLOY_FAULTS_TRACE"

// Exit codes of a tracer, where the child's own is not handed on.
const (
	traceFailed = 97 // cannot trace here
	traceStruck = 98 // killed at the point
)

// The kinds of point at the journal.
const (
	beforeWrite = "before write" // of a record
	beforeFsync = "before fsync"
	lostFsync   = "lost fsync" // the deployer's power is cut: what was not synced is gone
	afterFsync  = "after fsync"
)

// tracer follows one child and its threads.
type tracer struct {
	pid    int
	kind   string
	left   int // points until the strike
	calls  map[int]*call
	synced map[string]int64 // size at the last fsync, by path
}

// call is the system call that a thread is in.
type call struct {
	nr, fd uint64
	path   string
}

// trace runs argv under a tracer. plan is "KIND:N".
func trace(plan string, argv []string) int {
	runtime.LockOSThread() // a tracee belongs to a thread
	kind, n, _ := strings.Cut(plan, ":")
	left, err := strconv.Atoi(n)
	if err != nil {
		return traceFailed
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "trace:", err)
		return traceFailed
	}
	t := &tracer{pid: cmd.Process.Pid, kind: kind, left: left, calls: map[int]*call{}, synced: map[string]int64{}}
	code, err := t.follow()
	if err != nil {
		_ = syscall.Kill(t.pid, syscall.SIGKILL)
		fmt.Fprintln(os.Stderr, "trace:", err)
		return traceFailed
	}
	return code
}

// follow runs the tracee until it ends or is struck.
func (t *tracer) follow() (int, error) {
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &ws, 0, nil); err != nil || !ws.Stopped() {
		return 0, fmt.Errorf("it did not stop after exec: %w", err)
	}
	const exitKill = 0x100000 // PTRACE_O_EXITKILL
	options := syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACEFORK | syscall.PTRACE_O_TRACEVFORK | syscall.PTRACE_O_TRACESYSGOOD | exitKill
	if err := syscall.PtraceSetOptions(t.pid, options); err != nil {
		return 0, err
	}
	if err := syscall.PtraceSyscall(t.pid, 0); err != nil {
		return 0, err
	}
	for {
		tid, err := syscall.Wait4(-1, &ws, syscall.WALL, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, err
		case ws.Exited() || ws.Signaled():
			if tid != t.pid {
				continue
			}
			if ws.Signaled() {
				return 128 + int(ws.Signal()), nil
			}
			return ws.ExitStatus(), nil
		}
		if struck, err := t.stopped(tid, ws); err != nil {
			return 0, err
		} else if struck {
			return traceStruck, t.reap()
		}
	}
}

// stopped handles one stop of one thread, and lets it go on.
func (t *tracer) stopped(tid int, ws syscall.WaitStatus) (struck bool, err error) {
	signal := 0
	switch sig := ws.StopSignal(); {
	case sig == syscall.SIGTRAP|0x80:
		if struck, err = t.atCall(tid); struck || err != nil {
			return struck, err
		}
	case sig == syscall.SIGTRAP, sig == syscall.SIGSTOP: // a new thread, or the news of one
	default:
		signal = int(sig)
	}
	if err := syscall.PtraceSyscall(tid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return false, err
	}
	return false, nil
}

// reap kills the tracee and waits for the last of it.
func (t *tracer) reap() error {
	if err := syscall.Kill(t.pid, syscall.SIGKILL); err != nil {
		return err
	}
	var ws syscall.WaitStatus
	for {
		tid, err := syscall.Wait4(-1, &ws, syscall.WALL, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if tid == t.pid && (ws.Exited() || ws.Signaled()) {
			break
		}
	}
	if t.kind != lostFsync {
		return nil
	}
	for path, size := range t.synced {
		if err := os.Truncate(path, size); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Operations of struct ptrace_syscall_info (ptrace(2)).
const (
	getSyscallInfo = 0x420e
	opEntry        = 1
	opExit         = 2
)

func (t *tracer) atCall(tid int) (struck bool, err error) {
	var info [88]byte
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(tid), uintptr(len(info)),
		uintptr(unsafe.Pointer(&info[0])), 0, 0)
	if errno == syscall.ESRCH {
		return false, nil
	}
	if errno != 0 {
		return false, fmt.Errorf("PTRACE_GET_SYSCALL_INFO: %w", errno)
	}
	switch info[0] {
	case opEntry:
		c := &call{nr: binary.NativeEndian.Uint64(info[24:]), fd: binary.NativeEndian.Uint64(info[32:])}
		t.calls[tid] = c
		if c.nr != syscall.SYS_WRITE && c.nr != syscall.SYS_FSYNC && c.nr != syscall.SYS_FDATASYNC {
			return false, nil
		}
		c.path, _ = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", t.pid, c.fd)) // a descriptor of a file that is gone has none
		return t.counts(c, false), nil
	case opExit:
		c := t.calls[tid]
		delete(t.calls, tid)
		if c == nil || c.path == "" || c.nr == syscall.SYS_WRITE {
			return false, nil
		}
		return t.counts(c, true), nil
	}
	return false, nil
}

// counts one call and tells whether it is the one to strike at.
func (t *tracer) counts(c *call, after bool) bool {
	ours := filepath.Base(c.path) == "events.jsonl"
	fsync := c.nr != syscall.SYS_WRITE
	if fsync && after && ours {
		if info, err := os.Stat(c.path); err == nil {
			t.synced[c.path] = info.Size()
		}
	}
	at := map[string]bool{
		beforeWrite: !fsync && ours,
		beforeFsync: fsync && !after,
		lostFsync:   fsync && !after && ours && t.synced[c.path] > 0,
		afterFsync:  fsync && after,
	}[t.kind]
	if at {
		t.left--
	}
	return at && t.left == 0
}

// traced makes a child that is killed at its n-th point of that kind.
func (w *world) traced(kind string, n int, args ...string) *child {
	cmd := exec.Command(os.Args[0], append([]string{nixdeploy}, args...)...)
	cmd.Env = []string{traceEnv + "=" + kind + ":" + strconv.Itoa(n)}
	return w.prepared(cmd)
}

// needTracing skips where processes cannot be traced, and says why.
func needTracing(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0], nixdeploy, "version")
	cmd.Env = append(os.Environ(), traceEnv+"="+beforeWrite+":1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("processes cannot be traced here: %v: %s", err, strings.TrimSpace(string(out)))
	}
}
