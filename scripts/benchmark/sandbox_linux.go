package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// sandbox is a thread in namespaces of its own: a network that is nothing but a
// loopback interface, and mounts that the rest of the machine does not see. What
// is started in it can listen on all addresses and be reached from nowhere else.
type sandbox struct {
	jobs chan func()
	done chan struct{}
}

// newSandbox makes one and prepares its mounts. It needs root. Close it after
// all that was started in it.
func newSandbox(mounts func() error) (*sandbox, error) {
	if os.Geteuid() != 0 {
		return nil, &cannotRunError{"root, for a network namespace"}
	}
	s := &sandbox{jobs: make(chan func()), done: make(chan struct{})}
	ready := make(chan error)
	go func() {
		defer close(s.done)
		// Never unlocked: the thread ends with this goroutine, and takes the
		// namespaces along.
		runtime.LockOSThread()
		err := enterNamespaces(mounts)
		ready <- err
		if err != nil {
			return
		}
		for job := range s.jobs {
			job()
		}
	}()
	if err := <-ready; err != nil {
		<-s.done
		return nil, err
	}
	return s, nil
}

func enterNamespaces(mounts func() error) error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return &cannotRunError{fmt.Sprintf("network and mount namespaces (%v)", err)}
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	return mounts()
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("a socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("the loopback interface: %w", err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("switch the loopback interface on: %w", err)
	}
	return nil
}

// bind puts a file in the place of another one, inside only.
func bind(from, over string) error {
	if err := unix.Mount(from, over, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("put %s over %s: %w", from, over, err)
	}
	return nil
}

// emptyFolder mounts an empty folder over path, inside only.
func emptyFolder(path string) error {
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("an empty %s: %w", path, err)
	}
	return nil
}

// start starts a command inside. It is killed when the sandbox ends.
func (s *sandbox) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	select {
	case s.jobs <- func() { started <- cmd.Start() }:
		return <-started
	case <-s.done:
		return errors.New("the sandbox is closed")
	}
}

func (s *sandbox) close() {
	close(s.jobs)
	<-s.done
}
