package main

import (
	"strings"
	"testing"
)

// What plan --full shows is what plan show does, and what apply shows before a
// stage: with what the change brings, once for the hosts that are alike.
func TestASavedPlanIsShownAsItWasMade(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "--full", "--stage", "container", "-o", "release.plan")
	brings := "  box-1 · closure 54.6 MiB\n    packages  app 1.1.0 -> 1.2.0\n    units     (dry-activate's estimate) restart app.service\n"
	radius := "Blast radius: 1 host in 1 wave · 1 restart on box-1 (estimate)\n"
	contains(t, "plan", s.stdout.String(), brings, radius)
	made := s.stdout.String()
	s.run(t, 0, "plan", "show", "release.plan")
	if _, shown, _ := strings.Cut(s.stdout.String(), "\n"); shown != made {
		t.Errorf("plan show prints\n%s\nand plan printed\n%s", shown, made)
	}
	s.run(t, 0, "apply", "release.plan")
	contains(t, "apply", s.stderr.String(), brings, radius)
}

// Two hosts are told of once, and --verbose cuts nothing.
func TestAPlanTellsOfHostsThatAreAlikeOnce(t *testing.T) {
	s := newSimulated(t)
	s.run(t, 0, "plan", "--full", "--stage", "prod")
	contains(t, "plan", s.stdout.String(), "  web-1, alike: web-2 · closure 54.6 MiB\n", "for the gate box-1 dev-1 dev-2\n", "2 restarts on web-1 web-2 (estimate)\n")
	if n := strings.Count(s.stdout.String(), "app 1.1.0 -> 1.2.0"); n != 1 {
		t.Errorf("the same difference is told %d times:\n%s", n, &s.stdout)
	}
	s.run(t, 0, "plan", "--full", "--stage", "prod", "--verbose")
	contains(t, "plan --verbose", s.stdout.String(), "  web-1, alike: web-2 · closure 54.6 MiB\n", "for the gate box-1 dev-1 dev-2\n")
}
