package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
)

// App is nixdeploy as a value: everything that it takes from a process, so
// that it runs in-process too. The zero value of an optional field means the
// process's own, or none.
type App struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string // "NAME=value", the last of a name counts
	Dir            string   // working directory; "" is the process's own
	Terminal       Terminal
	// Notify has interruptions sent to c until stop is called; nil for none.
	Notify func(c chan<- Interruption) (stop func())
	// KeepWriting has writes to a pipe that nobody reads fail rather than end the
	// process; it is called before hosts are changed. nil: they do already.
	KeepWriting func()
	// Connect makes what drives the hosts; nil is the real thing (wire.go).
	Connect Connector

	parseOnly bool // a command line is checked and nothing is done
}

// Run runs one command line, without the program's name, and returns the exit
// code of the design's table. The end of ctx counts as two interruptions.
func (a App) Run(ctx context.Context, args []string) int {
	signals := newSignals()
	defer a.streams(signals)()
	stop := a.watch(ctx, signals)
	defer stop()
	var in *invocation
	err := a.cli(signals, &in).RunContext(signals.admit, append([]string{"nixdeploy"}, inOrder(joinCommand(args))...))
	// The parser's own answer to "--help nosuch", bare: what is wrapped (an
	// exec.ExitError has the same method) is not the parser's.
	if theirs, ok := err.(cli.ExitCoder); ok { //nolint:errorlint // see above
		what, _, _ := strings.Cut(theirs.Error(), ". Did you mean") // and then a far-fetched name, or none
		err = &usageError{what: what, command: "help"}
	}
	return a.fail(err, signals, in)
}

// cli builds the command tree. urfave/cli parses, dispatches and finds --help;
// the text of help, usage errors and exits are ours, since its own print help
// on stdout and call os.Exit(3), which is "locked" here.
//
// understood is set once a command line is: until then nothing is written to
// stdout.
func (a App) cli(signals *signals, understood **invocation) *cli.App {
	app := &cli.App{
		Name:                      "nixdeploy",
		Flags:                     append(globalFlags(), &cli.BoolFlag{Name: "version", Usage: "print the version"}),
		DisableSliceFlagSeparator: true,
		Suggest:                   true,
		HideHelp:                  true,
		HideVersion:               true,
		Reader:                    a.Stdin,
		Writer:                    a.Stdout,
		ErrWriter:                 a.Stderr,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              badFlag(command{}),
		BashComplete:              func(*cli.Context) {},
		CustomAppHelpTemplate:     helpForAll(),
		Action:                    a.root,
	}
	for _, c := range commands() {
		app.Commands = append(app.Commands, &cli.Command{
			Name:         c.name,
			Usage:        c.usage,
			Flags:        append(c.flags(), globalFlags()...),
			HideHelp:     true,
			OnUsageError: badFlag(c),
			BashComplete: func(*cli.Context) {},
			Action:       a.action(c, signals, understood),

			CustomHelpTemplate: helpFor(c),
		})
	}
	return app
}

// command is one command: what it is called, what help says, what it does.
type command struct {
	name     string
	usage    string   // one line
	args     string   // positional arguments as help shows them, "" for none
	maxArgs  int      // how many of them
	about    string   // what a person has to know
	examples []string // without the program's name
	own      func() []cli.Flag
	run      func(ctx context.Context, in *invocation) error
	anyOrder bool // flags may stand after the arguments, too
}

func (c command) flags() []cli.Flag {
	if c.own == nil {
		return nil
	}
	return c.own()
}

// commands lists them in the order of help: the common ones first.
func commands() []command {
	return []command{
		planCommand(), planShowCommand(), planSignCommand(), approveCommand(), applyCommand(), rollbackCommand(), statusCommand(), resumeCommand(), historyCommand(), showCommand(),
		initCommand(), hostsCommand(), adoptCommand(), optionCommand(), renderCommand(), lockCommand(), lockStatusCommand(), demoCommand(), versionCommand(), helpCommand(),
	}
}

// invocation is one call of a command.
type invocation struct {
	App
	options
	cli     *cli.Context
	args    []string
	log     *slog.Logger
	out     view.Style // of stdout
	err     view.Style // of stderr
	signals *signals
}

func (a App) action(c command, signals *signals, understood **invocation) cli.ActionFunc {
	return func(cc *cli.Context) error {
		args := cc.Args().Slice()
		if err := checkArgs(c, args); err != nil {
			return err
		}
		opts, err := readOptions(c, cc)
		if err != nil || a.parseOnly {
			return err
		}
		in := &invocation{App: a, options: opts, cli: cc, args: args, signals: signals}
		*understood = in
		in.out, in.err = a.style(a.Terminal.Out, opts.noColor), a.style(a.Terminal.Err, opts.noColor)
		in.out.All, in.err.All = opts.verbose, opts.verbose
		in.log = a.logger(opts, in.err)
		return c.run(cc.Context, in)
	}
}

// root runs when no command was recognised.
func (a App) root(cc *cli.Context) error {
	switch {
	case flagSet(cc, "version"):
		return a.print(versionLine() + "\n")
	case !cc.Args().Present():
		return &usageError{what: "no command given", hint: "one of: " + strings.Join(commandNames(), ", ")}
	}
	name := cc.Args().First()
	err := &usageError{what: "unknown command " + quoted(name)}
	if near := nearest(name, commandNames()); near != "" {
		err.hint = "did you mean " + near + "?"
	}
	return err
}

// joinCommand makes one word of a command that has two. Subcommands of the parser
// have help and usage texts of its own.
func joinCommand(args []string) []string {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--file" || a == "-file" || a == "-f" || a == "--f":
			i++ // its value
		case strings.HasPrefix(a, "-") && a != "--":
		case i+1 < len(args) && slices.Contains(commandNames(), a+" "+args[i+1]):
			return slices.Concat(args[:i], []string{a + " " + args[i+1]}, args[i+2:])
		default:
			return args
		}
	}
	return args
}

// inOrder puts the flags of a command that allows it before its arguments: the
// parser stops at the first of these. Commands are one word each.
func inOrder(args []string) []string {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if strings.HasPrefix(a, "-") {
			if takesValue(command{}, a) {
				i++
			}
			continue
		}
		at := slices.IndexFunc(commands(), func(c command) bool { return c.name == a })
		if at >= 0 && asksForHelp(args[i+1:]) { // the parser takes an argument beside it for a topic
			return append(args[:i+1:i+1], "--help")
		}
		if at < 0 || !commands()[at].anyOrder || slices.Contains(args, "--") {
			return args
		}
		flags, rest := apart(commands()[at], args[i+1:])
		return slices.Concat(args[:i+1], flags, rest)
	}
	return args
}

func asksForHelp(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.ContainsFunc(args, func(a string) bool { return a == "-h" || a == "-help" || a == "--help" })
}

func commandNames() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

// print writes a result to stdout.
func (a App) print(text string) error {
	_, err := io.WriteString(a.Stdout, text)
	return err
}

// tell writes what is not a result to stderr.
func (a App) tell(text string) {
	if text != "" {
		_, _ = io.WriteString(a.Stderr, text)
	}
}

// getenv returns a variable of the App's environment.
func (a App) getenv(name string) string {
	value := ""
	for _, e := range a.Environ {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			value = v
		}
	}
	return value
}
