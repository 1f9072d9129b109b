package view

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// changes is which hosts of a plan are alike: their changes bring the same.
type changes struct {
	// key tells the changes of hosts apart, by host; "" where nothing is told of
	// what a change brings.
	key map[string]string
	// notes are, by key, those that all its hosts have and no other host: they are
	// told with the change.
	notes map[string][]string
	told  map[string]bool // all of notes
}

// changesOf compares the hosts of a plan. The time that it takes grows with the
// hosts, not with their square.
func changesOf(hosts []deploy.HostPlan) changes {
	c := changes{key: make(map[string]string, len(hosts)), notes: map[string][]string{}, told: map[string]bool{}}
	short := map[string]string{"": ""}
	for _, h := range hosts {
		long := changeKey(h)
		if _, met := short[long]; !met {
			short[long] = strconv.Itoa(len(short))
		}
		c.key[h.Host] = short[long]
	}
	c.share(hosts)
	return c
}

func (c changes) keyOf(h deploy.HostPlan) string { return c.key[h.Host] }

// share finds the notes that belong to a change.
func (c changes) share(hosts []deploy.HostPlan) {
	type place struct{ key, note string }
	size, with, all := map[string]int{}, map[place]int{}, map[string]int{}
	var places []place
	for _, h := range hosts {
		key := c.keyOf(h)
		size[key]++
		for _, n := range h.Notes {
			at := place{key, n}
			if with[at] == 0 {
				places = append(places, at)
			}
			with[at]++
			all[n]++
		}
	}
	for _, at := range places {
		if n := with[at]; at.key != "" && n == size[at.key] && n == all[at.note] {
			c.notes[at.key] = append(c.notes[at.key], at.note)
			c.told[at.note] = true
		}
	}
}

// alikeHosts lists the names of hosts whose changes bring the same.
func alikeHosts(hosts []deploy.HostPlan) [][]string {
	out := [][]string{}
	for _, group := range together(hosts, changesOf(hosts).keyOf) {
		var names []string
		for _, h := range group {
			names = append(names, h.Host)
		}
		out = append(out, names)
	}
	return out
}

// changeKey is all that is told of what a change of a host brings; "" when
// nothing is. The name of a host is no part of it, and neither are bytes below
// what is shown: /etc/hostname is longer on some.
func changeKey(h deploy.HostPlan) string {
	if h.Change != deploy.ChangeSwitch {
		return ""
	}
	var key strings.Builder
	add := func(label string, items []string) {
		if len(items) > 0 {
			key.WriteString("\x00" + label + "\x00" + strings.Join(items, "\x00"))
		}
	}
	if d := h.Difference; d != nil {
		key.WriteString(closure(d))
		for _, c := range d.Packages {
			key.WriteString("\x00" + packageItem(c, true))
		}
		if d.Units != nil {
			add(unitsLabel, unitItems(d.Units))
		}
	}
	add("build", storeNames(h.Build))
	add("fetch", storeNames(h.Fetch))
	if key.Len() > 0 {
		fmt.Fprintf(&key, "\x00%s %s", size(h.Transfer.Download), size(h.Transfer.Unpacked))
	}
	return key.String()
}
