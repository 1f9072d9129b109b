package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// OptionPage is what is told of options of one host.
type OptionPage struct {
	Host       string
	Rendered   bool // by nixdeploy, so that its layers are known
	Overridden string
	Flake      string            // SRI hash
	Inputs     map[string]string // locked revision by name
	Options    []deploy.OptionFacts
	One        bool // one option in full, not a table of several
}

// Options writes the page.
func (s Style) Options(p OptionPage) string {
	var b strings.Builder
	if p.Overridden != "" {
		b.WriteString(s.hang("evaluated with ", s.Clean(p.Overridden)+": this is not what is deployed"))
	}
	switch {
	case !p.One:
		b.WriteString(s.optionTable(p))
	case p.Options[0].Kind == deploy.NamespaceKind:
		o := p.Options[0]
		b.WriteString(s.hang("", fmt.Sprintf("%s is no option itself; below it:", s.Clean(inventory.JoinAttrPath(o.Path)))))
		for _, name := range o.Names {
			b.WriteString("  " + s.Clean(inventory.JoinAttrPath(append(slices.Clone(o.Path), name))) + "\n")
		}
	default:
		b.WriteString(s.option(p, p.Options[0]))
	}
	return b.String()
}

// option tells one in full.
func (s Style) option(p OptionPage, o deploy.OptionFacts) string {
	var b strings.Builder
	b.WriteString(s.hang("", s.paint(bold, s.Clean(inventory.JoinAttrPath(o.Path)))+" of "+s.Clean(p.Host)))
	field := func(label, value string) {
		if value != "" {
			b.WriteString(s.hang("  "+pad(label, 10), s.Clean(value)))
		}
	}
	field("value", optionValue(o))
	if o.Derivation != nil {
		field("builds", o.Derivation.Out)
		field("by", o.Derivation.Drv)
	}
	field("type", o.Type)
	if o.HasDefault {
		field("default", NixText(o.Default))
	}
	about, _, _ := strings.Cut(strings.TrimSpace(o.Description), "\n\n")
	field("about", strings.Join(strings.Fields(about), " "))
	field("declared", strings.Join(slices.DeleteFunc(slices.Clone(o.Declared), func(f string) bool { return f == "<unknown-file>" }), ", "))
	if len(o.Rest) > 0 {
		field("inside", inventory.JoinAttrPath(o.Loc))
	}
	if n := o.Winners(); o.Fails && n > 1 {
		b.WriteString(s.hang("  ", fmt.Sprintf("%d definitions are as strong as each other: remove all but one, or set it in [hosts.%s.override.force]", n, s.Clean(p.Host))))
	}
	if len(o.Definitions) == 0 {
		return b.String() + "  nothing sets it\n"
	}
	head := []cell{text("  "), text("set by"), text("priority")}
	if p.Rendered {
		head = append(head, text("layer"))
	}
	rows := [][]cell{append(head, text("value"))}
	for _, d := range strongestFirst(o.Definitions) {
		mark, color := "  "+s.pick("✓", "*"), green
		if !d.Won {
			mark, color = "  "+s.pick("·", "-"), plain
		}
		row := []cell{{mark, color}, text(s.Clean(d.File)), text(deploy.PriorityWord(d.Priority))}
		if p.Rendered {
			row = append(row, text(orDash(deploy.Layer(d))))
		}
		rows = append(rows, append(row, text(s.Clean(s.cut(NixText(d.Value))))))
	}
	b.WriteString(s.table(rows))
	if !o.Complete {
		b.WriteString(s.hang("  ", "what it overrode cannot be told: the modules of this flake cannot be followed"))
	}
	return b.String()
}

