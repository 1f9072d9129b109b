package main

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// all runs every point of the matrix, not a sample; seed makes another sample.
var (
	all  = flag.Bool("all", false, "run every point of the crash matrix")
	seed = flag.Uint64("seed", 1, "of the sample of the crash matrix")
)

func TestMain(m *testing.M) {
	if plan := os.Getenv(traceEnv); plan != "" {
		os.Exit(trace(plan, os.Args[1:]))
	}
	os.Exit(func() int {
		flag.Parse()
		// A run waits more than it works. An error means that there is no such flag.
		if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == f.DefValue {
			_ = flag.Set("test.parallel", "8")
		}
		dir, err := os.MkdirTemp("", "nixdeploy-faults-")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			err = buildBinary(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		// A server that asks for a channel while its client goes: see simfleet.
		asking := goleak.IgnoreAnyFunction("golang.org/x/crypto/ssh.(*mux).openChannel")
		if err := goleak.Find(asking); code == 0 && err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}
