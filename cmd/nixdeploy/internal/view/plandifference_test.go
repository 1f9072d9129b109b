package view

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

func TestWordsOfAPackage(t *testing.T) {
	for _, c := range []struct {
		c              deploy.PackageChange
		want, detailed string
	}{
		{bumped("nginx", "1.27", "1.28", 12<<10), "nginx 1.27 -> 1.28", "nginx 1.27 -> 1.28 (+12.0 KiB)"},
		{deploy.PackageChange{Name: "lib", Old: []string{"1", "2"}, New: []string{"3"}, Bytes: -mib}, "lib 1,2 -> 3", "lib 1,2 -> 3 (-1.0 MiB)"},
		{deploy.PackageChange{Name: "brotli", New: []string{"1.1"}}, "+ brotli 1.1", "+ brotli 1.1"},
		{deploy.PackageChange{Name: "httpd", Old: []string{"2.4"}}, "- httpd 2.4", "- httpd 2.4"},
		{deploy.PackageChange{Name: "etc", Bytes: -12 << 10}, "etc -12.0 KiB", "etc -12.0 KiB"},
		{deploy.PackageChange{Name: "unit-a.service", New: []string{"ε"}}, "+ unit-a.service", "+ unit-a.service"},
		{deploy.PackageChange{Name: "tool", Old: []string{"2", "ε"}, New: []string{"3"}}, "tool 2,no version -> 3", "tool 2,no version -> 3"},
		{bumped("nixos-system-web1", "25.11", "26.05", 0), "nixos-system 25.11 -> 26.05", "nixos-system 25.11 -> 26.05"},
		{bumped("nixos-tools", "1", "2", 0), "nixos-tools 1 -> 2", "nixos-tools 1 -> 2"},
	} {
		if got := packageItem(c.c, false); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
		if got := packageItem(c.c, true); got != c.detailed {
			t.Errorf("detailed: got %q, want %q", got, c.detailed)
		}
	}
}

func TestTheMostTellingPackagesAreFirst(t *testing.T) {
	got := packages([]deploy.PackageChange{
		{Name: "etc", Bytes: 90 << 10},
		bumped("nixos-system-web1", "25.11", "26.05", 0),
		{Name: "unit-a.service", New: []string{"ε"}, Bytes: 2 * mib},
		bumped("small", "1", "2", 1), bumped("large", "1", "2", -5*mib),
		{Name: "gone", Old: []string{"1"}}, {Name: "come", New: []string{"1"}},
		bumped("openssl", "1", "2", 0), bumped("linux", "6.6", "6.12", mib),
	}, false)
	want := []string{"linux 6.6 -> 6.12", "openssl 1 -> 2", "large 1 -> 2", "small 1 -> 2", "+ come 1", "- gone 1", "etc +90.0 KiB",
		"+ unit-a.service", "nixos-system 25.11 -> 26.05"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWordsOfUnits(t *testing.T) {
	for _, c := range []struct {
		u    deploy.UnitChanges
		want string
	}{
		{deploy.UnitChanges{}, "none"},
		{deploy.UnitChanges{Stop: []string{"a", "b"}, Start: []string{"b", "c"}, Reload: []string{"d", "e"}}, "restart b, stop a, start c, reload d, e"},
		{deploy.UnitChanges{Manager: true, Restart: []string{"z"}, Kept: []string{"k"}}, "restart systemd itself, restart z, changed but not restarted: k"},
	} {
		if got := strings.Join(unitItems(&c.u), ", "); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// What is not shown is counted; with --verbose nothing is left out.
func TestALongListIsCutAndCounted(t *testing.T) {
	var items []string
	for range 100 {
		items = append(items, "item-1.0")
	}
	l := changeList{label: "build", lead: "(lead)", items: items}
	for _, most := range []int{1, 4} {
		got, cut := Style{Width: 60}.list("  build  ", l, most, allHint)
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		left := strings.Count(got, "item-1.0")
		if !cut || len(lines) != most || left < most || !strings.HasPrefix(got, "  build  (lead) item-1.0, ") {
			t.Errorf("in %d lines:\n%s", most, got)
		}
		text := strings.Join(strings.Fields(got), " ")
		if want := "and " + itoa(100-left) + " more (--verbose shows all)"; !strings.HasSuffix(text, want) {
			t.Errorf("%q does not end in %q", text, want)
		}
		for _, line := range lines[1:] {
			if !strings.HasPrefix(line, "         item") && !strings.HasPrefix(line, "         and") {
				t.Errorf("no hanging indent: %q", line)
			}
		}
	}
	if got, cut := (Style{Width: 60, All: true}).list("", l, 1, allHint); cut || strings.Count(got, "item-1.0") != 100 {
		t.Errorf("--verbose leaves out some:\n%s", got)
	}
	if got, cut := (Style{Width: 60}).list("", changeList{items: items[:3]}, 1, allHint); cut || got != "item-1.0, item-1.0, item-1.0\n" {
		t.Errorf("got %q", got)
	}
}

// Names that a host's store holds are text of somebody else.
func TestAPackagesNameIsNoCommandForATerminal(t *testing.T) {
	d := webDifference("web1")
	d.Packages[0].Name = "evil\x1b]0;owned\x07"
	d.Units.Restart = []string{"::error::x.service"}
	p := fivePlan()
	p.Hosts = []deploy.HostPlan{differing("web1", 1, 1, d)}
	p.Hosts[0].Build = []string{"/nix/store/0-b\x1b[2J-1.drv"}
	if got := (Style{}).Plan(p, ""); strings.ContainsAny(got, "\x1b\x07") || strings.Contains(got, " ::error") {
		t.Errorf("got %q", got)
	}
}
