package remote

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// knownCache holds each set of known_hosts files once per Dialer.
type knownCache struct {
	mu   sync.Mutex
	sets map[string]*knownHosts
}

// knownHosts is a parsed set of known_hosts files.
type knownHosts struct {
	db      *knownhosts.HostKeyDB // nil when no file has an entry
	files   []string              // asked for
	revokes bool                  // some entry is @revoked
	skipped []string              // "file:line" of lines that cannot be read
	origin  map[string]string     // name of a cleaned copy -> file
}

func (c *knownCache) get(files []string) (*knownHosts, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strings.Join(files, "\x00")
	if k, ok := c.sets[key]; ok {
		return k, nil
	}
	k, err := loadKnownHosts(files)
	if err != nil {
		return nil, err
	}
	if c.sets == nil {
		c.sets = map[string]*knownHosts{}
	}
	c.sets[key] = k
	return k, nil
}

// loadKnownHosts parses files. One that does not exist is empty. A line that
// cannot be read is skipped, as OpenSSH does, unless it revokes a key: losing
// that would trust what must not be trusted.
func loadKnownHosts(files []string) (*knownHosts, error) {
	k := &knownHosts{files: files, origin: map[string]string{}}
	var readable []string
	var clean [][]byte
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read known hosts: %w", err)
		}
		good, skipped, err := cleanKnownHosts(file, data)
		if err != nil {
			return nil, err
		}
		k.skipped = append(k.skipped, skipped...)
		k.revokes = k.revokes || bytes.Contains(good, []byte("@revoked"))
		readable, clean = append(readable, file), append(clean, good)
	}
	if len(readable) == 0 {
		return k, nil
	}
	var err error
	if len(k.skipped) == 0 {
		if k.db, err = knownhosts.NewDB(readable...); err == nil {
			return k, nil
		}
	}
	return k, k.loadCopies(readable, clean)
}

// loadCopies parses cleaned copies: the library takes names of files only, and
// refuses a whole file for one line.
func (k *knownHosts) loadCopies(files []string, clean [][]byte) error {
	dir, err := os.MkdirTemp("", "nixdeploy-known-hosts-")
	if err != nil {
		return fmt.Errorf("read known hosts: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var copies []string
	for i, data := range clean {
		path := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return fmt.Errorf("read known hosts: %w", err)
		}
		k.origin[path] = files[i]
		copies = append(copies, path)
	}
	if k.db, err = knownhosts.NewDB(copies...); err != nil {
		return fmt.Errorf("read known hosts: %w", err)
	}
	return nil
}

// cleanKnownHosts empties the lines that cannot be read, so that the numbers of
// the others stay. It is pure.
func cleanKnownHosts(file string, data []byte) (clean []byte, skipped []string, err error) {
	lines := bytes.Split(data, []byte("\n"))
	for i, line := range lines {
		trimmed := bytes.TrimSpace(line)
		if len(trimmed) == 0 || trimmed[0] == '#' {
			lines[i] = nil
			continue
		}
		bad := readableEntry(trimmed)
		if bad == nil {
			lines[i] = trimmed
			continue
		}
		at := fmt.Sprintf("%s:%d", file, i+1)
		if bytes.HasPrefix(trimmed, []byte("@revoked")) {
			return nil, nil, fmt.Errorf("%s revokes a key that cannot be read: %w", at, bad)
		}
		skipped = append(skipped, at)
		lines[i] = nil
	}
	return bytes.Join(lines, []byte("\n")), skipped, nil
}

// maxEntry keeps a line within what the parser's scanner takes.
const maxEntry = 60 << 10

// readableEntry tells what is wrong with an entry, nil for nothing.
func readableEntry(line []byte) error {
	if len(line) > maxEntry || bytes.ContainsAny(line, "\r\v\f\x00") {
		return errors.New("not a line of text")
	}
	marker, patterns, _, _, _, err := ssh.ParseKnownHosts(line)
	if err != nil {
		return err
	}
	if marker != "" && marker != "cert-authority" && marker != "revoked" {
		return fmt.Errorf("marker @%s is not known", marker)
	}
	for _, p := range patterns {
		if err := readablePattern(p); err != nil {
			return err
		}
	}
	return plainFields(line)
}

// plainFields checks that the key is one word of base64: the two parsers in use
// read an entry's tail differently.
func plainFields(line []byte) error {
	fields := strings.Fields(string(line))
	if strings.HasPrefix(fields[0], "@") {
		fields = fields[1:]
	}
	if len(fields) < 3 {
		return errors.New("a field is missing")
	}
	_, err := base64.StdEncoding.DecodeString(fields[2])
	return err
}

func readablePattern(p string) error {
	if hash, ok := strings.CutPrefix(p, "|"); ok {
		parts := strings.Split(hash, "|")
		if len(parts) != 3 || parts[0] != "1" {
			return errors.New("hash of an unknown kind")
		}
		for _, part := range parts[1:] {
			if _, err := base64.StdEncoding.DecodeString(part); err != nil {
				return err
			}
		}
		return nil
	}
	p = strings.TrimPrefix(p, "!")
	if p == "" {
		return errors.New("empty host pattern")
	}
	if strings.HasPrefix(p, "[") {
		_, _, err := net.SplitHostPort(p)
		return err
	}
	return nil
}
