package inventory

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func selectionFleet() *Inventory {
	host := func(stage, name string, tags ...string) Host { return Host{Name: name, Stage: stage, Tags: tags} }
	return &Inventory{
		Stages: []Stage{{Name: "dev"}, {Name: "prod"}},
		Hosts: []Host{
			host("dev", "dev-1", "eu"), host("prod", "db-1", "db", "eu"), host("prod", "web-1", "eu", "web"), host("prod", "web-2", "us", "web"),
		},
	}
}

func TestSelect(t *testing.T) {
	tests := []struct {
		on    []string
		stage string
		want  string
	}{
		{nil, "", "dev-1 db-1 web-1 web-2"},
		{nil, "prod", "db-1 web-1 web-2"},
		{[]string{"web-2"}, "", "web-2"},
		{[]string{"web-2", "dev-1"}, "", "dev-1 web-2"},
		{[]string{"web-2, dev-1"}, "", "dev-1 web-2"},
		{[]string{"web-2,web-2"}, "", "web-2"},
		{[]string{"web-*"}, "", "web-1 web-2"},
		{[]string{"*-[12]"}, "prod", "db-1 web-1 web-2"},
		{[]string{"???-1"}, "", "dev-1 web-1"},
		{[]string{"@eu"}, "", "dev-1 db-1 web-1"},
		{[]string{"@eu"}, "prod", "db-1 web-1"},
		{[]string{"@w*"}, "", "web-1 web-2"},
		{[]string{"!web-1"}, "", "dev-1 db-1 web-2"},
		{[]string{"!@eu"}, "", "web-2"},
		{[]string{"!web-*", "!dev-1"}, "", "db-1"},
		{[]string{"@eu,!web-1"}, "", "dev-1 db-1"},
		{[]string{"!web-1", "@eu"}, "", "dev-1 db-1"},
		{[]string{"*", "!@db"}, "prod", "web-1 web-2"},
	}
	for _, tt := range tests {
		got, err := Select(selectionFleet(), tt.on, tt.stage)
		if err != nil {
			t.Errorf("%q in %q: %v", tt.on, tt.stage, err)
		} else if names := strings.Join(hostNames(got), " "); names != tt.want {
			t.Errorf("%q in %q: %s, want %s", tt.on, tt.stage, names, tt.want)
		}
	}
}

func TestSelectRefuses(t *testing.T) {
	tests := []struct {
		on    string
		stage string
		want  string
	}{
		{"wbe-1", "", `there is no host called "wbe-1" (did you mean "web-1"? hosts: dev-1, db-1, web-1, web-2)`},
		{"zzz", "", `there is no host called "zzz" (hosts: dev-1, db-1, web-1, web-2)`},
		{"!wbe-1", "", `there is no host called "wbe-1" (did you mean "web-1"?`},
		{"@ue", "", `there is no tag called "ue" (did you mean "eu"? tags: db, eu, us, web)`},
		{"web", "", `there is no host called "web" (a tag is written @web)`},
		{"@web-1", "", `there is no tag called "web-1" (a host is written without @: web-1)`},
		{"prod", "", `there is no host called "prod" (a stage is chosen by --stage prod)`},
		{"mail-*", "", `no host matches "mail-*" (hosts: dev-1`},
		{"web-1,mail-*", "", `no host matches "mail-*"`},
		{"web-[", "", `"web-[" is not a glob`},
		{"", "", `"" is not a selector`},
		{"web-1,", "", `"" is not a selector`},
		{"!", "", `"" is not a selector`},
		{"!!web-1", "", `"!web-1" is not a selector`},
		{"@", "", `"@" is not a selector`},
		{"@@eu", "", `"@@eu" is not a selector`},
		{"web-1,!web-1", "", `no host is selected by "web-1,!web-1"`},
		{"dev-1", "prod", `no host of stage prod is selected by "dev-1" (hosts of stage prod: db-1, web-1, web-2)`},
		{"web-1", "prd", `there is no stage called "prd" (did you mean "prod"?)`},
	}
	for _, tt := range tests {
		_, err := Select(selectionFleet(), []string{tt.on}, tt.stage)
		var sel *SelectionError
		if !errors.As(err, &sel) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q in %q:\ngot  %v\nwant %s", tt.on, tt.stage, err, tt.want)
		}
	}
}

func TestSelectReportsEverySlip(t *testing.T) {
	_, err := Select(selectionFleet(), []string{"wbe-1,@ue"}, "prd")
	if err == nil || strings.Count(err.Error(), "there is no") != 3 {
		t.Errorf("got %v", err)
	}
}

// A fleet of thousands is not spelt out in a hint.
func TestLongListsAreCut(t *testing.T) {
	inv := mustParse(t, fleetOf(500))
	_, err := Select(inv, []string{"zzz"}, "")
	if err == nil || !strings.Contains(err.Error(), "... and 488 more") || len(err.Error()) > 300 {
		t.Errorf("got %v", err)
	}
	if _, err := Select(mustParse(t, small), []string{"@x"}, ""); err == nil || !strings.Contains(err.Error(), "there are no tags") {
		t.Errorf("got %v", err)
	}
	var one *SelectionError
	if _, err := Select(mustParse(t, small), nil, "x"); !errors.As(err, &one) || one.What != `there is no stage called "x"` || one.Hint != "stages: dev" {
		t.Errorf("got %v", err)
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"address", "port", "user", "identity_files", "stage", "stages"}
	for got, want := range map[string]string{
		"adress": "address", "Port": "port", "prot": "port", "identity-files": "identity_files", "identiy_file": "identity_files",
		"stages": "stages", "usr": "user", "x": "", "zzzz": "", "": "", "production": "", strings.Repeat("a", 10_000): "",
	} {
		if n := nearest(got, keys); n != want {
			t.Errorf("nearest to %.20q is %q, want %q", got, n, want)
		}
	}
	if n := nearest("production", []string{"dev", "prod"}); n != "prod" {
		t.Errorf("nearest to production is %q", n)
	}
	if d := [3]int{editDistance("ab", "ba"), editDistance("", "abc"), editDistance("kitten", "sitting")}; !cmp.Equal(d, [3]int{1, 3, 3}) {
		t.Errorf("distances %v", d)
	}
}
