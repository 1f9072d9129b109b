package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report is one run of the benchmark, as -json writes it.
type report struct {
	Schema  int       `json:"schema"`
	Time    time.Time `json:"time"`
	Commit  string    `json:"commit"`
	Machine machine   `json:"machine"`
	Rounds  int       `json:"rounds"`
	Results []result  `json:"results"`
	Skipped []skip    `json:"skipped,omitempty"`
}

// machine is where it was measured: absolute values mean little elsewhere.
type machine struct {
	CPUs    int    `json:"cpus"`
	Kernel  string `json:"kernel"`
	Go      string `json:"go"`
	OpenSSH string `json:"openssh"`
	Load    string `json:"load"` // of the last minutes, before the run
}

type skip struct {
	Row   string `json:"row"`
	Needs string `json:"needs"`
}

func newReport(ctx context.Context, rounds int) report {
	load, _ := os.ReadFile("/proc/loadavg")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return report{
		Schema: 1, Time: time.Now().UTC(), Commit: said(ctx, "git", "describe", "--always", "--dirty"), Rounds: rounds,
		Machine: machine{
			CPUs: runtime.NumCPU(), Kernel: strings.TrimSpace(string(kernel)), Go: runtime.Version(),
			OpenSSH: said(ctx, "ssh", "-V"), Load: strings.TrimSpace(string(load)),
		},
	}
}

// said is what a program says of itself, "" when it is not here.
func said(ctx context.Context, program string, args ...string) string {
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// text writes the report for people.
func (r report) text(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, %d CPUs, %s, load %s, medians of %d rounds\n\n", r.Commit, r.Machine.CPUs, r.Machine.OpenSSH, r.Machine.Load, r.Rounds)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	columns := [][]string{{"row", "measure", "nixdeploy", "peer", "ratio", "spread", "goal", ""}}
	for _, result := range r.Results {
		columns = append(columns, result.columns())
	}
	for _, c := range columns {
		_, _ = fmt.Fprintln(t, strings.Join(c, "\t")) // its error comes with Flush
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "not measured: %s, which needs %s\n", s.Row, s.Needs)
	}
	if n := r.missed(); n > 0 {
		fmt.Fprintf(&b, "\n%d missed\n", n)
	}
	if _, err := out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (r report) missed() int {
	n := 0
	for _, result := range r.Results {
		if !result.Met {
			n++
		}
	}
	return n
}

// write keeps the results.
func (r report) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the results: %w", err)
	}
	return nil
}
