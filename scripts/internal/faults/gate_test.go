package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"

	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// script is one remote script on its way to a host.
type script struct {
	N    int // from 1, over all hosts
	Host string
	Name string // with its verb: "guard arm"
	Run  string
}

// edge is a side of a script at which something can strike.
type edge string

const (
	arrived edge = "before" // it came in, nothing of it was executed
	done    edge = "after"  // it was executed, nothing was answered
)

// gate stands before all hosts: it counts scripts, and strikes at one.
type gate struct {
	mu       sync.Mutex
	n        int
	scripts  []script // that came in since strikeAt
	executed []script // ever
	// strike is asked at both edges; true swallows what comes after it. It may
	// be called for several hosts at once.
	strike func(s script, at edge) (swallow bool)
	// instead answers in the hosts' place, when it is set.
	instead func(ctx context.Context, host string, r simfleet.Request, next simfleet.Handler) int
}

// interpose lets do answer instead of the hosts.
func (g *gate) interpose(do func(ctx context.Context, host string, r simfleet.Request, next simfleet.Handler) int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.instead = do
}

func (g *gate) interposed() func(ctx context.Context, host string, r simfleet.Request, next simfleet.Handler) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.instead
}

// strikeAt replaces what strikes, and counts from anew.
func (g *gate) strikeAt(strike func(s script, at edge) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n, g.scripts, g.strike = 0, nil, strike
}

func (g *gate) pass(s script) (script, func(script, edge) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	s.N = g.n
	g.scripts = append(g.scripts, s)
	if g.strike == nil {
		return s, func(script, edge) bool { return false }
	}
	return s, g.strike
}

// seen lists the scripts since strikeAt.
func (g *gate) seen() []script {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]script(nil), g.scripts...)
}

// ran lists all scripts that were executed, ever.
func (g *gate) ran() []script {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]script(nil), g.executed...)
}

// count is how many scripts of that name a host got.
func (g *gate) count(host, name string) int {
	n := 0
	for _, s := range g.seen() {
		if s.Host == host && s.Name == name {
			n++
		}
	}
	return n
}

const killed = -1 // simfleet's word for a command that ended by a signal

func (g *gate) around(host string, next simfleet.Handler) simfleet.Handler {
	return simfleet.HandlerFunc(func(ctx context.Context, r simfleet.Request) int {
		if instead := g.interposed(); instead != nil {
			return instead(ctx, host, r, next)
		}
		s, stdin := peek(r.Stdin)
		s.Host = host
		s, strike := g.pass(s)
		if strike(s, arrived) {
			return killed
		}
		var out, errs bytes.Buffer
		told := r
		told.Stdin, told.Stdout, told.Stderr = stdin, &out, &errs
		exit := next.Exec(ctx, told)
		g.mu.Lock()
		g.executed = append(g.executed, s)
		g.mu.Unlock()
		if strike(s, done) {
			return killed
		}
		_, _ = r.Stderr.Write(errs.Bytes())
		_, _ = r.Stdout.Write(out.Bytes())
		return exit
	})
}

// peek reads which script comes in, and gives back all of the input.
func peek(in io.Reader) (script, io.Reader) {
	var read bytes.Buffer
	p, _, err := simfleet.ParseProgram(io.TeeReader(in, &read))
	whole := io.MultiReader(bytes.NewReader(read.Bytes()), in)
	if err != nil {
		return script{Name: "?"}, whole
	}
	s := script{Name: p.Script}
	args := append(p.Args, "", "", "")
	switch p.Script {
	case "guard":
		s.Name = strings.TrimSpace(p.Script + " " + args[1])
		s.Run = args[2]
	case "probe":
		s.Name = strings.TrimSpace(p.Script + " " + args[2])
		s.Run = args[1]
	case "upload", "build":
		s.Run = args[1]
	}
	return s, whole
}
