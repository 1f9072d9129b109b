package simfleet

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// toplevelBytes is the size of every toplevel itself.
const toplevelBytes = 9296

// difference answers difference.sh: NONCE RUN OPERATOR LEASE FROM TO UNITS
// TIMEOUT.
func (q *request) difference() int {
	h := q.host
	from, to, units := h.system(q.arg(3)), h.system(q.arg(4)), q.arg(5) == "yes"
	if to == nil {
		q.say("absent", "yes")
		q.say("end", "difference")
		return 0
	}
	if units && !q.takeLease(q.arg(0), q.arg(1), q.arg(2)) {
		return 0
	}
	if from == nil {
		q.say("fault", "the closure of "+q.arg(3)+" cannot be read")
		return 1
	}
	q.sayClosures(from, to)
	if booted := h.system(h.booted.toplevel); booted != nil && booted.Kernel != to.Kernel && !h.traits.WSL {
		q.say("reboot", "kernel")
	}
	q.sayLines("inhibits-from", from.switchInhibitors())
	q.sayLines("inhibits-to", to.switchInhibitors())
	if h.lacksKernel(to) {
		q.sayNumber("boot-lacks", to.KernelBytes)
	}
	if units {
		q.dryActivate(to)
	}
	q.say("end", "difference")
	return 0
}

func (q *request) sayClosures(from, to *System) {
	old, wanted := from.closure(), to.closure()
	paths := 0
	line := func(where string, bytes int64, name string) {
		paths++
		q.say("path", where, strconv.FormatInt(bytes, 10), name)
	}
	for _, path := range slices.Sorted(maps.Keys(wanted)) {
		where := "to"
		if _, both := old[path]; both {
			where = "both"
		}
		line(where, wanted[path], storeName(path))
	}
	for _, path := range slices.Sorted(maps.Keys(old)) {
		if _, both := wanted[path]; !both {
			line("from", old[path], storeName(path))
		}
	}
	q.say("path", "all", strconv.Itoa(paths), "-")
}

// closure gives the sizes of all store paths of s. Packages of one name and size
// are one path, whichever system has them.
func (s *System) closure() map[string]int64 {
	paths := map[string]int64{s.Toplevel: toplevelBytes}
	for name, bytes := range s.Packages {
		paths[StorePath(strconv.FormatInt(bytes, 10), name)] = bytes
	}
	return paths
}

// storeName is a store path without its folder and its hash.
func storeName(path string) string {
	_, name, _ := strings.Cut(strings.TrimPrefix(path, "/nix/store/"), "-")
	return name
}

// switchInhibitors is the file of that name, which a system that has none lacks.
func (s *System) switchInhibitors() []string {
	if len(s.Inhibitors) == 0 {
		return nil
	}
	text, err := json.Marshal(s.Inhibitors)
	if err != nil {
		panic(err) // strings cannot fail
	}
	return []string{string(text)}
}

// inhibited lists what keeps a host from switching between two systems.
func inhibited(from, to *System) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(to.Inhibitors)) {
		if old, both := from.Inhibitors[name]; both && old != to.Inhibitors[name] {
			lines = append(lines, name+" : "+old+" -> "+to.Inhibitors[name])
		}
	}
	return lines
}

// lacksKernel says that the boot partition has no copy of s's kernel: no
// generation has it.
func (h *Host) lacksKernel(s *System) bool {
	if r := h.reader(); s.KernelBytes == 0 || r == ReaderProfile || r == ReaderUnknown {
		return false
	}
	for _, g := range h.profile.generations {
		if other := h.system(g.toplevel); other != nil && other.Kernel == s.Kernel {
			return false
		}
	}
	return true
}

// dryActivate is `TOPLEVEL/bin/switch-to-configuration dry-activate`.
func (q *request) dryActivate(s *System) {
	h := q.host
	if others := h.foreignSwitches(); len(others) > 0 {
		q.sayLines("foreign", others)
		return
	}
	if s.Unswitchable {
		q.say("unswitchable", "yes")
		return
	}
	if refused := h.refusal(s, "dry-activate"); len(refused) > 0 {
		q.say("dry-activate", "1")
		q.sayLines("would", refused)
		return
	}
	q.say("dry-activate", "0")
	if len(s.Units) > 0 {
		q.say("would", "would stop the following units: "+strings.Join(s.Units, ", "))
	}
	q.say("would", "would activate the configuration...")
	if len(s.Units) > 0 {
		q.say("would", "would start the following units: "+strings.Join(s.Units, ", "))
	}
}

// refusal is what the checks before an action say when they refuse s.
func (h *Host) refusal(s *System, how string) []string {
	var lines []string
	if running := h.system(h.running); running != nil && how != "boot" {
		lines = inhibited(running, s)
	}
	switch {
	case len(lines) > 0:
		lines = append([]string{"Checking switch inhibitors...", "There are changes to critical components of the system:", ""}, lines...)
		lines = append(lines, "", "Pre-switch check 'switchInhibitors' failed")
	case s.CheckFails != "":
		lines = []string{"Pre-switch check '" + s.CheckFails + "' failed"}
	default:
		return nil
	}
	return append(lines, "Pre-switch checks failed")
}
