package flake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/inventory"
)

// adopted is what lies in hosts/HOST beside hosts.toml.
type adopted struct {
	facts    *Facts // nil when there are none
	hardware bool   // there is a hardware.nix
}

// adoptedHosts reads hosts/HOST/{facts.json,hardware.nix} of every host of inv,
// as far as they are there, and gives the files for the flake, too.
func adoptedHosts(root *os.Root, inv *inventory.Inventory) (map[string]adopted, []File, error) {
	all := map[string]adopted{}
	machines := map[string]string{} // by machine id, the host
	r := newReader(root)
	for _, h := range inv.Hosts {
		var a adopted
		data, err := readPlain(r, FactsPath(h.Name))
		if err != nil {
			return nil, nil, err
		}
		if data != nil {
			facts, err := ReadFacts(FactsPath(h.Name), data)
			if err != nil {
				return nil, nil, err
			}
			if err := checkFacts(h, facts); err != nil {
				return nil, nil, err
			}
			if other, twice := machines[facts.MachineID]; twice && facts.MachineID != "" {
				return nil, nil, &Refusal{
					What: fmt.Sprintf("%s is of the same machine as %s", FactsPath(h.Name), FactsPath(other)),
					Hint: "one machine is one host: remove the folder that was copied, and adopt that host",
				}
			}
			machines[facts.MachineID] = h.Name
			a.facts = &facts
		}
		if data, err = readPlain(r, HardwarePath(h.Name)); err != nil {
			return nil, nil, err
		}
		a.hardware = data != nil
		all[h.Name] = a
	}
	files, err := withoutMachineIDs(r.files, all)
	return all, files, err
}

// readPlain adds a file to r's, and returns what it holds; nil when there is no
// such file.
func readPlain(r *reader, name string) ([]byte, error) {
	before := len(r.files)
	err := r.read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	f := r.files[before]
	if f.Link != "" {
		return nil, &Refusal{What: name + " is a symbolic link", Hint: "put the file itself there"}
	}
	if f.Data == nil {
		return []byte{}, nil
	}
	return f.Data, nil
}

// withoutMachineIDs takes the machine ids out of facts.json: nothing in Nix
// needs them, and machine-id(5) wants them kept from strangers, while a flake
// ends in the world-readable store of every host.
func withoutMachineIDs(files []File, all map[string]adopted) ([]File, error) {
	for host, a := range all {
		if a.facts == nil {
			continue
		}
		a.facts.MachineID = ""
		data, err := a.facts.Encode()
		if err != nil {
			return nil, err
		}
		file(files, FactsPath(host)).Data = data
	}
	return files, nil
}

// kindOf is the kind of host that a target is for, "" for any.
func kindOf(target string) string {
	switch target {
	case "hetzner", "m1":
		return "machine"
	case "wsl", "container":
		return target
	}
	return ""
}

// checkFacts refuses a target that could not run on the host.
func checkFacts(h inventory.Host, f Facts) error {
	if kind := kindOf(h.Target); kind != "" && kind != f.Kind {
		return &Refusal{
			What: fmt.Sprintf("host %s: target %s does not run there: %s says that it is of kind %s", h.Name, h.Target, FactsPath(h.Name), f.Kind),
			Hint: "choose another target, or adopt the host again if it has changed",
		}
	}
	if h.System != "" && h.System != f.System {
		return &Refusal{
			What: fmt.Sprintf("host %s: system is %s in hosts.toml, and %s in %s", h.Name, h.System, f.System, FactsPath(h.Name)),
			Hint: "remove system from hosts.toml, or adopt the host again if it has changed",
		}
	}
	return nil
}

// checkAdopted refuses hosts that were not adopted and whose target would have
// to guess disks and boot loader.
func checkAdopted(inv *inventory.Inventory, all map[string]adopted) error {
	var hosts, missing []string
	for _, h := range inv.Hosts {
		if kindOf(h.Target) != "machine" {
			continue
		}
		a := all[h.Name]
		if a.facts == nil {
			missing = append(missing, FactsPath(h.Name))
		}
		if !a.hardware {
			missing = append(missing, HardwarePath(h.Name))
		}
		if a.facts == nil || !a.hardware {
			hosts = append(hosts, h.Name)
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	hint := "run: nixdeploy adopt " + hosts[0]
	if others := hosts[1:]; len(others) > 0 {
		slices.Sort(others)
		hint += "; likewise for " + strings.Join(others, ", ")
	}
	return &Refusal{
		What: "without " + strings.Join(missing, ", ") + " the new system would not know disks and boot loader",
		Hint: hint,
	}
}

// withoutDisks warns of hosts of a target of the user's own of which nothing here
// can say where the root file system is. It is no refusal: a host may well say so
// by a way that is not seen here, and if none does, NixOS refuses it untouched.
func withoutDisks(inv *inventory.Inventory, all map[string]adopted) []string {
	var hosts []string
	for _, h := range inv.Hosts {
		a := all[h.Name]
		container := a.facts != nil && a.facts.Kind != "machine"
		if slices.Contains(builtinTargets(), h.Target) || a.hardware || container || len(h.Modules) > 0 || setsDisks(h.Override) {
			continue
		}
		hosts = append(hosts, h.Name)
	}
	if len(hosts) == 0 {
		return nil
	}
	const most = 8
	names := strings.Join(hosts[:min(len(hosts), most)], ", ")
	if more := len(hosts) - most; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return []string{fmt.Sprintf("nothing says where the root file system is of %s: neither a module nor %s; run: nixdeploy adopt %s",
		names, HardwarePath("HOST"), hosts[0])}
}

// setsDisks reports whether o speaks of file systems, or of a machine that mounts
// none by itself.
func setsDisks(o inventory.Override) bool {
	for _, options := range []map[string]any{o.Default, o.Plain, o.Force} {
		for key := range options {
			first, rest, _ := strings.Cut(key, ".")
			if first == "fileSystems" || first == "boot" && (rest == "" || rest == "isContainer") {
				return true
			}
		}
	}
	return false
}
