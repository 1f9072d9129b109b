package pagecache

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Step is one thing that a program did under the root, or a program that it ran.
type Step struct {
	// What was done, with paths below the root: "write P", "make P" (a file or a
	// folder), "link TARGET P", "rename FROM TO", "remove P", "sync P",
	// "syncfs P", "run PROGRAM ARGUMENT...".
	What string
	// Unsynced is what a power cut right before this step could have lost, sorted:
	// files by what is in them, folders (ending in /) by which names are in them.
	Unsynced []string
}

// ledger is what is only in the page cache.
type ledger struct {
	root  string
	there map[string]bool   // paths that are there
	dirty map[string]bool   // not synced since they were changed; folders end in /
	cwd   map[string]string // of each process, as far as it was seen
	steps []Step
}

// account turns calls into steps. there are the paths under root at the start.
func account(calls []call, root string, there map[string]bool) []Step {
	l := &ledger{root: root, there: there, dirty: map[string]bool{}, cwd: map[string]string{}}
	for _, c := range calls {
		l.take(c)
	}
	return l.steps
}

func (l *ledger) take(c call) {
	for _, arg := range c.args {
		if strings.HasPrefix(arg, "AT_FDCWD<") { // every process opens its libraries by it
			l.cwd[c.pid] = described(arg)
		}
	}
	here := l.cwd[c.pid]
	switch c.name {
	case "chdir":
		l.cwd[c.pid] = at(here, c.args[0])
	case "fchdir":
		l.cwd[c.pid] = described(c.args[0])
	case "open", "openat", "creat":
		l.opened(c)
	case "write", "pwrite64", "writev", "ftruncate":
		if path := described(c.args[0]); l.under(path) {
			l.step("write " + l.short(path))
			l.dirty[path] = true
		}
	case "fsync", "fdatasync":
		if path := described(c.args[0]); l.under(path) {
			l.step("sync " + l.short(path))
			delete(l.dirty, path)
			delete(l.dirty, path+"/")
		}
	case "syncfs", "sync": // one file system holds all of a test
		path := l.root
		if c.name == "syncfs" {
			path = described(c.args[0])
		}
		if l.under(path) {
			l.step("syncfs " + l.short(path))
			l.syncBelow(path)
		}
	case "rename":
		l.renamed(at(here, c.args[0]), at(here, c.args[1]))
	case "renameat", "renameat2":
		l.renamed(at(described(c.args[0]), c.args[1]), at(described(c.args[2]), c.args[3]))
	case "symlink":
		l.made("link "+unquoted(c.args[0])+" ", at(here, c.args[1]))
	case "symlinkat":
		l.made("link "+unquoted(c.args[0])+" ", at(described(c.args[1]), c.args[2]))
	case "link":
		l.made("make ", at(here, c.args[1]))
	case "linkat":
		l.made("make ", at(described(c.args[2]), c.args[3]))
	case "mkdir":
		l.made("make ", at(here, c.args[0]))
	case "mkdirat":
		l.made("make ", at(described(c.args[0]), c.args[1]))
	case "unlink", "rmdir":
		l.removed(at(here, c.args[0]))
	case "unlinkat":
		l.removed(at(described(c.args[0]), c.args[1]))
	case "execve":
		l.step(strings.ReplaceAll(program(c.args), l.root+"/", ""))
	}
}

// opened counts only what an open makes or empties.
func (l *ledger) opened(c call) {
	path, flags := described(c.args[len(c.args)-1]), strings.Join(c.args[1:len(c.args)-1], " ")
	if !l.under(path) {
		return
	}
	switch {
	case (c.name == "creat" || strings.Contains(flags, "O_CREAT")) && !l.there[path]:
		l.made("make ", path) // it is empty: all that can be lost is its name
	case c.name == "creat" || strings.Contains(flags, "O_TRUNC"):
		l.step("write " + l.short(path))
		l.dirty[path] = true
	}
}

func (l *ledger) made(what, path string) {
	if l.under(path) {
		l.step(what + l.short(path))
		l.there[path] = true
		l.named(path)
	}
}

func (l *ledger) removed(path string) {
	if !l.under(path) {
		return
	}
	l.step("remove " + l.short(path))
	l.forget(path)
	l.named(path)
}

// renamed moves what is known of a path, and of all below it.
func (l *ledger) renamed(from, to string) {
	if !l.under(from) && !l.under(to) {
		return
	}
	l.step("rename " + l.short(from) + " " + l.short(to))
	l.forget(to)
	for _, known := range []map[string]bool{l.there, l.dirty} {
		moved := map[string]bool{}
		for path := range known {
			if path == from || strings.HasPrefix(path, from+"/") {
				moved[to+path[len(from):]] = true
				delete(known, path)
			}
		}
		for path := range moved {
			known[path] = true
		}
	}
	l.named(from)
	l.named(to)
}

// named: a name in the folder of path came, went or means something else.
func (l *ledger) named(path string) { l.dirty[filepath.Dir(path)+"/"] = true }

func (l *ledger) forget(path string) {
	for _, known := range []map[string]bool{l.there, l.dirty} {
		delete(known, path)
		for below := range known {
			if strings.HasPrefix(below, path+"/") {
				delete(known, below)
			}
		}
	}
}

// syncBelow makes all below a folder durable. A file system of its own is taken
// to begin there.
func (l *ledger) syncBelow(folder string) {
	for path := range l.dirty {
		if strings.HasPrefix(path, folder+"/") {
			delete(l.dirty, path)
		}
	}
}

func (l *ledger) step(what string) {
	unsynced := make([]string, 0, len(l.dirty))
	for path := range l.dirty {
		unsynced = append(unsynced, l.short(path))
	}
	slices.Sort(unsynced)
	l.steps = append(l.steps, Step{what, unsynced})
}

func (l *ledger) under(path string) bool {
	return path == l.root || strings.HasPrefix(path, l.root+"/")
}

// short gives a path as it is told: the root is a dot.
func (l *ledger) short(path string) string {
	if strings.TrimSuffix(path, "/") == l.root {
		return "." + strings.TrimPrefix(path, l.root)
	}
	return strings.TrimPrefix(strings.TrimPrefix(path, l.root), "/")
}

// At gives the first step of that text after the steps before it: a text is what
// a step begins with. It fails the test when one of them was not taken, or not in
// that order.
func At(t *testing.T, steps []Step, texts ...string) Step {
	t.Helper()
	var last Step
	next := 0
	for _, text := range texts {
		i := slices.IndexFunc(steps[next:], func(s Step) bool { return strings.HasPrefix(s.What, text) })
		if i < 0 {
			t.Fatalf("no step %q after %q in\n%s", text, last.What, list(steps))
		}
		last = steps[next+i]
		next += i + 1
	}
	return last
}

func list(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(s.What + "\n")
	}
	return b.String()
}
