package flake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// readTracked reads the tracked files of dir, which lies in a git work tree,
// and names those with uncommitted changes. A tracked file that was deleted is
// absent, and dirty.
func readTracked(ctx context.Context, dir string, root *os.Root) (files []File, dirty []string, err error) {
	tracked, err := git(ctx, dir, "ls-files", "-z", "--recurse-submodules")
	if err != nil {
		return nil, nil, err
	}
	if len(tracked) == 0 {
		return nil, nil, &Refusal{
			What: "the folder lies in a git work tree, but git tracks no file of it",
			Hint: "run: git -C " + dir + " add .",
		}
	}
	if dirty, err = gitDirty(ctx, dir, tracked); err != nil {
		return nil, nil, err
	}
	r := newReader(root)
	for _, name := range tracked {
		err := r.read(name)
		switch {
		case err == nil:
		case !errors.Is(err, fs.ErrNotExist):
			return nil, nil, err
		case !changed(dirty, name):
			return nil, nil, &Refusal{
				What: name + " is tracked by git but not checked out",
				Hint: "is this a sparse checkout? run: git sparse-checkout disable",
			}
		}
	}
	return r.files, dirty, nil
}

// changed reports whether dirty names path, or the submodule that holds it.
func changed(dirty []string, path string) bool {
	return slices.ContainsFunc(dirty, func(d string) bool {
		return d == path || strings.HasPrefix(path, d+"/")
	})
}

// gitDirty names what differs from the last commit, relative to dir. Before
// the first commit that is everything.
func gitDirty(ctx context.Context, dir string, tracked []string) ([]string, error) {
	if _, err := git(ctx, dir, "rev-parse", "--quiet", "--verify", "HEAD"); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 1 {
			return tracked, nil
		}
		return nil, err
	}
	return git(ctx, dir, "diff", "--name-only", "-z", "--relative", "--no-renames", "--no-ext-diff", "HEAD", "--", ".")
}

// git runs git in dir and returns its NUL-separated answer, sorted and without
// repetition (an unmerged file is listed once per side).
func git(ctx context.Context, dir string, args ...string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	// core.fsmonitor names a program, and reading an index is no reason to run one.
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-C", dir}, args...)...)
	cmd.Env = gitEnv(os.Environ())
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, &Refusal{
			What: "the folder lies in a git work tree and git is not installed, so nobody can tell which files are tracked",
			Hint: "install git, or copy the flake to a folder outside of git",
		}
	case ctx.Err() != nil:
		return nil, fmt.Errorf("git %s took longer than %s: %w", args[0], gitTimeout, ctx.Err())
	case err != nil:
		return nil, gitError(args[0], stderr.String(), err)
	}
	names := strings.FieldsFunc(string(out), func(c rune) bool { return c == 0 })
	slices.Sort(names)
	return slices.Compact(names), nil
}

func gitError(command, stderr string, err error) error {
	if strings.Contains(stderr, "dubious ownership") {
		return &Refusal{
			What: "git refuses the folder, since somebody else owns it (dubious ownership)",
			Hint: "own it, or list it in git's safe.directory",
		}
	}
	if line := strings.TrimSpace(stderr); line != "" {
		return fmt.Errorf("git %s: %w: %s", command, err, line)
	}
	return fmt.Errorf("git %s: %w", command, err)
}

// gitEnv drops the variables with which a calling git (a hook) names another
// repository than the one that holds the flake, and asks for no index lock.
func gitEnv(environ []string) []string {
	out := slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR",
			"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE":
			return true
		}
		return false
	})
	return append(out, "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
}
