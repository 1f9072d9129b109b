package nixos

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// The wordings of Nix from 2.3 to 2.34 (contract 5.1).
func TestDryBuildReadsEveryWording(t *testing.T) {
	none := deploy.Transfer{}
	const a, b, c = "/nix/store/aaa-etc.drv", "/nix/store/bbb-system.drv", "/nix/store/ccc-nginx-1.26.1"
	for _, x := range []struct {
		name, text   string
		build, fetch []string
		transfer     deploy.Transfer
	}{
		{"nothing to do", "building the system configuration...", nil, nil, none},
		{"one", "this derivation will be built:\n  " + a, []string{a}, nil, none},
		{"counted", "building the system configuration...\nthese 2 derivations will be built:\n  " + a + "\n  " + b, []string{a, b}, nil, none},
		{"2.3 does not count", "these derivations will be built:\n  " + a + "\nthese paths will be fetched (0.00 MiB download, 34.01 MiB unpacked):\n  " + c, []string{a}, []string{c}, deploy.Transfer{Unpacked: 35662070}},
		{"one path", "this path will be fetched (5.32 MiB download, 34.01 MiB unpacked):\n  " + c, nil, []string{c}, deploy.Transfer{Download: 5578424, Unpacked: 35662070}},
		{"2.33 sizes", "these 31 paths will be fetched (1.2 GiB download, 0.1 KiB unpacked):\n  " + c, nil, []string{c}, deploy.Transfer{Download: 1288490189, Unpacked: 102}},
		{"a list ends with the first other line", "these 2 derivations will be built:\n  " + a + "\nwarning: something\n  " + b, []string{a}, nil, none},
		{"what a host's trace says is no list", "trace: these 9 derivations will be built: no\n  " + a, nil, nil, none},
	} {
		t.Run(x.name, func(t *testing.T) {
			var d dryBuild
			for line := range strings.SplitSeq(x.text, "\n") {
				d.line(line)
			}
			if diff := cmp.Diff([]any{x.build, x.fetch, x.transfer}, []any{d.build, d.fetch, d.transfer}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestToplevelOfDryRunJSON(t *testing.T) {
	got, err := toplevelOf(`[{"drvPath":"/nix/store/x.drv","outputs":{"out":"/nix/store/t-nixos-system-web"}}]`)
	if err != nil || got != "/nix/store/t-nixos-system-web" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "[]", "{}", `[{"outputs":{}}]`, `[{"outputs":{"out":"/tmp/x"}}]`, `[{"outputs":{"out":null}}]`} {
		if got, err := toplevelOf(bad); err == nil {
			t.Errorf("%s gives %q", bad, got)
		}
	}
}

func TestTailKeepsTheNewest(t *testing.T) {
	var l tail
	for i := range 100 {
		l.add(strings.Repeat("x", i))
	}
	if len(l) != tailLines || len(l[0]) != 60 || len(l[tailLines-1]) != 99 {
		t.Errorf("%d lines, first %d, last %d", len(l), len(l[0]), len(l[tailLines-1]))
	}
}
