package nixos

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// inhibitors lists the changes for which the wanted system's own check refuses a
// switch (contract 4.3): what both systems name, with another value. A system of
// before NixOS 26.05 names nothing.
func inhibitors(from, to []string) ([]string, error) {
	old, err := inhibitorValues(from)
	if err != nil {
		return nil, fmt.Errorf("switch-inhibitors of the running system: %w", err)
	}
	wanted, err := inhibitorValues(to)
	if err != nil {
		return nil, fmt.Errorf("switch-inhibitors of the wanted system: %w", err)
	}
	var changes []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if value, both := old[name]; both && value != wanted[name] {
			changes = append(changes, fmt.Sprintf("%s: %s -> %s", name, value, wanted[name]))
		}
	}
	return changes, nil
}

// inhibitorValues reads a JSON object. Values are strings; any other is compared
// as it is written.
func inhibitorValues(lines []string) (map[string]string, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(strings.Join(lines, "\n")), &raw); err != nil {
		return nil, err
	}
	values := make(map[string]string, len(raw))
	for name, text := range raw {
		var s string
		if json.Unmarshal(text, &s) != nil {
			s = string(text)
		}
		values[name] = s
	}
	return values, nil
}
