package remote

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
)

// The strings that are executed on hosts. A change here is a change of what a
// sudoers file or a ForceCommand may have been written for.
func TestExecStrings(t *testing.T) {
	want := map[string]string{
		"none": `/bin/sh -c 'PATH=/run/wrappers/bin:/run/current-system/sw/bin:$PATH; export PATH; IFS= read -r n && s=$(head -c "$n") && eval "$s"'`,
		"sudo": `/bin/sh -c 'PATH=/run/wrappers/bin:/run/current-system/sw/bin:$PATH; export PATH; exec sudo -n /bin/sh -c "$1"' /bin/sh 'PATH=/run/wrappers/bin:/run/current-system/sw/bin:$PATH; export PATH; IFS= read -r n && s=$(head -c "$n") && eval "$s"'`,
		"doas": `/bin/sh -c 'PATH=/run/wrappers/bin:/run/current-system/sw/bin:$PATH; export PATH; exec doas -n /bin/sh -c "$1"' /bin/sh 'PATH=/run/wrappers/bin:/run/current-system/sw/bin:$PATH; export PATH; IFS= read -r n && s=$(head -c "$n") && eval "$s"'`,
	}
	for elevate, golden := range want {
		got, err := execString(elevate)
		must(t, err)
		if got != golden {
			t.Errorf("%s:\n got %s\nwant %s", elevate, got, golden)
		}
		if strings.ContainsAny(got, "!\\\n") || strings.Count(got, "'")%2 != 0 || strings.Contains(got, "''") {
			t.Errorf("%s holds what some login shell reads its own way", elevate)
		}
	}
	if _, err := execString("su"); err == nil {
		t.Error("an unknown elevation was accepted")
	}
}

func TestFrame(t *testing.T) {
	got, err := frame("NONCE", deploy.Command{Script: "echo hi\n", Args: []string{"a", "it's", ""}})
	must(t, err)
	want := "63\nprintf '%s\\n' 'nd-begin NONCE'\nset -- 'a' 'it'\\''s' ''\necho hi\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := frame("N", deploy.Command{Args: []string{"a\x00b"}}); err == nil {
		t.Error("a NUL byte in an argument was accepted")
	}
	if _, err := frame("N", deploy.Command{Script: "a\x00b"}); err == nil {
		t.Error("a NUL byte in a script was accepted")
	}
}

// hostile are arguments that some shell, somewhere, would read as something.
func hostile() []string {
	var all strings.Builder
	for b := 1; b < 256; b++ {
		all.WriteByte(byte(b))
	}
	return []string{
		all.String(), "", "'", "''", `\`, "\n", "a\nb\n\n", "$(touch /tmp/x)", "`id`", "${HOME}", "-n", "--", "!!", "*", "~",
		"\xff\xfe", "日本語", "nd-begin X", "set -- 'x'", "a\\\nb",
	}
}

// echo prints its arguments and its payload so that bytes can be compared.
const echo = `# nixdeploy remote script: echo.sh
for a in "$@"; do printf '%s\001' "$a"; done
printf '\002'
cat
`

// TestLoginShells runs the exec string as sshd would, through each login shell
// that is installed here.
func TestLoginShells(t *testing.T) {
	args := hostile()
	args[0] = strings.NewReplacer("\x01", "", "\x02", "").Replace(args[0]) // the separators of echo
	payload := "payload\n\x00\xff'$(id)\nlast line without newline"
	head, err := frame("N0", deploy.Command{Script: echo, Args: args})
	must(t, err)
	sudo := `[ "$1" = -n ] || exit 9; shift; exec "$@"`
	path := fakeBin(t, "sudo", sudo)
	path = fakeBin(t, "doas", sudo) + ":" + path
	for _, sh := range []string{"sh", "dash", "bash", "zsh", "fish", "tcsh", "csh", "ksh", "mksh", "busybox", "nu", "xonsh"} {
		for _, elevate := range []string{"none", "sudo", "doas"} {
			t.Run(sh+"/"+elevate, func(t *testing.T) {
				bin, err := exec.LookPath(sh)
				if err != nil {
					t.Skipf("%s is not installed", sh)
				}
				command, err := execString(elevate)
				must(t, err)
				argv := []string{"-c", command}
				if sh == "busybox" {
					argv = append([]string{"sh"}, argv...)
				}
				cmd := exec.Command(bin, argv...)
				cmd.Env = []string{"PATH=" + path, "HOME=" + t.TempDir(), "TERM=dumb", "LC_ALL=C.UTF-8"}
				cmd.Stdin = strings.NewReader(head + payload)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v: %s", err, stderr.String())
				}
				want := "nd-begin N0\n" + strings.Join(args, "\x01") + "\x01\x02" + payload
				if diff := cmp.Diff(want, string(out)); diff != "" {
					t.Errorf("%s\nstderr: %s", diff, stderr.String())
				}
			})
		}
	}
}

// What a script may rely on: its exit code, set -e, an empty standard input.
func TestScriptSemantics(t *testing.T) {
	tests := map[string]struct {
		script string
		exit   int
		out    string
	}{
		"exit code":      {"exit 7", 7, ""},
		"set -e":         {"set -e\nfalse\necho not reached", 1, ""},
		"no payload":     {"cat; echo end", 0, "end\n"},
		"here document":  {"cat <<'E'\n$x\nE\n", 0, "$x\n"},
		"path":           {`case $PATH in /run/wrappers/bin:/run/current-system/sw/bin:*) echo ok;; esac`, 0, "ok\n"},
		"no set -- args": {`echo $#`, 0, "0\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			head, err := frame("N", deploy.Command{Script: tt.script})
			must(t, err)
			cmd := exec.Command("/bin/sh", "-c", execPlain)
			cmd.Stdin = strings.NewReader(head)
			out, err := cmd.Output()
			if code := cmd.ProcessState.ExitCode(); code != tt.exit {
				t.Errorf("exit %d (%v), want %d", code, err, tt.exit)
			}
			if got := strings.TrimPrefix(string(out), "nd-begin N\n"); got != tt.out {
				t.Errorf("printed %q, want %q", got, tt.out)
			}
		})
	}
}

// The simulated hosts read exactly what is sent here.
func TestSimulatedHostsReadFrames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[^\x00]*`)
		args := rapid.SliceOfN(text, 0, 5).Draw(t, "args")
		script := text.Draw(t, "script")
		payload := rapid.String().Draw(t, "payload")
		head, err := frame("ABC", deploy.Command{Script: script, Args: args})
		if err != nil {
			t.Fatal(err)
		}
		p, rest, err := simfleet.ParseProgram(strings.NewReader(head + payload))
		if err != nil {
			t.Fatalf("%v in %q", err, head)
		}
		var left bytes.Buffer
		if _, err := left.ReadFrom(rest); err != nil {
			t.Fatal(err)
		}
		if strings.Join(p.Args, "\x00") != strings.Join(args, "\x00") || len(p.Args) != len(args) || p.Text != script || p.Nonce != "ABC" || left.String() != payload {
			t.Fatalf("read %q %q %q", p.Args, p.Text, left.String())
		}
	})
}

func FuzzQuote(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "\x00") {
			t.Skip("no argument of a command can hold NUL")
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cmd := exec.CommandContext(ctx, "/bin/sh")
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		cmd.Stdin = strings.NewReader("printf '%s' " + quote(s))
		out, err := cmd.Output()
		if err != nil || string(out) != s {
			t.Errorf("%q came back as %q (%v)", s, out, err)
		}
	})
}
