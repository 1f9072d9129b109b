// Faults prints the fault catalogue: every fault by its number, what has to come
// of it, by what its tests know that it struck, and what came of it just now.
// They live here (simulated hosts, the real nixdeploy as a child process) and
// beside the code. scripts/faults runs it; nothing of the product may.
//
// A test of this package holds the catalogue complete: 95 numbers, every test
// that it names is there, and every number has a bug that its tests must mind.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns 0 when every fault that was run had the outcome required, or every
// bug was minded, else 1; 2 for what it cannot read.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	f := flag.NewFlagSet("faults", flag.ContinueOnError)
	f.SetOutput(errOut)
	everything := f.Bool("all", false, "run every point of the crash matrix, not a sample, and what takes minutes")
	noLab := f.Bool("no-lab", false, "leave out what needs the lab's real hosts")
	plant := f.Bool("mutants", false, "plant the bugs that the faults name, and want their tests to turn red")
	if err := f.Parse(args); err != nil {
		return 2
	}
	list, err := chosen(f.Args())
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "faults: %v\n", err)
		return 2
	}
	if *plant && (*everything || *noLab) {
		_, _ = fmt.Fprintln(errOut, "faults: --mutants goes with no other flag: a bug runs the tests that mind it")
		return 2
	}
	if *plant {
		return kill(ctx, list, mutants(), out, errOut)
	}
	began := time.Now()
	results := map[string]verdict{}
	var matrix, more []string
	for _, p := range plan(list, *noLab) {
		_, _ = fmt.Fprintf(errOut, "faults: %d tests of %s\n", len(p.tests), packages[p.name])
		if more = nil; *everything && p.name == "faults" {
			more = []string{"-all"}
		}
		table, err := p.run(ctx, "", results, more...)
		if err != nil {
			_, _ = fmt.Fprintf(errOut, "faults: %s: %v\n", p.name, err)
			return 1
		}
		matrix = append(matrix, table...)
	}
	for _, line := range matrix {
		_, _ = fmt.Fprintln(out, line)
	}
	defer func() { _, _ = fmt.Fprintf(errOut, "faults: %s\n", time.Since(began).Round(time.Second)) }()
	return show(out, list, mutants(), results)
}

// chosen is the catalogue, or the faults of it that are given by number.
func chosen(numbers []string) ([]entry, error) {
	var list []int
	for _, s := range numbers {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > len(catalogue()) {
			return nil, fmt.Errorf("%q is no fault: they have the numbers 1 to %d", s, len(catalogue()))
		}
		list = append(list, n)
	}
	return only(catalogue(), list), nil
}
