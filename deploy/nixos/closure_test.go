package nixos

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestNamesSplitAsNixSplitsThem(t *testing.T) {
	for name, want := range map[string][2]string{
		"hello-2.12.1":                           {"hello", "2.12.1"},
		"openssl-3.0.13-bin":                     {"openssl", "3.0.13"},
		"gcc-13.2.0-lib":                         {"gcc", "13.2.0"},
		"glibc-2.39-52-lib32":                    {"glibc", "2.39-52"},
		"foo-unstable-2024-01-01":                {"foo-unstable", "2024-01-01"},
		"unit-app.service":                       {"unit-app.service", ""},
		"etc":                                    {"etc", ""},
		"system-path":                            {"system", ""},
		"nixos-system-web1-24.11.20241201.abcde": {"nixos-system-web1", "24.11.20241201.abcde"},
		"linux-6.6.63-modules":                   {"linux", "6.6.63"},
		"linux-6.6.63-modules-shrunk":            {"linux", "6.6.63-modules"},
		"source-":                                {"source-", ""},
		"X-Restart-Triggers-nginx":               {"X-Restart-Triggers", ""},
		"perl5.38.2-Foo-Bar":                     {"perl5.38.2-Foo-Bar", ""},
		"kernel-modules-":                        {"kernel-modules-", ""},
		"a--b":                                   {"a-", ""},
		"-1":                                     {"", "1"},
		"gtk+-3.24.38":                           {"gtk+", "3.24.38"},
		"libfoo-_2":                              {"libfoo", "_2"},
		"x-é1":                                   {"x", "é1"},
	} {
		pkg, version := splitName(name)
		if got := [2]string{pkg, version}; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func both(name string, bytes int64) storeItem {
	return storeItem{name: name, bytes: bytes, from: true, to: true}
}
func goes(name string, bytes int64) storeItem {
	return storeItem{name: name, bytes: bytes, from: true}
}
func comes(name string, bytes int64) storeItem { return storeItem{name: name, bytes: bytes, to: true} }

func TestPackagesAreComparedAsDiffClosuresDoes(t *testing.T) {
	none := []string{}
	for _, c := range []struct {
		name  string
		items []storeItem
		want  []deploy.PackageChange
	}{
		{"nothing differs", []storeItem{both("hello-1.0", 100)}, []deploy.PackageChange{}},
		{"a new version", []storeItem{goes("hello-1.1", 101000), comes("hello-1.2", 201000)},
			[]deploy.PackageChange{{Name: "hello", Old: []string{"1.1"}, New: []string{"1.2"}, Bytes: 100000}}},
		{"of several versions, those that changed", []storeItem{both("lib-1", 5), goes("lib-2", 5), goes("lib-3", 5), comes("lib-4", 5)},
			[]deploy.PackageChange{{Name: "lib", Old: []string{"2", "3"}, New: []string{"4"}, Bytes: -5}}},
		{"added", []storeItem{comes("x-2.0", 2000000)}, []deploy.PackageChange{{Name: "x", Old: none, New: []string{"2.0"}, Bytes: 2000000}}},
		{"removed", []storeItem{goes("x-1.0", 20000)}, []deploy.PackageChange{{Name: "x", Old: []string{"1.0"}, New: none, Bytes: -20000}}},
		{"added without a version", []storeItem{comes("unit-app.service", 300)},
			[]deploy.PackageChange{{Name: "unit-app.service", Old: none, New: []string{"ε"}, Bytes: 300}}},
		{"an empty version sorts last, as its sign does", []storeItem{goes("tool", 1), goes("tool-2", 1)},
			[]deploy.PackageChange{{Name: "tool", Old: []string{"2", "ε"}, New: none, Bytes: -2}}},
		{"rebuilt, and a byte below the threshold", []storeItem{goes("etc", 100), comes("etc", 100+8191)}, []deploy.PackageChange{}},
		{"rebuilt, at the threshold", []storeItem{goes("etc", 100), comes("etc", 100+8192)},
			[]deploy.PackageChange{{Name: "etc", Old: none, New: none, Bytes: 8192}}},
		{"rebuilt, and smaller by the threshold", []storeItem{goes("etc", 100+8192), comes("etc", 100)},
			[]deploy.PackageChange{{Name: "etc", Old: none, New: none, Bytes: -8192}}},
		{"an output that comes is the package's size", []storeItem{both("a-1", 5), comes("a-1-doc", 9000)},
			[]deploy.PackageChange{{Name: "a", Old: none, New: none, Bytes: 9000}}},
		{"by name", []storeItem{comes("b-1", 1), comes("a-1", 1), comes("B-1", 1)},
			[]deploy.PackageChange{{Name: "B", Old: none, New: []string{"1"}, Bytes: 1}, {Name: "a", Old: none, New: []string{"1"}, Bytes: 1}, {Name: "b", Old: none, New: []string{"1"}, Bytes: 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, from, to := packageChanges(c.items)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			var wantFrom, wantTo int64
			for _, i := range c.items {
				if i.from {
					wantFrom += i.bytes
				}
				if i.to {
					wantTo += i.bytes
				}
			}
			if from != wantFrom || to != wantTo {
				t.Errorf("sizes %d and %d, want %d and %d", from, to, wantFrom, wantTo)
			}
		})
	}
}
