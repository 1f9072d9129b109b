package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func someReport() report {
	return report{
		Schema: 1, Commit: "abc1234", Rounds: 2, Machine: machine{CPUs: 2, OpenSSH: "OpenSSH_9.2", Load: "0.1"},
		Results: []result{
			against("B1", "no-op apply", "wall", []float64{1, 1.2}, "ssh", []float64{2, 2}, 1),
			alone("B5", "no-op apply", "peak RSS", []float64{120}, 100),
		},
		Skipped: []skip{{"lab", "root"}},
	}
}

func TestTheReportForPeople(t *testing.T) {
	var out bytes.Buffer
	if err := someReport().text(&out); err != nil {
		t.Fatal(err)
	}
	want := `abc1234, 2 CPUs, OpenSSH_9.2, load 0.1, medians of 2 rounds

row  measure                         nixdeploy  peer    ratio  spread       goal       
B1   no-op apply: wall, against ssh  1.10 s     2.00 s  0.55   0.50-0.60    <= 1.00    met
B5   no-op apply: peak RSS           120.0 MB                  120.0-120.0  <= 100 MB  missed
not measured: lab, which needs root

1 missed
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheReportIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	var out, errOut bytes.Buffer
	if code := finish(someReport(), options{json: path, strict: true}, false, &out, &errOut); code != exitMissed {
		t.Errorf("exit %d, want %d\n%s", code, exitMissed, &errOut)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(someReport(), back); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestExitCodes(t *testing.T) {
	met := report{Results: []result{{Met: true}}}
	for _, c := range []struct {
		name   string
		r      report
		o      options
		failed bool
		want   int
	}{
		{"a miss is said, not failed", someReport(), options{}, false, exitOK},
		{"unless that is wanted", someReport(), options{strict: true}, false, exitMissed},
		{"all met", met, options{strict: true}, false, exitOK},
		{"a row that broke", met, options{}, true, exitFailed},
		{"nothing could be measured", report{}, options{}, false, exitCannotRun},
	} {
		if got := finish(c.r, c.o, c.failed, &bytes.Buffer{}, &bytes.Buffer{}); got != c.want {
			t.Errorf("%s: exit %d, want %d", c.name, got, c.want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string // "" for a good one
	}{
		{nil, ""},
		{[]string{"-rows", "size,lab", "-rounds", "7"}, ""},
		{[]string{"-rows", "nosuch"}, `no row "nosuch": size, openssh, simulated, lab`},
		{[]string{"-rounds", "0"}, "at least 1"},
		{[]string{"size"}, "no arguments"},
	} {
		_, err := parse(c.args, &bytes.Buffer{})
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v", c.args, err)
		}
	}
}
