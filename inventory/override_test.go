package inventory

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestOverridesByPriority(t *testing.T) {
	h := mustParse(t, small+`[hosts.dev-1.override]
"services.nginx.enable" = true
services.nginx.virtualHosts."example.org".port = 443
"users.users.\"a b\".uid" = 1_000
"systemd.services.x" = { enable = true, "after.x" = ["a", 1.5, []], n.m = -1 }
force = 5
[hosts.dev-1.override.networking.firewall]
allowedTCPPorts = [22, 0x50]
[[hosts.dev-1.override.networking.wg]]
a.b = "x"
[hosts.dev-1.override.default]
"time.timeZone" = "UTC"
force = {}
`).Hosts[0]
	want := Override{
		Plain: map[string]any{
			"services.nginx.enable":                          true,
			`services.nginx.virtualHosts."example.org".port`: int64(443),
			`users.users."a b".uid`:                          int64(1000),
			"systemd.services.x": map[string]any{
				"enable": true, "after.x": []any{"a", 1.5, []any{}}, "n": map[string]any{"m": int64(-1)},
			},
			"force":                               int64(5),
			"networking.firewall.allowedTCPPorts": []any{int64(22), int64(80)},
			"networking.wg":                       []any{map[string]any{"a": map[string]any{"b": "x"}}},
		},
		Default: map[string]any{"time.timeZone": "UTC", "force": map[string]any{}},
	}
	if diff := cmp.Diff(want, h.Override); diff != "" {
		t.Errorf("overrides (-want +got):\n%s", diff)
	}
	if got := h.Provenance["override.default.time.timeZone"]; got.From != "host dev-1" || got.Line != 22 {
		t.Errorf("provenance %+v", got)
	}
}

func TestOverrideProblems(t *testing.T) {
	for text, want := range map[string]string{
		`"a..b" = 1`:                            "not an attribute name",
		`"a b" = 1`:                             "not an attribute name",
		`"" = 1`:                                "not an attribute name",
		`"a.\"b" = 1`:                           "a quote that is not closed",
		`"a.\"\"" = 1`:                          "an empty attribute name",
		`'a."${x}"' = 1`:                        "a ${...} in an attribute name",
		`'"a"b' = 1`:                            "want a dot",
		`a."" = 1`:                              "an empty attribute name",
		`a."\u0001" = 1`:                        "control characters",
		`a = 1979-05-27`:                        "Nix has no dates",
		`a = nan`:                               "has no counterpart in Nix",
		`a = 9223372036854775808`:               "not an integer of 64 bits",
		`a = "\u0000"`:                          "a NUL byte",
		`a = [{ b = "\u0000" }]`:                "a NUL byte",
		`a = { "" = 1 }`:                        "an empty attribute name",
		"a.b = 1\n\"a.b\" = 2":                  `"a.b" is defined twice`,
		"\"a.b\" = 1\na.b.c = 2":                "a.b.c is a part of a.b",
		"\"a\" = { b = 1 }\n\"a.c\" = 2":        "a.c is a part of a",
		"[hosts.dev-1.override.force]\n\"-\"=1": "not an attribute name",
	} {
		got := problemsOf(t, small+"[hosts.dev-1.override]\n"+text)
		if len(got) != 1 || !strings.Contains(got[0].What, want) {
			t.Errorf("%s: got %v, want %q", text, got, want)
		}
	}
}

// A path that was joined splits into the same names, whatever they hold.
func TestAttrPathRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z]{1,3}|[ -~\x{e4}]{1,6}`)
		parts := rapid.SliceOfN(name, 1, 5).Draw(t, "parts")
		got, err := SplitAttrPath(JoinAttrPath(parts))
		if err != nil || !cmp.Equal(got, parts) {
			t.Fatalf("%q became %q, %v", parts, got, err)
		}
	})
}
