package flake

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// renderedLock checks the lock of a rendered flake: that it is whole, and was
// made for exactly the inputs that hosts.toml asks for. With any other one each
// host would refuse the flake by itself, since it may not change the lock.
func renderedLock(files []File, inv *inventory.Inventory) error {
	if err := LockState(files); err != nil {
		if l, ok := errors.AsType[*LockError](err); ok {
			l.File = LockPath(inv)
		}
		return err
	}
	lock, err := parseLock(file(files, lockName).Data)
	if err != nil {
		return fmt.Errorf("read %s: %w", LockPath(inv), err) // LockState has read it
	}
	asked := inv.Flake.InputNames()
	var other, differences []string
	for _, name := range asked {
		want := inv.Flake.Reference(name)
		if was, ok := lock.madeFor(name, want); !ok {
			other = append(other, name)
			differences = append(differences, fmt.Sprintf("%s, and hosts.toml asks for %s", was, want))
		}
	}
	if len(other) > 0 {
		return &LockError{File: LockPath(inv), Missing: other, Reason: "it was made for " + strings.Join(differences, "; for ")}
	}
	var extra []string
	for _, name := range slices.Sorted(maps.Keys(lock.Nodes[lock.Root].Inputs)) {
		if !slices.Contains(asked, name) {
			extra = append(extra, name)
		}
	}
	if len(extra) > 0 {
		return &LockError{File: LockPath(inv), Missing: extra, Reason: "it locks inputs that hosts.toml does not ask for"}
	}
	return nil
}

// madeFor reports whether the lock was made for url as the root's input name.
// Only the plain forms github:OWNER/REPO[/REF] and path:/DIR are compared, which
// is how inputs are nearly always named; anything else is left to Nix.
func (l lockFile) madeFor(name, url string) (other string, ok bool) {
	ref := l.Nodes[l.Root].Inputs[name]
	original := l.Nodes[ref.Node].Original
	want, plain := plainReference(url)
	if ref.isPath || !plain || original == nil {
		return "", true
	}
	shown, is := originalReference(original)
	return shown, is == want
}

// plainReference is a form of url that is equal for equal references.
func plainReference(url string) (comparable string, plain bool) {
	if strings.ContainsAny(url, "?%") {
		return "", false
	}
	if rest, isGitHub := strings.CutPrefix(url, "github:"); isGitHub {
		parts := strings.SplitN(rest, "/", 3)
		if len(parts) < 2 {
			return "", false
		}
		return gitHubReference(parts[0], parts[1], append(parts, "")[2]), true
	}
	return url, strings.HasPrefix(url, "path:")
}

// gitHubReference knows that GitHub does not tell cases apart in names.
func gitHubReference(owner, repo, ref string) string {
	return strings.TrimSuffix("github:"+strings.ToLower(owner)+"/"+strings.ToLower(repo)+"/"+ref, "/")
}

// originalReference writes what a lock was made for, for people and to compare.
func originalReference(original map[string]any) (shown, comparable string) {
	text := func(key string) string { s, _ := original[key].(string); return s }
	switch text("type") {
	case "github":
		at := text("ref")
		if rev := text("rev"); rev != "" {
			at = rev
		}
		return strings.TrimSuffix("github:"+text("owner")+"/"+text("repo")+"/"+at, "/"), gitHubReference(text("owner"), text("repo"), at)
	case "path":
		return "path:" + text("path"), "path:" + text("path")
	}
	shown = strings.TrimSpace(text("type") + " " + text("url") + text("id"))
	return shown, shown
}
