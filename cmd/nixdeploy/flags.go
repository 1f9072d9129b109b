package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// options are the flags that several commands share, validated.
type options struct {
	file     string
	json     bool
	noColor  bool
	verbose  bool
	on       []string
	stage    string
	yes      bool
	first    bool
	accept   bool   // --accept
	override string // --override-gate
	parallel int    // 0: as hosts.toml says
	exitCode bool
	checks   bool             // of status
	level    deploy.PlanLevel // of plan
	outFile  string           // --out of plan
	planFile string           // the saved plan that is applied, as typed
	signed   bool             // nothing is applied here but a signed plan

	lockWait         time.Duration // 0: a locked host fails at once
	rebuildFromHosts bool

	undo          string // rollback --run
	to            string // rollback --to
	acceptForeign bool

	inputs [][2]string // --override-input: name and reference
}

// globalFlags can stand before a command and after it.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "the inventory `FILE`; else $NIXDEPLOY_INVENTORY, else hosts.toml here or above"},
		&cli.BoolFlag{Name: "json", Usage: "print JSON: one document, or one line per event for apply, rollback and resume"},
		&cli.BoolFlag{Name: "no-color", Usage: "no colour, as NO_COLOR does"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "every step, what the hosts print, and all of a plan's lists"},
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print help"},
	}
}

// The flags that some commands share.
func onFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "on", Usage: "only these hosts: `NAMES`, globs, @tags, !not; commas or repeated"}
}

func stageFlag() cli.Flag {
	return &cli.GenericFlag{Name: "stage", Usage: "only this `STAGE`", Value: new(once)}
}

// once is a value that is given once. Of two stages the parser would take the
// last, and a slip would deploy to too few.
type once struct {
	value string
	given bool
}

var errTwice = errors.New("given twice")

func (o *once) Set(value string) error {
	if o.given {
		return errTwice
	}
	o.value, o.given = value, true
	return nil
}

func (o *once) String() string { return o.value }

func selectFlags() []cli.Flag { return []cli.Flag{onFlag(), stageFlag()} }

func firstFlag() cli.Flag {
	return &cli.BoolFlag{Name: "first", Usage: "take in hosts that nixdeploy has never confirmed; the name that each gives is shown"}
}

func acceptFlag() cli.Flag {
	return &cli.BoolFlag{Name: "accept", Usage: "switch even where the new system does not fit the host (mounts, boot loader, state version, login); recorded"}
}

func overrideFlag() cli.Flag {
	return &cli.StringFlag{Name: "override-gate", Usage: "begin the stage without proof from the earlier ones, frozen, or outside of its windows, because of `REASON`, which is recorded"}
}

func parallelFlag() cli.Flag {
	return &cli.IntFlag{Name: "parallel", Aliases: []string{"p"}, Usage: "`N` hosts at once, instead of the stage's own number"}
}

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask before each stage; no variable can say this"}
}

func lockWaitFlag() cli.Flag {
	return &cli.DurationFlag{Name: "lock-wait", Usage: "wait up to `DURATION` in all for what another run, or a switch by hand, holds"}
}

func levelFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "quick", Usage: "evaluate and compare only: nothing is written on a host"},
		&cli.BoolFlag{Name: "full", Usage: "build on the hosts, and ask dry-activate which units a switch would touch; nothing is switched"},
	}
}

// planLevel is what --quick and --full ask for.
func planLevel(c command, cc *cli.Context) (deploy.PlanLevel, error) {
	switch quick, full := cc.Bool("quick"), cc.Bool("full"); {
	case quick && full:
		return "", &usageError{what: "--quick and --full exclude each other", command: c.name, hint: "without either, a plan runs dry-build"}
	case quick:
		return deploy.PlanQuick, nil
	case full:
		return deploy.PlanFull, nil
	}
	return deploy.PlanDryBuild, nil
}

func exitCodeFlag() cli.Flag {
	return &cli.BoolFlag{Name: "exit-code", Usage: "exit 10 when there is something to change"}
}

func outFlag() cli.Flag {
	return &cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "save the plan to `FILE` (- for stdout), for apply FILE"}
}

func readOptions(c command, cc *cli.Context) (options, error) {
	o := options{
		file: flagText(cc, "file"), json: flagSet(cc, "json"), noColor: flagSet(cc, "no-color"), verbose: flagSet(cc, "verbose"),
		stage: cc.String("stage"), yes: cc.Bool("yes"), first: cc.Bool("first"), accept: cc.Bool("accept"), override: strings.TrimSpace(cc.String("override-gate")),
		parallel: cc.Int("parallel"), exitCode: cc.Bool("exit-code"), checks: cc.Bool("checks"),
		outFile: cc.String("out"), lockWait: cc.Duration("lock-wait"), rebuildFromHosts: cc.Bool("rebuild-from-hosts"),
		undo: cc.String("run"), to: cc.String("to"), acceptForeign: cc.Bool("accept-foreign"),
	}
	var err error
	if o.level, err = planLevel(c, cc); err != nil {
		return o, err
	}
	if o.inputs, err = parseInputs(c, cc.StringSlice(overrideInput)); err != nil {
		return o, err
	}
	on, err := splitOn(cc.StringSlice("on"))
	if err != nil {
		return o, &usageError{what: err.Error(), command: c.name, hint: "for instance --on web-1,@eu"}
	}
	o.on = on
	for _, name := range []string{"stage", "override-gate", "file", "run", "to", "out"} {
		switch value := strings.TrimSpace(cc.String(name)); {
		case cc.IsSet(name) && value == "":
			return o, &usageError{what: "--" + name + " is empty", command: c.name}
		case len(value) > 1 && value[0] == '-': // --override-gate --yes
			return o, &usageError{what: "--" + name + " needs a value, and " + quoted(value) + " is a flag", command: c.name}
		}
	}
	if cc.IsSet("parallel") && o.parallel < 1 {
		return o, &usageError{what: fmt.Sprintf("--parallel %d: it takes at least 1", o.parallel), command: c.name}
	}
	if cc.IsSet("lock-wait") && (o.lockWait <= 0 || o.lockWait > maxLockWait) {
		return o, &usageError{what: fmt.Sprintf("--lock-wait %v: it takes more than 0 and at most %v", o.lockWait, maxLockWait), command: c.name}
	}
	return o, nil
}

// maxLockWait is far above what any guard takes to decide.
const maxLockWait = 24 * time.Hour

// splitOn splits each --on at its commas.
func splitOn(values []string) ([]string, error) {
	var on []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part == "" {
				return nil, fmt.Errorf("--on %s: a name is empty", quoted(v))
			}
			on = append(on, part)
		}
	}
	return on, nil
}

// flagSet reports whether a flag is set here or before the command.
func flagSet(cc *cli.Context, name string) bool {
	for _, c := range cc.Lineage() {
		if c.Bool(name) {
			return true
		}
	}
	return false
}

// flagText is the value of a flag given here, or before the command.
func flagText(cc *cli.Context, name string) string {
	for _, c := range cc.Lineage() {
		if s := c.String(name); s != "" {
			return s
		}
	}
	return ""
}
