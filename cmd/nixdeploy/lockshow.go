package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/flake"
)

// showLock prints what became of the lock, and which inputs moved.
func (in *invocation) showLock(path string, changed, update bool, moved []flake.LockChange) error {
	if in.json {
		if moved == nil {
			moved = []flake.LockChange{}
		}
		return in.print(string(view.JSONDocument(map[string]any{
			"type": "lock", "lock": path, "changed": changed, "inputs": moved,
		})))
	}
	name := in.out.Clean(path)
	switch {
	case !changed && update:
		return in.print(name + " stays as it is: nothing has moved\n")
	case !changed:
		return in.print(name + " is complete\n")
	}
	return in.print(name + " written; keep it in git beside hosts.toml\n" + lockMoves(in.out, moved) + in.out.Next(in.recommend("plan")))
}

// showNoInputs says that a flake needs no lock.
func (in *invocation) showNoInputs(path string) error {
	if in.json {
		return in.showLock(path, false, false, nil)
	}
	return in.print("the flake has no inputs: there is nothing to lock\n" + in.out.Next(in.recommend("plan")))
}

// lockMoves is a line for each input that moved.
func lockMoves(style view.Style, moved []flake.LockChange) string {
	width := 0
	for _, m := range moved {
		width = max(width, len(m.Input))
	}
	var b strings.Builder
	for _, m := range moved {
		b.WriteString(style.Clean(fmt.Sprintf("  %-*s  %s", width, m.Input, lockMove(m))) + "\n")
	}
	return b.String()
}

func lockMove(m flake.LockChange) string {
	switch {
	case m.From == nil:
		return "new: " + m.To.Reference + " at " + lockedText(*m.To)
	case m.To == nil:
		return "no input any more"
	case m.From.Reference != m.To.Reference:
		return m.From.Reference + " " + lockedText(*m.From) + " -> " + m.To.Reference + " " + lockedText(*m.To)
	}
	return lockedText(*m.From) + " -> " + lockedText(*m.To)
}

// lockedText is what people tell one state of an input from another by.
func lockedText(l flake.LockedInput) string {
	text := short(l.Revision, 12)
	if text == "" {
		text = short(strings.TrimPrefix(l.Hash, "sha256-"), 12)
	}
	if !l.Date.IsZero() {
		text += " (" + l.Date.Format(time.DateOnly) + ")"
	}
	if l.StandIn {
		text += " (stand-in)"
	}
	return text
}

func short(s string, n int) string { return s[:min(len(s), n)] }
