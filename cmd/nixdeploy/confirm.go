package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

var errDeclined = errors.New("not approved at the prompt")

// mustBeAbleToAsk refuses a run that could not get its consent, before
// anything is contacted.
func (in *invocation) mustBeAbleToAsk(command string) error {
	if in.yes || in.Terminal.In {
		return nil
	}
	e := &usageError{what: "there is no terminal to ask on before hosts are changed", hint: "then give --yes", command: command}
	switch command {
	case "apply":
		e.hint = "read the plan first (" + in.recommend("plan") + "), " + e.hint
	case "rollback":
		e.hint = "see first what the hosts run (" + in.recommend("status") + "), " + e.hint
	default:
		e.hint = "make sure that the process of that run is gone, " + e.hint
	}
	return e
}

// ask asks on the terminal and waits for y or yes. Anything else, and the end
// of ctx, is no.
func (a App) ask(ctx context.Context, question string) error {
	a.tell(question + " [y/N] ")
	answer := make(chan string, 1)
	// A read from a terminal cannot be called off: when ctx ends first, this
	// goroutine ends with the process, and its answer goes nowhere.
	go func() { answer <- strings.ToLower(strings.TrimSpace(readLine(a.Stdin))) }()
	select {
	case said := <-answer:
		if said == "y" || said == "yes" {
			return nil
		}
		return errDeclined
	case <-ctx.Done():
		return fmt.Errorf("waiting for an answer: %w", context.Cause(ctx))
	}
}

// readLine reads byte by byte, so that what follows the line is left to the
// next question.
func readLine(r io.Reader) string {
	var line []byte
	b := make([]byte, 1)
	for len(line) < 256 {
		n, err := r.Read(b)
		if n == 1 && b[0] == '\n' || n == 0 && err != nil {
			break
		}
		line = append(line, b[:n]...)
	}
	return string(line)
}
