package flake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// gitTimeout bounds each call of git, which only reads an index.
const gitTimeout = time.Minute

// Open reads the user's own flake, unchanged. In a git work tree that is
// exactly the tracked files (submodules included) with what the work tree
// holds of them now; elsewhere everything but .git, .direnv and the result
// links of nix build. The lock is not checked here, see LockState.
//
// The error is a *Refusal when the user has to act, else an I/O error. Nothing
// is written. It takes at most a few minutes: each call of git has a deadline.
func Open(dir string) (*Flake, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open flake %s: %w", dir, err)
	}
	if err := checkFolder(abs); err != nil {
		return nil, err
	}
	// The real folder decides which git work tree it lies in.
	folder, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, fmt.Errorf("open flake: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open flake: %w", err)
	}
	defer func() { _ = root.Close() }() // opened for reading

	var files []File
	var dirty []string
	if inGit(folder) {
		files, dirty, err = readTracked(context.Background(), folder, root)
	} else {
		files, err = readAll(root)
	}
	if err != nil {
		return nil, inFolder(err, abs)
	}
	if file(files, flakeName) == nil {
		return nil, noFlakeNix(abs, root)
	}
	f, err := newFlake(abs, files)
	if err != nil {
		return nil, inFolder(err, abs)
	}
	f.Dirty = dirty
	if _, err := root.Lstat(lockName); err == nil && file(files, lockName) == nil {
		f.Warnings = append(f.Warnings, lockName+" is not tracked by git, so it is not part of the flake: git add "+lockName)
	}
	return f, nil
}

const (
	flakeName = "flake.nix"
	lockName  = "flake.lock"
)

func checkFolder(abs string) error {
	info, err := os.Stat(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return &Refusal{
			What: "there is no flake in " + abs + ", the folder does not exist",
			Hint: `[flake] source is "rendered" or the path of a folder with a flake.nix`,
		}
	}
	if err != nil {
		return fmt.Errorf("open flake: %w", err)
	}
	if !info.IsDir() {
		return &Refusal{What: abs + " is not a folder", Hint: "name the folder that holds flake.nix"}
	}
	return nil
}

func noFlakeNix(abs string, root *os.Root) error {
	if _, err := root.Lstat(flakeName); err == nil {
		return &Refusal{
			What: filepath.Join(abs, flakeName) + " is not tracked by git",
			Hint: "run: git -C " + abs + " add " + flakeName,
		}
	}
	return &Refusal{What: "there is no flake.nix in " + abs}
}

// inFolder puts the folder in front of an error that speaks of its files.
func inFolder(err error, dir string) error {
	var r *Refusal
	var l *LockError
	switch {
	case errors.As(err, &r):
		return &Refusal{What: dir + ": " + r.What, Hint: r.Hint}
	case errors.As(err, &l):
		moved := *l
		moved.File = filepath.Join(dir, l.File)
		return &moved
	}
	return fmt.Errorf("open flake %s: %w", dir, err)
}

// inGit reports whether dir lies in a git work tree. It looks for .git, which
// is a file in worktrees and submodules, so that a missing git binary is an
// error and never a silently different set of files.
func inGit(dir string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

// readAll reads a folder that is not under git.
func readAll(root *os.Root) ([]File, error) {
	r := newReader(root)
	err := fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == "." {
			return nil
		}
		if skipped(path, d) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		return r.read(path)
	})
	return r.files, err
}

// skipped says what of a folder without git is not its flake. A result link
// is what nix build leaves; a file like results.nix is the user's own.
func skipped(path string, d fs.DirEntry) bool {
	name := d.Name()
	switch name {
	case ".git", ".direnv":
		return true
	case "result":
		return path == "result" || d.Type()&fs.ModeSymlink != 0
	}
	return strings.HasPrefix(name, "result-") && d.Type()&fs.ModeSymlink != 0
}
