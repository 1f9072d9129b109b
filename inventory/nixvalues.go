package inventory

import (
	"regexp"
	"strings"
)

// timeZone reads the name of a time zone, as NixOS links /etc/localtime to it.
func (r *reader) timeZone(n *node) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	if _, err := parseZone(s); err != nil || !zoneNamePattern.MatchString(s) {
		r.bad(n, `such as "Europe/Amsterdam" or "UTC"`, "%q is no time zone", s)
		return "", false
	}
	return s, true
}

var (
	zoneNamePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)
	// localePattern is language_TERRITORY.CHARSET@modifier, as glibc names them.
	localePattern = regexp.MustCompile(`^(?:C|POSIX|[a-z]{2,3}(?:_[A-Z]{2})?)(?:\.[A-Za-z0-9-]+)?(?:@[a-z]+)?$`)
)

func (r *reader) locale(n *node) (string, bool) {
	s, ok := r.text(n)
	if ok && !localePattern.MatchString(s) {
		hint := `such as "en_US.UTF-8"`
		if fixed := strings.Replace(s, "-", "_", 1); localePattern.MatchString(fixed) {
			hint = "did you mean \"" + fixed + "\"?"
		}
		r.bad(n, hint, "%q is no locale", s)
		return "", false
	}
	return s, ok
}

// packagePath reads where a package is below pkgs: htop, python3Packages.requests.
func (r *reader) packagePath(n *node) (string, bool) {
	s, ok := r.text(n)
	if !ok {
		return "", false
	}
	rest, found := strings.CutPrefix(s, "pkgs.")
	if !found {
		rest, found = strings.CutPrefix(s, "nixpkgs#")
	}
	if found {
		r.bad(n, "without what comes before: \""+rest+"\"", "%q is not a package's attribute path", s)
		return "", false
	}
	parts, err := SplitAttrPath(s)
	if err != nil {
		r.bad(n, `such as "htop" or "python3Packages.requests"`, "%v", err)
		return "", false
	}
	return JoinAttrPath(parts), true // one way to write it, so that doubles show
}
