package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mutant is one bug, planted by replacing text of sources while the tests and
// their nixdeploy are built: nothing in the product knows of it.
type mutant struct {
	name   string
	faults []int // the numbers whose tests must mind it
	edits  []edit
	slow   bool // tests that take minutes are needed
}

// edit replaces the one place in file (from the root of the repository) where
// old stands.
type edit struct{ file, old, new string }

// named lists the names of the bugs that the tests of a fault must mind.
func named(bugs []mutant, number int) (names []string) {
	for _, m := range bugs {
		if slices.Contains(m.faults, number) {
			names = append(names, strconv.Quote(m.name))
		}
	}
	return names
}

// sources gives the changed text of each file, by its path.
func (m mutant) sources(root string) (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range m.edits {
		text, known := texts[e.file]
		if !known {
			data, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, fmt.Errorf("plant %q: %w", m.name, err)
			}
			text = string(data)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("plant %q: in %s %q stands %d times, not once", m.name, e.file, e.old, n)
		}
		texts[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return texts, nil
}

// overlay writes the changed files to dir, and the file that go build reads.
func (m mutant) overlay(root, dir string) (string, error) {
	texts, err := m.sources(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range texts {
		from, err := filepath.Abs(filepath.Join(root, file))
		if err != nil {
			return "", fmt.Errorf("plant %q: %w", m.name, err)
		}
		to := filepath.Join(dir, strconv.Itoa(len(replace))+filepath.Ext(file))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("plant %q: %w", m.name, err)
		}
		replace[from] = to
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("plant %q: %w", m.name, err)
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}

// only keeps those of the numbers; none are all.
func only(list []entry, numbers []int) []entry {
	if len(numbers) == 0 {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return !slices.Contains(numbers, e.number) })
}

// kill plants every bug, one after the other, and runs the numbered tests of
// its faults: for each of them one has to turn red. It returns the exit code.
func kill(ctx context.Context, list []entry, bugs []mutant, out, errOut io.Writer) int {
	killed, all := 0, 0
	for _, m := range bugs {
		wanted := slices.DeleteFunc(slices.Clone(list), func(e entry) bool {
			return e.notRun != "" || !slices.Contains(m.faults, e.number)
		})
		if len(wanted) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(errOut, "faults: planting %q\n", m.name)
		began := time.Now()
		minds, err := m.try(ctx, wanted)
		if ctx.Err() != nil {
			return 1
		}
		_, _ = fmt.Fprintf(out, "%s (%s)\n", m.name, time.Since(began).Round(time.Second))
		for _, e := range wanted {
			all++
			switch by := minds[e.number]; {
			case err != nil:
				line(out, fmt.Sprintf("%02d ERROR", e.number), err.Error())
			case by == "":
				line(out, fmt.Sprintf("%02d SURVIVED", e.number), "no numbered test of it turned red")
			default:
				killed++
				line(out, fmt.Sprintf("%02d killed", e.number), "by "+by)
			}
		}
	}
	_, _ = fmt.Fprintf(out, "%d of %d killed\n", killed, all)
	if killed < all {
		return 1
	}
	return 0
}

// try plants the bug and tells by number which test minded, and how.
func (m mutant) try(ctx context.Context, list []entry) (map[int]string, error) {
	dir, err := os.MkdirTemp("", "nixdeploy-mutant-")
	if err != nil {
		return nil, fmt.Errorf("plant %q: %w", m.name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := m.overlay(".", dir)
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	for i, e := range list {
		list[i].proofs = e.minding()
	}
	results := map[string]verdict{}
	for _, p := range plan(list, false) {
		var more []string
		if m.slow && p.name == "faults" {
			more = []string{"-all"}
		}
		if _, err := p.run(ctx, overlay, results, more...); err != nil {
			return nil, err
		}
	}
	minds := map[int]string{}
	for _, e := range list {
		for _, proof := range e.proofs {
			switch v, ran := results[proof]; {
			case v.action == "fail" && minds[e.number] == "":
				minds[e.number] = proof + ": " + clip(v.reason)
			case !ran:
				return nil, fmt.Errorf("%s did not run: does it build with %q planted?", proof, m.name)
			}
		}
	}
	return minds, nil
}

// minding are the tests that carry the fault's number: those of the lab, which
// take longest, only where there are no others.
func (e entry) minding() []string {
	numbered := slices.DeleteFunc(slices.Clone(e.proofs), func(p string) bool { return !e.numbers(p) })
	if quick := slices.DeleteFunc(slices.Clone(numbered), inLab); len(quick) > 0 {
		return quick
	}
	return numbered
}

func clip(s string) string {
	if r := []rune(s); len(r) > 150 {
		return string(r[:150]) + "..."
	}
	return s
}
