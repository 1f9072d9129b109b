package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/nixdeploy/nixdeploy/flake"
)

// keptManifests is how many of the newest flakes this machine remembers.
const keptManifests = 100

// hexDigest is a flake as hosts record it. They could say anything, and it becomes
// the name of a file.
var hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// manifests are what the flakes that this machine planned or applied were made
// of, so that a plan can say why a flake is new. Nothing but that depends on them.
type manifests struct{ dir string }

func (in *invocation) manifests() (manifests, error) {
	dir, err := in.stateDir()
	return manifests{filepath.Join(dir, "flakes")}, err
}

// keep remembers a flake.
func (m manifests) keep(f *flake.Flake) error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	data, err := json.Marshal(f.Manifest(versionNumber()))
	if err != nil {
		return err
	}
	if err := replaceFile(m.path(f.Digest()), data, 0o600); err != nil {
		return err
	}
	return m.prune()
}

func (m manifests) path(digest string) string { return filepath.Join(m.dir, digest+".json") }

// prune forgets all but the newest.
func (m manifests) prune() error {
	entries, err := os.ReadDir(m.dir)
	if err != nil || len(entries) <= keptManifests {
		return err
	}
	at := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // else another process has removed it
			at[e.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return at[b.Name()].Compare(at[a.Name()]) })
	for _, e := range entries[keptManifests:] {
		if err := os.Remove(filepath.Join(m.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// since says why f is not the flake of an older digest; false when that one is
// not known here.
func (m manifests) since(f *flake.Flake, digest string) ([]string, bool) {
	if !hexDigest.MatchString(digest) {
		return nil, false
	}
	data, err := os.ReadFile(m.path(digest))
	if err != nil {
		return nil, false
	}
	var old flake.Manifest
	if err := json.Unmarshal(data, &old); err != nil {
		return nil, false
	}
	return f.Manifest(versionNumber()).Since(old), true
}

// rememberFlake keeps what f is made of. That it cannot is worth a line in the log.
func (in *invocation) rememberFlake(f *flake.Flake) {
	m, err := in.manifests()
	if err == nil {
		err = m.keep(f)
	}
	if err != nil {
		in.log.Warn("what the flake is made of cannot be kept, so a later plan does not say why it is new", "error", err)
	}
}

// changedSince is what a plan asks why f is new.
func (in *invocation) changedSince(f *flake.Flake) func(digest string) ([]string, bool) {
	m, err := in.manifests()
	if err != nil {
		return nil
	}
	return func(digest string) ([]string, bool) { return m.since(f, digest) }
}
