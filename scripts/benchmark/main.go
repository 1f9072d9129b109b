// Benchmark measures nixdeploy against what a person would otherwise use, on one
// machine and in one run: scripts/bench starts it.
//
// Contenders take turns (A B A B ...), with the same key exchange, cipher and
// parallelism, over loopback and lab addresses only. Only ratios inside one run
// count: they are printed with their spread, beside the goal. A row whose goal
// is missed says so. What is measured is the binary that users get; nothing of
// the product may import this package.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Exit codes of this program.
const (
	exitOK        = 0
	exitFailed    = 1 // a row could not be measured
	exitMissed    = 3 // with -strict: a goal was missed
	exitCannotRun = 77
)

// longest is how long all of it may take.
const longest = 15 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	rounds int
	rows   []string
	json   string
	strict bool
	keep   bool
	// profile is a folder for `perf record`s of nixdeploy, "" for none.
	profile string
}

func parse(args []string, errOut io.Writer) (options, error) {
	o := options{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.Usage = func() {
		_, _ = fmt.Fprintf(errOut, "Usage: scripts/bench [flags]\nRows: %s\n", strings.Join(rowNames(), ", "))
		f.PrintDefaults()
	}
	f.IntVar(&o.rounds, "rounds", 5, "rounds of each row, besides one to warm up")
	f.StringVar(&o.json, "json", "", "write the results to this `file`")
	f.BoolVar(&o.strict, "strict", false, "exit 3 when a goal is missed")
	f.BoolVar(&o.keep, "keep", false, "keep the working folder, and say where it is")
	f.StringVar(&o.profile, "profile", "", "after each row, one more turn of nixdeploy under perf, into this `folder`; its binary is not stripped then")
	rows := f.String("rows", strings.Join(rowNames(), ","), "which `rows`, by commas")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.rows = strings.Split(*rows, ",")
	for _, name := range o.rows {
		if !slices.Contains(rowNames(), name) {
			return o, fmt.Errorf("no row %q: %s", name, strings.Join(rowNames(), ", "))
		}
	}
	if o.rounds < 1 || f.NArg() > 0 {
		return o, errors.New("-rounds takes at least 1, and there are no arguments")
	}
	return o, nil
}

// series are the rows that one preparation serves.
type series struct {
	name    string
	measure func(ctx context.Context, w *workspace, rounds int, say func(string)) ([]result, error)
}

func allSeries() []series {
	return []series{
		{"size", measureSize},
		{"openssh", measureOpenSSH},
		{"simulated", measureSimulated},
		{"lab", measureLab},
	}
}

func rowNames() []string {
	var names []string
	for _, s := range allSeries() {
		names = append(names, s.name)
	}
	return names
}

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	o, err := parse(args, errOut)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return fail(errOut, err)
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	say := func(text string) { _, _ = fmt.Fprintf(errOut, "bench: %s\n", text) }
	say("building")
	w, err := newWorkspace(ctx, o.profile)
	if err != nil {
		return fail(errOut, err)
	}
	defer w.remove(o.keep, say)
	report := newReport(ctx, o.rounds)
	failed := false
	for _, s := range allSeries() {
		if !slices.Contains(o.rows, s.name) {
			continue
		}
		results, err := s.measure(ctx, w, o.rounds, say)
		switch cannot := (*cannotRunError)(nil); {
		case errors.As(err, &cannot):
			report.Skipped = append(report.Skipped, skip{s.name, cannot.missing})
		case err != nil:
			failed = true
			say("FAIL: " + s.name + ": " + err.Error())
		}
		report.Results = append(report.Results, results...)
	}
	return finish(report, o, failed, out, errOut)
}

func finish(r report, o options, failed bool, out, errOut io.Writer) int {
	if err := r.text(out); err != nil {
		return fail(errOut, err)
	}
	if o.json != "" {
		if err := r.write(o.json); err != nil {
			return fail(errOut, err)
		}
	}
	switch {
	case failed:
		return exitFailed
	case len(r.Results) == 0:
		return exitCannotRun
	case o.strict && r.missed() > 0:
		return exitMissed
	}
	return exitOK
}

func fail(errOut io.Writer, err error) int {
	_, _ = fmt.Fprintf(errOut, "bench: %v\n", err)
	return exitFailed
}

// cannotRunError says what a series needs and this machine does not have.
type cannotRunError struct{ missing string }

func (e *cannotRunError) Error() string { return "needs " + e.missing }
