package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// usageError is a command line that cannot be meant (exit 2). Nothing was
// contacted.
type usageError struct {
	what    string
	hint    string
	command string // "" when it is not known which
}

func (e *usageError) Error() string {
	if e.hint != "" {
		return e.what + ": " + e.hint
	}
	return e.what
}

// text is what a person reads: the mistake, how to mend it, where to read on.
func (e *usageError) text() string {
	for _, c := range commands() {
		if c.name == e.command {
			return e.mistake() + "Usage: " + usageLine(c) + "   (all of it: nixdeploy help " + c.name + ")\n"
		}
	}
	return e.mistake() + "Usage: nixdeploy COMMAND [flags]   (all of it: nixdeploy help)\n"
}

func (e *usageError) mistake() string {
	var b strings.Builder
	b.WriteString("nixdeploy: " + strings.ReplaceAll(e.what, "\n", "\n  ") + "\n")
	for line := range strings.Lines(e.hint) {
		b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// badFlag turns what the flag parser says into a usageError.
func badFlag(c command) cli.OnUsageErrorFunc {
	return func(_ *cli.Context, err error, _ bool) error {
		e := &usageError{command: c.name, what: err.Error()}
		if name, ok := strings.CutPrefix(e.what, "flag provided but not defined: -"); ok {
			name = strings.TrimLeft(name, "-")
			e.what = "unknown flag " + dashes(name)
			if near := nearest(name, flagNames(c)); name == overrideInput {
				e.hint = "what is applied is locked: name the input in hosts.toml, [flake] nixpkgs = ..., then: nixdeploy lock"
			} else if near != "" {
				e.hint = "did you mean " + dashes(near) + "?"
			}
		}
		if name, ok := strings.CutPrefix(e.what, "flag needs an argument: -"); ok {
			e.what = dashes(strings.TrimLeft(name, "-")) + " needs a value"
		}
		if m := badValue.FindStringSubmatch(e.what); m != nil && strings.HasSuffix(e.what, errTwice.Error()) {
			e.what = dashes(m[2]) + " " + m[1] + ": it is given twice, and takes one"
		} else if m != nil {
			e.what = dashes(m[2]) + " " + m[1] + ": it takes " + wantedBy(c, m[2])
		}
		return e
	}
}

// badValue is how the parser refuses the value of a flag.
var badValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z-]+): `)

// wantedBy is what a flag takes.
func wantedBy(c command, name string) string {
	for _, f := range append(c.flags(), globalFlags()...) {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		switch f.(type) {
		case *cli.IntFlag:
			return "a whole number"
		case *cli.DurationFlag:
			return "a duration, such as 10m"
		case *cli.BoolFlag:
			return "no value"
		}
	}
	return "another value"
}

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func flagNames(c command) []string {
	var names []string
	for _, f := range append(c.flags(), globalFlags()...) {
		names = append(names, f.Names()...)
	}
	return names
}

// nearest is the candidate that word was meant to be, "" for none. It is only
// ever shown, never run.
func nearest(word string, candidates []string) string {
	flags := make([]cli.Flag, len(candidates))
	for i, c := range candidates {
		flags[i] = &cli.BoolFlag{Name: c}
	}
	near := strings.TrimLeft(cli.SuggestFlag(flags, word, true), "-")
	if near == "" || word == "" || near[0] != word[0] || len(near) > 2*len(word) || len(word) > 2*len(near) {
		return ""
	}
	return near
}

// checkArgs refuses positional arguments that a command does not take. The
// parser stops at the first of them, so a flag after it would silently not
// count: "rollback web-1 --stage dev" is refused with the right line.
func checkArgs(c command, args []string) error {
	for i, a := range args {
		if i > 0 && strings.HasPrefix(a, "-") && a != "-" {
			return &usageError{
				what:    fmt.Sprintf("flag %s stands after %s, where it does not count", quoted(a), quoted(args[i-1])),
				hint:    "write: " + corrected(c, args),
				command: c.name,
			}
		}
		if strings.HasPrefix(a, "-") && (a != "-" || !strings.Contains(c.args, "FILE")) { // as a file it is stdin
			return &usageError{what: quoted(a) + " cannot be an argument", command: c.name}
		}
	}
	if len(args) <= c.maxArgs {
		return nil
	}
	e := &usageError{what: fmt.Sprintf("%s does not take %s", c.name, quoted(args[c.maxArgs])), command: c.name}
	if near := nearest(args[c.maxArgs], secondWords(c.name)); near != "" {
		e.hint = "did you mean " + c.name + " " + near + "?"
		return e
	}
	if choosesHosts(c) {
		e.hint = "hosts are chosen by --on: " + shellLine(append(append([]string{"nixdeploy"}, strings.Fields(c.name)...), "--on", strings.Join(args, ","))...)
	}
	return e
}

// choosesHosts is of a command that takes --on by itself: with resume it only
// goes with another flag.
func choosesHosts(c command) bool {
	return c.name != "resume" && slices.Contains(flagNames(c), "on")
}

// secondWords are those that make another command of a name.
func secondWords(name string) []string {
	var words []string
	for _, c := range commandNames() {
		if second, ok := strings.CutPrefix(c, name+" "); ok {
			words = append(words, second)
		}
	}
	return words
}

// apart tells flags, with their values, from arguments.
func apart(c command, args []string) (flags, rest []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !strings.HasPrefix(a, "-") || a == "-" {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		if takesValue(c, a) && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	return flags, rest
}

// corrected is the command line with its flags, and their values, in front.
func corrected(c command, args []string) string {
	flags, rest := apart(c, args)
	if c.maxArgs == 0 && len(rest) > 0 {
		flags, rest = append(flags, "--on", strings.Join(rest, ",")), nil
	}
	return shellLine(append(append(append([]string{"nixdeploy"}, strings.Fields(c.name)...), flags...), rest...)...)
}

func takesValue(c command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range append(c.flags(), globalFlags()...) {
		for _, n := range f.Names() {
			if d, ok := f.(cli.DocGenerationFlag); ok && n == name {
				return d.TakesValue()
			}
		}
	}
	return false
}
