package view

import (
	"cmp"
	"slices"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// corePackages are those that a person looks for first: what every host runs on.
var corePackages = []string{"linux", "systemd", "glibc", "openssl", "openssh", "nix", "sudo"}

// byTelling orders packages: what every host runs on, then those of another
// version, those that come, those that go, those that are only larger or smaller,
// and what has no version, like units and files of /etc. Among each the largest
// change is first.
func byTelling(a, b deploy.PackageChange) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(max(b.Bytes, -b.Bytes), max(a.Bytes, -a.Bytes)), cmp.Compare(a.Name, b.Name))
}

func rank(c deploy.PackageChange) int {
	old, wanted := versions(c.Old, "") != "", versions(c.New, "") != ""
	switch {
	case withoutHost(c.Name) == toplevelName:
		return 6
	case !old && !wanted && len(c.Old)+len(c.New) > 0:
		return 5
	case !old && !wanted:
		return 4
	case slices.Contains(corePackages, c.Name):
		return 0
	case old && wanted:
		return 1
	case wanted:
		return 2
	}
	return 3
}
