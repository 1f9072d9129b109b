package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// live is set by scripts: lines go out as they come, and one comes last.
var live = flag.Bool("live", false, "print lines as they come")

// lastLine is what TestMain prints in the end.
var lastLine string

// histogram prints how often which step was hit, and holds it against what the
// draw promises.
func (a *tally) histogram() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.say("")
	for _, where := range slices.SortedFunc(maps.Keys(a.falls), func(x, y string) int { return a.falls[y] - a.falls[x] }) {
		a.say("%-16s %4d  %s", where, a.falls[where], strings.Repeat("#", a.falls[where]))
	}
	for _, s := range steps {
		if n := a.falls[string(s)]; n < *atLeast {
			a.violation("%d kills fell in %s, want at least %d", n, s, *atLeast)
		}
	}
}

func (a *tally) close(line string) {
	if *live {
		lastLine = line
		return
	}
	a.t.Log(line)
}

// logFolder is where logs are kept that outlive the test.
func logFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nixdeploy-kills-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) }) // empty when nothing was found
	return dir
}

func printLastLine() {
	if lastLine != "" {
		_, _ = fmt.Fprintln(os.Stdout, lastLine)
	}
}
