package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nixdeploy/nixdeploy/deploy/savedplan"
)

// planFile is a saved plan as it was read.
type planFile struct {
	*savedplan.Document
	name string // as it was typed; "-" is stdin
	data []byte // what a signature is about
}

// hash names the bytes of the file, in a journal.
func (f *planFile) hash() string {
	sum := sha256.Sum256(f.data)
	return hex.EncodeToString(sum[:])
}

// readPlanFile reads a saved plan. What is wrong with it is the user's to mend:
// exit 2, nothing was contacted.
func (in *invocation) readPlanFile(name, command string) (*planFile, error) {
	data, err := in.planBytes(name, command)
	if err != nil {
		return nil, err
	}
	d, err := savedplan.Decode(data)
	if damage, ok := errors.AsType[*savedplan.Damage](err); ok {
		where := name
		if damage.Line > 0 {
			where = fmt.Sprintf("%s:%d", name, damage.Line)
		}
		return nil, &usageError{what: where + ": " + damage.What, hint: damage.Hint, command: command}
	}
	if err != nil {
		return nil, err
	}
	return &planFile{Document: d, name: name, data: data}, nil
}

func (in *invocation) planBytes(name, command string) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(io.LimitReader(in.Stdin, savedplan.MaxBytes+1))
		if err != nil {
			return nil, fmt.Errorf("reading the plan from stdin: %w", err)
		}
		return data, nil
	}
	path := absolute(in.App, name)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		e := &usageError{what: "the saved plan cannot be read: " + err.Error(), command: command}
		if command == "apply" {
			e.hint = "apply takes a file of plan -o; hosts are chosen by --on: " + shellLine("nixdeploy", "apply", "--on", name)
		}
		return nil, e
	case !info.Mode().IsRegular(): // a named pipe would be waited for without end
		return nil, &usageError{what: name + " is not a file", command: command}
	case info.Mode().Perm()&0o002 != 0:
		return nil, &usageError{
			what: name + " can be written by everybody on this machine, and it says what runs on the hosts as root",
			hint: shellLine("chmod", "o-w", name), command: command,
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &usageError{what: "the saved plan cannot be read: " + err.Error(), command: command}
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, savedplan.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the saved plan: %w", err)
	}
	return data, nil
}

// replaceFile writes a file as a whole, or leaves what was there.
func replaceFile(path string, data []byte, mode os.FileMode) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	if _, err = io.Copy(temp, bytes.NewReader(data)); err == nil {
		err = errors.Join(temp.Chmod(mode), temp.Sync())
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
