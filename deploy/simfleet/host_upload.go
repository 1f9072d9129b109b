package simfleet

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"sync"

	"github.com/nixdeploy/nixdeploy/flake"
)

// upload is one flake on a host.
type upload struct {
	digest string
	files  []flake.File
}

// Uploads lets the hosts of one process keep equal flakes once. The zero value
// is ready; safe for concurrent use.
type Uploads struct {
	mu     sync.Mutex
	byHash map[string][]flake.File
}

// share returns the files that are kept for hash, which files were verified to
// have.
func (u *Uploads) share(hash string, files []flake.File) []flake.File {
	if u == nil {
		return files
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if kept, ok := u.byHash[hash]; ok {
		return kept
	}
	if u.byHash == nil {
		u.byHash = map[string][]flake.File{}
	}
	u.byHash[hash] = files
	return files
}

func (h *Host) findUpload(digest string) *upload {
	for i := range h.flakes {
		if h.flakes[i].digest == digest {
			return &h.flakes[i]
		}
	}
	return nil
}

// touch makes an upload the newest.
func (h *Host) touch(digest string) {
	i := slices.IndexFunc(h.flakes, func(u upload) bool { return u.digest == digest })
	if i > 0 {
		u := h.flakes[i]
		copy(h.flakes[1:i+1], h.flakes[:i])
		h.flakes[0] = u
	}
}

// upload answers upload.sh: NONCE RUN OPERATOR SECONDS DIGEST NARHASH, and a tar.
func (q *request) upload() int {
	h := q.host
	digest, narHash := q.arg(3), q.arg(4)
	if !q.takeLease(q.arg(0), q.arg(1), q.arg(2)) {
		return 0
	}
	if h.findUpload(digest) != nil {
		h.touch(digest)
		q.say("end", "upload")
		return 0
	}
	corrupt := h.faults.CorruptUploads
	var files []flake.File
	var err error
	if !q.unlocked(func() { files, err = unpack(q.payload, corrupt) }) {
		return killed
	}
	if err != nil {
		q.say("fault", "tar: "+err.Error())
		q.say("fault", "tar: Error is not recoverable: exiting now")
		return 1
	}
	if hash := flake.HashFiles(files); hash != narHash {
		q.say("fault", "the flake arrived as "+hash+", and was sent as "+narHash)
		return 1
	}
	h.flakes = slices.Insert(h.flakes, 0, upload{digest: digest, files: h.uploads.share(narHash, files)})
	h.flakes = h.flakes[:min(len(h.flakes), keptUploads)]
	q.say("end", "upload")
	return 0
}

// unpackLimit bounds what one upload may hold.
const unpackLimit = 256 << 20

// unpack reads a tar as tar -x does, into memory.
func unpack(r io.Reader, corrupt bool) ([]flake.File, error) {
	if r == nil {
		return nil, errors.New("This does not look like a tar archive") // tar's own words
	}
	tr := tar.NewReader(io.LimitReader(r, unpackLimit))
	var files []flake.File
	for {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, errors.New("Unexpected EOF in archive") // tar's own words
		}
		f := flake.File{Path: path.Clean(head.Name)}
		switch head.Typeflag {
		case tar.TypeDir:
			continue
		case tar.TypeSymlink:
			f.Link = head.Linkname
		case tar.TypeReg:
			f.Executable = head.Mode&0o100 != 0
			if f.Data, err = io.ReadAll(tr); err != nil {
				return nil, errors.New("Unexpected EOF in archive") // tar's own words
			}
			if corrupt && len(f.Data) > 0 {
				f.Data[len(f.Data)/2] ^= 1
			}
		default:
			return nil, fmt.Errorf("%s: Cannot open: not a file of a flake", head.Name) // tar's own words
		}
		files = append(files, f)
	}
}
