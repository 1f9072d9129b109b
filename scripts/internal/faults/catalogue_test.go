package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The catalogue is complete, and says the truth about what there is.
func TestTheCatalogueIsComplete(t *testing.T) {
	list := catalogue()
	if len(list) != 95 {
		t.Errorf("%d faults, want 95", len(list))
	}
	for i, e := range list {
		if e.number != i+1 {
			t.Errorf("the fault at place %d has number %d", i+1, e.number)
		}
		if e.title == "" || e.required == "" || (len(e.proofs) == 0) == (e.notRun == "") || e.notRun != "" && e.partly != "" {
			t.Errorf("fault %d needs a title, what is required, and either tests or a reason for having none", e.number)
		}
		if e.notRun == "" && !slices.ContainsFunc(e.proofs, e.numbers) {
			t.Errorf("fault %d has no test with its number", e.number)
		}
	}
}

func TestEveryTestOfTheCatalogueIsThere(t *testing.T) {
	there := map[string]map[string]bool{}
	for _, e := range catalogue() {
		for _, proof := range e.proofs {
			pkg, test := split(proof)
			if there[pkg] == nil {
				there[pkg] = testsOf(t, pkg)
			}
			if !there[pkg][test] {
				t.Errorf("fault %d: there is no %s in %s", e.number, test, packages[pkg])
			}
		}
	}
	numbered := regexp.MustCompile(`^TestF(\d\d)`)
	for name := range there["faults"] {
		if m := numbered.FindStringSubmatch(name); m != nil && !standsAt(m[1], "faults "+name) {
			t.Errorf("%s is not in the catalogue at its number", name)
		}
	}
}

// standsAt reports whether the fault of that number names the test.
func standsAt(number, proof string) bool {
	for _, e := range catalogue() {
		if twoDigits(e.number) == number {
			return slices.Contains(e.proofs, proof)
		}
	}
	return false
}

func twoDigits(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

// testsOf lists the test functions of a package.
func testsOf(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	path, ok := packages[pkg]
	if !ok {
		t.Fatalf("the catalogue knows no package %q", pkg)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(path), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllSubmatch(data, -1) {
			tests[string(m[1])] = true
		}
	}
	return tests
}

func TestWhatBecomesOfAFault(t *testing.T) {
	list := []entry{
		{number: 1, title: "one", required: "0", modes: true, proofs: []string{"faults TestF01A", "e2e TestB"}},
		{number: 2, title: "two", required: "5", proofs: []string{"faults TestF02C"}},
		{number: 3, title: "three", required: "6", proofs: []string{"e2e TestB"}},
		{number: 4, title: "four", required: "7", notRun: "nobody can"},
		{number: 5, title: "five", required: "4", proofs: []string{"faults TestF05D"}},
		{number: 6, title: "six", required: "4", modes: true, proofs: []string{"faults TestF06E"}},
		{number: 7, title: "seven", required: "4", modes: true, proofs: []string{"faults TestF07G"}},
	}
	stream := `{"Action":"attr","Test":"TestF01A/switch/x","Key":"injected","Value":"cut before x"}
{"Action":"attr","Test":"TestF01A/switch/x","Key":"seen","Value":"exit 0, well"}
{"Action":"attr","Test":"TestF01A/test-first","Key":"injected","Value":"cut before x"}
{"Action":"attr","Test":"TestF01A/test-first","Key":"seen","Value":"exit 0, very well"}
{"Action":"pass","Test":"TestF01A"}
{"Action":"output","Test":"TestF02C/x","Output":"    c_test.go:7: exit 6, want 5\n"}
{"Action":"fail","Test":"TestF02C/x"}
{"Action":"output","Test":"TestF02C","Output":"--- FAIL: TestF02C\n"}
{"Action":"fail","Test":"TestF02C"}
{"Action":"pass","Test":"TestF05D"}
{"Action":"attr","Test":"TestF06E/switch","Key":"injected","Value":"cut"}
{"Action":"attr","Test":"TestF06E/switch","Key":"seen","Value":"exit 0"}
{"Action":"pass","Test":"TestF06E"}
{"Action":"attr","Test":"TestF07G/switch","Key":"injected","Value":"cut"}
{"Action":"attr","Test":"TestF07G/switch","Key":"seen","Value":"exit 0"}
{"Action":"output","Test":"TestF07G/test-first","Output":"    g_test.go:3: takes a minute\n"}
{"Action":"skip","Test":"TestF07G/test-first"}
{"Action":"pass","Test":"TestF07G"}
{"Action":"output","Test":"TestCrashMatrix","Output":"    crash matrix   points\n"}
{"Action":"output","Test":"TestCrashMatrix","Output":"    crash matrix: 7 points, 0 failed\n"}
not json
`
	results := map[string]verdict{}
	matrix, err := read(strings.NewReader(stream), "faults", results)
	if err != nil || len(matrix) != 2 {
		t.Errorf("matrix %q, %v", matrix, err)
	}
	if _, err := read(strings.NewReader(`{"Action":"output","Test":"TestB","Output":"    b_test.go:1: lab: no root\n"}`+"\n"+`{"Action":"skip","Test":"TestB"}`), "e2e", results); err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	bugs := []mutant{{name: "a bug", faults: []int{1}}}
	if code := show(&out, list, bugs, results); code != 1 {
		t.Errorf("exit code %d", code)
	}
	said := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		`1 as required one`, "injected cut before x seen switch: exit 0, well seen test-first: exit 0, very well",
		`besides 1 of its tests did not run: e2e TestB was skipped: b_test.go:1: lab: no root tests 1 of 2 passed; red under: "a bug"`,
		"2 FAILED two", "c_test.go:7: exit 6, want 5",
		"3 not run three", "lab: no root", "4 not run four", "nobody can",
		"5 FAILED five", "no test says what was injected", "6 FAILED six", "no test says what was seen test-first",
		"7 not run seven", "takes a minute", "1 of 7 as required, 3 FAILED, 3 not run",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	for line := range strings.Lines(out.String()) {
		if len([]rune(strings.TrimSuffix(line, "\n"))) > width {
			t.Errorf("longer than %d: %s", width, line)
		}
	}
}

func TestThePlanNamesEachTestOnce(t *testing.T) {
	for _, p := range plan(catalogue(), true) {
		known := map[string]bool{}
		for _, test := range p.tests {
			if known[test] {
				t.Errorf("%s twice", test)
			}
			known[test] = true
		}
		if p.name == "e2e" || p.name == "lab" {
			t.Error("the lab is not left out")
		}
	}
}
