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
			top, _, _ := strings.Cut(test, "/")
			if !there[pkg][top] {
				t.Errorf("fault %d: there is no %s in %s", e.number, top, packages[pkg])
			}
		}
	}
	numbered := regexp.MustCompile(`^TestF(\d\d)`)
	for name := range there["faults"] {
		if m := numbered.FindStringSubmatch(name); m != nil && !named(m[1], "faults "+name) {
			t.Errorf("%s is not in the catalogue at its number", name)
		}
	}
}

// named reports whether the fault of that number names the test.
func named(number, proof string) bool {
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
		{number: 1, title: "one", required: "0", proofs: []string{"faults TestA", "e2e TestB"}},
		{number: 2, title: "two", required: "5", proofs: []string{"faults TestC"}},
		{number: 3, title: "three", required: "6", proofs: []string{"e2e TestB"}},
		{number: 4, title: "four", required: "7", notRun: "nobody can"},
	}
	results := map[string]verdict{}
	stream := `{"Action":"attr","Test":"TestA/x","Key":"seen","Value":"exit 0, well"}
{"Action":"pass","Test":"TestA"}
{"Action":"output","Test":"TestC","Output":"    c_test.go:7: exit 6, want 5\n"}
{"Action":"output","Test":"TestC","Output":"--- FAIL: TestC\n"}
{"Action":"fail","Test":"TestC"}
{"Action":"output","Test":"TestCrashMatrix","Output":"    crash matrix   points\n"}
{"Action":"output","Test":"TestCrashMatrix","Output":"    crash matrix: 7 points, 0 failed\n"}
not json
`
	matrix, err := read(strings.NewReader(stream), "faults", results)
	if err != nil || len(matrix) != 2 {
		t.Errorf("matrix %q, %v", matrix, err)
	}
	if _, err := read(strings.NewReader(`{"Action":"output","Test":"TestB","Output":"    b_test.go:1: lab: no root\n"}`+"\n"+`{"Action":"skip","Test":"TestB"}`), "e2e", results); err != nil {
		t.Error(err)
	}
	var out bytes.Buffer
	if code := show(&out, list, results); code != 1 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		"1  as required", "exit 0, well; 1 of 2 tests passed", "2  FAILED", "c_test.go:7: exit 6, want 5",
		"3  not run", "lab: no root", "4  not run", "nobody can", "1 of 4 as required, 1 FAILED, 2 not run\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
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
