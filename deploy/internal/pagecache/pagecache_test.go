package pagecache

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// As strace 6.1 prints them.
func TestLinesOfStrace(t *testing.T) {
	begun := map[string]string{}
	for _, c := range []struct{ line, want string }{
		{`11 fsync(3</r/a>)        = 0`, "fsync|3</r/a>"},
		{`11 renameat2(AT_FDCWD</r>, "b", AT_FDCWD</r>, "c", RENAME_NOREPLACE) = 0`, `renameat2|AT_FDCWD</r>|"b"|AT_FDCWD</r>|"c"|RENAME_NOREPLACE`},
		{`11 rename("/r/b", "/r/c") = -1 EEXIST (File exists)`, ""},
		{`11 openat(AT_FDCWD</>, "/r/x", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</r/x>`, `openat|AT_FDCWD</>|"/r/x"|O_WRONLY|O_CREAT|O_TRUNC|0666|3</r/x>`},
		{`11 write(1</r/log>, "a \"b\", c) = 1\n", 14) = 14`, `write|1</r/log>|"a \"b\", c) = 1\n"|14`},
		{`11 writev(2<pipe:[7]>, [{iov_base="a, b", iov_len=4}], 1) = 4`, `writev|2<pipe:[7]>|[{iov_base="a, b", iov_len=4}]|1`},
		{`11 fsync(3</r/a> <unfinished ...>`, ""},
		{`12 fsync(4</r/b>) = 0`, "fsync|4</r/b>"},
		{`11 <... fsync resumed>)             = 0`, "fsync|3</r/a>"},
		{`11 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED} ---`, ""},
		{`11 +++ exited with 0 +++`, ""},
		{`11 execve("/bin/sh", ["sh", "-c", "x, y"], 0x7ffd /* 20 vars */) = 0`, `execve|"/bin/sh"|["sh", "-c", "x, y"]|0x7ffd /* 20 vars */`},
	} {
		got := ""
		if call, whole := readLine(c.line, begun); whole {
			got = strings.Join(append([]string{call.name}, call.args...), "|")
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.line, got, c.want)
		}
	}
}

// What a power cut could lose, step by step.
func TestWhatIsNotSynced(t *testing.T) {
	var calls []call
	for _, line := range []string{
		`1 mkdir("/r/new", 0700) = 0`,
		`1 openat(AT_FDCWD</>, "/r/new/f", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</r/new/f>`,
		`1 write(3</r/new/f>, "x", 1) = 1`,
		`1 write(1</elsewhere/f>, "x", 1) = 1`,
		`1 fsync(3</r/new/f>) = 0`,
		`1 rename("/r/new", "/r/old") = 0`,
		`1 fsync(4</r/old>) = 0`,
		`1 openat(AT_FDCWD</>, "/r/there", O_WRONLY|O_CREAT|O_APPEND, 0666) = 3</r/there>`,
		`1 openat(AT_FDCWD</>, "/r/there", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</r/there>`,
		`1 symlinkat("x", AT_FDCWD</r/old>, "l") = 0`,
		`1 fsync(5</r>) = 0`,
		`1 unlinkat(4</r/old>, "l", 0) = 0`,
		`1 syncfs(5</r/old>) = 0`,
		`1 syncfs(5</r>) = 0`,
		`1 chdir("/r/old") = 0`,
		`1 mkdir("deep", 0700) = 0`,
		`1 fchdir(6</r/old/deep>) = 0`,
		`1 mkdir("er", 0700) = 0`,
		`1 syncfs(5</r>) = 0`,
		`1 execve("/r/bin/systemctl", ["systemctl", "start", "a b"], 0x1 /* 2 vars */) = 0`,
	} {
		c, whole := readLine(line, nil)
		if !whole {
			t.Fatalf("not read: %s", line)
		}
		calls = append(calls, c)
	}
	var got []string
	for _, s := range account(calls, "/r", map[string]bool{"/r": true, "/r/there": true}) {
		got = append(got, s.What+": "+strings.Join(s.Unsynced, ", "))
	}
	want := []string{
		"make new: ",
		"make new/f: ./",
		"write new/f: ./, new/",
		"sync new/f: ./, new/, new/f",
		"rename new old: ./, new/",
		"sync old: ./, old/",
		"write there: ./",
		"link x old/l: ./, there",
		"sync .: ./, old/, there",
		"remove old/l: old/, there",
		"syncfs old: old/, there",
		"syncfs .: there",
		"make old/deep: ",
		"make old/deep/er: old/",
		"syncfs .: old/, old/deep/",
		"run systemctl start a b: ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A real program: the shell's redirections, mv, ln, sync and rm of this machine.
func TestTraceOfARealProgram(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "there"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c",
		"echo a >f.tmp && sync f.tmp && mv f.tmp f && sync . && echo b >>there && ln -s x l && mkdir -p deep/er && mkdir flat && echo c >sub && rm -r sub")
	cmd.Dir = root
	steps := Trace(t, cmd, root)
	for _, c := range []struct {
		at   []string
		want []string
	}{
		{[]string{"write f.tmp", "sync f.tmp", "rename f.tmp f"}, []string{"./"}},
		{[]string{"rename f.tmp f", "sync .", "write there"}, nil},
		{[]string{"write there", "link x l"}, []string{"there"}},
		{[]string{"make deep", "make deep/er", "make flat", "make sub", "run rm -r sub"}, []string{"./", "deep/", "sub", "there"}},
	} {
		if got := At(t, steps, c.at...).Unsynced; !slices.Equal(got, c.want) {
			t.Errorf("before %q a power cut loses %q, want %q", c.at[len(c.at)-1], got, c.want)
		}
	}
}
