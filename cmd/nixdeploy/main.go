// Command nixdeploy deploys NixOS fleets in stages, with automatic rollback.
//
// This package parses command lines, finds the inventory, wires the rooms of
// deploy together and turns what comes back into text and an exit code: one
// short file a command. What a deployment is, and when it must go back, is
// decided in deploy and must not enter here.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // windows name zones, and not every machine has the database
)

func main() {
	app := App{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: os.Environ(), Terminal: terminalOf(os.Stdin, os.Stdout, os.Stderr), Notify: notify, KeepWriting: keepWriting,
	}
	os.Exit(app.Run(context.Background(), os.Args[1:]))
}
