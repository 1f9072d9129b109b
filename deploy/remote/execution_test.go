package remote

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// newExecution is an execution without a session, for what it does with lines.
func newExecution(stdin io.Reader) (x *execution, out *[]string, cause func() error) {
	var lines []string
	ctx, cancel := context.WithCancelCause(context.Background())
	x = &execution{
		mark: "nd-begin N", stdin: stdin, cancel: cancel, begin: time.NewTimer(time.Hour),
		out:  func(line string) { lines = append(lines, line) },
		errs: func(line string) { lines = append(lines, "! "+line) },
	}
	return x, &lines, func() error { return context.Cause(ctx) }
}

// After leave, nothing of the caller's is touched, whatever still comes in.
func TestLeftExecutionIsSilent(t *testing.T) {
	in := strings.NewReader("payload")
	x, lines, cause := newExecution(in)
	x.stdout("banner")
	x.stdout("nd-begin N")
	x.stdout("one")
	x.stderr("two")
	x.leave()
	if x.stdout("three") || x.stderr("four") {
		t.Error("more lines are wanted after the session was left")
	}
	x.setExit(0)
	x.brokenPayload(errors.New("late"))
	if n, err := (&payload{x: x}).Read(make([]byte, 4)); n != 0 || err == nil {
		t.Errorf("read %d, %v", n, err)
	}
	if got := strings.Join(*lines, "|"); got != "one|! two" || cause() != nil || in.Len() != 7 {
		t.Errorf("lines %q, cause %v, %d bytes left", got, cause(), in.Len())
	}
	var end ending
	x.tell(&end, nil)
	if !end.begun || end.exited || strings.Join(end.words, "") != "banner" {
		t.Errorf("%+v", end)
	}
}

// The begin line counts once; a second one is the script's own output.
func TestBeginLine(t *testing.T) {
	x, lines, _ := newExecution(nil)
	for _, line := range []string{"nd-begin M", "prompt> nd-begin N", "nd-begin N", "x"} {
		x.stdout(line)
	}
	x.leave()
	if got := strings.Join(*lines, "|"); got != "nd-begin N|x" {
		t.Errorf("handed on %q", got)
	}
}

func TestLateBegin(t *testing.T) {
	x, _, cause := newExecution(nil)
	x.stdout("nd-begin N")
	x.late() // the timer fired in the same moment
	if cause() != nil {
		t.Error("a script that has begun was ended")
	}
	y, _, why := newExecution(nil)
	y.late()
	if !errors.Is(why(), errNotBegun) {
		t.Errorf("cause %v", why())
	}
	x.leave()
	y.leave()
}
