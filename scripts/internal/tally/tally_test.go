package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// stream writes events as go test does: "action package test output", a dash
// for what is not there.
func stream(t *testing.T, lines ...string) string {
	t.Helper()
	var out bytes.Buffer
	for _, l := range lines {
		f := strings.SplitN(l, " ", 4)
		e := map[string]string{"Action": f[0], "Package": "example.org/" + f[1]}
		if len(f) > 2 && f[2] != "-" {
			e["Test"] = f[2]
		}
		if len(f) > 3 {
			e["Output"] = f[3] + "\n"
		}
		if err := json.NewEncoder(&out).Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func tallied(t *testing.T, in string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := run(nil, strings.NewReader(in), &out, &errOut); code != 0 || errOut.Len() > 0 {
		t.Fatalf("exit %d: %s", code, errOut.String())
	}
	return out.String()
}

func TestTally(t *testing.T) {
	tests := map[string]struct {
		in   []string
		want string
	}{
		"nothing": {nil, "0 passed, 0 failed, 0 skipped\n"},
		"a package that passes is one line": {
			[]string{
				"start a", "run a TestX", "output a TestX === RUN   TestX", "output a TestX     x_test.go:3: chatter",
				"output a TestX --- PASS: TestX (0.00s)", "pass a TestX",
				"output a - log line of the package", "output a - PASS", "output a - ok  \ta\t0.1s", "pass a",
				"start b", "output b - ?   \tb\t[no test files]", "skip b",
			},
			"ok  \ta\t0.1s\n?   \tb\t[no test files]\n1 passed, 0 failed, 0 skipped\n",
		},
		"a failure is shown in full, without those beside it that passed": {
			[]string{
				"start a", "run a TestX", "output a TestX === RUN   TestX",
				"run a TestX/good", "output a TestX/good     x_test.go:3: chatter", "pass a TestX/good",
				"run a TestX/bad", "output a TestX/bad     x_test.go:4: got 1", "output a TestX/bad     --- FAIL: TestX/bad (0.00s)", "fail a TestX/bad",
				"output a TestX --- FAIL: TestX (0.00s)", "fail a TestX",
				"run a TestY", "output a TestY --- PASS: TestY (0.00s)", "pass a TestY",
				"output a - FAIL", "output a - FAIL\ta\t0.1s", "fail a",
			},
			"    x_test.go:4: got 1\n    --- FAIL: TestX/bad (0.00s)\n--- FAIL: TestX (0.00s)\nFAIL\nFAIL\ta\t0.1s\n" +
				"2 passed, 1 failed, 0 skipped\n",
		},
		"a failure whose name holds slashes is one failure": {
			[]string{
				"run a TestX", "run a TestX/docs/use.md:3", "output a TestX/docs/use.md:3     x_test.go:4: no", "fail a TestX/docs/use.md:3",
				"fail a TestX", "output a - FAIL\ta\t0.1s", "fail a",
			},
			"    x_test.go:4: no\nFAIL\ta\t0.1s\n0 passed, 1 failed, 0 skipped\n",
		},
		"a parent that fails by itself counts beside its subtests": {
			[]string{
				"run a TestX", "run a TestX/good", "pass a TestX/good", "output a TestX     x_test.go:4: after", "fail a TestX",
				"output a - FAIL\ta\t0.1s", "fail a",
			},
			"    x_test.go:4: after\nFAIL\ta\t0.1s\n1 passed, 1 failed, 0 skipped\n",
		},
		"reasons of skips come at the end, the most frequent first": {
			[]string{
				"run a TestA", "output a TestA     a_test.go:1: looked for it", "output a TestA     a_test.go:2: no fish here",
				"output a TestA --- SKIP: TestA (0.00s)", "skip a TestA",
				"run a TestB", "output a TestB     up.go:9: lab: cannot run", "output a TestB         here", "skip a TestB",
				"run a TestC", "output a TestC     up.go:9: lab: cannot run", "output a TestC         here", "skip a TestC",
				"run a TestD", "skip a TestD",
				"output a - ok  \ta\t0.1s", "pass a",
			},
			"ok  \ta\t0.1s\nNOT SHOWN HERE, 2 skipped: lab: cannot run here (a.TestB, a.TestC)\nNOT SHOWN HERE, 1 skipped: no fish here (a.TestA)\n" +
				"NOT SHOWN HERE, 1 skipped: no reason given (a.TestD)\n0 passed, 0 failed, 4 skipped\n",
		},
		"a test cut short by its package is a failure, and says what it said": {
			[]string{
				"run a TestX", "output a TestX     x_test.go:4: waiting", "output a - panic: test timed out after 5m0s",
				"output a - FAIL\ta\t300s", "fail a",
			},
			"    x_test.go:4: waiting\npanic: test timed out after 5m0s\nFAIL\ta\t300s\n0 passed, 1 failed, 0 skipped\n",
		},
		"a package that fails after its tests passed is a failure": {
			[]string{"run a TestX", "pass a TestX", "output a - goleak: found a goroutine", "output a - FAIL\ta\t1s", "fail a"},
			"goleak: found a goroutine\nFAIL\ta\t1s\n1 passed, 1 failed, 0 skipped\n",
		},
		"a stream that breaks off": {
			[]string{"start a", "run a TestX"},
			"FAIL\texample.org/a\tdid not end\n0 passed, 1 failed, 0 skipped\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tallied(t, stream(t, tt.in...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestManySkipsOfOneReasonAreNotAllNamed(t *testing.T) {
	var lines []string
	for _, name := range []string{"TestA", "TestB", "TestC", "TestD", "TestE"} {
		lines = append(lines, "run a "+name, "output a "+name+"     a_test.go:2: no lab", "skip a "+name)
	}
	got := tallied(t, stream(t, lines...))
	if want := "NOT SHOWN HERE, 5 skipped: no lab (a.TestA, a.TestB, a.TestC and 2 more)\n"; !strings.Contains(got, want) {
		t.Errorf("no %q in %q", want, got)
	}
}

// What a run did not show stands at its end, and apart from what no run shows.
// That alone fails nothing: a machine may have no lab. But what is installed
// lacks nobody.
func TestSkipsThatMatterComeLast(t *testing.T) {
	var lines []string
	for _, skip := range []string{
		"A lab: needs root", "B nu is not installed", "C it takes 20 s, the deadline of the handshake: only with --all",
		"D no -seed is given", "E without -mutants", "F OpenSSH's sshd is not installed", "G model: spin is not installed: nothing was checked",
		"H lab: needs root",
	} {
		name, reason, _ := strings.Cut(skip, " ")
		lines = append(lines, "run a Test"+name, "output a Test"+name+"     a_test.go:2: "+reason, "skip a Test"+name)
	}
	in := stream(t, append(lines, "pass a")...)
	usual := "skipped: it takes 20 s, the deadline of the handshake: only with --all (a.TestC)\nskipped: no -seed is given (a.TestD)\n" +
		"skipped: nu is not installed (a.TestB)\nskipped: without -mutants (a.TestE)\n"
	lab := "NOT SHOWN HERE, 2 skipped: lab: needs root (a.TestA, a.TestH)\n"
	spin := "NOT SHOWN HERE, 1 skipped: model: spin is not installed: nothing was checked (a.TestG)\n"
	sshd := "OpenSSH's sshd is not installed (a.TestF)\n"
	const count = "0 passed, 0 failed, 8 skipped\n"
	for installed, want := range map[string]string{
		"":           usual + lab + "NOT SHOWN HERE, 1 skipped: " + sshd + spin + count,
		"git ssh":    usual + lab + "NOT SHOWN HERE, 1 skipped: " + sshd + spin + count,
		"fish sshd":  usual + lab + spin + "FAIL: 1 skipped for the lack of what is installed: " + sshd + count,
		"nu git ssh": strings.Replace(usual, "skipped: nu is not installed (a.TestB)\n", "", 1) + lab + "NOT SHOWN HERE, 1 skipped: " + sshd + spin + "FAIL: 1 skipped for the lack of what is installed: nu is not installed (a.TestB)\n" + count,
	} {
		var out bytes.Buffer
		code := run(strings.Fields(installed), strings.NewReader(in), &out, &out)
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("with %q: %s", installed, diff)
		}
		if fails := strings.Contains(want, "FAIL"); (code != 0) != fails {
			t.Errorf("with %q: exit %d", installed, code)
		}
	}
}

func TestWhatIsNoEventIsPassedOn(t *testing.T) {
	got := tallied(t, "go: downloading x\n{\"ImportPath\":\"a\",\"Action\":\"build-output\",\"Output\":\"# a\\nx.go:1: no\\n\"}\n42")
	if want := "go: downloading x\n# a\nx.go:1: no\n420 passed, 0 failed, 0 skipped\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestBrokenStreamsAreAnError(t *testing.T) {
	var errOut bytes.Buffer
	if code := run(nil, iotest.ErrReader(errors.New("torn")), &bytes.Buffer{}, &errOut); code != 1 || !strings.Contains(errOut.String(), "torn") {
		t.Errorf("a torn input: exit %d, %q", code, errOut.String())
	}
	errOut.Reset()
	if code := run(nil, strings.NewReader(""), brokenWriter{}, &errOut); code != 1 || !strings.Contains(errOut.String(), "disk full") {
		t.Errorf("a full disk: exit %d, %q", code, errOut.String())
	}
}

// What the real go test says of a module with one of each kind.
func TestTallyOfTheRealGoTest(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.org/m\n",
		"good/x_test.go": `package good
import "testing"
func TestPass(t *testing.T) { t.Run("a", func(t *testing.T) {}); t.Run("b", func(t *testing.T) {}) }
func TestSkip(t *testing.T) { t.Skip("for a reason") }`,
		"bad/x_test.go": `package bad
import "testing"
func TestPass(t *testing.T) { t.Log("chatter") }
func TestPanic(t *testing.T) { panic("at the disco") }`,
		"broken/x_test.go": "package broken\nfunc f() { undefined() }\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-json", "-vet=off", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("go test: %v\n%s", err, out)
	}
	got := tallied(t, string(out))
	for _, want := range []string{
		"undefined: undefined", "FAIL\texample.org/m/broken [build failed]",
		"--- FAIL: TestPanic", "panic: at the disco", "FAIL\texample.org/m/bad",
		"ok  \texample.org/m/good", "NOT SHOWN HERE, 1 skipped: for a reason (good.TestSkip)\n3 passed, 2 failed, 1 skipped\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	for _, not := range []string{"chatter", "=== RUN"} {
		if strings.Contains(got, not) {
			t.Errorf("%q in:\n%s", not, got)
		}
	}
}
