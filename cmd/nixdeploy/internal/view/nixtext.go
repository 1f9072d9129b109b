package view

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// NixText writes a value that was read from JSON as Nix has it, on one line. A
// word in «» is no string: it stands for what JSON cannot hold.
func NixText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		if strings.HasPrefix(v, "«") && strings.HasSuffix(v, "»") {
			return v
		}
		text := strconv.Quote(v)
		return strings.ReplaceAll(text, "${", `\${`)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	case []any:
		if len(v) == 0 {
			return "[ ]"
		}
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = NixText(v[i])
		}
		return "[ " + strings.Join(parts, " ") + " ]"
	case map[string]any:
		if len(v) == 0 {
			return "{ }"
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, inventory.JoinAttrPath([]string{name})+" = "+NixText(v[name])+";")
		}
		return "{ " + strings.Join(parts, " ") + " }"
	}
	return fmt.Sprint(v)
}
