package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// sample is one turn of one contender.
type sample struct {
	Wall float64 `json:"wall"` // seconds
	CPU  float64 `json:"cpu"`  // seconds of user and system time, of the process and all that it started
	// PeakRSS is in bytes, of the largest process. A process is born with the
	// peak of the one that started it, so this is never less than our own.
	PeakRSS int64 `json:"peak_rss"`
}

// contender is one of those who take turns.
type contender struct {
	name string
	// prepare comes before each turn and is not measured; it may be nil.
	prepare func(ctx context.Context) error
	// command makes what is measured; turn counts from 0, over all rounds.
	command func(ctx context.Context, turn int) *exec.Cmd
	// check judges what it wrote to standard output; nil: exit code 0 is enough.
	check func(stdout string) error
}

// starter starts a command: in this process's namespaces or in a sandbox.
type starter func(cmd *exec.Cmd) error

func startHere(cmd *exec.Cmd) error { return cmd.Start() }

// turn runs a contender once and measures it.
func (c contender) turn(ctx context.Context, start starter, n int) (sample, error) {
	if c.prepare != nil {
		if err := c.prepare(ctx); err != nil {
			return sample{}, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	cmd := c.command(ctx, n)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	began := time.Now()
	err := start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	wall := time.Since(began)
	if err == nil && c.check != nil {
		err = c.check(out.String())
	}
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%s", c.name, err, newest(out.String()+errOut.String(), 30))
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return sample{}, errors.New("this system does not tell what a process used")
	}
	return sample{
		Wall:    wall.Seconds(),
		CPU:     (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		PeakRSS: usage.Maxrss * 1024, // Linux counts in KiB
	}, nil
}

func newest(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// interleave lets the contenders take turns: one round to warm up, then those
// that count. The samples are by contender, then by round.
func interleave(ctx context.Context, start starter, rounds int, contenders []contender) ([][]sample, error) {
	samples := make([][]sample, len(contenders))
	turn := 0
	for round := range rounds + 1 {
		for i, c := range contenders {
			s, err := c.turn(ctx, start, turn)
			if err != nil {
				return nil, err
			}
			turn++
			if round > 0 {
				samples[i] = append(samples[i], s)
			}
		}
	}
	return samples, nil
}

// profile runs one more turn of a contender under perf, when profiles are wanted.
func (w *workspace) profile(ctx context.Context, start starter, row string, c contender) error {
	if w.profiles == "" {
		return nil
	}
	plain := c.command
	c.command = func(ctx context.Context, n int) *exec.Cmd {
		cmd := plain(ctx, n)
		under := exec.CommandContext(ctx, "perf", append([]string{
			"record", "--quiet", "--call-graph=fp", "--freq=4000", "--output=" + filepath.Join(w.profiles, row+".perf"), "--", cmd.Path,
		}, cmd.Args[1:]...)...)
		under.Dir, under.Env, under.Stdin = cmd.Dir, cmd.Env, cmd.Stdin
		return under
	}
	_, err := c.turn(ctx, start, -1)
	return err
}
