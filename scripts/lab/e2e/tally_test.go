package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// live is set by scripts: lines go out as they come, and one comes last.
var live = flag.Bool("live", false, "print lines as they come")

// lastLine is what TestMain prints in the end.
var lastLine string

// tally counts over all fleets. It is safe for concurrent use.
type tally struct {
	t      *testing.T
	folder string // where the logs of a violation are kept

	mu                         sync.Mutex
	taken                      int
	kills, settled, violations int
	falls                      map[string]int
	lost                       bool
}

// take hands out one round more.
func (a *tally) take() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken >= *killCount || a.lost {
		return false
	}
	a.taken++
	return true
}

func (a *tally) round(where, what string, found []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kills++
	a.falls[where]++
	word := "ok"
	if len(found) > 0 {
		word = "VIOLATION"
	} else {
		a.settled++
	}
	a.say("%4d  %-16s %s  %s", a.kills, where, what, word)
	for _, f := range found {
		a.violation("%s", f)
	}
}

// giveUp ends all rounds: the fleet itself does not work.
func (a *tally) giveUp(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = true
	a.violation("%s", what)
}

func (a *tally) violation(format string, args ...any) {
	a.violations++
	a.t.Errorf(format, args...)
	a.say("      "+format, args...)
}

func (a *tally) print(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.say(format, args...)
}

func (a *tally) say(format string, args ...any) {
	if *live {
		_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
		return
	}
	a.t.Logf(format, args...)
}

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
