package nixos

import (
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// unitChanges reads what dry-activate printed (contract 4.3). Whatever else is
// among it, of snippets and checks, is passed over.
func unitChanges(lines []string) *deploy.UnitChanges {
	u := &deploy.UnitChanges{}
	for _, said := range []struct {
		text string
		list *[]string
	}{
		{"would stop the following units: ", &u.Stop},
		{"would stop the following units as well: ", &u.Stop}, // 21.11
		{"would stop swap device: ", &u.Stop},
		{"would NOT stop the following changed units: ", &u.Kept},
		{"would reload the following units: ", &u.Reload},
		{"would restart the following units: ", &u.Restart},
		{"would start the following units: ", &u.Start},
	} {
		for _, line := range lines {
			if names, ok := strings.CutPrefix(line, said.text); ok {
				*said.list = append(*said.list, strings.Split(names, ", ")...)
			}
		}
	}
	for _, line := range lines {
		u.Manager = u.Manager || line == "would restart systemd"
	}
	return u
}
