package inventory

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// SelectionError is a selector that means nothing in this inventory. It is an
// error of usage: no host was contacted.
type SelectionError struct {
	What string
	Hint string
}

func (e *SelectionError) Error() string {
	if e.Hint == "" {
		return e.What
	}
	return e.What + " (" + e.Hint + ")"
}

// Select gives the hosts that on and stage choose, in the inventory's order.
//
// Each element of on is a list of selectors, separated by commas: a name, a
// glob (web-*), a tag (@eu, also as a glob), or one of these behind a '!',
// which takes hosts away, wherever it stands. Only negations mean all hosts
// but those. No selector at all means all hosts; an empty stage, all stages.
//
// Every selector must match a host of the inventory, since a slip in one
// would deploy to too few hosts, or with '!' to too many. The error joins one
// *SelectionError for each problem; a selection of no host is one.
func Select(inv *Inventory, on []string, stage string) ([]Host, error) {
	var errs []error
	if _, ok := inv.StageByName(stage); stage != "" && !ok {
		names := stageNames(inv)
		errs = append(errs, &SelectionError{fmt.Sprintf("there is no stage called %q", stage), didYouMean(stage, "stages", names)})
	}
	var with, without []matcher
	for _, term := range splitTerms(on) {
		bare, negated := strings.CutPrefix(term, "!")
		m, err := newMatcher(inv, bare)
		switch {
		case err != nil:
			errs = append(errs, err)
		case negated:
			without = append(without, m)
		default:
			with = append(with, m)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	var out []Host
	for _, h := range inv.Hosts {
		if (stage == "" || h.Stage == stage) && (len(with) == 0 || anyMatch(with, h)) && !anyMatch(without, h) {
			out = append(out, h)
		}
	}
	if len(out) == 0 {
		return nil, nothingSelected(inv, on, stage)
	}
	return out, nil
}

func splitTerms(on []string) []string {
	var out []string
	for _, o := range on {
		for term := range strings.SplitSeq(o, ",") {
			out = append(out, strings.TrimSpace(term))
		}
	}
	return out
}

// matcher tells whether one selector, without its '!', means a host.
type matcher func(h Host) bool

func anyMatch(ms []matcher, h Host) bool {
	return slices.ContainsFunc(ms, func(m matcher) bool { return m(h) })
}

// newMatcher reads a selector and makes sure that it matches some host.
func newMatcher(inv *Inventory, term string) (matcher, error) {
	pattern, isTag := strings.CutPrefix(term, "@")
	if pattern == "" || strings.HasPrefix(pattern, "!") || isTag && strings.HasPrefix(pattern, "@") {
		return nil, &SelectionError{fmt.Sprintf("%q is not a selector", term), "a name, web-*, @tag, or !name to leave out; separated by commas"}
	}
	same := func(s string) bool { return s == pattern }
	if strings.ContainsAny(pattern, `*?[\`) {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, &SelectionError{fmt.Sprintf("%q is not a glob", pattern), "a '[' wants its ']'"}
		}
		same = func(s string) bool {
			ok, err := path.Match(pattern, s)
			return err == nil && ok
		}
	}
	m := func(h Host) bool { return same(h.Name) }
	if isTag {
		m = func(h Host) bool { return slices.ContainsFunc(h.Tags, same) }
	}
	if slices.ContainsFunc(inv.Hosts, m) {
		return m, nil
	}
	return nil, unknownSelector(inv, pattern, isTag)
}

func unknownSelector(inv *Inventory, pattern string, isTag bool) error {
	what, plural, names := "host", "hosts", hostNames(inv.Hosts)
	if isTag {
		what, plural, names = "tag", "tags", tagNames(inv)
	}
	hint := didYouMean(pattern, plural, names)
	switch {
	case !isTag && slices.Contains(tagNames(inv), pattern):
		hint = fmt.Sprintf("a tag is written @%s", pattern)
	case !isTag && slices.Contains(stageNames(inv), pattern):
		hint = fmt.Sprintf("a stage is chosen by --stage %s", pattern)
	case isTag && slices.Contains(hostNames(inv.Hosts), pattern):
		hint = fmt.Sprintf("a host is written without @: %s", pattern)
	case strings.HasPrefix(hint, "did you mean"):
		hint += " " + listNames(plural, names)
	}
	if strings.ContainsAny(pattern, `*?[\`) {
		return &SelectionError{fmt.Sprintf("no %s matches %q", what, pattern), hint}
	}
	return &SelectionError{fmt.Sprintf("there is no %s called %q", what, pattern), hint}
}

func nothingSelected(inv *Inventory, on []string, stage string) error {
	where, hosts := "", inv.Hosts
	if stage != "" {
		where = " of stage " + stage
		hosts = slices.DeleteFunc(slices.Clone(hosts), func(h Host) bool { return h.Stage != stage })
	}
	return &SelectionError{
		What: fmt.Sprintf("no host%s is selected by %q", where, strings.Join(on, ",")),
		Hint: listNames("hosts"+where, hostNames(hosts)),
	}
}

func hostNames(hosts []Host) []string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	return names
}

func stageNames(inv *Inventory) []string {
	names := make([]string, len(inv.Stages))
	for i, s := range inv.Stages {
		names[i] = s.Name
	}
	return names
}

func tagNames(inv *Inventory) []string {
	set := map[string]bool{}
	for _, h := range inv.Hosts {
		for _, t := range h.Tags {
			set[t] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
