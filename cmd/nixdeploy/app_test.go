package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixdeploy/nixdeploy/cmd/nixdeploy/internal/view"
)

func TestStyle(t *testing.T) {
	for _, c := range []struct {
		name    string
		env     []string
		tty, no bool
		want    view.Style
	}{
		{"a pipe", []string{"TERM=xterm", "LANG=en_US.UTF-8"}, false, false, view.Style{Unicode: true}},
		{"a terminal", []string{"TERM=xterm", "LANG=en_US.utf8"}, true, false, view.Style{Unicode: true, Color: true, Width: 90}},
		{"--no-color", []string{"TERM=xterm"}, true, true, view.Style{Width: 90}},
		{"NO_COLOR", []string{"TERM=xterm", "NO_COLOR=1"}, true, false, view.Style{Width: 90}},
		{"NO_COLOR is empty", []string{"TERM=xterm", "NO_COLOR="}, true, false, view.Style{Color: true, Width: 90}},
		{"dumb", []string{"TERM=dumb"}, true, false, view.Style{Width: 90}},
		{"LC_ALL counts first", []string{"LC_ALL=C", "LANG=de_DE.UTF-8"}, false, false, view.Style{}},
		{"the last of a name counts", []string{"LANG=C", "LANG=C.UTF-8"}, false, false, view.Style{Unicode: true}},
	} {
		a := App{Environ: c.env, Terminal: Terminal{Columns: 90}}
		if got := a.style(c.tty, c.no); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// someFile is a file of another user.
type someFile struct {
	mode fs.FileMode
	uid  uint32
}

func (someFile) Name() string        { return "hosts.toml" }
func (someFile) Size() int64         { return 0 }
func (f someFile) Mode() fs.FileMode { return f.mode }
func (someFile) ModTime() time.Time  { return time.Time{} }
func (someFile) IsDir() bool         { return false }
func (f someFile) Sys() any          { return &syscall.Stat_t{Uid: f.uid} }

func TestWhoseInventoryIsTrusted(t *testing.T) {
	me, other := uint32(os.Geteuid()), uint32(os.Geteuid()+4242)
	for _, c := range []struct {
		name    string
		file    someFile
		found   bool
		trusted bool
	}{
		{"mine", someFile{0o644, me}, true, true},
		{"of my group too", someFile{0o664, me}, true, true},
		{"root's", someFile{0o644, 0}, true, true},
		{"somebody else's, found", someFile{0o644, other}, true, false},
		{"somebody else's, named", someFile{0o644, other}, false, true},
		{"everybody's, found", someFile{0o646, me}, true, false},
		{"everybody's, named", someFile{0o646, me}, false, false},
	} {
		err := (&invocation{}).trusted("hosts.toml", c.file, c.found)
		if (err == nil) != c.trusted {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAnInventoryThatIsAFolderIsToldOnce(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	if err := errors.Join(os.Remove(filepath.Join(c.Dir, "hosts.toml")), os.Mkdir(filepath.Join(c.Dir, "hosts.toml"), 0o700)); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 2, "hosts")
	if said := c.stderr.String(); strings.Count(said, "reading the inventory") != 1 || !strings.Contains(said, "is not a file") {
		t.Error(said)
	}
}

func TestAHostThatIsNotThereIsLookedForInTheInventoryThatWasNamed(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	put(t, filepath.Join(c.Dir, "fleet.toml"), testInventory)
	for _, command := range []string{"adopt", "option"} {
		c.expect(t, 2, command, "-f", "fleet.toml", "web-3")
		contains(t, "stderr", c.stderr.String(), `fleet.toml has no host called "web-3"`, "did you mean web-", "Usage: nixdeploy "+command)
	}
}

// What ends a command is in colour only where the rest is.
func TestNoColorIsForErrorsToo(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	damage(t, c, crashed(t, c))
	c.Terminal, c.Environ = Terminal{Out: true, Err: true}, append(c.Environ, "TERM=xterm")
	for _, args := range [][]string{{"resume"}, {"resume", "--no-color"}, {"--no-color", "resume"}} {
		c.expect(t, 4, args...)
		if colour := strings.Contains(c.stderr.String(), "\x1b["); colour != (len(args) == 1) {
			t.Errorf("%v: colour %v:\n%s", args, colour, &c.stderr)
		}
	}
}

func TestDiscoveryEndsAtHome(t *testing.T) {
	top := t.TempDir()
	deep := filepath.Join(top, "home", "deep")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, "hosts.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	find := func(home string) error {
		in := &invocation{App: App{Stderr: io.Discard, Dir: deep, Environ: []string{"HOME=" + home}}}
		_, err := in.discover()
		return err
	}
	if err := find(filepath.Join(top, "home")); err == nil {
		t.Error("a hosts.toml above $HOME was taken")
	}
	if err := find("/nowhere"); err != nil {
		t.Errorf("a hosts.toml above was not found: %v", err)
	}
}

func TestLogsCannotWriteToTheTerminal(t *testing.T) {
	var out bytes.Buffer
	a := App{Stderr: &out}
	log := a.logger(options{}, view.Style{})
	log.With("host", "web\x1b[2J").WithGroup("g").Warn("said \x1b]0;x\x07", "err", errors.New("a\u202eb"), slog.Group("in", "k", "\x9b"))
	if strings.ContainsAny(out.String(), "\x1b\x07\u202e") || strings.Contains(out.String(), "\x9b") || !strings.Contains(out.String(), `\u202e`) {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	log.Info("nothing that a person should know is a log line")
	if out.Len() > 0 {
		t.Errorf("%q", out.String())
	}
	a.logger(options{verbose: true}, view.Style{}).Debug("on request")
	if !strings.Contains(out.String(), "on request") {
		t.Errorf("%q", out.String())
	}
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	in, w := io.Pipe()
	defer func() { _ = w.Close() }() // ends the read that is still under way
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	err := App{Stdin: in, Stderr: io.Discard}.ask(ctx, "Change?")
	if !errors.Is(err, errInterrupted) {
		t.Errorf("got %v", err)
	}
}

func TestFlagsOfEveryCommandStandOnEitherSide(t *testing.T) {
	for _, args := range [][]string{{"--json", "hosts"}, {"hosts", "--json"}} {
		c := newCall(t, &fakeDriver{})
		c.expect(t, 0, args...)
		contains(t, "stdout", c.stdout.String(), `"type": "hosts"`)
	}
}

// TestEverySettingIsTold: what the inventory resolves is what hosts shows.
func TestEverySettingIsTold(t *testing.T) {
	c := newCall(t, &fakeDriver{})
	in := &invocation{App: c.App}
	inv, err := in.load()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range inv.Hosts {
		shown := map[string]bool{}
		for _, s := range view.Settings(h) {
			shown[s.Key] = true
		}
		for key := range h.Provenance {
			if !shown[key] && !strings.Contains(key, "override") {
				t.Errorf("%s: %s is not shown", h.Name, key)
			}
		}
	}
}

func TestCorrectedLines(t *testing.T) {
	for _, c := range []struct {
		command command
		args    []string
		want    string
	}{
		{rollbackCommand(), []string{"web-1", "--yes"}, "nixdeploy rollback --yes --on web-1"},
		{rollbackCommand(), []string{"web-1", "web-2", "--stage", "prod"}, "nixdeploy rollback --stage prod --on web-1,web-2"},
		{rollbackCommand(), []string{"web-1", "--stage=prod", "-v"}, "nixdeploy rollback --stage=prod -v --on web-1"},
		{helpCommand(), []string{"apply", "-v"}, "nixdeploy help -v apply"},
	} {
		if got := corrected(c.command, c.args); got != c.want {
			t.Errorf("%v: %q, want %q", c.args, got, c.want)
		}
	}
}

// Who names hosts without --on is shown the line with all of them, if there is one.
func TestHostsWithoutTheirFlag(t *testing.T) {
	for _, c := range []struct {
		command command
		args    []string
		hint    string
	}{
		{planCommand(), []string{"web-1", "web-2"}, "hosts are chosen by --on: nixdeploy plan --on web-1,web-2"},
		{applyCommand(), []string{"web-1", "web-2"}, "hosts are chosen by --on: nixdeploy apply --on web-1,web-2"},
		{adoptCommand(), []string{"web-1", "web-2"}, "hosts are chosen by --on: nixdeploy adopt --on web-1,web-2"},
		{resumeCommand(), []string{"web-1", "web-2"}, ""},
		{initCommand(), []string{"web-1", "web-2"}, ""},
	} {
		usage, ok := errors.AsType[*usageError](checkArgs(c.command, c.args))
		if !ok || usage.hint != c.hint {
			t.Errorf("%s: %+v, want %q", c.command.name, usage, c.hint)
		}
	}
}

func TestSignalsOfTheProcessArrive(t *testing.T) {
	ch := make(chan Interruption, 1)
	stop := notify(ch)
	defer stop()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		if got := <-ch; got.Name != sig.String() {
			t.Errorf("sent %v, got %v", sig, got.Name)
		}
	}
	stop() // twice is once
}
