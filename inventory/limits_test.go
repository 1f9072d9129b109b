package inventory

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A bomb is refused with one problem, before the parser or the tree grows with
// it. The sizes are those that end other TOML parsers.
func TestBombs(t *testing.T) {
	const many = 400_000
	tests := []struct {
		name, text, what string
		line             int
	}{
		{"size", strings.Repeat("#\n", maxBytes/2+1), "larger than 16 MiB", 1},
		{"arrays", "a = " + strings.Repeat("[", many), "more than 32 levels", 1},
		{"arrays over lines", "a = " + strings.Repeat("[\n", many), "more than 32 levels", 32},
		{"inline tables", "\na = " + strings.Repeat("{a=", many), "more than 32 levels", 2},
		{"dotted key", strings.Repeat("a.", many) + "a = 1", "more than 32 levels", 1},
		{"dotted header", "[" + strings.Repeat("a.", many) + "a]", "more than 32 levels", 1},
		{"quoted parts", strings.Repeat(`"a".`, many) + "a = 1", "more than 32 levels", 1},
		{"dots in dots", "a.a.a.a.a.a.a.a = " + strings.Repeat("{a.a.a.a.a.a.a=", 5), "more than 32 levels", 1},
		{"header and key", "[" + strings.Repeat("a.", 20) + "a]\n" + strings.Repeat("b.", 20) + "b = 1", "more than 32 levels", 2},
		{"keys of one table", numbered("k%d=1\n", 999_000), "more than 200000 keys in one table", 200_001},
		{"keys of many tables", numbered("[k%d]\na=1\n", 500_001), "more than 1000000 keys", 1_000_001},
		{"keys of an inline table", "a={" + numbered("k%d=1,", 201_000) + "}", "more than 200000 elements", 1},
		{"elements", "a=[" + strings.Repeat("1,", many) + "]", "more than 200000 elements", 1},
		{"elements over lines", "a=[\n" + strings.Repeat("1,\n", many) + "]", "more than 200000 elements", 200_001},
		{"NUL", "a = 1\nb\x00 = 2", "a NUL byte", 2},
		{"UTF-16", "\xff\xfea\x00", "UTF-16", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []Problem
			for _, p := range problemsOf(t, tt.text) {
				if !strings.Contains(p.What, "unknown ") {
					got = append(got, p)
				}
			}
			if len(got) != 1 || !strings.Contains(got[0].What, tt.what) || got[0].Line != tt.line {
				t.Errorf("want %q in line %d, got %.300v", tt.what, tt.line, got)
			}
		})
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// What only looks deep or long is accepted.
func TestLimitsDoNotMistakeText(t *testing.T) {
	deepest := strings.Repeat("[", maxDepth-4) + strings.Repeat("]", maxDepth-4) // [hosts.dev-1.override] and one key more
	mustParse(t, small+`# `+strings.Repeat("[", 100)+`
identity_files = ["\"`+strings.Repeat("[{.", 50)+`", '`+strings.Repeat("[\\", 50)+`']
[hosts.dev-1.override]
"a.b" = 3.14
c = """
`+strings.Repeat("[", 50)+`\""" ""`+`"""
d = '''
`+strings.Repeat("{", 50)+` '' '''
e = [ # ] [ [ [
  [ 1.5, 2.5 ], [ "]" ],
]
f = `+deepest+`
`)
	problems := problemsOf(t, small+"[hosts.dev-1.override]\nf = ["+deepest+"]")
	if !strings.Contains(problems[0].What, "more than 32 levels") {
		t.Errorf("one level too many: %v", problems)
	}
}

// Of a million problems the first are listed and the others counted.
func TestProblemsAreCounted(t *testing.T) {
	_, err := Parse("f", []byte(small+numbered("x%d = 1\n", 20_000)))
	p, ok := errors.AsType[*Problems](err)
	if !ok || len(p.List) != maxProblems || p.More != 20_000-maxProblems {
		t.Fatalf("got %T with %d and %d more", err, len(p.List), p.More)
	}
	if text := err.Error(); !strings.HasPrefix(text, "f has 20000 problems") || !strings.HasSuffix(text, "... and 19500 more") {
		t.Errorf("text: %.100s", text)
	}
}

func fleetOf(hosts int) string {
	var b strings.Builder
	b.WriteString("[fleet]\nname=\"big\"\n[stages]\norder=[\"dev\",\"prod\"]\n[targets.hetzner]\ntags=[\"cloud\"]\n")
	for i := range hosts {
		stage := "prod"
		if i%10 == 0 {
			stage = "dev"
		}
		fmt.Fprintf(&b, "[hosts.web-%d]\naddress = \"10.%d.%d.%d\"\ntarget = \"hetzner\"\nstage = %q\ntags = [\"web\", \"r%d\"]\n",
			i, i>>16, i>>8&255, i&255, stage, i%7)
	}
	return b.String()
}

func TestHundredThousandHosts(t *testing.T) {
	hosts := 100_000
	if raceDetector || testing.Short() {
		hosts = 10_000
	}
	inv := mustParse(t, fleetOf(hosts))
	if len(inv.Hosts) != hosts || inv.Hosts[0].Stage != "dev" {
		t.Errorf("%d hosts", len(inv.Hosts))
	}
	got, err := Select(inv, []string{"web-1*,!@r3"}, "prod")
	if err != nil || len(got) == 0 {
		t.Errorf("selection: %d, %v", len(got), err)
	}
}

func BenchmarkParse10000Hosts(b *testing.B) {
	data := []byte(fleetOf(10_000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("hosts.toml", data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBomb(b *testing.B) {
	for name, text := range map[string]string{
		"keys": numbered("k%d=1\n", 1_000_000), "tables": numbered("[hosts.k%d]\na=1\n", 490_000), "depth": "a=" + strings.Repeat("[", 16_000_000),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse("hosts.toml", []byte(text)); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
