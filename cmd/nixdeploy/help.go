package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func helpCommand() command {
	return command{
		name: "help", usage: "help for a command or a topic", args: "[COMMAND or TOPIC]", maxArgs: 2,
		about:    "Topics: " + strings.Join(topicNames(), ", ") + ".",
		examples: []string{"help apply", "help exit-codes"},
		run: func(_ context.Context, in *invocation) error {
			if len(in.args) == 0 {
				return in.print(helpForAll())
			}
			name := strings.Join(in.args, " ")
			for _, c := range commands() {
				if c.name == name {
					return in.print(helpFor(c))
				}
			}
			for _, t := range topics() {
				if t.name == name {
					return in.print(t.text)
				}
			}
			e := &usageError{what: "no help for " + quoted(name), command: "help"}
			if near := nearest(name, append(commandNames(), topicNames()...)); near != "" {
				e.hint = "did you mean nixdeploy help " + near + "?"
			}
			return e
		},
	}
}

func helpForAll() string {
	var b strings.Builder
	b.WriteString("nixdeploy deploys NixOS fleets over SSH, stage by stage, and goes back when a check fails.\n\n")
	b.WriteString("Usage: nixdeploy COMMAND [flags]\n\n")
	b.WriteString("A first look, without a machine of your own:\n  nixdeploy demo\n\nCommands:\n")
	rows := [][2]string{}
	for _, c := range commands() {
		rows = append(rows, [2]string{c.name, c.usage})
	}
	b.WriteString(columns(rows))
	b.WriteString("\nFlags of every command:\n" + flagHelp(globalFlags()))
	b.WriteString("\nMore: nixdeploy help COMMAND; topics: " + strings.Join(topicNames(), ", ") + "\n")
	return b.String()
}

func helpFor(c command) string {
	var b strings.Builder
	b.WriteString("Usage: " + usageLine(c) + "\n\n")
	b.WriteString(capital(c.usage) + ".\n")
	if c.about != "" {
		b.WriteString("\n" + fold(c.about, 80) + "\n")
	}
	if len(c.examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range c.examples {
			b.WriteString("  nixdeploy " + e + "\n")
		}
	}
	if own := c.flags(); len(own) > 0 {
		b.WriteString("\nFlags:\n" + flagHelp(own))
	}
	b.WriteString("\nFlags of every command:\n" + flagHelp(globalFlags()))
	b.WriteString("\nExit codes:\n" + exitTable())
	return b.String()
}

func usageLine(c command) string {
	line := "nixdeploy " + c.name + " [flags]"
	if c.args != "" {
		line += " " + c.args
	}
	return line
}

func flagHelp(flags []cli.Flag) string {
	var rows [][2]string
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		value, usage := placeholder(d.GetUsage())
		name := "    "
		if names := f.Names(); len(names) > 1 && len(names[1]) == 1 {
			name = "-" + names[1] + ", "
		}
		name += "--" + f.Names()[0]
		if d.TakesValue() {
			name += " " + value
		}
		rows = append(rows, [2]string{name, usage})
	}
	return columns(rows)
}

// placeholder splits the `NAME` of a flag's value from its usage.
func placeholder(usage string) (value, text string) {
	before, rest, ok := strings.Cut(usage, "`")
	if !ok {
		return "VALUE", usage
	}
	value, after, _ := strings.Cut(rest, "`")
	return value, before + value + after
}

func columns(rows [][2]string) string {
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	var b strings.Builder
	for _, r := range rows {
		indent := strings.Repeat(" ", width+4)
		fmt.Fprintf(&b, "  %-*s  %s\n", width, r[0], strings.ReplaceAll(fold(r[1], 80-width-4), "\n", "\n"+indent))
	}
	return b.String()
}

// fold breaks text at blanks into lines of at most width; line breaks stay.
func fold(text string, width int) string {
	var out []string
	for line := range strings.Lines(text) {
		at := ""
		for word := range strings.FieldsSeq(line) {
			if at != "" && len(at)+1+len(word) > width {
				out, at = append(out, at), ""
			}
			at = strings.TrimLeft(at+" "+word, " ")
		}
		out = append(out, at)
	}
	return strings.Join(out, "\n")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
