// Faults prints the fault catalogue: every fault by its number, what has to come
// of it, and what came of it just now, by the tests that inject it. They live
// here (simulated hosts, the real nixdeploy as a child process) and beside the
// code. scripts/faults runs it; nothing of the product may.
//
// A test of this package holds the catalogue complete: 95 numbers, and every
// test that it names is there.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns 0 when every fault that was run had the outcome required, else 1.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	f := flag.NewFlagSet("faults", flag.ContinueOnError)
	f.SetOutput(errOut)
	everything := f.Bool("all", false, "run every point of the crash matrix, not a sample")
	noLab := f.Bool("no-lab", false, "leave out what needs the lab's real hosts")
	if err := f.Parse(args); err != nil {
		return 2
	}
	list := catalogue()
	results := map[string]verdict{}
	var matrix []string
	for _, p := range plan(list, *noLab) {
		_, _ = fmt.Fprintf(errOut, "faults: %d tests of %s\n", len(p.tests), packages[p.name])
		table, err := p.run(ctx, *everything, results)
		if err != nil {
			_, _ = fmt.Fprintf(errOut, "faults: %s: %v\n", p.name, err)
			return 1
		}
		matrix = append(matrix, table...)
	}
	for _, line := range matrix {
		_, _ = fmt.Fprintln(out, line)
	}
	return show(out, list, results)
}