// optionTable tells who won of each of several options.
func (s Style) optionTable(p OptionPage) string {
	if len(p.Options) == 0 {
		return fmt.Sprintf("hosts.toml sets no option for %s\n", s.Clean(p.Host)) + s.optionFlake(p)
	}
	rows := [][]cell{{text(" "), text("option"), text("set by"), text("priority"), text("value")}}
	for _, o := range p.Options {
		mark, color := s.pick("✓", "*"), green
		by, priority := "-", "-"
		if defs := strongestFirst(o.Definitions); len(defs) > 0 {
			by, priority = defs[0].File, deploy.PriorityWord(defs[0].Priority)
			if n := o.Winners(); n > 1 {
				by += fmt.Sprintf(" and %d more", n-1)
			}
		}
		switch {
		case o.Fails:
			mark, color = "!", red
		case !fromHostsToml(o):
			mark, color = s.pick("·", "-"), plain
		}
		rows = append(rows, []cell{{mark, color}, text(s.Clean(inventory.JoinAttrPath(o.Path))), text(s.Clean(by)), text(priority),
			text(s.Clean(s.cut(optionValue(o))))})
	}
	return s.table(rows) + s.optionFlake(p)
}

// optionFlake says what was asked: what `nix flake metadata` tells.
func (s Style) optionFlake(p OptionPage) string {
	var inputs []string
	for _, name := range slices.Sorted(maps.Keys(p.Inputs)) {
		inputs = append(inputs, name+" "+shortRevision(p.Inputs[name]))
	}
	out := s.hang("", "flake "+s.Clean(p.Flake))
	if len(inputs) > 0 {
		out += s.hang("inputs ", s.Clean(strings.Join(inputs, ", ")))
	}
	return out
}

func shortRevision(r string) string {
	r = strings.TrimPrefix(r, "sha256-")
	return r[:min(len(r), 12)]
}

// fromHostsToml says whether what hosts.toml says is (part of) what counts.
func fromHostsToml(o deploy.OptionFacts) bool {
	return slices.ContainsFunc(o.Definitions, func(d deploy.OptionDefinition) bool { return d.Won && strings.HasPrefix(d.File, "hosts.toml") })
}

func optionValue(o deploy.OptionFacts) string {
	if o.Fails {
		if o.Winners() > 1 {
			return "none: what sets it conflicts, or does not evaluate"
		}
		return "none: it does not evaluate, or nothing sets it"
	}
	return NixText(o.Value)
}

func orDash(t string) string {
	if t == "" {
		return "-"
	}
	return t
}

// strongestFirst sorts definitions by who beats whom; those of one priority keep
// their order.
func strongestFirst(defs []deploy.OptionDefinition) []deploy.OptionDefinition {
	out := slices.Clone(defs)
	slices.SortStableFunc(out, func(a, b deploy.OptionDefinition) int {
		if a.Won != b.Won {
			if a.Won {
				return -1
			}
			return 1
		}
		return a.Priority - b.Priority
	})
	return out
}

// cut shortens a value in a table, unless everything is asked for.
func (s Style) cut(t string) string {
	const most = 160
	if r := []rune(t); !s.All && len(r) > most {
		return string(r[:most]) + s.pick("…", "...")
	}
	return t
}

// JSONOptions is the page for machines.
func JSONOptions(version string, p OptionPage) []byte {
	type definition struct {
		deploy.OptionDefinition
		Word  string `json:"word"`
		Layer string `json:"layer,omitempty"`
	}
	type option struct {
		deploy.OptionFacts
		Definitions []definition `json:"definitions,omitempty"`
	}
	options := []option{}
	for _, o := range p.Options {
		one := option{OptionFacts: o}
		for _, d := range strongestFirst(o.Definitions) {
			def := definition{OptionDefinition: d, Word: deploy.PriorityWord(d.Priority)}
			if p.Rendered {
				def.Layer = deploy.Layer(d)
			}
			one.Definitions = append(one.Definitions, def)
		}
		options = append(options, one)
	}
	return JSONDocument(map[string]any{
		"type": "options", "format": EventsVersion, "nixdeploy": version, "host": p.Host, "flake": p.Flake, "inputs": p.Inputs,
		"overridden": p.Overridden, "options": options,
	})
}
