package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nixdeploy/nixdeploy/deploy"
	"github.com/nixdeploy/nixdeploy/deploy/remote"
	"github.com/nixdeploy/nixdeploy/deploy/simfleet"
	"github.com/nixdeploy/nixdeploy/inventory"
)

// simulated is a fleet of simulated hosts with the real wiring: all but SSH's
// configuration is as for a user.
type simulated struct {
	*simfleet.DemoFleet
	app            App
	nix            *localNix // of the control machine; nil: none
	stdin          string
	stdout, stderr bytes.Buffer

	mu   sync.Mutex
	sent []string            // "dev-1 build exact": host, script and verb of what was sent
	on   func(what string)   // called before it is sent; nil for nothing
	ints chan<- Interruption // of the command that runs
}

// listening is a Dialer that tells what is sent over its connections.
type listening struct {
	deploy.Dialer
	s *simulated
}

func (l listening) Dial(ctx context.Context, h inventory.Host) (deploy.Conn, error) {
	conn, err := l.Dialer.Dial(ctx, h)
	if err != nil {
		return nil, err
	}
	return heard{conn, h.Name, l.s}, nil
}

type heard struct {
	deploy.Conn
	host string
	s    *simulated
}

func (c heard) Run(ctx context.Context, cmd deploy.Command, out, errs func(string)) (int, error) {
	verb := map[string]int{"build": 4, "guard": 1}
	what := c.host + " " + cmd.Name
	if i, ok := verb[cmd.Name]; ok && i < len(cmd.Args) {
		what += " " + cmd.Args[i]
	}
	c.s.mu.Lock()
	c.s.sent = append(c.s.sent, what)
	on := c.s.on
	c.s.mu.Unlock()
	if on != nil {
		on(what)
	}
	return c.Conn.Run(ctx, cmd, out, errs)
}

// count is how many scripts were sent that have these words.
func (s *simulated) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, sent := range s.sent {
		if strings.Contains(" "+sent+" ", " "+what+" ") {
			n++
		}
	}
	return n
}

func (s *simulated) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = nil
}

func newSimulated(t *testing.T) *simulated {
	t.Helper()
	fleet, err := simfleet.Demo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fleet.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &simulated{DemoFleet: fleet}
	s.app = App{
		Dir: fleet.Dir, Environ: []string{"LANG=C.UTF-8", "HOME=" + fleet.Dir, "USER=me", "PATH=" + os.Getenv("PATH"),
			"NIXDEPLOY_STATE_DIR=" + filepath.Join(fleet.Dir, "state")},
		Connect: func(_ App, q Request) (Fleet, error) {
			f, err := connectBy(remote.Options{
				KnownHostsFiles: []string{filepath.Join(fleet.Dir, "known_hosts")}, AgentSocket: "none",
			}, s.nix, q)
			if err == nil {
				driver := f.Driver.(wired).Driver //nolint:forcetypeassert // connectBy makes no other
				driver.Dialer = listening{driver.Dialer, s}
			}
			return f, err
		},
		Notify: func(c chan<- Interruption) func() {
			s.ints = c
			return func() {}
		},
	}
	s.release(t, simfleet.DemoGood)
	return s
}

func (s *simulated) release(t *testing.T, n int) {
	t.Helper()
	if err := s.Release(n); err != nil {
		t.Fatal(err)
	}
}

// run runs a command line that has to end with an exit code.
func (s *simulated) run(t *testing.T, code int, args ...string) {
	t.Helper()
	s.stdout.Reset()
	s.stderr.Reset()
	app := s.app
	app.Stdin, app.Stdout, app.Stderr = strings.NewReader(s.stdin), &s.stdout, &s.stderr
	if got := app.Run(context.Background(), args); got != code {
		t.Fatalf("nixdeploy %s: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), got, code, &s.stdout, &s.stderr)
	}
	for _, line := range recommended(s.stdout.String() + "\n" + s.stderr.String()) {
		checkParses(t, line)
	}
}

// said is what nixdeploy wrote, on one line each paragraph.
func (s *simulated) said() string {
	text := s.stdout.String() + s.stderr.String()
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "│", " ")), " ")
}

// says wants texts in what was written, wherever lines break.
func (s *simulated) says(t *testing.T, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(s.said(), w) {
			t.Errorf("nothing says %q:\n%s%s", w, &s.stdout, &s.stderr)
		}
	}
}

func (s *simulated) path(name string) string { return filepath.Join(s.Dir, name) }

func (s *simulated) edit(t *testing.T, name string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.path(name))
	if err == nil {
		err = os.WriteFile(s.path(name), []byte(change(string(text))), info.Mode())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// unmoved wants every host as it was.
func (s *simulated) unmoved(t *testing.T, before map[string]deploy.Links) {
	t.Helper()
	for host, was := range before {
		if is := s.Links()[host]; is != was {
			t.Errorf("%s was switched: %+v, was %+v", host, is, was)
		}
	}
}
