package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestScripts runs the stories of testdata. In them
//
//	exits CODE nixdeploy ARGS...
//
// runs a command line in this process, in the script's folder and environment.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("LANG", "C.UTF-8")
			env.Setenv("NIXDEPLOY_STATE_DIR", filepath.Join(env.WorkDir, "state"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exitsWith},
	})
}

func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || args[1] != "nixdeploy" {
		ts.Fatalf("usage: exits CODE nixdeploy ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	app := App{
		Stdin: strings.NewReader(""), Stdout: ts.Stdout(), Stderr: ts.Stderr(), Dir: ts.MkAbs("."),
	}
	for _, name := range []string{"HOME", "LANG", "LC_ALL", "NO_COLOR", "TERM", "PATH", "NIXDEPLOY_STATE_DIR", "NIXDEPLOY_INVENTORY", "TTY"} {
		if v := ts.Getenv(name); v != "" {
			app.Environ = append(app.Environ, name+"="+v)
		}
	}
	if columns, err := strconv.Atoi(ts.Getenv("TTY")); err == nil {
		app.Terminal = Terminal{In: true, Out: true, Err: true, Columns: columns}
	}
	if got := app.Run(context.Background(), args[2:]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// TestMainIsShort: the rules of the house.
func TestMainIsShort(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n >= 30 {
		t.Errorf("main.go has %d lines", n)
	}
}
