package view

import (
	"slices"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// differences tells what the changes bring, each distinct one once, with the
// hosts that it is about:
//
//	web1, alike: web2 web3 · closure 1.8 GiB, 86.2 MiB more
//	  packages  nginx 1.27.4 -> 1.28.0, + brotli 1.1.0, - apache-httpd 2.4.63
//	  units     (dry-activate's estimate) restart nginx.service, php-fpm.service
func (s Style) differences(hosts []deploy.HostPlan, c changes) string {
	hint := allHint
	var b strings.Builder
	for _, group := range together(hosts, c.keyOf) {
		b.WriteString(s.hang("  ", s.alike(group)))
		b.WriteString(s.changeLines(group[0], c.notes[c.keyOf(group[0])], mostLines, &hint))
	}
	return b.String()
}

// allHint stands behind the first list that is cut; once is enough.
const allHint = " (--verbose shows all)"

// changeLines writes the lists of what the change of h brings, each in at most so
// many lines, and the notes that all hosts of that change have.
func (s Style) changeLines(h deploy.HostPlan, notes []string, most int, hint *string) string {
	var b strings.Builder
	for _, l := range changeLists(h, s.All) {
		if l.label == unitsLabel {
			l.lead = "(dry-activate's estimate)"
			if most == 1 {
				l.lead = "(estimate)"
			}
		}
		text, cut := s.list("    "+pad(l.label, 10), l, most, *hint)
		if cut {
			*hint = ""
		}
		b.WriteString(text)
	}
	for _, n := range notes {
		b.WriteString(s.hang("    "+pad("note", 10), s.Clean(n)))
	}
	return b.String()
}

// mostLines is how many lines one list may take where it is not asked for whole.
const mostLines = 4

// alike names the hosts of one difference, with what fits beside them.
func (s Style) alike(group []deploy.HostPlan) string {
	h := group[0]
	line := s.Clean(h.Host)
	if len(group) > 1 {
		var others []string
		for _, other := range group[1:] {
			others = append(others, other.Host)
		}
		line += ", alike: " + s.names(others, s.room(group, 12))
	}
	if d := h.Difference; d != nil {
		line += s.dot() + closure(d)
	}
	if t := h.Transfer; t.Unpacked > 0 {
		line += s.dot() + "fetches " + size(t.Download) + ", " + size(t.Unpacked) + " unpacked"
	}
	return line
}

func closure(d *deploy.Difference) string {
	text := "closure " + size(d.NewSize)
	switch grown := d.NewSize - d.OldSize; {
	case grown > 0:
		text += ", " + size(grown) + " more"
	case grown < 0:
		text += ", " + size(-grown) + " less"
	}
	return text
}

// grows words by how many bytes something grows.
func grows(n int64) string {
	if n < 0 {
		return "-" + size(-n)
	}
	return "+" + size(n)
}

// changeList is one list of what a change brings, as it is before it is shown:
// not clean.
type changeList struct {
	label string
	lead  string // stands before the items
	items []string
}

// unitsLabel is the label of what dry-activate said.
const unitsLabel = "units"

// changeLists is what a change of a host brings. detailed: with the size of each
// package.
func changeLists(h deploy.HostPlan, detailed bool) []changeList {
	var lists []changeList
	add := func(l changeList) {
		if len(l.items) > 0 {
			lists = append(lists, l)
		}
	}
	if d := h.Difference; d != nil {
		add(changeList{label: "packages", items: packages(d.Packages, detailed)})
		if d.Units != nil {
			add(changeList{label: unitsLabel, items: unitItems(d.Units)})
		}
	}
	add(changeList{label: "build", items: storeNames(h.Build)})
	add(changeList{label: "fetch", items: storeNames(h.Fetch)})
	return lists
}

// toplevelName is what a toplevel's store path is called, before the host's name.
const toplevelName = "nixos-system"

// packages words each package of a difference, the most telling first.
func packages(changes []deploy.PackageChange, detailed bool) []string {
	sorted := slices.Clone(changes)
	slices.SortStableFunc(sorted, byTelling)
	items := make([]string, len(sorted))
	for i, c := range sorted {
		items[i] = packageItem(c, detailed)
	}
	return items
}

// packageItem words one package as Nix does: "nginx 1.27.4 -> 1.28.0".
func packageItem(c deploy.PackageChange, detailed bool) string {
	name := withoutHost(c.Name)
	switch {
	case len(c.Old)+len(c.New) == 0:
		return name + " " + grows(c.Bytes)
	case len(c.Old) == 0:
		name = "+ " + strings.TrimSpace(name+" "+versions(c.New, ""))
	case len(c.New) == 0:
		name = "- " + strings.TrimSpace(name+" "+versions(c.Old, ""))
	default:
		name += " " + versions(c.Old, "no version") + " -> " + versions(c.New, "no version")
	}
	if detailed && c.Bytes != 0 {
		name += " (" + grows(c.Bytes) + ")"
	}
	return name
}

// versions words the versions of one side; none is for a package without one.
func versions(list []string, none string) string {
	var known []string
	for _, v := range list {
		if v != noVersion {
			known = append(known, v)
		} else if none != "" {
			known = append(known, none)
		}
	}
	return strings.Join(known, ",")
}

// noVersion is how Nix writes the version of a package without one.
const noVersion = "ε"

// withoutHost leaves the host's own name out of a toplevel's: it would keep
// hosts apart that are alike.
func withoutHost(name string) string {
	if strings.HasPrefix(name, toplevelName+"-") {
		return toplevelName
	}
	return name
}

// unitVerb is what a switch does to units.
type unitVerb struct {
	verb  string
	units []string
}

// unitVerbs sorts what dry-activate said by what interrupts most. A unit that is
// stopped and started is one that restarts.
func unitVerbs(u *deploy.UnitChanges) []unitVerb {
	restarts := u.Restarts()
	others := func(units []string) (left []string) {
		for _, unit := range units {
			if !slices.Contains(restarts, unit) {
				left = append(left, unit)
			}
		}
		return left
	}
	var verbs []unitVerb
	for _, v := range []unitVerb{{"restart", restarts}, {"stop", others(u.Stop)}, {"start", others(u.Start)}, {"reload", others(u.Reload)}} {
		if len(v.units) > 0 {
			verbs = append(verbs, v)
		}
	}
	return verbs
}

// unitItems words what a switch does to units: the verb stands before the first.
func unitItems(u *deploy.UnitChanges) []string {
	verbs := unitVerbs(u)
	if len(u.Kept) > 0 {
		verbs = append(verbs, unitVerb{"changed but not restarted:", u.Kept})
	}
	var items []string
	if u.Manager {
		items = append(items, "restart systemd itself")
	}
	for _, v := range verbs {
		for i, unit := range v.units {
			if i == 0 {
				unit = v.verb + " " + unit
			}
			items = append(items, unit)
		}
	}
	if items == nil {
		return []string{"none"}
	}
	return items
}

// storeNames are the names of store paths or derivations without hash, those
// with a version first. Nix prints them by hash, which differs from host to host.
func storeNames(paths []string) []string {
	var names []string
	for _, path := range paths {
		_, name, ok := strings.Cut(path[strings.LastIndexByte(path, '/')+1:], "-")
		if ok && name != "" {
			names = append(names, withoutHost(strings.TrimSuffix(name, ".drv")))
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := unversioned(a) - unversioned(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

func unversioned(name string) int {
	for i := range len(name) - 1 {
		if name[i] == '-' && '0' <= name[i+1] && name[i+1] <= '9' {
			return 0
		}
	}
	return 1
}
