package flake

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// override is one option that hosts.toml sets, as inventory.json holds it.
type override struct {
	Path     []string `json:"path"`
	Priority string   `json:"priority"` // default, plain, force
	Value    any      `json:"value"`
	// File is what Nix names as the place of the definition in its errors.
	File string `json:"file"`
}

// overrides returns what o sets, in a fixed order. A wrong key or value is a
// *Refusal.
func overrides(host string, o inventory.Override) ([]override, error) {
	list := []override{} // never null in JSON
	for _, level := range []struct {
		priority, section string
		values            map[string]any
	}{
		{"default", ".default", o.Default},
		{"plain", "", o.Plain},
		{"force", ".force", o.Force},
	} {
		seen := map[string]string{}
		for _, key := range slices.Sorted(maps.Keys(level.values)) {
			refuse := func(what, hint string) error {
				return &Refusal{What: fmt.Sprintf("host %s: override%s %q: %s", host, level.section, key, what), Hint: hint}
			}
			path, err := inventory.SplitAttrPath(key)
			if err != nil {
				return nil, refuse(err.Error(), `an option's path is like services.nginx.virtualHosts."a.b".root`)
			}
			if other, twice := seen[strings.Join(path, "\x00")]; twice {
				return nil, refuse(fmt.Sprintf("is the same option as %q", other), "remove one of the two")
			}
			seen[strings.Join(path, "\x00")] = key
			if name := passwordIn(path, level.values[key]); name != "" {
				return nil, refuse(name+" would be readable by every user of the host, in the Nix store",
					"use hashedPasswordFile, a path on the host")
			}
			if what := overrideSecret(path, level.values[key]); what != "" {
				return nil, refuse(what+" would be readable by every user of the host, in the Nix store",
					"encrypt it for the host ([flake] secrets), or name a file on the host")
			}
			value, err := nixValue(level.values[key])
			if err != nil {
				return nil, refuse(err.Error(), "use a string, number, boolean, list or table")
			}
			list = append(list, override{
				Path: path, Priority: level.priority, Value: value,
				File: fmt.Sprintf("hosts.toml, override%s of %s", level.section, host),
			})
		}
	}
	return list, nil
}

// overrideSecret says what an option is set to that looks like a secret.
func overrideSecret(path []string, value any) string {
	return secretIn(map[string]any{path[len(path)-1]: value})
}

// passwordIn names an option of users.users that takes a plain password.
func passwordIn(path []string, value any) string {
	if len(path) > 0 {
		switch name := path[len(path)-1]; name {
		case "password", "initialPassword":
			if path[0] == "users" {
				return name
			}
		}
	}
	if table, ok := value.(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(table)) {
			if found := passwordIn(append(slices.Clone(path), name), table[name]); found != "" {
				return found
			}
		}
	}
	return ""
}

// nixFloat stays a float in Nix: encoding/json writes 1.0 as 1, an integer.
type nixFloat float64

// MarshalJSON writes at least one decimal or an exponent.
func (f nixFloat) MarshalJSON() ([]byte, error) {
	s := strconv.FormatFloat(float64(f), 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return []byte(s), nil
}

// nixValue turns a TOML value into one that builtins.fromJSON reads back as
// the same value.
func nixValue(v any) (any, error) {
	switch v := v.(type) {
	case bool, int, int64:
		return v, nil
	case string:
		if strings.ContainsRune(v, 0) {
			return nil, fmt.Errorf("a Nix string cannot hold a NUL")
		}
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v is not a number that Nix has", v)
		}
		return nixFloat(v), nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = nixValue(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		table := make(map[string]any, len(v))
		for key := range v {
			if strings.ContainsRune(key, 0) {
				return nil, fmt.Errorf("a Nix attribute name cannot hold a NUL")
			}
			var err error
			if table[key], err = nixValue(v[key]); err != nil {
				return nil, err
			}
		}
		return table, nil
	}
	return nil, fmt.Errorf("the Nix language has no value for %v", v)
}
