package main

import (
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
)

// Terminal says which streams of the process are terminals.
type Terminal struct {
	In, Out, Err bool
	Columns      int // 0 when none of them is one
}

func terminalOf(in, out, err *os.File) Terminal {
	is := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	t := Terminal{In: is(in), Out: is(out), Err: is(err)}
	for _, f := range []*os.File{out, err} {
		if columns, _, e := term.GetSize(int(f.Fd())); e == nil {
			t.Columns = columns
			break
		}
	}
	return t
}

// style is how to write to a stream of which tty says whether it is a terminal.
func (a App) style(tty, noColor bool) view.Style {
	s := view.Style{Unicode: a.utf8()}
	if tty {
		s.Width = a.Terminal.Columns
		s.Color = !noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && a.getenv("TERM") != ""
	}
	return s
}

// utf8 reads the locale as setlocale does: the first that is set counts.
func (a App) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(a.getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}
