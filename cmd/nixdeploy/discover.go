package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/nixdeploy/nixdeploy/inventory"
)

const inventoryName = "hosts.toml"

func (a App) workDir() (string, error) {
	if a.Dir != "" {
		return a.Dir, nil
	}
	return os.Getwd()
}

// load finds and reads the inventory. A problem with it is exit 2: nothing was
// contacted.
func (in *invocation) load() (*inventory.Inventory, error) {
	path, err := in.inventoryPath()
	if err != nil {
		return nil, err
	}
	inv, err := inventory.Load(path)
	if err != nil {
		if problems, ok := errors.AsType[*inventory.Problems](err); ok {
			for i := range problems.List {
				problems.List[i].File = in.display(problems.List[i].File)
			}
			return nil, problems
		}
		return nil, &usageError{what: err.Error()}
	}
	return inv, nil
}

// selection reads the inventory and picks the hosts of --on and --stage.
func (in *invocation) selection() (*inventory.Inventory, []inventory.Host, error) {
	inv, err := in.load()
	if err != nil {
		return nil, nil, err
	}
	hosts, err := inventory.Select(inv, in.on, in.stage)
	if err != nil {
		return nil, nil, &usageError{what: err.Error()}
	}
	if in.parallel > 0 {
		for i := range inv.Stages {
			inv.Stages[i].Parallel = in.parallel
		}
	}
	return inv, hosts, nil
}

// hostCalled finds a host by its name, for a command.
func (in *invocation) hostCalled(inv *inventory.Inventory, name, command string) (inventory.Host, error) {
	if h, ok := inv.HostByName(name); ok {
		return h, nil
	}
	var names []string
	for _, h := range inv.Hosts {
		names = append(names, h.Name)
	}
	e := &usageError{what: in.display(inv.Path) + " has no host called " + quoted(name), command: command}
	if near := nearest(name, names); near != "" {
		e.hint = "did you mean " + near + "?"
	}
	return inventory.Host{}, e
}

// inventoryPath is --file, else $NIXDEPLOY_INVENTORY, else found upwards.
func (in *invocation) inventoryPath() (string, error) {
	named := in.file
	if named == "" {
		named = in.getenv("NIXDEPLOY_INVENTORY")
	}
	if named == "" {
		return in.discover()
	}
	if !filepath.IsAbs(named) {
		named = filepath.Join(in.Dir, named)
	}
	info, err := os.Stat(named)
	if err != nil {
		return "", &usageError{what: "the inventory cannot be read: " + err.Error()}
	}
	return named, in.trusted(named, info, false)
}

// discover walks up from the working directory to the first hosts.toml, as
// far as $HOME, the border of the file system, or /.
func (in *invocation) discover() (string, error) {
	start, err := in.workDir()
	if err != nil {
		return "", &usageError{what: "the working directory cannot be read: " + err.Error(), hint: "name the inventory: --file FILE"}
	}
	device, known := deviceOf(start)
	for dir := start; ; dir = filepath.Dir(dir) {
		if d, ok := deviceOf(dir); dir != start && (!known || !ok || d != device) {
			break
		}
		path := filepath.Join(dir, inventoryName)
		info, err := os.Stat(path)
		if err == nil {
			return in.found(path, info, dir == start)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", &usageError{what: "the inventory cannot be read: " + err.Error()}
		}
		if dir == filepath.Clean(in.getenv("HOME")) || dir == filepath.Dir(dir) {
			break
		}
	}
	return "", &usageError{
		what: "no " + inventoryName + " here or in a folder above",
		hint: "go to the fleet's folder, or name the file: --file FILE",
	}
}

func (in *invocation) found(path string, info fs.FileInfo, here bool) (string, error) {
	if err := in.trusted(path, info, true); err != nil {
		return "", err
	}
	if here {
		return path, nil
	}
	in.tell("using " + in.err.Clean(in.display(path)) + "\n")
	return path, nil
}

// trusted refuses an inventory that others could have written: it names
// machines, and commands that run on them as root. A file that was named has
// its owner's trust already; one that was merely found has not.
func (in *invocation) trusted(path string, info fs.FileInfo, found bool) error {
	shown := in.display(path)
	if info.Mode().Perm()&0o002 != 0 {
		return &usageError{
			what: shown + " can be written by everybody on this machine, and it says what runs on the hosts as root",
			hint: shellLine("chmod", "o-w", shown),
		}
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if found && ok && owner.Uid != 0 && int(owner.Uid) != os.Geteuid() {
		return &usageError{
			what: fmt.Sprintf("%s belongs to another user (uid %d), and it says what runs on the hosts as root", shown, owner.Uid),
			hint: "read it; to use it all the same, name it: --file " + shellWord(shown),
		}
	}
	return nil
}

func deviceOf(dir string) (uint64, bool) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return uint64(st.Dev), true //nolint:unconvert // 32 bits on darwin
}
