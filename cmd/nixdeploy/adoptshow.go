package main

import (
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/rollout"
	"github.com/nixdeploy/nixdeploy/flake"
)

// adoptionJSON is one host of `adopt --json`.
type adoptionJSON struct {
	Host     string          `json:"host"`
	Hostname string          `json:"hostname"`
	New      bool            `json:"new"` // nixdeploy never confirmed it
	Facts    *flake.Facts    `json:"facts,omitempty"`
	Files    []hostFile      `json:"files"`
	Notes    []string        `json:"notes"`
	Problem  *deploy.Problem `json:"problem,omitempty"`
}

// showAdoptions says what was written, and what to do with it.
func (in *invocation) showAdoptions(adoptions []adoption) error {
	var problems []*deploy.Problem
	var names []string
	fresh := false
	for _, a := range adoptions {
		if a.problem != nil {
			problems = append(problems, a.problem)
			continue
		}
		names = append(names, a.host.Name)
		fresh = fresh || a.facts.Marker == nil
	}
	next := ""
	if len(names) > 0 {
		words := []string{"plan", "--on", strings.Join(names, ",")}
		if fresh {
			words = append(words, "--first")
		}
		next = in.recommend(words...)
	}
	if err := in.printAdoptions(adoptions, problems, next); err != nil {
		return err
	}
	if code := problemExit(problems); code != rollout.ExitOK {
		return exitError(code)
	}
	return nil
}

func (in *invocation) printAdoptions(adoptions []adoption, problems []*deploy.Problem, next string) error {
	if in.json {
		hosts := make([]adoptionJSON, len(adoptions))
		for i, a := range adoptions {
			hosts[i] = adoptionJSON{
				Host: a.host.Name, Hostname: a.facts.Facts.Hostname, New: a.facts.Marker == nil && (a.problem == nil || !a.problem.Security()),
				Files: append([]hostFile{}, a.files...), Notes: append([]string{}, a.facts.Notes...), Problem: a.problem,
			}
			if a.problem == nil {
				hosts[i].Facts = &adoptions[i].facts.Facts
			}
		}
		return in.print(string(view.JSONDocument(map[string]any{
			"type": "adopt", "nixdeploy": versionNumber(), "format": view.EventsVersion, "hosts": hosts, "next": next,
		})))
	}
	var b strings.Builder
	written := false
	for _, a := range adoptions {
		if a.problem == nil {
			b.WriteString(in.adoptionText(a))
			for _, f := range a.files {
				written = written || f.State != fileUnchanged
			}
		}
	}
	list := make([]deploy.Problem, len(problems))
	for i, p := range problems {
		list[i] = *p
	}
	in.tell(in.err.Problems(list))
	if written {
		b.WriteString("Read what was written: Nix evaluates hardware.nix, and the host wrote it. Then commit it beside hosts.toml.\n")
	}
	if next != "" {
		b.WriteString(in.out.Next(next))
	}
	return in.print(b.String())
}

func (in *invocation) adoptionText(a adoption) string {
	var b strings.Builder
	clean := in.out.Clean
	what := "it is confirmed by nixdeploy"
	if a.facts.Marker == nil {
		what = "nixdeploy never confirmed it: is that the machine you mean?"
	}
	f := a.facts.Facts
	fmt.Fprintf(&b, "%s calls itself %q; %s\n", clean(a.host.Name), clean(f.Hostname), what)
	fmt.Fprintf(&b, "  %s, %s, boot loader %s, state version %s, login %s with %d keys\n",
		clean(f.Kind), clean(f.Firmware), clean(f.BootLoader), clean(f.StateVersion), clean(f.User.Name), len(f.User.Keys))
	for _, file := range a.files {
		fmt.Fprintf(&b, "  %-9s %s\n", file.State, clean(file.Path))
	}
	for _, n := range a.facts.Notes {
		b.WriteString("  note      " + clean(n) + "\n")
	}
	return b.String()
}
