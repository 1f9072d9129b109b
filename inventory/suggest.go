package inventory

import (
	"fmt"
	"strings"
)

// maxListed is how many existing names a hint spells out.
const maxListed = 12

// nearest gives the candidate that got was most likely meant to be, or "": by
// edit distance, else one that got only shortens or lengthens (production for
// prod). Letter case and the choice of '-' or '_' are no difference.
func nearest(got string, candidates []string) string {
	best, longer, limit := "", "", 1+min(len(got), 12)/4
	if len(got) > 256 { // hostile, and no name is that long
		return ""
	}
	g := foldName(got)
	for _, c := range candidates {
		f := foldName(c)
		if longer == "" && min(len(f), len(g)) >= 3 && (strings.HasPrefix(f, g) || strings.HasPrefix(g, f)) {
			longer = c
		}
		if abs(len(f)-len(g)) > limit {
			continue
		}
		d := editDistance(g, f)
		if d == 0 {
			return c
		}
		// A distance as long as the word itself is no likeness.
		if d <= limit && d < len(f) {
			best, limit = c, d-1
		}
	}
	if best == "" {
		return longer
	}
	return best
}

func foldName(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbours (optimal string alignment) between two byte strings.
func editDistance(a, b string) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}

// didYouMean is the hint for an unknown name: the nearest one, else what there
// is. what names the kind in the plural ("stages").
func didYouMean(got, what string, candidates []string) string {
	if n := nearest(got, candidates); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return listNames(what, candidates)
}

// listNames says which names exist, cut to a readable length.
func listNames(what string, names []string) string {
	if len(names) == 0 {
		return "there are no " + what
	}
	if len(names) > maxListed {
		return fmt.Sprintf("%s: %s, ... and %d more", what, strings.Join(names[:maxListed], ", "), len(names)-maxListed)
	}
	return what + ": " + strings.Join(names, ", ")
}
