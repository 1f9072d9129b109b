// Package pagecache tells what a power cut could have lost at each step of a
// program: it has strace watch the program, and keeps account of what was
// written, made, renamed or removed and not synced since. A real power cut
// cannot be had in a test, and a killed process loses nothing; the order of
// write, fsync and rename is what can be looked at.
//
// Only tests import it. It needs Linux and strace; where either is missing a
// test is skipped, saying so.
package pagecache

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// traced are the system calls that change what is on a disk or make it durable,
// and the start of programs. What one kernel lacks is left out by the "?".
const traced = "?open,openat,?creat,write,?pwrite64,?writev,?ftruncate,fsync,fdatasync,?sync,syncfs,?sync_file_range," +
	"?rename,?renameat,renameat2,?symlink,symlinkat,?link,?linkat,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,execve,chdir,fchdir"

// Trace runs cmd to its end under strace and gives the steps that it and its
// children took. root is the folder whose files are looked at. It fails the test
// when cmd does not start or fails, and skips it where nothing can be traced.
func Trace(t *testing.T, cmd *exec.Cmd, root string) []Step {
	t.Helper()
	strace := needStrace(t)
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	before := filesUnder(t, root)
	log := filepath.Join(t.TempDir(), "strace")
	cmd.Args = append([]string{strace, "-f", "--seccomp-bpf", "-y", "-s", "4096", "-e", "trace=" + traced, "-o", log, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = strace
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args[10:], err, out)
	}
	file, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var calls []call
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	begun := map[string]string{}
	for lines.Scan() {
		if c, whole := readLine(lines.Text(), begun); whole {
			calls = append(calls, c)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return account(calls, root, before)
}

// needStrace skips where processes cannot be traced, and says why.
func needStrace(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: the order of write, fsync and rename was not looked at")
	}
	if out, err := exec.CommandContext(t.Context(), path, "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=syncfs", "true").CombinedOutput(); err != nil {
		t.Skipf("strace cannot trace here, the order of write, fsync and rename was not looked at: %v: %s", err, out)
	}
	return path
}

func filesUnder(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		found[path] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// call is one system call that succeeded.
type call struct {
	pid, name string
	args      []string
}

// readLine reads one line of strace. A call in which another thread was heard
// comes in two lines, and counts when it has ended; begun holds its first half.
func readLine(line string, begun map[string]string) (call, bool) {
	pid, text, _ := strings.Cut(line, " ")
	text = strings.TrimLeft(text, " ")
	if first, unfinished := strings.CutSuffix(text, "<unfinished ...>"); unfinished {
		begun[pid] = first
		return call{}, false
	}
	if strings.HasPrefix(text, "<... ") {
		_, rest, _ := strings.Cut(text, " resumed>")
		text = begun[pid] + rest
		delete(begun, pid)
	}
	name, rest, isCall := strings.Cut(text, "(")
	end := strings.LastIndex(rest, ") ")
	if !isCall || end < 0 || strings.ContainsAny(name, " +-") {
		return call{}, false // a signal, or an end
	}
	result := strings.TrimLeft(rest[end+2:], " ")
	if !strings.HasPrefix(result, "= ") || strings.HasPrefix(result, "= -1") || strings.HasPrefix(result, "= ?") {
		return call{}, false
	}
	args := arguments(rest[:end])
	if name == "open" || name == "openat" || name == "creat" {
		args = append(args, strings.TrimPrefix(result, "= ")) // the descriptor, with its path
	}
	return call{pid, name, args}, true
}

// arguments splits what stands between the brackets of a call: words, texts in
// quotes, and lists in brackets.
func arguments(text string) []string {
	var args []string
	var one strings.Builder
	quoted, escaped, depth := false, false, 0
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{' || c == '<':
			depth++
		case c == ']' || c == '}' || c == '>':
			depth--
		case c == ',' && depth == 0:
			args = append(args, strings.TrimSpace(one.String()))
			one.Reset()
			continue
		}
		one.WriteRune(c)
	}
	return append(args, strings.TrimSpace(one.String()))
}

// unquoted gives the text of a quoted argument.
func unquoted(arg string) string {
	arg = strings.TrimSuffix(strings.TrimPrefix(arg, `"`), `"`)
	return strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`, `\\`, `\`).Replace(arg)
}

// described gives the path of a descriptor, as -y shows it: 3</etc/hosts>.
func described(arg string) string {
	_, path, _ := strings.Cut(arg, "<")
	path, _, _ = strings.Cut(path, ">")
	return strings.TrimSuffix(path, " (deleted)")
}

// at joins a path to the folder that a call counts it from.
func at(folder, path string) string {
	if path = unquoted(path); filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(folder, path)
}

// program is what a process was started as, without its folder.
func program(args []string) string {
	words := arguments(strings.TrimSuffix(strings.TrimPrefix(args[1], "["), "]"))
	for i, word := range words {
		words[i] = unquoted(word)
	}
	words[0] = filepath.Base(unquoted(args[0]))
	return fmt.Sprintf("run %s", strings.Join(words, " "))
}
