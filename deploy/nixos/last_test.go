package nixos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixdeploy/nixdeploy/deploy"
)

// stateFile is a file of the host's state, written so many seconds ago.
type stateFile struct {
	path, text string
	ago        time.Duration
}

// What the host tells as its last confirmed run: the whole script, on what may lie
// there.
func TestTheLastConfirmedRun(t *testing.T) {
	record := func(name, toplevel string, ago time.Duration) stateFile {
		return stateFile{"records/" + name, "flake " + name + "\ntoplevel " + toplevel + "\nrun R" + name + "\ntime 1\nlink system-7-link\n", ago}
	}
	run := func(id, goal, result string, ago time.Duration) []stateFile {
		return []stateFile{
			{"done/" + id + "/meta", "goal " + goal + "\nwanted /nix/store/old\nrun " + id + "\noperator eve@desk\nstage prod\nlink system-8-link\n", ago},
			{"done/" + id + "/failed", "sick.service\n", ago},
			{"done/" + id + "/result", result + "\n", ago},
			{"done/" + id, "", ago},
		}
	}
	newest := &deploy.Record{FlakeHash: "d2", Toplevel: "/nix/store/new", Run: "Rd2", Time: time.Unix(1, 0).UTC(), ProfileLink: "system-7-link"}
	back := &deploy.Record{
		FlakeHash: "d1", Toplevel: "/nix/store/old", Run: "R9", Operator: "eve@desk", Stage: "prod", Failed: []string{"sick.service"},
	}
	unknown := *back
	unknown.FlakeHash = ""
	two := []stateFile{record("d1", "/nix/store/old", time.Hour), record("d2", "/nix/store/new", time.Minute)}
	for name, c := range map[string]struct {
		files [][]stateFile
		want  *deploy.Record
	}{
		"nothing is kept":                          {nil, nil},
		"the newest record":                        {[][]stateFile{two}, newest},
		"a run of a flake has a record":            {[][]stateFile{two, run("R9", "flake", "confirmed", time.Second)}, newest},
		"a rollback since":                         {[][]stateFile{two, run("R9", "system", "confirmed", time.Second)}, back},
		"a rollback to what no record knows":       {[][]stateFile{run("R9", "system", "confirmed", time.Second)}, &unknown},
		"a rollback before":                        {[][]stateFile{two, run("R9", "system", "confirmed", 10*time.Minute)}, newest},
		"a rollback that was returned":             {[][]stateFile{two, run("R9", "system", "returned", time.Second)}, newest},
		"a run that was returned after a rollback": {[][]stateFile{two, run("R9", "system", "confirmed", 10*time.Second), run("Ra", "flake", "returned", time.Second)}, back},
	} {
		t.Run(name, func(t *testing.T) {
			for shellName, shell := range shells() {
				root, now := t.TempDir(), time.Now()
				tool(t, root, "systemctl", "exit 1")
				tool(t, root, "systemd-detect-virt", "exit 1")
				tool(t, root, "df", "exit 1")
				write(t, root, "etc/machine-id", "0123abcd\n")
				for _, files := range c.files {
					for _, f := range files {
						path := "var/lib/nixdeploy/" + f.path
						if f.text != "" {
							write(t, root, path, f.text)
						}
						if err := os.Chtimes(filepath.Join(root, path), now.Add(-f.ago), now.Add(-f.ago)); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := os.MkdirAll(filepath.Join(root, "run/nixdeploy"), 0o700); err != nil {
					t.Fatal(err)
				}
				p := newParser("N", func(line string) { t.Errorf("noise: %s", line) })
				for line := range strings.Lines(runShell(t, shell, root, Script("inspect"), "N", "-")) {
					p.line(strings.TrimSuffix(line, "\n"))
				}
				got := observation(&p.reply).Last
				if got != nil && c.want != nil && c.want.Run == "R9" { // by the file's own clock
					if now.Sub(got.Time) > time.Minute {
						t.Errorf("%s: confirmed at %s", shellName, got.Time)
					}
					got.Time = time.Time{}
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", shellName, diff)
				}
			}
		})
	}
}

// A record that the disk did not take is not told as one.
func TestARecordThatIsNotWrittenIsNotTold(t *testing.T) {
	for _, blocked := range []string{"records/.new/x", ".marker/x"} {
		h := newWholeHost(t, "extlinux")
		write(t, h.root, state+blocked, "")
		said := h.says(h.asks("record", "R1", "ann@desk", "90", "d1", "web-1", h.system("old"), "dev", "f", "h"))
		if strings.Contains(said, "recorded") || !strings.Contains(said, "N end guard\n") {
			t.Errorf("without %s: %s", blocked, said)
		}
	}
}
