// Tally reads what `go test -json` says on standard input and writes it for
// people: one closing line a package, failures in full, why tests were skipped,
// and how many passed, failed and were skipped over all that it read. Several
// runs may follow each other on one stream. scripts/test uses it; nothing of
// the product may. The exit code of a run is go test's, with one exception: the
// arguments are commands that are installed, and a test that was skipped for the
// lack of one fails the run.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(installed []string, in io.Reader, out, errOut io.Writer) int {
	t := newTally(out)
	t.skips.installed = installed
	if err := t.readAll(in); err != nil {
		_, _ = fmt.Fprintf(errOut, "tally: reading the tests' output: %v\n", err)
		return 1
	}
	if err := t.end(); err != nil {
		_, _ = fmt.Fprintf(errOut, "tally: writing: %v\n", err)
		return 1
	}
	if t.skips.untrue() {
		return 1
	}
	return 0
}
