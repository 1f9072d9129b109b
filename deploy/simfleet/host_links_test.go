package simfleet

import (
	"fmt"
	"strings"
	"testing"
)

// The algebra of contract 3.1, which decides where a rollback lands.
func TestProfileAlgebra(t *testing.T) {
	for _, c := range []struct {
		name, do, want string
	}{
		{"another system is another generation", "set a, set b", "1=a 2=b at 2"},
		{"the same system is no generation", "set a, set a", "1=a at 1"},
		{"an older system is a new generation", "set a, set b, set a", "1=a 2=b 3=a at 3"},
		{"rollback is the next number below", "set a, set b, set c, rollback", "1=a 2=b 3=c at 2"},
		{"rollback skips what was deleted", "set a, set b, set c, delete 2, rollback", "1=a 3=c at 1"},
		{"below the lowest is nothing", "set a, rollback", "1=a at 1: error: no profile version older than the current (1) exists"},
		{"equal to the highest points back at it", "set a, set b, rollback, set b", "1=a 2=b at 2"},
		{"a new one comes after the highest, not after the current", "set a, set b, rollback, set c", "1=a 2=b 3=c at 3"},
		{"rollback after a rollback meets the bad one", "set a, set b, rollback, set c, rollback", "1=a 2=b 3=c at 2"},
		{"by number", "set a, set b, switch 1", "1=a 2=b at 1"},
		{"a number that is not there", "set a, switch 9", "1=a at 1: error: profile version 9 does not exist"},
		{"no profile", "rollback", "at 0: error: no profile version older than the current (0) exists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := playProfile(t, c.do); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.do, got, c.want)
			}
		})
	}
}

func playProfile(t *testing.T, script string) string {
	t.Helper()
	var p profile
	var err error
	for step := range strings.SplitSeq(script, ", ") {
		verb, arg, _ := strings.Cut(step, " ")
		switch verb {
		case "set":
			p.set(arg)
		case "rollback":
			_, err = p.rollback()
		case "switch":
			_, err = p.switchTo(int(number(arg)))
		case "delete":
			i, _ := p.find(int(number(arg)))
			p.generations = append(p.generations[:i], p.generations[i+1:]...)
		default:
			t.Fatalf("no step %q", step)
		}
	}
	var b strings.Builder
	for _, g := range p.generations {
		fmt.Fprintf(&b, "%d=%s ", g.number, g.toplevel)
	}
	fmt.Fprintf(&b, "at %d", p.current)
	if err != nil {
		fmt.Fprintf(&b, ": %v", err)
	}
	return b.String()
}

func TestNixEnvsWords(t *testing.T) {
	p := profile{generations: []generation{{42, "a"}, {43, "b"}}, current: 43}
	if text, err := p.rollback(); err != nil || text != "switching profile from version 43 to 42" {
		t.Errorf("%q, %v", text, err)
	}
	if p.link() != "system-42-link" || p.numbers() != "42 43" {
		t.Errorf("%s of %s", p.link(), p.numbers())
	}
}

func TestLinkNumbers(t *testing.T) {
	for link, want := range map[string]int{
		"system-42-link": 42, "system--link": 0, "system-42": 0, "": 0, "other-1-link": 0, "system-x-link": 0,
	} {
		if got := linkNumber(link); got != want {
			t.Errorf("%q is %d, want %d", link, got, want)
		}
	}
}

// What Nix prints before a build (contract 5.1), to the letter.
func TestDryBuildsWording(t *testing.T) {
	for _, c := range []struct {
		s    System
		want string
	}{
		{System{Build: []string{"/nix/store/a.drv"}}, "this derivation will be built:\n  /nix/store/a.drv"},
		{System{Build: []string{"/nix/store/a.drv", "/nix/store/b.drv"}}, "these 2 derivations will be built:\n  /nix/store/a.drv\n  /nix/store/b.drv"},
		{
			System{Fetch: []string{"/nix/store/f"}, Download: "5.3 MiB", Unpacked: "34.0 MiB"},
			"this path will be fetched (5.3 MiB download, 34.0 MiB unpacked):\n  /nix/store/f",
		},
		{
			System{Build: []string{"/nix/store/a.drv"}, Fetch: []string{"/nix/store/f", "/nix/store/g"}},
			"this derivation will be built:\n  /nix/store/a.drv\nthese 2 paths will be fetched (0.0 KiB download, 0.0 KiB unpacked):\n  /nix/store/f\n  /nix/store/g",
		},
	} {
		if got := strings.Join(c.s.wording(), "\n"); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
	s := System{Toplevel: ToplevelPath("x", "web-1")}
	if got := s.wording(); len(got) != 2 || !strings.HasSuffix(got[1], "-nixos-system-web-1-26.05.drv") {
		t.Errorf("without lists: %q", got)
	}
}

func TestARebootIsPendingForAnotherKernelOnly(t *testing.T) {
	for kernel, want := range map[string]bool{"": false, "6.12.58": true} {
		h := &Host{booted: boot{toplevel: "a"}, running: "b", store: []*System{{Toplevel: "a"}, {Toplevel: "b", Kernel: kernel}}}
		if got := h.rebootPending(); got != want {
			t.Errorf("with kernel %q: %t", kernel, got)
		}
	}
}
