package deploy

import (
	"fmt"
	"strings"
)

// OptionQuery asks for options of one entry of a flake's nixosConfigurations.
// All of it is data to Nix, none of it code.
type OptionQuery struct {
	Attribute string     `json:"attribute"`
	Paths     [][]string `json:"paths"`
}

// OptionAnswer is what a flake tells of an OptionQuery.
type OptionAnswer struct {
	Configurations []string       `json:"configurations"` // all entries that there are
	Sources        []OptionSource `json:"sources"`
	Options        []OptionFacts  `json:"options"` // one for each path; none without such an entry
}

// OptionSource is where the files of the flake, or of an input of it, lie in the
// store. The flake itself has no name.
type OptionSource struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// The kinds of what an attribute path leads to.
const (
	OptionKind    = "option"
	NamespaceKind = "namespace" // there are options below it
	UnknownKind   = "unknown"
)

// OptionFacts is what an attribute path leads to.
type OptionFacts struct {
	Path []string `json:"path"`
	Kind string   `json:"kind"`
	// Names are those below a namespace, or beside the unknown one.
	Names []string `json:"names,omitempty"`
	// Loc is the option that holds what Path names; Rest leads on inside its value.
	// Of what is unknown, Loc is how far it is known.
	Loc  []string `json:"loc,omitempty"`
	Rest []string `json:"rest,omitempty"`

	Type        string   `json:"type,omitempty"` // in NixOS' words, "" when not known
	Description string   `json:"description,omitempty"`
	Declared    []string `json:"declared,omitempty"` // files
	Default     any      `json:"default"`            // nil for null, and for none
	HasDefault  bool     `json:"has_default"`
	// Value is what the option comes to. What JSON cannot hold (a function, a
	// derivation, what does not evaluate) is a word in «».
	Value any  `json:"value"`
	Fails bool `json:"fails"` // it has no value: nothing sets it, or what does conflicts
	// Definitions are all that counted at all, the losing ones too if Complete.
	Definitions []OptionDefinition `json:"definitions,omitempty"`
	Complete    bool               `json:"complete"`
	Derivation  *Derivation        `json:"derivation,omitempty"`
}

// OptionDefinition is one place that sets an option.
type OptionDefinition struct {
	File     string `json:"file"`
	Priority int    `json:"priority"` // the least one wins
	Won      bool   `json:"won"`
	Value    any    `json:"value"`
}

// Derivation is what Nix would build for a value.
type Derivation struct {
	Drv string `json:"drv"`
	Out string `json:"out"`
}

// Localise names files as their flake does, instead of by the store:
// configurations/base.nix, nixpkgs/nixos/modules/misc/version.nix.
func (a *OptionAnswer) Localise() {
	name := func(file string) string {
		for _, s := range a.Sources {
			// A store elsewhere (--store) has its root in front.
			if _, rest, ok := strings.Cut(file, s.Path+"/"); ok && s.Path != "" {
				return strings.TrimPrefix(s.Name+"/"+rest, "/")
			}
		}
		return file
	}
	for i := range a.Options {
		o := &a.Options[i]
		for j := range o.Declared {
			o.Declared[j] = name(o.Declared[j])
		}
		for j := range o.Definitions {
			o.Definitions[j].File = name(o.Definitions[j].File)
		}
	}
}

// Winners counts the definitions that won.
func (o OptionFacts) Winners() int {
	n := 0
	for _, d := range o.Definitions {
		if d.Won {
			n++
		}
	}
	return n
}

// PriorityWord is a priority as one writes it: plain, mkDefault, mkForce.
func PriorityWord(priority int) string {
	switch priority {
	case 50:
		return "mkForce"
	case 100:
		return "plain"
	case 1000:
		return "mkDefault"
	case 1500:
		return "mkOptionDefault"
	}
	return fmt.Sprintf("mkOverride %d", priority)
}

// layerPriorities are those of the rendered tree (lib/priorities.nix).
func layerPriorities() map[int]string {
	return map[int]string{1450: "placeholder", 1400: "base", 1350: "hardware", 1300: "service", 1250: "desktop", 1200: "target", 1100: "host"}
}

// layerFolders are for what the rendered tree sets at a priority of no layer:
// lists that grow, and where NixOS itself has to be beaten.
func layerFolders() [][2]string {
	return [][2]string{
		{"configurations/base.nix", "base"},
		{"configurations/", "target"},
		{"hardware/", "hardware"},
		{"modules/services/", "service"},
		{"modules/desktop/", "desktop"},
		{"modules/custom/", "host"},
		{"modules/", "base"},
		{"shared/", "base"},
		{"system/", "base"},
		{"user/", "base"},
		{"overlays/", "base"},
		{"home-modules/", "service"},
		{"inventory.json", "host"},
		{"hosts.toml", "host"},
		{"hosts/", "host"},
		{"nixpkgs/", "nixos"},
	}
}

// Layer says to which layer of a rendered flake a definition belongs: base,
// hardware, service, desktop, target or host; placeholder for what stands in for a
// machine that nobody has described, nixos for NixOS' own modules, "" for others.
func Layer(d OptionDefinition) string {
	if layer, ok := layerPriorities()[d.Priority]; ok && !strings.HasPrefix(d.File, "nixpkgs/") {
		return layer
	}
	for _, l := range layerFolders() {
		if strings.HasPrefix(d.File, l[0]) {
			return l[1]
		}
	}
	return ""
}
