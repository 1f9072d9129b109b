package inventory

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxDuration bounds every duration: longer ones are slips of the unit.
const maxDuration = 30 * 24 * time.Hour

// text reads a string that is not empty and has no control characters.
func (r *reader) text(n *node) (string, bool) {
	if n.kind != kindString {
		hint := ""
		if n.kind != kindTable && n.kind != kindArray {
			hint = fmt.Sprintf("quote it: %q", n.text)
		}
		r.wrongType(n, "a string", hint)
		return "", false
	}
	if n.text == "" {
		r.bad(n, "remove the key, or give it a value", "an empty string")
		return "", false
	}
	if what := privateKey(n.text); what != "" {
		// Never the text itself: problems end in terminals and logs.
		r.bad(n, "take it out of this file and make a new one: it is as good as published", "this is %s", what)
		return "", false
	}
	if strings.ContainsFunc(n.text, unicode.IsControl) {
		r.bad(n, "", "%q has control characters", n.text)
		return "", false
	}
	return n.text, true
}

// choice reads one of the given words.
func (r *reader) choice(n *node, words ...string) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	if slices.Contains(words, s) {
		return s, true
	}
	hint := ""
	if near := nearest(s, words); near != "" && len(words) > 3 {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	r.bad(n, hint, "%q is not one of %s", s, strings.Join(words, ", "))
	return "", false
}

func (r *reader) boolean(n *node) (bool, bool) {
	if n.kind != kindBool {
		r.wrongType(n, "true or false", unquoteHint(n, n.text == "true" || n.text == "false"))
		return false, false
	}
	return n.text == "true", true
}

// integer reads a whole number from low to high.
func (r *reader) integer(n *node, low, high int64) (int, bool) {
	if n.kind != kindInt {
		_, err := strconv.Atoi(n.text)
		r.wrongType(n, "an integer", unquoteHint(n, err == nil))
		return 0, false
	}
	v, err := parseInteger(n.text)
	switch {
	case err != nil || v > high:
		r.bad(n, "", "%s is too large, at most %d", n.text, high)
	case v < low && low == 0:
		r.bad(n, "", "%s is negative", n.text)
	case v < low:
		r.bad(n, "", "%s is too small, at least %d", n.text, low)
	default:
		return int(v), true
	}
	return 0, false
}

// parseInteger reads an integer in any of TOML's notations.
func parseInteger(literal string) (int64, error) {
	return strconv.ParseInt(strings.ReplaceAll(literal, "_", ""), 0, 64)
}

func parseFloat(literal string) (float64, error) {
	v, err := strconv.ParseFloat(strings.ReplaceAll(literal, "_", ""), 64)
	if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
		err = fmt.Errorf("%s has no counterpart in Nix", literal)
	}
	return v, err
}

func unquoteHint(n *node, fits bool) string {
	if n.kind == kindString && fits {
		return "without quotes: " + n.key + " = " + n.text
	}
	return ""
}

func (r *reader) port(n *node) (int, bool) { return r.integer(n, 1, 65535) }

// duration reads a duration of at least low.
func (r *reader) duration(n *node, low time.Duration) (time.Duration, bool) {
	const hint = `write a number with its unit: "30s", "10m", "1h30m"`
	if n.kind != kindString {
		h := hint
		if n.kind == kindInt || n.kind == kindFloat {
			h = fmt.Sprintf(`add the unit and quotes: %s = "%ss"`, n.key, n.text)
		}
		r.wrongType(n, "a duration", h)
		return 0, false
	}
	d, err := time.ParseDuration(n.text)
	switch {
	case err != nil && strings.HasSuffix(n.text, "d"):
		r.bad(n, `days are no unit here: a day is "24h"`, "%q is not a duration", n.text)
	case err != nil:
		r.bad(n, hint, "%q is not a duration", n.text)
	case d < 0:
		r.bad(n, "", "%q is negative", n.text)
	case d < low:
		r.bad(n, "", "%q is too short, at least %s", n.text, shortDuration(low))
	case d > maxDuration:
		r.bad(n, "", "%q is too long, at most %s", n.text, shortDuration(maxDuration))
	default:
		return d, true
	}
	return 0, false
}

// seconds reads a duration that a guard on a host counts: whole seconds.
func (r *reader) seconds(n *node) (time.Duration, bool) {
	d, ok := r.duration(n, time.Second)
	if ok && d%time.Second != 0 {
		r.bad(n, "", "%q is not a number of whole seconds, which the guard counts in", n.text)
		return 0, false
	}
	return d, ok
}

// share reads a number of hosts or a percentage, at least low of either.
func (r *reader) share(n *node, low int) (Share, bool) {
	const hint = `a number of hosts (2) or a percentage ("25%")`
	if n.kind == kindInt {
		v, ok := r.integer(n, int64(low), math.MaxInt32)
		return Share{Count: v}, ok
	}
	if n.kind != kindString {
		r.wrongType(n, "a number of hosts or a percentage", hint)
		return Share{}, false
	}
	digits, percent := strings.CutSuffix(n.text, "%")
	v, err := strconv.Atoi(digits)
	switch {
	case err == nil && !percent:
		r.bad(n, fmt.Sprintf("for hosts write %d, for a percentage %q", v, digits+"%"), "%q is neither a number nor a percentage", n.text)
	case err != nil || digits[0] == '+':
		r.bad(n, hint, "%q is not a percentage", n.text)
	case v < low || v > 100:
		r.bad(n, "", "%q is out of range, %d%% to 100%%", n.text, low)
	default:
		return Share{Count: v, Percent: true}, true
	}
	return Share{}, false
}

// list reads an array with each, for every element. Repeated values are a problem.
func list[T comparable](r *reader, n *node, what string, each func(*node) (T, bool)) ([]T, bool) {
	if n.kind != kindArray {
		hint := ""
		if n.kind == kindString {
			hint = fmt.Sprintf("put it in brackets: %s = [%q]", n.key, n.text)
		}
		r.wrongType(n, "a list of "+what, hint)
		return nil, false
	}
	out := make([]T, 0, len(n.kids))
	seen := make(map[T]bool, len(n.kids))
	good := true
	for _, e := range n.kids {
		e.key = n.key // for messages
		v, ok := each(e)
		if ok && seen[v] {
			r.bad(e, "remove it", "%v is listed twice", v)
			ok = false
		}
		if !ok {
			good = false
			continue
		}
		seen[v] = true
		out = append(out, v)
	}
	return out, good
}

// shortDuration writes d as people do: 15m, not 15m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
