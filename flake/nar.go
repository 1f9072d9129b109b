package flake

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"maps"
	"slices"
	"strings"
)

const sriPrefix = "sha256-"

// HashFiles returns the SRI SHA-256 of the NAR serialisation of files: what
// `nix hash path` prints for a folder that holds exactly them. Folders are
// implied by the paths; the order of files does not matter. The paths must be
// those of one tree, as in every Flake: clean, relative and different, none
// of them a folder of another.
//
// The format is Figure 5.2 of "The Purely Functional Software Deployment
// Model" (Dolstra, 2006): strings with a 64-bit little-endian length, padded
// to 8 bytes; entries of a folder sorted by their bytes.
func HashFiles(files []File) string {
	h := sha256.New() // its Write never fails
	writeString(h, "nix-archive-1")
	narTree(files).write(h)
	return sriPrefix + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// narNode is a file, or a folder when file is nil.
type narNode struct {
	file    *File
	entries map[string]*narNode
}

func narTree(files []File) *narNode {
	root := &narNode{}
	for i := range files {
		at := root
		for name := range strings.SplitSeq(files[i].Path, "/") {
			at = at.entry(name)
		}
		at.file = &files[i]
	}
	return root
}

func (n *narNode) entry(name string) *narNode {
	if n.entries == nil {
		n.entries = map[string]*narNode{}
	}
	e := n.entries[name]
	if e == nil {
		e = &narNode{}
		n.entries[name] = e
	}
	return e
}

func (n *narNode) write(w io.Writer) {
	writeString(w, "(", "type")
	switch {
	case n.file == nil:
		writeString(w, "directory")
		for _, name := range slices.Sorted(maps.Keys(n.entries)) {
			writeString(w, "entry", "(", "name", name, "node")
			n.entries[name].write(w)
			writeString(w, ")")
		}
	case n.file.Link != "":
		writeString(w, "symlink", "target", n.file.Link)
	default:
		writeString(w, "regular")
		if n.file.Executable {
			writeString(w, "executable", "")
		}
		writeString(w, "contents")
		writePadded(w, n.file.Data)
	}
	writeString(w, ")")
}

func writeString(w io.Writer, list ...string) {
	for _, s := range list {
		writePadded(w, []byte(s))
	}
}

func writePadded(w io.Writer, data []byte) {
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], uint64(len(data)))
	_, _ = w.Write(word[:]) // a hash: never fails
	_, _ = w.Write(data)
	if rest := len(data) % 8; rest != 0 {
		clear(word[:])
		_, _ = w.Write(word[rest:])
	}
}
