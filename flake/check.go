package flake

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of one flake. They are far above what people keep in a flake and
// catch the folder that was meant to be ignored.
const (
	maxTotalBytes = 256 << 20
	maxFiles      = 50_000
)

// checkFiles refuses what cannot be uploaded, unpacked and hashed alike on
// every machine. files are sorted by path.
func checkFiles(files []File) error {
	if len(files) > maxFiles {
		return tooMany(len(files))
	}
	set := make(map[string]*File, len(files))
	total := 0
	for i := range files {
		f := &files[i]
		if err := checkName(f.Path); err != nil {
			return err
		}
		if set[f.Path] != nil {
			return &Refusal{What: fmt.Sprintf("%s is in the flake twice", f.Path)}
		}
		set[f.Path] = f
		if total += len(f.Data); total > maxTotalBytes {
			return tooBig()
		}
	}
	for i := range files {
		for dir := path.Dir(files[i].Path); dir != "."; dir = path.Dir(dir) {
			if set[dir] != nil {
				return &Refusal{What: fmt.Sprintf("%s is a file and the folder of %s", dir, files[i].Path)}
			}
		}
		if err := checkLink(set, &files[i]); err != nil {
			return err
		}
	}
	return nil
}

func tooBig() error {
	return &Refusal{
		What: fmt.Sprintf("the flake holds more than %d MiB", maxTotalBytes>>20),
		Hint: "keep it in git, or move large files out of its folder",
	}
}

func tooMany(n int) error {
	return &Refusal{
		What: fmt.Sprintf("the flake holds %d files or more, at most %d are taken", n, maxFiles),
		Hint: "keep it in git, or move what is not part of it out of its folder",
	}
}

func checkName(name string) error {
	if !utf8.ValidString(name) {
		return &Refusal{What: fmt.Sprintf("file name %q is not UTF-8", name), Hint: "rename it"}
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		return &Refusal{What: fmt.Sprintf("file name %q holds a control character", name), Hint: "rename it"}
	}
	if name == "." || name == "" || path.IsAbs(name) || path.Clean(name) != name ||
		name == ".." || strings.HasPrefix(name, "../") {
		return &Refusal{What: fmt.Sprintf("file name %q is not a path inside the flake", name)}
	}
	return nil
}

// maxLinkHops is Linux's own limit (ELOOP).
const maxLinkHops = 40

// checkLink refuses a symbolic link that leads out of the flake: what it
// points to is not uploaded, and would be another thing on each machine. A
// link may dangle inside.
func checkLink(set map[string]*File, f *File) error {
	if f.Link == "" {
		return nil
	}
	escapes := func() error {
		return &Refusal{
			What: fmt.Sprintf("symbolic link %s points out of the flake, to %q", f.Path, f.Link),
			Hint: "copy what it points to into the flake",
		}
	}
	if strings.ContainsFunc(f.Link, unicode.IsControl) || !utf8.ValidString(f.Link) {
		return &Refusal{What: fmt.Sprintf("symbolic link %s has a control character in its target", f.Path)}
	}
	if path.IsAbs(f.Link) {
		return escapes()
	}
	// Walked as the kernel does: a ".." after a link counts from where the
	// link led, so cleaning the text is not enough.
	at := strings.Split(f.Path, "/")
	at = at[:len(at)-1]
	todo := strings.Split(f.Link, "/")
	for hops := 0; len(todo) > 0; todo = todo[1:] {
		switch todo[0] {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return escapes()
			}
			at = at[:len(at)-1]
			continue
		}
		at = append(at, todo[0])
		next := set[strings.Join(at, "/")]
		if next == nil || next.Link == "" {
			continue
		}
		if hops++; hops > maxLinkHops {
			return &Refusal{What: fmt.Sprintf("symbolic link %s leads in a circle", f.Path)}
		}
		if path.IsAbs(next.Link) {
			return escapes()
		}
		at = at[:len(at)-1]
		todo = append([]string{"."}, append(strings.Split(next.Link, "/"), todo[1:]...)...)
	}
	return nil
}

// caseCollisions notes names that a file system without case cannot hold
// together; hosts run Linux, so they are uploaded.
func caseCollisions(files []File) []string {
	seen := make(map[string]string, len(files))
	var out []string
	for _, f := range files {
		key := strings.ToLower(f.Path)
		if other, ok := seen[key]; ok {
			out = append(out, fmt.Sprintf("%s and %s differ only in case", other, f.Path))
			continue
		}
		seen[key] = f.Path
	}
	return out
}
