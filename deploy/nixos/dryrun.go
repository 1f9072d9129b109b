package nixos

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// What Nix prints before a build (contract 5.1): a head line per list, then one
// store path a line, indented by two.
var (
	listHead = regexp.MustCompile(`^(?:this|these)(?: \d+)? (?:derivations?|paths?) will be (built|fetched)(?: \(([\d.]+ [KMGT]iB) download, ([\d.]+ [KMGT]iB) unpacked\))?:$`)
	listItem = regexp.MustCompile(`^  (/nix/store/\S+)$`)
)

// dryBuild reads the lists out of a dry-build's output, line by line.
type dryBuild struct {
	build, fetch []string
	transfer     deploy.Transfer
	list         *[]string
}

func (d *dryBuild) line(line string) {
	if m := listHead.FindStringSubmatch(line); m != nil {
		d.list = &d.build
		if m[1] == "fetched" {
			d.list, d.transfer = &d.fetch, deploy.Transfer{Download: bytesOf(m[2]), Unpacked: bytesOf(m[3])}
		}
		return
	}
	m := listItem.FindStringSubmatch(line)
	if m == nil {
		d.list = nil
		return
	}
	if d.list != nil {
		*d.list = append(*d.list, m[1])
	}
}

// bytesOf reads a size as Nix prints it, "34.01 MiB" or "1.2 GiB": as many bytes
// as its last digit lets know, 0 for what is no size.
func bytesOf(text string) int64 {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0
	}
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		n *= 1024
		if u == unit {
			return int64(math.Round(n))
		}
	}
	return 0
}

// toplevelOf reads T out of `nix build --dry-run --json` (contract 5.1).
func toplevelOf(text string) (string, error) {
	var built []struct {
		Outputs map[string]string `json:"outputs"`
	}
	if err := json.Unmarshal([]byte(text), &built); err != nil {
		return "", fmt.Errorf("reading what nix build --dry-run --json printed: %w", err)
	}
	if len(built) != 1 || !strings.HasPrefix(built[0].Outputs["out"], "/nix/store/") {
		return "", fmt.Errorf("nix build --dry-run --json named no toplevel: %.200s", text)
	}
	return built[0].Outputs["out"], nil
}

// tail keeps the newest lines.
type tail []string

const tailLines = 40

func (t *tail) add(line string) {
	if len(*t) == tailLines {
		copy(*t, (*t)[1:])
		*t = (*t)[:tailLines-1]
	}
	*t = append(*t, line)
}

// EvaluateArgs are the arguments of nix that evaluate a system without building
// it (contract 5.1). ref is a flake reference without an attribute.
func EvaluateArgs(ref, attribute string) []string {
	return []string{
		"--extra-experimental-features", "nix-command flakes",
		"build", "--dry-run", "--json", "--no-link", "--no-update-lock-file", "--no-write-lock-file",
		strings.TrimSuffix(ref, "#") + `#nixosConfigurations."` + attribute + `".config.system.build.toplevel`,
	}
}

// ParseEvaluation reads the toplevel out of what that command printed.
func ParseEvaluation(out string) (string, error) { return toplevelOf(strings.TrimSpace(out)) }
