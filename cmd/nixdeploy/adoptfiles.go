package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/flake"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// hostFile is one file of a host's folder.
type hostFile struct {
	Path  string `json:"path"` // as a person in the working directory would write it
	State string `json:"state"`

	path string // absolute
	data []byte
	was  []byte // what stands there, nil for nothing
}

// What came of a file.
const (
	fileWritten   = "written"
	fileReplaced  = "replaced"
	fileUnchanged = "unchanged"
	fileDiffers   = "differs"
)

// maxHostFile bounds what is read of a file that stands there.
const maxHostFile = 2 << 20

// writeAdoption writes both files of a host, or none where one of them differs
// from what stands there already.
func (in *invocation) writeAdoption(inv *inventory.Inventory, a *adoption, force bool) *deploy.Problem {
	problem := func(what string, err error, next string) *deploy.Problem {
		return &deploy.Problem{Code: deploy.CodeFile, Host: a.host.Name, What: what, Err: err, State: "not touched", Next: next}
	}
	facts, err := a.facts.Facts.Encode()
	if err != nil {
		return &deploy.Problem{
			Code: deploy.CodeProtocol, Host: a.host.Name, What: "what the host says of itself cannot be written down", Err: err, State: "not touched",
		}
	}
	contents := [][2]string{{flake.HardwarePath(a.host.Name), a.facts.Hardware}, {flake.FactsPath(a.host.Name), string(facts)}}
	if a.facts.Hardware == "" {
		if a.facts.Facts.Kind == "machine" {
			return &deploy.Problem{
				Code: deploy.CodeUnsupported, Host: a.host.Name, What: "the host has no nixos-generate-config, so its hardware is not known", State: "not touched",
				Next: "set system.tools.nixos-generate-config.enable = true on it, or write " + in.display(in.besideInventory(inv, flake.HardwarePath(a.host.Name))) + " by hand",
			}
		}
		contents = contents[1:]
		a.facts.Notes = append(a.facts.Notes, "the host has no nixos-generate-config, so no hardware.nix is written; a "+a.facts.Facts.Kind+" needs none")
	}
	for _, c := range contents {
		f := hostFile{path: in.besideInventory(inv, c[0]), data: []byte(c[1])}
		f.Path = in.display(f.path)
		if f.was, err = standingFile(f.path); err != nil {
			return problem(f.Path+" is in the way", err, "move it away, then run the same command again")
		}
		switch {
		case f.was == nil:
			f.State = fileWritten
		case bytes.Equal(f.was, f.data):
			f.State = fileUnchanged
		case force:
			f.State = fileReplaced
		default:
			f.State = fileDiffers
		}
		a.files = append(a.files, f)
	}
	return in.putFiles(a, problem)
}

func (in *invocation) putFiles(a *adoption, problem func(string, error, string) *deploy.Problem) *deploy.Problem {
	var differing *deploy.Problem
	for _, f := range a.files {
		if f.State == fileDiffers {
			if differing == nil {
				differing = problem("what is written down of the host is not what it is, and is not overwritten", nil,
					"if the host is right: "+in.recommend("adopt", a.host.Name, "--force"))
			}
			differing.Details = append(differing.Details, f.Path+", - as it stands there, + as the host is:")
			differing.Details = append(differing.Details, lineDiff(string(f.was), string(f.data))...)
		}
	}
	if differing != nil {
		for i := range a.files {
			if a.files[i].State == fileWritten {
				a.files[i].State = "missing"
			}
		}
		return differing
	}
	for _, f := range a.files {
		if f.State == fileUnchanged {
			continue
		}
		err := os.MkdirAll(filepath.Dir(f.path), 0o755)
		if err == nil {
			err = replaceFile(f.path, f.data, 0o644)
		}
		if err != nil {
			return problem(f.Path+" could not be written", err, "mend that, then run the same command again")
		}
	}
	return nil
}

// standingFile is what stands at a path, nil for nothing.
func standingFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no ordinary file")
	case info.Size() > maxHostFile:
		return nil, fmt.Errorf("it is larger than %d MiB", maxHostFile>>20)
	}
	data, err := os.ReadFile(path)
	if data == nil {
		data = []byte{}
	}
	return data, err
}

// besideInventory is the path of a file beside hosts.toml.
func (in *invocation) besideInventory(inv *inventory.Inventory, path string) string {
	return filepath.Join(filepath.Dir(absolute(in.App, inv.Path)), filepath.FromSlash(path))
}

// adoptedBefore is the machine-id that was written down of a host, "" for none.
func (in *invocation) adoptedBefore(inv *inventory.Inventory, host string) string {
	path := in.besideInventory(inv, flake.FactsPath(host))
	data, err := standingFile(path)
	if err != nil || data == nil {
		return ""
	}
	f, err := flake.ReadFacts(path, data)
	if err != nil {
		return "" // whoever renders it says so
	}
	return f.MachineID
}
