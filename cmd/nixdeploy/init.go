package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/inventory"
)

func initCommand() command {
	return command{
		name: "init", usage: "begin a fleet: hosts.toml, and a workflow for CI", args: "[DIR]", maxArgs: 1, anyOrder: true,
		about: "Writes a small hosts.toml, a .gitignore, a README.md that says what to type, and workflows for GitHub and Forgejo that " +
			"render and check every change, plan what is on main, and apply that saved plan after an approval. Contacts nothing and overwrites nothing: with one of the files " +
			"there already, none is written. git is left to you.\n" +
			"Who may log in is the public key of --key, else that of ~/.ssh/id_ed25519.pub (or id_ecdsa.pub, id_rsa.pub).",
		examples: []string{"init", "init fleet --fleet home --host web-1=192.0.2.10", "init --host dev-1=dev.example.org --host web-1=web.example.org --target hetzner --ci github"},
		own: func() []cli.Flag {
			return []cli.Flag{
				&cli.StringFlag{Name: "fleet", Usage: "the fleet's `NAME`; else that of the folder"},
				&cli.StringSliceFlag{Name: "host", Usage: "a host, `NAME=ADDRESS`, repeated; of several the first is the stage dev, the others prod"},
				&cli.StringFlag{Name: "target", Usage: "the `TARGET` of the hosts: container, hetzner, m1, wsl, or a name of your own", Value: "container"},
				&cli.StringSliceFlag{Name: "key", Usage: "a public key that may log in, or the `FILE` that holds it, repeated"},
				&cli.StringFlag{Name: "ci", Usage: "the `FORGE` to write workflows for: github, forgejo, both or none", Value: "both"},
			}
		},
		run: runInit,
	}
}

func runInit(_ context.Context, in *invocation) error {
	dir, shown, err := in.initDir()
	if err != nil {
		return err
	}
	s, err := in.starter(dir)
	if err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	if _, err := inventory.Parse(filepath.Join(dir, inventoryName), files[0].data); err != nil {
		return initRefused(err)
	}
	if err := writeNew(dir, files); err != nil {
		return err
	}
	if in.json {
		names := make([]string, len(files))
		for i, f := range files {
			names[i] = f.path
		}
		return in.print(string(view.JSONDocument(map[string]any{"type": "init", "directory": shown, "files": names})))
	}
	return in.print(in.initDone(shown, s, files))
}

// initDir is where to write, and how a person would say that.
func (in *invocation) initDir() (dir, shown string, err error) {
	dir, err = in.workDir()
	if err != nil {
		return "", "", &usageError{what: "the working directory cannot be read: " + err.Error(), command: "init"}
	}
	shown = "."
	if len(in.args) > 0 {
		shown = in.args[0]
		dir = absolute(in.App, shown)
	}
	return filepath.Clean(dir), shown, nil
}

func (in *invocation) initDone(shown string, s starter, files []starterFile) string {
	var b strings.Builder
	for _, f := range files {
		b.WriteString(in.out.Clean(filepath.Join(shown, f.path)) + "\n")
	}
	if len(s.Keys) == 0 {
		b.WriteString("No public key was found: put yours into [users.deploy] keys, else nobody can log in to the hosts.\n")
	}
	if s.example {
		b.WriteString("The host in it is an example: give it the name and the address of yours.\n")
	}
	if len(s.Workflows) > 0 && s.Version == "" {
		b.WriteString("This nixdeploy is no release: put the one to use into NIXDEPLOY_VERSION in " + strings.Join(s.Workflows, ", ") + ".\n")
	}
	b.WriteString("git is left to you: git init, git add .\n")
	if shown != "." {
		in.file = filepath.Join(shown, inventoryName)
	}
	if s.NeedsFacts() && !s.example {
		return b.String() + in.out.Next(in.recommend("adopt", s.Hosts[0].Name))
	}
	return b.String() + in.out.Next(in.recommend("lock"))
}

// initRefused: what was given makes no valid hosts.toml.
func initRefused(err error) error {
	problems, ok := errors.AsType[*inventory.Problems](err)
	if !ok {
		return err
	}
	if p := problems.List[0]; len(problems.List) == 1 {
		return &usageError{what: "hosts.toml would not be valid: " + p.What, hint: p.Hint, command: "init"}
	}
	what := []string{"hosts.toml would not be valid:"} // which of them is the cause of the others is not known
	for _, p := range problems.List {
		what = append(what, p.What)
	}
	return &usageError{what: strings.Join(what, "\n"), command: "init"}
}

// writeNew writes files that are not there: all of them, or none.
func writeNew(dir string, files []starterFile) (err error) {
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(f.path))); err == nil {
			there = append(there, f.path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return &usageError{what: "init: " + err.Error(), command: "init"}
		}
	}
	if len(there) > 0 {
		return &usageError{
			what: "already there, and never overwritten: " + strings.Join(there, ", "),
			hint: "nothing was written; move them away, or begin in another folder", command: "init",
		}
	}
	made, err := makeDirs(dir, files)
	defer func() {
		if err == nil {
			return
		}
		for _, path := range slices.Backward(made) {
			err = errors.Join(err, os.Remove(path))
		}
		err = &deploy.Problem{
			Code: deploy.CodeFile, What: "the fleet could not be begun in " + dir, State: "nothing was written", Err: err,
			Next: "mend that, then run the same command again",
		}
	}()
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.path))
		w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the beginning of a repository: nothing in it is secret
		if err != nil {
			return err
		}
		made = append(made, path)
		_, err = w.Write(f.data)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
	}
	return nil
}

// makeDirs makes the folders that files need, and names those that were not there.
func makeDirs(dir string, files []starterFile) ([]string, error) {
	var made []string
	for _, f := range files {
		parent := filepath.Dir(filepath.Join(dir, filepath.FromSlash(f.path)))
		var missing []string
		for at := parent; ; at = filepath.Dir(at) {
			if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
				break
			}
			missing = append(missing, at)
		}
		for _, path := range slices.Backward(missing) {
			if err := os.Mkdir(path, 0o755); err != nil {
				return made, err
			}
			made = append(made, path)
		}
	}
	return made, nil
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// fleetName makes a name of a folder's.
func fleetName(dir string) string {
	name := strings.TrimLeft(notInNames.ReplaceAllString(filepath.Base(dir), "-"), "-._")
	if name == "" {
		return "home"
	}
	return name
}
