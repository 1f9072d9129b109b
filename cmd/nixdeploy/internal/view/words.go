package view

import (
	"fmt"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// FlakeID is the part of a flake's hash that people compare: the first eight
// characters after the algorithm's name.
func FlakeID(hash string) string {
	id := strings.TrimPrefix(hash, "sha256-")
	if id == "" {
		return "?"
	}
	return Style{}.Clean(id[:min(8, len(id))])
}

// Generation is the number in the profile link "system-118-link", "-" when the
// link does not have that form.
func Generation(l *deploy.Links) string {
	if l == nil {
		return "-"
	}
	n, ok := strings.CutPrefix(l.ProfileLink, "system-")
	n, ok2 := strings.CutSuffix(n, "-link")
	if !ok || !ok2 || n == "" || strings.Trim(n, "0123456789") != "" {
		return "-"
	}
	return n
}

// systemName shortens a toplevel's store path to what tells it from others:
// the first eight characters of its hash and its name.
func (s Style) systemName(path string) string {
	base, ok := strings.CutPrefix(path, "/nix/store/")
	hash, name, cut := strings.Cut(base, "-")
	if !ok || !cut || len(hash) < 8 {
		return s.Clean(path)
	}
	return s.Clean(hash[:8] + s.pick("…", "...") + "-" + name)
}

// names lists names, the first limit of them and how many more there are.
func (s Style) names(names []string, limit int) string {
	if len(names) <= limit {
		return strings.Join(s.cleanAll(names), " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(s.cleanAll(names[:limit]), " "), len(names)-limit)
}

// size words a number of bytes as Nix does: one decimal, in KiB or more.
func size(n int64) string {
	value, unit := float64(n)/1024, "KiB"
	for _, larger := range []string{"MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, larger
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
