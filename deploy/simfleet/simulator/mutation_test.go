package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var (
	mutate      = flag.Bool("mutants", false, "plant each known bug, and want the seeds to find it")
	onlyMutant  = flag.String("mutant", "", "only those whose name has this in it")
	mutantSeeds = flag.Int("mutant-seeds", 6000, "how many seeds a bug may survive")
)

// Every mutant must fit the sources as they are: one that no longer does would
// be missed by nobody.
func TestMutantsFitTheSources(t *testing.T) {
	for _, m := range mutants() {
		if _, err := m.sources(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

const root = "../../../"

// sources gives the changed text of each file, by its path.
func (m mutant) sources() (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range m.edits {
		text, known := texts[e.file]
		if !known {
			data, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, err
			}
			text = string(data)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("%s: %q stands there %d times, not once", e.file, e.old, n)
		}
		texts[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return texts, nil
}

// The seeds find every bug that is planted.
func TestMutantsAreKilled(t *testing.T) {
	if !*mutate {
		t.Skip("without -mutants")
	}
	began := time.Now()
	var killed, all atomic.Int64
	t.Run("all", func(t *testing.T) {
		for _, m := range mutants() {
			if !strings.Contains(m.name, *onlyMutant) {
				continue
			}
			all.Add(1)
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				said, err := m.survives(t.Context(), t.TempDir())
				if err != nil {
					t.Fatalf("SURVIVED: %v", err)
				}
				killed.Add(1)
				t.Log("killed by " + said)
			})
		}
	})
	if all.Load() == 0 {
		t.Errorf("no mutant is called %q", *onlyMutant)
	}
	t.Logf("%d of %d killed in %v", killed.Load(), all.Load(), time.Since(began).Round(time.Second))
}

// finding is what a failing run says first.
var finding = regexp.MustCompile(`seed (\d+):\n\s+(.*)`)

// survives builds the tests with the bug and plays seeds; the error says that
// none of them minded.
func (m mutant) survives(ctx context.Context, dir string) (string, error) {
	texts, err := m.sources()
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range texts {
		from, err := filepath.Abs(filepath.Join(root, file))
		if err != nil {
			return "", err
		}
		to := filepath.Join(dir, strconv.Itoa(len(replace))+".go")
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[from] = to
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	plan, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	if err := os.WriteFile(plan, overlay, 0o600); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", plan, "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not build: %w\n%s", err, out)
	}
	play := exec.CommandContext(ctx, program, "-test.run", "TestPromises$", "-first", "-seeds", strconv.Itoa(*mutantSeeds)) //nolint:gosec // just built
	play.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := play.CombinedOutput()
	if err == nil {
		return "", fmt.Errorf("none of %d seeds minds", *mutantSeeds)
	}
	if found := finding.FindSubmatch(out); found != nil {
		return fmt.Sprintf("seed %s: %.90s", found[1], found[2]), nil
	}
	if bytes.Contains(out, []byte("deadlock")) {
		return "it never ends", nil
	}
	return "", errors.Join(err, errors.New(string(out[:min(len(out), 2000)])))
}
